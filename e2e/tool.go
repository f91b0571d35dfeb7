package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Tool is a web service of the operator's, run by the test: a relying party with authorization code and PKCE, on a library that
// other people wrote. Whoever opens it is sent to sign in; it then shows for whom and for which company it was opened.
type Tool struct {
	ID, Name string
	URL      string
	Secret   string
	Endpoint oauth2.Endpoint

	t        *testing.T
	app      *App
	client   *http.Client
	provider *oidc.Provider
	config   *oauth2.Config

	mu      sync.Mutex
	pending map[string]pending // by state
	visits  map[string]*Visit  // by the tool's own cookie
	last    *Visit
	hold    bool
	held    chan HeldCode
}

// Visit is what the tool learned about one sign-in.
type Visit struct {
	Subject  string
	IDToken  map[string]any
	UserInfo map[string]any
	Token    *oauth2.Token
	RawID    string
}

// HeldCode is a code that nobody has redeemed yet, with what redeeming it takes.
type HeldCode struct{ Code, Verifier, RedirectURI string }

type pending struct{ verifier, nonce string }

const toolCookie = "tool"

// NewTool registers a tool with the installation and starts it. Each option is one more argument of `portique tool add`.
func (a *App) NewTool(t *testing.T, id, name string, options ...string) *Tool {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tool := &Tool{
		ID: id, Name: name, URL: fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port), held: make(chan HeldCode, 16),
		t: t, app: a, client: &http.Client{Timeout: 30 * time.Second}, pending: map[string]pending{}, visits: map[string]*Visit{},
	}
	var added struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	a.JSON(t, &added, append([]string{"tool", "add", id, "--name", name, "--url", tool.URL + "/", "--redirect-uri", tool.URL + "/callback"}, options...)...)
	if added.ClientID != id || added.ClientSecret == "" {
		t.Fatalf("tool add %s answered client_id %q and a secret of %d characters", id, added.ClientID, len(added.ClientSecret))
	}
	tool.Secret = added.ClientSecret
	tool.provider, err = oidc.NewProvider(tool.context(), a.Auth)
	if err != nil {
		t.Fatalf("discovery: %v", err)
	}
	tool.Endpoint = tool.provider.Endpoint()
	tool.config = &oauth2.Config{
		ClientID: id, ClientSecret: tool.Secret, Endpoint: tool.Endpoint, RedirectURL: tool.URL + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", "company"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", tool.home)
	mux.HandleFunc("GET /callback", tool.callback)
	server := httptest.NewUnstartedServer(mux)
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	// The server sees within a second what another command has changed.
	time.Sleep(1100 * time.Millisecond)
	return tool
}

// Last returns the latest sign-in to the tool.
func (o *Tool) Last() *Visit {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last == nil {
		o.t.Fatalf("nobody has signed in to the tool %s", o.ID)
	}
	return o.last
}

// Hold makes the tool keep the codes it gets instead of redeeming them.
func (o *Tool) Hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hold = true
}

// Release makes the tool redeem its codes again.
func (o *Tool) Release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hold = false
}

// Held returns a code the tool has kept.
func (o *Tool) Held(t *testing.T) HeldCode {
	t.Helper()
	select {
	case h := <-o.held:
		return h
	default:
		t.Fatal("the tool holds no code")
		return HeldCode{}
	}
}

// Company returns a field of the company the visit is for.
func (v *Visit) Company(field string) string {
	company, _ := v.UserInfo["company"].(map[string]any)
	s, _ := company[field].(string)
	return s
}

func (o *Tool) context() context.Context { return oidc.ClientContext(context.Background(), o.client) }

// home shows the visitor, or sends them to sign in. The parameters an authorization may carry are passed on.
func (o *Tool) home(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(toolCookie + o.ID); err == nil && r.URL.RawQuery == "" {
		o.mu.Lock()
		visit := o.visits[c.Value]
		o.mu.Unlock()
		if visit != nil {
			o.show(w, visit)
			return
		}
	}
	state, p := rand.Text(), pending{oauth2.GenerateVerifier(), rand.Text()}
	o.mu.Lock()
	o.pending[state] = p
	o.mu.Unlock()
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(p.verifier), oidc.Nonce(p.nonce)}
	for _, name := range []string{"company_hint", "prompt", "max_age", "login_hint", "acr_values"} {
		if v := r.URL.Query().Get(name); v != "" {
			options = append(options, oauth2.SetAuthURLParam(name, v))
		}
	}
	http.Redirect(w, r, o.config.AuthCodeURL(state, options...), http.StatusFound)
}

