package oidc_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	rp "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"portique"
	"portique/internal/oidc"
	"portique/internal/store"
)

// headerOf is the header of a signed token, claimsIn its claims, unverified.
func headerOf(t testing.TB, token string) map[string]any { t.Helper(); return part(t, token, 0) }
func claimsIn(t testing.TB, token string) map[string]any { t.Helper(); return part(t, token, 1) }

func part(t testing.TB, token string, i int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no signed token: %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// call posts a form to an endpoint as a tool: with its secret, and what change adds.
func (r *relying) call(path string, form url.Values, change ...func(*http.Request)) (reply, map[string]any) {
	r.e.t.Helper()
	req, err := http.NewRequest("POST", r.e.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		r.e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !r.tool.Public() {
		basic(r.tool.ID, toolSecret)(req)
	}
	for _, f := range change {
		f(req)
	}
	p := read(r.e.t, http.DefaultClient, req)
	got := map[string]any{}
	_ = json.Unmarshal([]byte(p.body), &got)
	return p, got
}

func (r *relying) refresh(token string, more ...string) (reply, map[string]any) {
	r.e.t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return r.call("/oauth/token", form)
}

func (r *relying) introspect(token string) map[string]any {
	r.e.t.Helper()
	p, got := r.call("/oauth/introspect", url.Values{"token": {token}})
	if p.status != 200 {
		r.e.t.Fatalf("introspection: %v", p)
	}
	return got
}

// lasting is a tool that asks for refresh tokens, and a person who entered it.
func lasting(e *env, id string, change ...func(*portique.Tool)) (*relying, *browser, *tokens) {
	person := e.account("Anne-" + id)
	e.member(person, siren1, portique.Administrator)
	tool := e.relying(e.tool(id, change...))
	tool.config.Scopes = append(tool.config.Scopes, "offline_access")
	b := e.browser()
	b.signIn(person, "")
	return tool, b, tool.enter(b)
}

// A refresh token gives its successor, the same one for ten seconds; a use after that ends the family.
func TestRefresh(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		tool, b, first := lasting(e, "paie")
		if first.RefreshToken == "" {
			t.Fatal("no refresh token for offline_access")
		}
		plain := e.relying(e.tool("sans"))
		if got := plain.enter(b); got.RefreshToken != "" {
			t.Error("a refresh token nobody asked for")
		}

		e.skew.Add(int64(4 * time.Minute))
		p, got := tool.refresh(first.RefreshToken)
		if p.status != 200 || got["refresh_token"] == first.RefreshToken || got["token_type"] != "Bearer" || got["expires_in"] != 300.0 {
			t.Fatal(p)
		}
		id := claimsIn(t, got["id_token"].(string))
		before := claimsIn(t, first.raw)
		for _, same := range []string{"iss", "sub", "aud", "auth_time", "sid", "nonce"} {
			if fmt.Sprint(id[same]) != fmt.Sprint(before[same]) { // Core 12.2
				t.Errorf("%s of the new ID token: %v, was %v", same, id[same], before[same])
			}
		}
		if status, info := tool.userinfo(got["access_token"].(string)); status != 200 || info["email"] == nil {
			t.Errorf("userinfo %d %v", status, info)
		}

		e.skew.Add(int64(9 * time.Second))
		_, again := tool.refresh(first.RefreshToken)
		if again["refresh_token"] != got["refresh_token"] || again["access_token"] == got["access_token"] {
			t.Errorf("a lost answer asked for again: %v", again)
		}
		_, third := tool.refresh(got["refresh_token"].(string))
		if third["refresh_token"] == nil {
			t.Fatal(third)
		}
		if p, got := tool.refresh(first.RefreshToken); got["error"] != "invalid_grant" {
			t.Errorf("the answer was not lost, its successor was used: %v", p)
		}
		if told := tool.introspect(third["refresh_token"].(string)); told["active"] != true {
			t.Errorf("and that ended the family: %v", told)
		}

		e.skew.Add(int64(2 * time.Second))
		if p, got := tool.refresh(first.RefreshToken); p.status != 400 || got["error"] != "invalid_grant" {
			t.Errorf("used again after the grace: %v", p)
		}
		if p, _ := tool.refresh(third["refresh_token"].(string)); p.status != 400 {
			t.Errorf("the family lives: %v", p)
		}
		for _, token := range []any{first.AccessToken, got["access_token"], third["access_token"]} {
			if status, _ := tool.userinfo(token.(string)); status != 401 {
				t.Errorf("an access token of the family: %d", status)
			}
		}
		if n := count(e.actions("paie"), portique.ActionRefreshReplayed); n != 1 {
			t.Errorf("%d replays in the journal", n)
		}
	})
}

