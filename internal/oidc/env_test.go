package oidc_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	rp "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"portique"
	"portique/internal/oidc"
	"portique/internal/outgoing"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// env is a sign-in host whose pages are words: "PAGE name key". People sign in
// by rows.
type env struct {
	t        testing.TB
	db       *store.DB
	server   *httptest.Server
	provider *oidc.Provider
	skew     *atomic.Int64 // nanoseconds added to the clock
}

// begun is what the clock of every test shows until it is moved: it stands still, so that two times told of one moment are the same.
var begun = time.Now()

// onBoth runs a test on both engines.
func onBoth(t *testing.T, f func(t *testing.T, e *env)) {
	t.Helper()
	var skew atomic.Int64
	clock := func() time.Time { return begun.Add(time.Duration(skew.Load())) }
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		skew.Store(0)
		f(t, newEnv(t, db, &skew))
	}, storetest.Clock(clock))
}

// onSQLite is for tables of input, which do not depend on the engine.
func onSQLite(t *testing.T, f func(e *env)) {
	t.Helper()
	var skew atomic.Int64
	f(newEnv(t, storetest.Open(t, "sqlite", storetest.Clock(func() time.Time {
		return begun.Add(time.Duration(skew.Load()))
	})), &skew))
}

func newEnv(t testing.TB, db *store.DB, skew *atomic.Int64) *env {
	e := &env{t: t, db: db, skew: skew}
	e.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.provider.Handler().ServeHTTP(w, r) }))
	e.server.Start()
	t.Cleanup(e.server.Close)
	e.provider = e.node()
	return e
}

// node makes one more provider of the same installation.
func (e *env) node() *oidc.Provider {
	e.t.Helper()
	p, err := oidc.New(oidc.Options{
		Issuer: e.server.URL, DB: e.db, Keys: storetest.Keys(), Cookies: session.Cookies{},
		PortalRedirectURIs: []string{"http://portal.localhost/session/callback"},
		Now:                func() time.Time { return begun.Add(time.Duration(e.skew.Load())) },
		Log:                slog.New(slog.DiscardHandler), Outgoing: outgoing.New(outgoing.Options{Loopback: true}),
		Pages: oidc.Pages{
			Error: func(w http.ResponseWriter, _ *http.Request, status int, key string, _ ...any) {
				w.WriteHeader(status)
				fmt.Fprintf(w, "PAGE error %s", key)
			},
			FormPost: func(w http.ResponseWriter, _ *http.Request, action string, fields map[string]string) {
				_ = json.NewEncoder(w).Encode(map[string]any{"action": action, "fields": fields})
			},
			LogoutConfirm: func(w http.ResponseWriter, _ *http.Request, hidden map[string]string) {
				_ = json.NewEncoder(w).Encode(hidden)
			},
			SignedOut: func(w http.ResponseWriter, _ *http.Request, wasOpen bool, closing, open []*portique.Tool) {
				fmt.Fprintf(w, "PAGE signed-out %v", wasOpen)
				for _, t := range closing {
					fmt.Fprintf(w, " closing %s", t.ID)
				}
				for _, t := range open {
					fmt.Fprintf(w, " %s", t.ID)
				}
			},
		},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return p
}

func (e *env) tx(f func(tx *store.Tx) error) {
	e.t.Helper()
	if err := e.db.Tx(context.Background(), f); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) account(first string) string {
	e.t.Helper()
	id := store.NewID()
	e.tx(func(tx *store.Tx) error {
		return tx.InsertAccount(&portique.Account{ID: id, Email: strings.ToLower(first) + "@example.org", FirstName: first, LastName: "Martin",
			Language: "fr", Status: portique.AccountActive, CreatedAt: tx.Now()})
	})
	return id
}

const (
	siren1 = portique.SIREN("552100554")
	siren2 = portique.SIREN("732829320")
	siren3 = portique.SIREN("404833048")
)

// member gives a person an access to a company, made when it is new.
func (e *env) member(accountID string, siren portique.SIREN, role portique.Role, rights ...string) string {
	e.t.Helper()
	id := store.NewID()
	e.tx(func(tx *store.Tx) error {
		if _, err := tx.Company(siren); err != nil {
			c := &portique.Company{SIREN: siren, Name: "Société " + string(siren), Status: portique.CompanyActive, CodeHash: []byte{1}, ImportedAt: tx.Now()}
			if err := tx.SaveCompany(c); err != nil {
				return err
			}
		}
		return tx.InsertMembership(&portique.Membership{ID: id, AccountID: accountID, SIREN: siren, Role: role,
			Status: portique.MembershipActive, Rights: rights, Since: tx.Now()})
	})
	return id
}

const toolSecret = "a secret of a tool, with + and / in it"

// tool registers one; change may alter it first.
func (e *env) tool(id string, change ...func(*portique.Tool)) *portique.Tool {
	e.t.Helper()
	t := &portique.Tool{ID: id, Name: "Tool " + id, URL: "https://" + id + ".example/", RedirectURIs: []string{"https://" + id + ".example/callback"},
		PostLogoutURIs: []string{"https://" + id + ".example/bye"}, Audience: portique.AudienceAll, AuthMethod: "client_secret_basic",
		SecretHash: secret.Hash(toolSecret), Algorithm: "ES256"}
	for _, f := range change {
		f(t)
	}
	if err := t.Check(); err != nil {
		e.t.Fatal(err)
	}
	e.tx(func(tx *store.Tx) error { t.CreatedAt = tx.Now(); return tx.InsertTool(t) })
	return t
}

// browser keeps cookies and follows nothing.
type browser struct {
	*http.Client
	e         *env
	sessionID string
}

func (e *env) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		e.t.Fatal(err)
	}
	return &browser{e: e, Client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signIn opens an auth session for this browser, for an authorization ("" for
// none), as the sign-in page does.
func (b *browser) signIn(accountID, authorization string) {
	b.e.t.Helper()
	key := secret.Token()
	s := &store.Session{ID: store.NewID(), Door: portique.DoorAuth, AccountID: accountID, SecretHash: secret.Hash(key)}
	b.e.tx(func(tx *store.Tx) error {
		s.CreatedAt, s.SeenAt, s.ExpiresAt = tx.Now(), tx.Now(), tx.Now().Add(session.Absolute)
		if err := tx.InsertSession(s); err != nil || authorization == "" {
			return err
		}
		a, err := tx.Authorization(authorization)
		if err != nil {
			return err
		}
		a.SessionID = s.ID
		return tx.SaveAuthorization(a)
	})
	u, _ := url.Parse(b.e.server.URL)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "portique_auth", Value: s.ID + "." + key, Path: "/"}})
	b.sessionID = s.ID
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
	to     *url.URL // Location, or nil
}