func (o *Tool) callback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	o.mu.Lock()
	p, known := o.pending[q.Get("state")]
	delete(o.pending, q.Get("state"))
	hold := o.hold
	o.mu.Unlock()
	switch {
	case !known:
		o.page(w, http.StatusBadRequest, "tool-error", "unknown state")
	case q.Get("iss") != o.app.Auth:
		o.page(w, http.StatusBadRequest, "tool-error", "iss is "+q.Get("iss"))
	case q.Get("error") != "":
		o.page(w, http.StatusOK, "tool-refused", q.Get("error"))
	case hold:
		o.held <- HeldCode{q.Get("code"), p.verifier, o.config.RedirectURL}
		o.page(w, http.StatusOK, "tool-held", "the code is kept")
	default:
		visit, err := o.redeem(q.Get("code"), p)
		if err != nil {
			o.page(w, http.StatusBadGateway, "tool-error", err.Error())
			return
		}
		id := rand.Text()
		o.mu.Lock()
		o.visits[id], o.last = visit, visit
		o.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: toolCookie + o.ID, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// redeem exchanges a code, verifies what comes back as a careful tool does, and asks userinfo.
func (o *Tool) redeem(code string, p pending) (*Visit, error) {
	ctx := o.context()
	token, err := o.config.Exchange(ctx, code, oauth2.VerifierOption(p.verifier))
	if err != nil {
		return nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := o.provider.Verifier(&oidc.Config{ClientID: o.ID, Now: o.app.now, SupportedSigningAlgs: []string{oidc.ES256, oidc.RS256}}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if id.Nonce != p.nonce {
		return nil, errors.New("the nonce is not ours")
	}
	visit := &Visit{Subject: id.Subject, Token: token, RawID: raw}
	if err := id.Claims(&visit.IDToken); err != nil {
		return nil, err
	}
	info, err := o.provider.UserInfo(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.AccessToken, TokenType: token.TokenType}))
	if err != nil {
		return nil, err
	}
	if info.Subject != id.Subject {
		return nil, errors.New("userinfo is about somebody else")
	}
	return visit, info.Claims(&visit.UserInfo)
}

// Exchange redeems a held code by hand and returns the status of the answer; any goroutine may call it.
func (o *Tool) Exchange(held HeldCode) (status int, body string, err error) {
	return o.exchange(o.client, held)
}

// ExchangeAt is Exchange at one node of the installation.
func (o *Tool) ExchangeAt(node *App, held HeldCode) (status int, body string, err error) {
	return o.exchange(&http.Client{Transport: node.transport(), Timeout: 20 * time.Second}, held)
}

func (o *Tool) exchange(client *http.Client, held HeldCode) (status int, body string, err error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {held.Code}, "code_verifier": {held.Verifier}, "redirect_uri": {held.RedirectURI}}
	r, err := http.NewRequest(http.MethodPost, o.Endpoint.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(o.ID), url.QueryEscape(o.Secret))
	answer, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(content), err
}

// UserInfo asks userinfo with a visit's access token and returns the status.
func (o *Tool) UserInfo(t *testing.T, v *Visit) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, o.provider.UserInfoEndpoint(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+v.Token.AccessToken)
	answer, err := o.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func (o *Tool) show(w http.ResponseWriter, v *Visit) {
	claims, err := json.MarshalIndent(v.UserInfo, "", "  ")
	if err != nil {
		o.page(w, http.StatusInternalServerError, "tool-error", err.Error())
		return
	}
	o.page(w, http.StatusOK, "tool", string(claims))
}

func (o *Tool) page(w http.ResponseWriter, status int, name, content string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<!doctype html><html lang="fr"><title>%[1]s</title><main data-page="%[2]s"><h1>%[1]s</h1><pre>%[3]s</pre></main>`,
		html.EscapeString(o.Name), name, html.EscapeString(content))
}

// now is the time of the installation, its moved clock included.
func (a *App) now() time.Time {
	a.clock.Lock()
	defer a.clock.Unlock()
	return time.Now().Add(a.clock.ahead)
}