// What a refresh token is refused for, and what it may not widen.
func TestRefreshRefused(t *testing.T) {
	onSQLite(t, func(e *env) {
		tool, _, first := lasting(e, "paie")
		other, _, _ := lasting(e, "autre")
		if p, got := other.refresh(first.RefreshToken); got["error"] != "invalid_grant" {
			t.Errorf("another client: %v", p)
		}
		for _, wrong := range []string{"", "x", first.AccessToken, first.raw} {
			want := "invalid_grant"
			if wrong == "" {
				want = "invalid_request"
			}
			if p, got := tool.refresh(wrong); got["error"] != want {
				t.Errorf("%q: %v", wrong, p)
			}
		}
		if p, got := tool.refresh(first.RefreshToken, "scope", "openid phone"); got["error"] != "invalid_scope" {
			t.Errorf("a wider scope: %v", p)
		}
		p, got := tool.refresh(first.RefreshToken, "scope", "email openid email")
		if p.status != 200 || got["scope"] != "openid email" {
			t.Fatal(p)
		}
		if _, info := tool.userinfo(got["access_token"].(string)); info["email"] == nil || info["name"] != nil || info["company"] != nil {
			t.Errorf("a narrower token tells %v", info)
		}
		if id := claimsIn(t, got["id_token"].(string)); id["company"] != nil {
			t.Errorf("a narrower ID token tells %v", id)
		}
		p, got = tool.refresh(got["refresh_token"].(string))
		if got["scope"] != "openid profile email company offline_access" {
			t.Errorf("narrowed for good: %v", p)
		}
		for i := range 7 { // every use keeps the session alive, until its absolute end
			e.skew.Add(int64(100 * time.Minute))
			p, next := tool.refresh(got["refresh_token"].(string))
			if p.status != 200 {
				t.Fatalf("after %d min: %v", 100*(i+1), p)
			}
			got = next
		}
		e.skew.Add(int64(20 * time.Minute))
		if p, got := tool.refresh(got["refresh_token"].(string)); got["error"] != "invalid_grant" {
			t.Errorf("after twelve hours: %v", p)
		}
	})
}