func (b *browser) send(method, target string, form url.Values) reply {
	b.e.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.e.server.URL + target
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		b.e.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return read(b.e.t, b.Client, r)
}

func read(t testing.TB, c *http.Client, r *http.Request) reply {
	t.Helper()
	response, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	p := reply{status: response.StatusCode, header: response.Header, body: string(content)}
	if l := response.Header.Get("Location"); l != "" {
		if p.to, err = url.Parse(l); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (b *browser) get(target string) reply { b.e.t.Helper(); return b.send("GET", target, nil) }

// page is the path of our own page that the reply leads to, "" for another host.
func (p reply) page() string {
	if p.to == nil || p.to.Host != "" {
		return ""
	}
	return p.to.Path
}

func (p reply) param(name string) string {
	if p.to == nil {
		return ""
	}
	return p.to.Query().Get(name)
}

func (p reply) String() string {
	return fmt.Sprintf("%d %q %s", p.status, p.header.Get("Location"), p.body)
}

// relying is a tool as other people write it.
type relying struct {
	e        *env
	tool     *portique.Tool
	config   oauth2.Config
	provider *rp.Provider
	verifier string
	state    string
	nonce    string
}

func (e *env) relying(t *portique.Tool) *relying {
	e.t.Helper()
	provider, err := rp.NewProvider(context.Background(), e.server.URL)
	if err != nil {
		e.t.Fatal(err)
	}
	clientSecret := toolSecret
	if t.Public() {
		clientSecret = ""
	}
	return &relying{e: e, tool: t, provider: provider, verifier: oauth2.GenerateVerifier(), state: "état & co", nonce: "nonce-1",
		config: oauth2.Config{ClientID: t.ID, ClientSecret: clientSecret, Endpoint: provider.Endpoint(), RedirectURL: t.RedirectURIs[0],
			Scopes: []string{"openid", "profile", "email", "company"}}}
}

// url is the authorization request; more are names and values, "" removes.
func (r *relying) url(more ...string) string {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.verifier), rp.Nonce(r.nonce)}
	u, _ := url.Parse(r.config.AuthCodeURL(r.state, options...))
	q := u.Query()
	for i := 0; i < len(more); i += 2 {
		if q.Del(more[i]); more[i+1] != "" {
			q.Set(more[i], more[i+1])
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// tokens are what a redeemed code gave.
type tokens struct {
	*oauth2.Token
	id     *rp.IDToken
	raw    string
	claims map[string]any
}

// redeem exchanges a code and verifies the ID token.
func (r *relying) redeem(code string) (*tokens, error) {
	t, err := r.config.Exchange(context.Background(), code, oauth2.VerifierOption(r.verifier))
	if err != nil {
		return nil, err
	}
	got := &tokens{Token: t}
	got.raw, _ = t.Extra("id_token").(string)
	verifier := r.provider.Verifier(&rp.Config{ClientID: r.tool.ID, SupportedSigningAlgs: []string{r.tool.Algorithm},
		Now: func() time.Time { return begun.Add(time.Duration(r.e.skew.Load())) }})
	if got.id, err = verifier.Verify(context.Background(), got.raw); err != nil {
		return nil, err
	}
	if err := got.id.VerifyAccessToken(t.AccessToken); err != nil {
		return nil, err
	}
	return got, got.id.Claims(&got.claims)
}

// enter walks in with a browser that is signed in: authorize, redeem.
func (r *relying) enter(b *browser, more ...string) *tokens {
	r.e.t.Helper()
	p := b.get(r.url(more...))
	if p.param("code") == "" {
		r.e.t.Fatalf("no code: %v", p)
	}
	got, err := r.redeem(p.param("code"))
	if err != nil {
		r.e.t.Fatal(err)
	}
	return got
}

// userinfo calls userinfo as it is.
func (r *relying) userinfo(accessToken string) (int, map[string]any) {
	r.e.t.Helper()
	req, _ := http.NewRequest("GET", r.e.server.URL+"/oauth/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+accessToken)
	p := read(r.e.t, http.DefaultClient, req)
	claims := map[string]any{}
	_ = json.Unmarshal([]byte(p.body), &claims)
	return p.status, claims
}

// actions lists the journal of a subject.
func (e *env) actions(subject string) []portique.Action {
	e.t.Helper()
	var actions []portique.Action
	e.tx(func(tx *store.Tx) error {
		events, err := tx.Events(subject)
		actions = nil
		for _, event := range events {
			actions = append(actions, event.Action)
		}
		return err
	})
	return actions
}

func count(actions []portique.Action, a portique.Action) int {
	n := 0
	for _, x := range actions {
		if x == a {
			n++
		}
	}
	return n
}

// exec changes rows as no function of the store does yet: on SQLite only.
func (e *env) exec(query string) {
	e.t.Helper()
	raw, err := sql.Open("sqlite", "file:"+e.db.Path()+"?_pragma=busy_timeout(5000)")
	if err != nil {
		e.t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Exec(query); err != nil {
		e.t.Fatal(err)
	}
}

// edit reads a row, changes it, saves it.
func edit[T any](e *env, read func(*store.Tx) (T, error), change func(T), save func(*store.Tx, T) error) {
	e.t.Helper()
	e.tx(func(tx *store.Tx) error {
		v, err := read(tx)
		if err != nil {
			return err
		}
		change(v)
		return save(tx, v)
	})
}

func (e *env) editMembership(id string, change func(*portique.Membership)) {
	e.t.Helper()
	edit(e, func(tx *store.Tx) (*portique.Membership, error) { return tx.Membership(id) }, change, (*store.Tx).UpdateMembership)
}

func (e *env) editCompany(siren portique.SIREN, change func(*portique.Company)) {
	e.t.Helper()
	edit(e, func(tx *store.Tx) (*portique.Company, error) { return tx.Company(siren) }, change, (*store.Tx).SaveCompany)
}

func challengeOf(verifier string) string { return oauth2.S256ChallengeFromVerifier(verifier) }
