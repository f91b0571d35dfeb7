package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"portique"
	"portique/internal/i18n"
)

const (
	toolSessionLife = 12 * time.Hour
	signInLife      = 10 * time.Minute
	mostSessions    = 1000
	mostSignIns     = 20 // begun and not finished, by browser
)

// ToolOptions are what a tool knows when it is deployed: the rest it learns
// from the issuer's discovery document, as any client does.
type ToolOptions struct {
	ID                    string // client id
	Secret                string // empty for a public client
	Name                  string
	Description           string
	NameEN, DescriptionEN string // in English
	URL                   string // its own origin; the redirect URI is URL + "/callback"
	Issuer                string
	PortalURL             string
	Hosts                 []string     // values of Host that it answers; the host of URL when nil
	Client                *http.Client // nil: http.DefaultClient with a timeout
	// Several says whether a person may open the tool for more than one company,
	// by their subject: without another there is none to change to. nil: perhaps.
	Several func(ctx context.Context, subject string) bool
}

// in are the options with the name and the description in a language.
func (o ToolOptions) in(lang string) ToolOptions {
	t := portique.Tool{Name: o.Name, NameEN: o.NameEN, Description: o.Description, DescriptionEN: o.DescriptionEN}
	o.Name, o.Description = t.NameIn(lang), t.DescriptionIn(lang)
	return o
}

// Tool is a web service of the operator: an OpenID Connect client that signs
// people in by authorization code with PKCE and shows for whom and for which
// company it was opened.
type Tool struct {
	ToolOptions
	pages http.Handler

	mu       sync.Mutex
	provider *oidc.Provider
	sessions map[string]*visit // by the value of the tool's cookie
}

// visit is a browser of the tool: sign-ins begun, and who is signed in.
type visit struct {
	begun   time.Time
	pending map[string]signIn // by state
	who     *visitor
}

type signIn struct {
	verifier, nonce string
	begun           time.Time
}

// visitor is what the tool learned from one sign-in.
type visitor struct {
	Subject string `json:"sub"`
	Name    string `json:"name"`
	Given   string `json:"given_name"`
	Family  string `json:"family_name"`
	Email   string `json:"email"`
	Company struct {
		SIREN  string   `json:"siren"`
		Name   string   `json:"name"`
		Role   string   `json:"role"`
		Rights []string `json:"rights"`
	} `json:"company"`

	claims  string // everything, indented
	session string // the sign-in host's, of the ID token (sid)
}