// A tool's token in its own name: known to the tool that it is for, worth nothing elsewhere, nor as a person's.
func TestClientCredentials(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		tool, other, third := e.relying(e.tool("paie")), e.relying(e.tool("autre")), e.relying(e.tool("tiers"))
		p, got := tool.call("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "resource": {"https://autre.example"}})
		if p.status != 200 || got["token_type"] != "Bearer" || got["id_token"] != nil || got["refresh_token"] != nil {
			t.Fatal(p)
		}
		token := got["access_token"].(string)
		if status, _ := tool.userinfo(token); status != 401 {
			t.Errorf("userinfo %d", status)
		}
		for _, asker := range []*relying{tool, other} {
			if told := asker.introspect(token); told["active"] != true || told["client_id"] != "paie" || told["sub"] != "paie" || told["aud"] != "autre" || told["company"] != nil {
				t.Errorf("%s is told %v", asker.tool.ID, told)
			}
		}
		if told := third.introspect(token); told["active"] != false || len(told) != 1 {
			t.Errorf("a tool that the token is not for is told %v", told)
		}
		if _, got := tool.call("/oauth/token", url.Values{"grant_type": {"client_credentials"}}); other.introspect(got["access_token"].(string))["active"] != false {
			t.Error("a token for nobody in particular is known to another tool")
		}
		if p, got := tool.call("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "resource": {"https://inconnu.example/"}}); p.status != 400 || got["error"] != "invalid_target" {
			t.Errorf("for nobody: %v", p)
		}
		public := e.relying(e.tool("mobile", func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		if p, got := public.call("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"mobile"}}); got["error"] != "unauthorized_client" {
			t.Errorf("a public client: %v", p)
		}
		if e.db.Path() != "" {
			e.disable("paie")
			if told := other.introspect(token); told["active"] != false || len(told) != 1 {
				t.Errorf("of a tool that is disabled: %v", told)
			}
		}
		e.skew.Add(int64(oidc.TokenLife))
		if told := other.introspect(token); told["active"] != false {
			t.Errorf("of a token too old: %v", told)
		}
	})
}

// Introspection tells a tool of its own tokens, in JSON or signed, and nothing of any other.
func TestIntrospect(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		tool, b, got := lasting(e, "paie")
		other := e.relying(e.tool("autre"))
		told := tool.introspect(got.AccessToken)
		for member, want := range map[string]any{"active": true, "client_id": "paie", "aud": "paie", "iss": e.server.URL, "sub": got.id.Subject,
			"token_type": "Bearer", "acr": "portique:1", "sid": b.sessionID} {
			if told[member] != want {
				t.Errorf("%s: %v, want %v", member, told[member], want)
			}
		}
		if told["exp"].(float64)-told["iat"].(float64) != 300 || told["company"].(map[string]any)["siren"] != string(siren1) {
			t.Errorf("%v", told)
		}
		if told := tool.introspect(got.RefreshToken); told["active"] != true || told["token_type"] != "refresh_token" || told["exp"].(float64)-told["iat"].(float64) != 12*3600 {
			t.Errorf("of the refresh token: %v", told)
		}
		for _, token := range []string{got.AccessToken, got.RefreshToken} {
			if told := other.introspect(token); told["active"] != false || len(told) != 1 {
				t.Errorf("another tool is told %v", told)
			}
		}
		for _, token := range []string{"x", got.raw, strings.Repeat("a", 43)} {
			if told := tool.introspect(token); told["active"] != false || len(told) != 1 {
				t.Errorf("of %.10s: %v", token, told)
			}
		}
		p, _ := tool.call("/oauth/introspect", url.Values{"token": {got.AccessToken}}, func(r *http.Request) { r.Header.Set("Accept", "application/token-introspection+jwt") })
		if p.header.Get("Content-Type") != "application/token-introspection+jwt" || headerOf(t, p.body)["typ"] != "token-introspection+jwt" {
			t.Fatalf("signed: %v", p)
		}
		set := rp.NewRemoteKeySet(context.Background(), e.server.URL+"/oauth/keys")
		if _, err := set.VerifySignature(context.Background(), p.body); err != nil {
			t.Error(err)
		}
		c := claimsIn(t, p.body)
		if inside := c["token_introspection"].(map[string]any); inside["active"] != true || c["aud"] != "paie" || c["iss"] != e.server.URL || c["iat"] == nil {
			t.Errorf("%v", c)
		}
		if p, _ := tool.call("/oauth/introspect", url.Values{}); p.status != 400 {
			t.Errorf("without a token: %v", p)
		}
		public := e.relying(e.tool("mobile", func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		if p, _ := public.call("/oauth/introspect", url.Values{"token": {got.AccessToken}, "client_id": {"mobile"}}); p.status != 401 {
			t.Errorf("a public client: %v", p)
		}
	})
}

// A tool gives back what it no longer needs (RFC 7009).
func TestRevoke(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		tool, b, got := lasting(e, "paie")
		other := e.relying(e.tool("autre"))
		for _, token := range []string{got.AccessToken, got.RefreshToken} {
			if p, answer := other.call("/oauth/revoke", url.Values{"token": {token}}); answer["error"] != "invalid_grant" {
				t.Errorf("another tool: %v", p)
			}
		}
		revoke := func(token string) {
			t.Helper()
			if p, _ := tool.call("/oauth/revoke", url.Values{"token": {token}}); p.status != 200 || p.body != "" {
				t.Errorf("%v", p)
			}
		}
		revoke("unknown")
		revoke(got.AccessToken)
		revoke(got.AccessToken)
		if status, _ := tool.userinfo(got.AccessToken); status != 401 {
			t.Errorf("userinfo %d", status)
		}
		p, next := tool.refresh(got.RefreshToken)
		if p.status != 200 {
			t.Fatal(p)
		}
		revoke(got.RefreshToken) // even used: it names the grant
		if status, _ := tool.userinfo(next["access_token"].(string)); status != 401 {
			t.Errorf("userinfo %d after the grant was given back", status)
		}
		if p, _ := tool.refresh(next["refresh_token"].(string)); p.status != 400 {
			t.Errorf("it refreshes: %v", p)
		}
		if got := tool.enter(b); got.AccessToken == "" { // the person is still signed in
			t.Error("no new token")
		}
	})
}

// signer is a tool's key.
type signer struct {
	t   testing.TB
	key *ecdsa.PrivateKey
}

func newSigner(t testing.TB) *signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{t, key}
}

// set is its public part as a key set.
func (s *signer) set() string {
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return string(set)
}

// sign makes a token; with typ dpop+jwt the key is in the header.
func (s *signer) sign(typ string, claims map[string]any) string {
	s.t.Helper()
	options := (&jose.SignerOptions{EmbedJWK: typ == "dpop+jwt"}).WithType(jose.ContentType(typ))
	key := any(s.key)
	if typ != "dpop+jwt" {
		key = jose.JSONWebKey{Key: s.key, KeyID: "k1"}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		s.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := signer.Sign(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	compact, err := token.CompactSerialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return compact
}

// changed changes claims: names and values, nil removes.
func changed(claims map[string]any, more ...any) map[string]any {
	for i := 0; i < len(more); i += 2 {
		if claims[more[i].(string)] = more[i+1]; more[i+1] == nil {
			delete(claims, more[i].(string))
		}
	}
	return claims
}

// A tool that signs its requests (private_key_jwt).
func TestPrivateKeyJWT(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		key, stranger := newSigner(t), newSigner(t)
		tool := e.relying(e.tool("paie", func(t *portique.Tool) { t.AuthMethod, t.SecretHash, t.JWKS = "private_key_jwt", nil, key.set() }))
		e.relying(e.tool("autre"))
		now := func() int64 { return begun.Add(time.Duration(e.skew.Load())).Unix() }
		assertion := func(more ...any) map[string]any {
			return changed(map[string]any{"iss": "paie", "sub": "paie", "aud": e.server.URL, "jti": store.NewID(), "iat": now(), "exp": now() + 60}, more...)
		}
		ask := func(token string, more ...string) (reply, map[string]any) {
			form := url.Values{"grant_type": {"client_credentials"}, "client_assertion": {token},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
			for i := 0; i < len(more); i += 2 {
				form.Set(more[i], more[i+1])
			}
			return tool.call("/oauth/token", form, func(r *http.Request) { r.Header.Del("Authorization") })
		}
		for _, audience := range []any{e.server.URL, e.server.URL + "/oauth/token", []string{"https://x.example", e.server.URL}} {
			if p, _ := ask(key.sign("JWT", assertion("aud", audience))); p.status != 200 {
				t.Errorf("for %v: %v", audience, p)
			}
		}
		if p, _ := ask(key.sign("JWT", assertion()), "client_id", "paie"); p.status != 200 {
			t.Errorf("with client_id: %v", p)
		}
		if p, _ := ask(key.sign("JWT", assertion("exp", now()+3600))); p.status != 200 {
			t.Errorf("an assertion of an hour, as some libraries make them: %v", p)
		}
		once := key.sign("JWT", assertion())
		if p, _ := ask(once); p.status != 200 {
			t.Error(p)
		}
		if p, got := ask(once); got["error"] != "invalid_client" {
			t.Errorf("used twice: %v", p)
		}
		for name, token := range map[string]string{
			"another key":      stranger.sign("JWT", assertion()),
			"another audience": key.sign("JWT", assertion("aud", "https://elsewhere.example")),
			"no audience":      key.sign("JWT", assertion("aud", nil)),
			"another client":   key.sign("JWT", assertion("iss", "autre", "sub", "autre")),
			"not of itself":    key.sign("JWT", assertion("sub", "autre")),
			"no end":           key.sign("JWT", assertion("exp", nil)),
			"too old":          key.sign("JWT", assertion("exp", now()-120)),
			"for too long":     key.sign("JWT", assertion("exp", now()+2*3600)),
			"not yet":          key.sign("JWT", assertion("nbf", now()+300)),
			"made tomorrow":    key.sign("JWT", assertion("iat", now()+300)),
			"no name":          key.sign("JWT", assertion("jti", nil)),
			"a long name":      key.sign("JWT", assertion("jti", strings.Repeat("j", 300))),
			"unsigned":         base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(once, ".")[1] + ".",
			"long":             key.sign("JWT", assertion("x", strings.Repeat("x", 9000))),
			"nonsense":         "a.b.c",
			"empty":            "",
		} {
			if p, got := ask(token); p.status != 401 || got["error"] != "invalid_client" {
				t.Errorf("%s: %v", name, p)
			}
		}
		if p, got := ask(key.sign("JWT", assertion()), "client_id", "autre"); got["error"] != "invalid_client" {
			t.Errorf("as another client: %v", p)
		}
		if p, got := ask(key.sign("JWT", assertion()), "client_secret", toolSecret); got["error"] != "invalid_request" {
			t.Errorf("two ways: %v", p)
		}
		if p, _ := tool.call("/oauth/token", url.Values{"grant_type": {"client_credentials"}}); p.status != 401 {
			t.Errorf("by a secret: %v", p)
		}
	})
}

// proof is a DPoP proof for a request to this sign-in host.
func (s *signer) proof(e *env, method, path, token string, more ...any) func(*http.Request) {
	s.t.Helper()
	claims := map[string]any{"jti": store.NewID(), "htm": method, "htu": e.server.URL + path, "iat": begun.Add(time.Duration(e.skew.Load())).Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	typ := "dpop+jwt"
	claims = changed(claims, more...)
	if v, ok := claims["typ"]; ok {
		typ = v.(string)
		delete(claims, "typ")
	}
	jwt := s.sign(typ, claims)
	return func(r *http.Request) {
		r.Header.Add("DPoP", jwt)
		if token != "" {
			r.Header.Set("Authorization", "DPoP "+token)
		}
	}
}

// What a tool gets by a proof of its key (RFC 9449) is worth nothing without it.
func TestDPoP(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("mobile", func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		tool.config.Scopes = append(tool.config.Scopes, "offline_access")
		b := e.browser()
		b.signIn(person, "")
		key, thief := newSigner(t), newSigner(t)
		code := func(more ...string) url.Values {
			return url.Values{"grant_type": {"authorization_code"}, "code": {b.get(tool.url(more...)).param("code")}, "client_id": {"mobile"},
				"redirect_uri": {tool.tool.RedirectURIs[0]}, "code_verifier": {tool.verifier}}
		}
		p, got := tool.call("/oauth/token", code(), key.proof(e, "POST", "/oauth/token", ""))
		if p.status != 200 || got["token_type"] != "DPoP" {
			t.Fatal(p)
		}
		access, again := got["access_token"].(string), got["refresh_token"].(string)
		userinfo := func(change func(*http.Request)) reply {
			r, _ := http.NewRequest("GET", e.server.URL+"/oauth/userinfo", nil)
			change(r)
			return read(t, http.DefaultClient, r)
		}
		if p := userinfo(key.proof(e, "GET", "/oauth/userinfo", access)); p.status != 200 {
			t.Error(p)
		}
		once := key.proof(e, "GET", "/oauth/userinfo", access)
		userinfo(once)
		for name, change := range map[string]func(*http.Request){
			"as a bearer token":      func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+access) },
			"without a proof":        func(r *http.Request) { r.Header.Set("Authorization", "DPoP "+access) },
			"by another key":         thief.proof(e, "GET", "/oauth/userinfo", access),
			"a proof used before":    once,
			"of another method":      key.proof(e, "POST", "/oauth/userinfo", access),
			"of another address":     key.proof(e, "GET", "/oauth/token", access),
			"of another host":        key.proof(e, "GET", "/oauth/userinfo", access, "htu", "https://x.example/oauth/userinfo"),
			"for another token":      key.proof(e, "GET", "/oauth/userinfo", access, "ath", "x"),
			"for no token":           key.proof(e, "GET", "/oauth/userinfo", access, "ath", nil),
			"too old":                key.proof(e, "GET", "/oauth/userinfo", access, "iat", begun.Add(time.Duration(e.skew.Load())-90*time.Second).Unix()),
			"of the future":          key.proof(e, "GET", "/oauth/userinfo", access, "iat", begun.Add(time.Duration(e.skew.Load())+2*time.Minute).Unix()),
			"without a name":         key.proof(e, "GET", "/oauth/userinfo", access, "jti", nil),
			"of another type":        key.proof(e, "GET", "/oauth/userinfo", access, "typ", "JWT"),
			"two proofs":             func(r *http.Request) { key.proof(e, "GET", "/oauth/userinfo", access)(r); r.Header.Add("DPoP", "x") },
			"nonsense":               func(r *http.Request) { r.Header.Set("Authorization", "DPoP "+access); r.Header.Set("DPoP", "a.b.c") },
			"with a query in it yet": key.proof(e, "GET", "/oauth/userinfo/", access),
		} {
			if p := userinfo(change); p.status < 400 || p.status > 401 || p.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %v", name, p)
			}
		}

		refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {again}, "client_id": {"mobile"}}
		if p, got := tool.call("/oauth/token", refresh); got["error"] != "invalid_grant" {
			t.Errorf("refreshed without a proof: %v", p)
		}
		if p, got := tool.call("/oauth/token", refresh, thief.proof(e, "POST", "/oauth/token", "")); got["error"] != "invalid_grant" {
			t.Errorf("refreshed by another key: %v", p)
		}
		if p, got := tool.call("/oauth/token", refresh, key.proof(e, "POST", "/oauth/token", "")); p.status != 200 || got["token_type"] != "DPoP" {
			t.Errorf("refreshed by its key: %v", p)
		}
		bearer := tool.enter(b)
		if p := userinfo(key.proof(e, "GET", "/oauth/userinfo", bearer.AccessToken)); p.status != 401 {
			t.Errorf("a token that is bound to nothing, shown with a proof: %v", p)
		}

		print, err := (&jose.JSONWebKey{Key: key.key.Public()}).Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		named := base64.RawURLEncoding.EncodeToString(print)
		if p, got := tool.call("/oauth/token", code("dpop_jkt", named), thief.proof(e, "POST", "/oauth/token", "")); got["error"] != "invalid_grant" {
			t.Errorf("a code bound to a key, by another: %v", p)
		}
		if p, got := tool.call("/oauth/token", code("dpop_jkt", named)); got["error"] != "invalid_grant" {
			t.Errorf("a code bound to a key, without a proof: %v", p)
		}
		if p, _ := tool.call("/oauth/token", code("dpop_jkt", named), key.proof(e, "POST", "/oauth/token", "")); p.status != 200 {
			t.Errorf("a code bound to a key: %v", p)
		}
	})
}