// NewTool makes a tool. The issuer may start after it.
func NewTool(o ToolOptions) *Tool {
	o.URL, o.Issuer, o.PortalURL = strings.TrimRight(o.URL, "/"), strings.TrimRight(o.Issuer, "/"), strings.TrimRight(o.PortalURL, "/")
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if u, err := url.Parse(o.URL); err == nil && o.Hosts == nil {
		o.Hosts = []string{u.Host}
	}
	t := &Tool{ToolOptions: o, sessions: map[string]*visit{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", t.home)
	mux.HandleFunc("GET /change", t.change)
	mux.HandleFunc("GET /callback", t.callback)
	mux.HandleFunc("POST /leave", t.leave)
	mux.HandleFunc("POST /signed-out", t.told)
	mux.HandleFunc("GET /left", func(w http.ResponseWriter, r *http.Request) {
		show(w, r, http.StatusOK, "left", t.data(r, nil))
	})
	mux.Handle("GET /demo.css", asset("demo.css"))
	mux.Handle("GET /favicon.svg", asset("favicon.svg"))
	mux.HandleFunc("/", missing(o.PortalURL))
	t.pages = door(o.Hosts, mux)
	return t
}

// ServeHTTP serves the tool.
func (t *Tool) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.pages.ServeHTTP(w, r) }

// home shows the visitor, or signs them in at once. A tile of the portal names
// the company it opens the tool for: another one than now means a new sign-in.
func (t *Tool) home(w http.ResponseWriter, r *http.Request) {
	hint := r.URL.Query().Get("company_hint")
	who := t.visitor(r)
	if who == nil || hint != "" && hint != who.Company.SIREN {
		t.signIn(w, r, hint, "")
		return
	}
	role := portique.Role(who.Company.Role)
	lang := reads(r)
	data := t.data(r, map[string]any{
		"Person": cmp.Or(who.Name, strings.TrimSpace(who.Given+" "+who.Family)), "Email": who.Email,
		"Company": who.Company.Name, "SIREN": who.Company.SIREN, "Role": role, "Rights": t.rights(who, lang), "Claims": who.claims,
	})
	data["Several"] = t.Several == nil || t.Several(r.Context(), who.Subject)
	data["RoleWords"] = who.Company.Role
	if pair, ok := words[who.Company.Role]; ok {
		data["RoleWords"] = pair[0]
		if lang == i18n.English {
			data["RoleWords"] = pair[1]
		}
	}
	show(w, r, http.StatusOK, "tool", data)
}

// rights gives the tools of the demo their names.
func (t *Tool) rights(who *visitor, lang string) []string {
	var names []string
	for _, id := range who.Company.Rights {
		name := id
		for _, other := range tools {
			if other.ID == id {
				name = other.in(lang).Name
			}
		}
		names = append(names, name)
	}
	return names
}

func (t *Tool) data(r *http.Request, more map[string]any) map[string]any {
	data := map[string]any{"Tool": t.in(reads(r)), "Portal": t.PortalURL}
	for k, v := range more {
		data[k] = v
	}
	return data
}

func (t *Tool) change(w http.ResponseWriter, r *http.Request) { t.signIn(w, r, "", "select_company") }

// signIn sends the browser to the issuer.
func (t *Tool) signIn(w http.ResponseWriter, r *http.Request, hint, prompt string) {
	config, _, err := t.config(r.Context())
	if err != nil {
		t.problem(w, r, http.StatusBadGateway, "unreachable", "")
		return
	}
	state, one := rand.Text(), signIn{verifier: oauth2.GenerateVerifier(), nonce: rand.Text(), begun: time.Now()}
	t.mu.Lock()
	key, v := t.browser(r)
	if v == nil {
		key, v = t.open(nil)
	}
	for s, p := range v.pending {
		if time.Since(p.begun) > signInLife || len(v.pending) >= mostSignIns {
			delete(v.pending, s)
		}
	}
	v.pending[state] = one
	t.mu.Unlock()
	t.remember(w, key)
	options := []oauth2.AuthCodeOption{oidc.Nonce(one.nonce), oauth2.S256ChallengeOption(one.verifier)}
	if hint != "" {
		options = append(options, oauth2.SetAuthURLParam("company_hint", hint))
	}
	if prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompt))
	}
	http.Redirect(w, r, config.AuthCodeURL(state, options...), http.StatusSeeOther)
}

// callback ends a sign-in that this browser began.
func (t *Tool) callback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	state := q.Get("state")
	t.mu.Lock()
	_, v := t.browser(r)
	var one signIn
	known := false
	if v != nil {
		if one, known = v.pending[state]; known {
			delete(v.pending, state)
		}
	}
	t.mu.Unlock()
	if !known || time.Since(one.begun) > signInLife {
		t.problem(w, r, http.StatusBadRequest, "stale", "")
		return
	}
	if iss := q.Get("iss"); iss != "" && strings.TrimRight(iss, "/") != t.Issuer {
		t.problem(w, r, http.StatusBadRequest, "refused", "iss")
		return
	}
	switch problem := q.Get("error"); problem {
	case "":
	case "access_denied":
		t.problem(w, r, http.StatusForbidden, "denied", "")
		return
	default:
		t.problem(w, r, http.StatusBadGateway, "refused", problem)
		return
	}
	who, err := t.redeem(r.Context(), q.Get("code"), one)
	if err != nil {
		t.problem(w, r, http.StatusBadGateway, "refused", err.Error())
		return
	}
	t.mu.Lock()
	old, v := t.browser(r)
	delete(t.sessions, old) // a new cookie at each sign-in
	key, v := t.open(v)
	v.who = who
	t.mu.Unlock()
	t.remember(w, key)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// redeem turns a code into a visitor: token, ID token checked with its nonce,