// A request sent ahead (RFC 9126) serves once, for a minute, its client alone.
func TestPushedRequest(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		other := e.relying(e.tool("autre"))
		b := e.browser()
		b.signIn(person, "")
		ahead := func(more ...string) url.Values {
			u, _ := url.Parse(tool.url(more...))
			return u.Query()
		}
		p, got := tool.call("/oauth/par", ahead())
		if p.status != 201 || got["expires_in"] != 60.0 || p.header.Get("Cache-Control") != "no-store" {
			t.Fatal(p)
		}
		address := func(client, uri string, more ...string) string {
			q := url.Values{"client_id": {client}, "request_uri": {uri}}
			for i := 0; i < len(more); i += 2 {
				q.Set(more[i], more[i+1])
			}
			return "/oauth/authorize?" + q.Encode()
		}
		uri := got["request_uri"].(string)
		if p := b.get(address("autre", "urn:ietf:params:oauth:request_uri:x")); p.status != 400 || p.to != nil {
			t.Errorf("an unknown one: %v", p)
		}
		p = b.get(address("paie", uri, "scope", "openid", "redirect_uri", "https://evil.example/"))
		if p.param("code") == "" || p.to.Host != "paie.example" || p.param("state") != tool.state {
			t.Fatalf("what came beside it counted: %v", p)
		}
		if got, err := tool.redeem(p.param("code")); err != nil || got.id.Nonce != tool.nonce {
			t.Errorf("%v", err)
		}
		if p := b.get(address("paie", uri)); p.status != 400 || p.to != nil {
			t.Errorf("used twice: %v", p)
		}
		if p := b.get(address("paie", uri, "redirect_uri", tool.tool.RedirectURIs[0])); p.param("error") != "invalid_request_uri" {
			t.Errorf("used twice, with a way back: %v", p)
		}
		_, got = tool.call("/oauth/par", ahead())
		if p := b.get(address("autre", got["request_uri"].(string))); p.status != 400 || p.to != nil {
			t.Errorf("of another client: %v", p)
		}
		_, got = tool.call("/oauth/par", ahead())
		e.skew.Add(int64(61 * time.Second))
		if p := b.get(address("paie", got["request_uri"].(string))); p.status != 400 {
			t.Errorf("after a minute: %v", p)
		}
		for name, c := range map[string]struct {
			form  url.Values
			error string
		}{
			"another address":   {ahead("redirect_uri", "https://evil.example/"), "invalid_request"},
			"no address":        {ahead("redirect_uri", ""), "invalid_request"},
			"no PKCE":           {ahead("code_challenge", ""), "invalid_request"},
			"one in another":    {ahead("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"},
			"a request object":  {ahead("request", "a.b.c"), "request_not_supported"},
			"no openid":         {ahead("scope", "email"), "invalid_scope"},
			"another's request": {ahead("client_id", "autre"), "invalid_client"},
		} {
			if p, got := tool.call("/oauth/par", c.form); p.status < 400 || got["error"] != c.error {
				t.Errorf("%s: %v", name, p)
			}
		}
		if p, _ := other.call("/oauth/par", ahead("client_id", "autre"), func(r *http.Request) { r.Header.Del("Authorization") }); p.status != 401 {
			t.Errorf("without a secret: %v", p)
		}
	})
}

// A tool knows people by names of its own, is answered by signed JWTs, and is told no claim that it may not have.
func TestToolKinds(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		e.tx(func(tx *store.Tx) error {
			return tx.SaveAccountClaims(person, `{"nickname":"Nanou","phone_number":"+33199001234","phone_number_verified":false,"address":{"locality":"Paris"}}`)
		})
		b := e.browser()
		b.signIn(person, "")
		plain := e.relying(e.tool("plain"))
		plain.config.Scopes = append(plain.config.Scopes, "phone", "address")
		public := plain.enter(b)
		_, info := plain.userinfo(public.AccessToken)
		if info["nickname"] != "Nanou" || info["phone_number"] != "+33199001234" || info["phone_number_verified"] != false || info["address"].(map[string]any)["locality"] != "Paris" ||
			info["given_name"] != "Anne" || info["sub"] != person {
			t.Errorf("%v", info)
		}

		first := e.relying(e.tool("first", func(t *portique.Tool) { t.Pairwise = true }))
		second := e.relying(e.tool("second", func(t *portique.Tool) { t.Pairwise = true }))
		same := e.relying(e.tool("same", func(t *portique.Tool) {
			t.Pairwise, t.RedirectURIs = true, []string{"https://first.example/other"}
		}))
		subjects, sessions := map[string]string{}, map[string]any{}
		for name, tool := range map[string]*relying{"first": first, "second": second, "same": same} {
			got := tool.enter(b)
			subjects[name], sessions[name] = got.id.Subject, got.claims["sid"]
			if told := tool.introspect(got.AccessToken); told["sid"] != got.claims["sid"] {
				t.Errorf("%s: two names for its session", name)
			}
			if _, info := tool.userinfo(got.AccessToken); info["sub"] != got.id.Subject {
				t.Errorf("%s: userinfo names %v", name, info["sub"])
			}
			if told := tool.introspect(got.AccessToken); told["sub"] != got.id.Subject {
				t.Errorf("%s: introspection names %v", name, told["sub"])
			}
			if p := b.get(tool.url("prompt", "none", "id_token_hint", got.raw)); p.param("code") == "" {
				t.Errorf("%s: its own hint: %v", name, p)
			}
			if p := b.get(tool.url("prompt", "none", "claims", `{"id_token":{"sub":{"value":"`+person+`"}}}`)); p.param("error") != "login_required" {
				t.Errorf("%s: by another tool's name: %v", name, p)
			}
		}
		if sessions["first"] == b.sessionID || sessions["first"] == sessions["second"] || sessions["first"] != sessions["same"] {
			t.Errorf("%v", sessions)
		}
		if p := b.get("/oauth/logout?id_token_hint=" + first.enter(b).raw); !strings.HasPrefix(p.body, "PAGE signed-out true") {
			t.Errorf("a sign-out by its own hint: %v", p)
		}
		b.signIn(person, "")
		if subjects["first"] == person || subjects["first"] == subjects["second"] || subjects["first"] != subjects["same"] {
			t.Errorf("%v", subjects)
		}

		signed := e.relying(e.tool("signed", func(t *portique.Tool) { t.UserinfoSigned, t.Algorithm = true, "RS256" }))
		got := signed.enter(b)
		r, _ := http.NewRequest("GET", e.server.URL+"/oauth/userinfo", nil)
		r.Header.Set("Authorization", "Bearer "+got.AccessToken)
		p := read(t, http.DefaultClient, r)
		if p.header.Get("Content-Type") != "application/jwt" || headerOf(t, p.body)["alg"] != "RS256" {
			t.Fatal(p)
		}
		if _, err := rp.NewRemoteKeySet(context.Background(), e.server.URL+"/oauth/keys").VerifySignature(context.Background(), p.body); err != nil {
			t.Error(err)
		}
		if c := claimsIn(t, p.body); c["iss"] != e.server.URL || c["aud"] != "signed" || c["sub"] != person || c["email"] == nil {
			t.Errorf("%v", c)
		}

		for level, want := range map[string]string{"portique:1": "", "portique:2": "unmet_authentication_requirements", "portique:3": "unmet_authentication_requirements"} {
			strict := e.relying(e.tool("strict"+level[9:], func(t *portique.Tool) { t.MinACR = level }))
			if p := b.get(strict.url()); p.param("error") != want {
				t.Errorf("%s: %v", level, p)
			}
		}
		modest := e.relying(e.tool("modest", func(t *portique.Tool) { t.Claims = []string{"email"} }))
		got = modest.enter(b, "claims", `{"id_token":{"name":null,"email":null}}`)
		if _, info := modest.userinfo(got.AccessToken); info["email"] == nil || info["name"] != nil || info["company"] != nil || info["email_verified"] != nil {
			t.Errorf("%v", info)
		}
		if told := modest.introspect(got.AccessToken); told["company"] != nil || told["acr"] == nil {
			t.Errorf("%v", told)
		}
		if got.claims["email"] == nil || got.claims["name"] != nil || got.claims["company"] != nil || got.claims["auth_time"] == nil || got.claims["acr"] == nil {
			t.Errorf("%v", got.claims)
		}
	})
}