// then userinfo about the same subject.
func (t *Tool) redeem(ctx context.Context, code string, one signIn) (*visitor, error) {
	config, provider, err := t.config(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, t.Client)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(one.verifier))
	if err != nil {
		var answer *oauth2.RetrieveError
		if errors.As(err, &answer) {
			return nil, errors.New(cmp.Or(answer.ErrorCode, answer.Response.Status))
		}
		return nil, errors.New("token")
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("id_token")
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: t.ID}).Verify(ctx, raw)
	if err != nil {
		return nil, errors.New("id_token")
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(one.nonce)) != 1 {
		return nil, errors.New("nonce")
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != id.Subject {
		return nil, errors.New("userinfo")
	}
	who := &visitor{}
	received := struct {
		IDToken  map[string]any `json:"id_token"`
		UserInfo map[string]any `json:"userinfo"`
	}{}
	if err := errors.Join(id.Claims(&received.IDToken), info.Claims(&received.UserInfo), id.Claims(who), info.Claims(who)); err != nil {
		return nil, errors.New("claims")
	}
	pretty, err := json.MarshalIndent(received, "", "  ")
	if err != nil {
		return nil, err
	}
	who.claims = string(pretty)
	who.session, _ = received.IDToken["sid"].(string)
	return who, nil
}

// told ends the sessions of a person who has left the sign-in host (OpenID
// Connect Back-Channel Logout 1.0, 2.6).
func (t *Tool) told(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	_, provider, err := t.config(r.Context())
	if err != nil {
		http.Error(w, "the sign-in host cannot be reached", http.StatusBadGateway)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	token, err := provider.Verifier(&oidc.Config{ClientID: t.ID}).Verify(oidc.ClientContext(r.Context(), t.Client), r.PostFormValue("logout_token"))
	var c struct {
		Session string         `json:"sid"`
		Events  map[string]any `json:"events"`
		Nonce   *string        `json:"nonce"`
	}
	if err == nil {
		err = token.Claims(&c)
	}
	if err != nil || c.Session == "" || c.Nonce != nil || c.Events["http://schemas.openid.net/event/backchannel-logout"] == nil {
		http.Error(w, "this is no logout token of ours", http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, v := range t.sessions {
		if v.who != nil && v.who.session == c.Session {
			delete(t.sessions, key)
		}
	}
}

// leave ends the tool's own session, and no other.
func (t *Tool) leave(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	key, _ := t.browser(r)
	delete(t.sessions, key)
	t.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: t.cookie(), Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/left", http.StatusSeeOther)
}

func (t *Tool) problem(w http.ResponseWriter, r *http.Request, status int, key, detail string) {
	show(w, r, status, "problem", t.data(r, map[string]any{"Key": key, "Detail": detail, "Back": "/"}))
}

// config reads the issuer's discovery document, once it can be read.
func (t *Tool) config(ctx context.Context) (*oauth2.Config, *oidc.Provider, error) {
	t.mu.Lock()
	provider := t.provider
	t.mu.Unlock()
	if provider == nil {
		// The provider keeps its context for fetching keys later, so it is not
		// the request's.
		background := oidc.ClientContext(context.WithoutCancel(ctx), t.Client)
		found, err := oidc.NewProvider(background, t.Issuer)
		if err != nil {
			return nil, nil, err
		}
		t.mu.Lock()
		t.provider, provider = found, found
		t.mu.Unlock()
	}
	return &oauth2.Config{ClientID: t.ID, ClientSecret: t.Secret, Endpoint: provider.Endpoint(), RedirectURL: t.URL + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", "company"}}, provider, nil
}

// -- the tool's own sessions ----------------------------------------------------

// Cookies ignore ports, so each tool has its own name.
func (t *Tool) cookie() string { return "demo-tool-" + t.ID }

func (t *Tool) visitor(r *http.Request) *visitor {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, v := t.browser(r); v != nil {
		return v.who
	}
	return nil
}

// browser finds the visit of a request. The caller holds mu.
func (t *Tool) browser(r *http.Request) (string, *visit) {
	c, err := r.Cookie(t.cookie())
	if err != nil {
		return "", nil
	}
	v := t.sessions[c.Value]
	if v == nil || time.Since(v.begun) > toolSessionLife {
		return c.Value, nil
	}
	return c.Value, v
}

// open keeps a visit under a new key. The caller holds mu.
func (t *Tool) open(v *visit) (string, *visit) {
	if v == nil {
		v = &visit{pending: map[string]signIn{}}
	}
	v.begun = time.Now()
	for key, old := range t.sessions {
		if time.Since(old.begun) > toolSessionLife || len(t.sessions) >= mostSessions {
			delete(t.sessions, key)
		}
	}
	key := rand.Text() + rand.Text()
	t.sessions[key] = v
	return key, v
}

func (t *Tool) remember(w http.ResponseWriter, key string) {
	http.SetCookie(w, &http.Cookie{Name: t.cookie(), Value: key, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(t.URL, "https://")})
}