// Keys that a tool publishes are fetched by the timetable, again when a proof is by another one; what is no set of keys changes
// nothing, and no request waits for it.
func TestFetchKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		first, second := newSigner(t), newSigner(t)
		var mu sync.Mutex
		served, calls := first.set(), 0
		host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			calls++
			_, _ = w.Write([]byte(served))
		}))
		t.Cleanup(host.Close)
		serve := func(set string) {
			mu.Lock()
			defer mu.Unlock()
			served = set
		}
		tool := e.relying(e.tool("paie", func(t *portique.Tool) {
			t.AuthMethod, t.SecretHash, t.JWKSURI = "private_key_jwt", nil, host.URL+"/keys"
		}))
		ask := func(key *signer) int {
			now := begun.Unix()
			assertion := key.sign("JWT", map[string]any{"iss": "paie", "sub": "paie", "aud": e.server.URL, "jti": store.NewID(), "exp": now + 60})
			p, _ := tool.call("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_assertion": {assertion},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}, func(r *http.Request) { r.Header.Del("Authorization") })
			return p.status
		}
		fetch := func() {
			t.Helper()
			if err := e.provider.FetchKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if status := ask(first); status != 401 || calls != 0 {
			t.Errorf("before the keys were fetched: %d, %d calls", status, calls)
		}
		fetch()
		fetch()
		if status := ask(first); status != 200 || calls != 1 {
			t.Errorf("after: %d, %d calls", status, calls)
		}
		serve(second.set())
		if status := ask(second); status != 401 || calls != 1 {
			t.Errorf("by a key not fetched yet: %d, %d calls", status, calls)
		}
		fetch()
		if calls != 1 {
			t.Errorf("%d calls in the same minute", calls)
		}
		func(p *oidc.Provider) { // another node, which has asked nobody yet
			serve(`<html>out of order</html>`)
			if err := p.FetchKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
		}(e.node())
		if status := ask(first); status != 200 || calls != 2 {
			t.Errorf("after what is no set: %d, %d calls", status, calls)
		}
		func(p *oidc.Provider) {
			serve(second.set())
			if err := p.FetchKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
		}(e.node())
		if status := ask(second); status != 200 {
			t.Errorf("by the new key: %d", status)
		}
		if status := ask(first); status != 401 {
			t.Errorf("by the old key: %d", status)
		}
		func(p *oidc.Provider) { // a stolen key is taken back; one that we cannot use is left out
			serve(`{"keys":[{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}]}`)
			if err := p.FetchKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
		}(e.node())
		if status := ask(second); status != 401 {
			t.Errorf("by a key taken back: %d", status)
		}
	})
}

// Of several tools at one address each may ask about a token that is for it; a token is for one address.
func TestResourceOfSeveral(t *testing.T) {
	onSQLite(t, func(e *env) {
		caller, service := e.relying(e.tool("appelant")), e.relying(e.tool("service"))
		e.tool("till", forDevices, func(t *portique.Tool) { t.AuthMethod, t.SecretHash, t.URL = "none", nil, service.tool.URL })
		form := url.Values{"grant_type": {"client_credentials"}, "resource": {service.tool.URL}}
		p, got := caller.call("/oauth/token", form)
		if p.status != 200 {
			t.Fatal(p)
		}
		if p, told := service.call("/oauth/introspect", url.Values{"token": {got["access_token"].(string)}}); told["active"] != true || told["client_id"] != "appelant" {
			t.Errorf("the service asks: %v", p)
		}
		form.Add("resource", caller.tool.URL)
		if p, got := caller.call("/oauth/token", form); p.status != 400 || got["error"] != "invalid_target" {
			t.Errorf("two at once: %v", p)
		}
	})
}
