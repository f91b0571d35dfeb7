package oidc_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// OID-01 Only the exact string of a registered redirect address is ever
// answered; the person sees a page.
func TestOID01RedirectURI(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		const good = "https://paie.example/callback"
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		for _, uri := range []string{
			"", "https://paie.example/Callback", "https://PAIE.example/callback", "HTTPS://paie.example/callback", "http://paie.example/callback",
			good + "/", good + "?", good + "?a=b", good + "#", good + "#fragment", good + " ", " " + good, good + "%20", good + "\n", good + "\x00",
			"https://paie.example:443/callback", "https://paie.example:8443/callback", "https://paie.example./callback",
			"https://paie.example/callback/../callback", "https://paie.example/./callback", "https://paie.example/callbac%6b", "https://paie.example//callback",
			"https://user@paie.example/callback", "https://paie.example@evil.example/callback", "https://paie.example.evil.example/callback",
			"https://sub.paie.example/callback", "https://evil.example/callback", "//paie.example/callback", "/callback", "callback",
			"https:/paie.example/callback", "https:\\\\paie.example\\callback", "https://paie.example\\@evil.example/callback",
			"javascript:alert(1)", "data:text/html,x", "https://93.184.216.34/callback", "https://[::1]/callback", "https://paie.example/callback;x",
			"https://paié.example/callback", "urn:ietf:wg:oauth:2.0:oob",
		} {
			u, _ := url.Parse(tool.url())
			q := u.Query()
			q.Set("redirect_uri", uri)
			p := b.get("/oauth/authorize?" + q.Encode())
			if p.status != http.StatusBadRequest || p.to != nil || !strings.Contains(p.body, "oauth.redirect_uri_unknown") {
				t.Errorf("%q: %v", uri, p)
			}
		}
		u, _ := url.Parse(tool.url())
		for _, query := range []string{u.RawQuery + "&redirect_uri=" + url.QueryEscape(good), strings.Replace(u.RawQuery, "redirect_uri=", "redirect=", 1)} {
			if p := b.get("/oauth/authorize?" + query); p.status != 400 || p.to != nil {
				t.Errorf("%s: %v", query, p)
			}
		}
		for _, id := range []string{"", "unknown", "PAIE", "paie\x00", "pa;ie", strings.Repeat("a", 5000), "paie'--"} {
			if p := b.get(tool.url("client_id", id)); p.status != 400 || p.to != nil || !strings.Contains(p.body, "oauth.client_unknown") {
				t.Errorf("client %q: %v", id, p)
			}
		}
		if p := b.get("/oauth/authorize?%zz"); p.status != 400 || p.to != nil {
			t.Errorf("%v", p)
		}
		if p := b.get(tool.url("state", strings.Repeat("x", 70<<10))); p.status != http.StatusRequestEntityTooLarge {
			t.Errorf("a long request: %v", p.status)
		}
		// A disabled tool is no client any more (OID-36).
		e.disable("paie")
		if p := b.get(tool.url()); p.status != 400 || p.to != nil {
			t.Errorf("disabled: %v", p)
		}
	})
}

// disable switches a tool off, as the operator does.
func (e *env) disable(id string) {
	e.t.Helper()
	e.exec(`UPDATE tool SET disabled_at = 1 WHERE id = '` + id + `'`)
}

// Other faults go to the tool, by the code that the standards give them.
func TestAuthorizeErrors(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		public := e.relying(e.tool("mobile", func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		optional := e.relying(e.tool("ancien", func(t *portique.Tool) { t.PKCEOptional = true }))
		b := e.browser()
		b.signIn(person, "")
		entered := tool.enter(b)
		foreign := optional.enter(b)
		for _, c := range []struct {
			of   string // the case of the catalogue, or none
			tool *relying
			with []string
			want string
		}{
			{"OID-21", tool, []string{"response_type", ""}, "invalid_request"},
			{"OID-21", tool, []string{"response_type", "token"}, "unsupported_response_type"},
			{"OID-21", tool, []string{"response_type", "id_token"}, "unsupported_response_type"},
			{"OID-21", tool, []string{"response_type", "code id_token"}, "unsupported_response_type"},
			{"", tool, []string{"response_mode", "fragment"}, "invalid_request"},
			{"", tool, []string{"response_mode", "query.jwt"}, "invalid_request"},
			{"OID-19", tool, []string{"request", "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"},
			{"OID-19", tool, []string{"request_uri", "http://127.0.0.1/x"}, "request_uri_not_supported"},
			{"OID-19", tool, []string{"request_uri", "urn:ietf:params:oauth:request_uri:x"}, "invalid_request_uri"},
			{"OID-19", tool, []string{"registration", "{}"}, "registration_not_supported"},
			{"", tool, []string{"scope", ""}, "invalid_scope"},
			{"", tool, []string{"scope", "profile"}, "invalid_scope"},
			{"OID-08", tool, []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
			{"OID-08", tool, []string{"code_challenge", ""}, "invalid_request"},
			{"OID-08", tool, []string{"code_challenge_method", ""}, "invalid_request"},
			{"OID-08", tool, []string{"code_challenge_method", "plain"}, "invalid_request"},
			{"OID-08", tool, []string{"code_challenge_method", "s256"}, "invalid_request"},
			{"OID-08", tool, []string{"code_challenge", "short"}, "invalid_request"},
			{"OID-08", tool, []string{"code_challenge", strings.Repeat("+", 43)}, "invalid_request"},
			{"OID-08", public, []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
			{"OID-08", optional, []string{"code_challenge_method", "plain"}, "invalid_request"},
			{"OID-08", optional, []string{"code_challenge", ""}, "invalid_request"},
			{"", tool, []string{"prompt", "none login"}, "invalid_request"},
			{"", tool, []string{"prompt", "create"}, "invalid_request"},
			{"", tool, []string{"max_age", "-1"}, "invalid_request"},
			{"", tool, []string{"max_age", "soon"}, "invalid_request"},
			{"", tool, []string{"claims", "{"}, "invalid_request"},
			{"", tool, []string{"claims", `["name"]`}, "invalid_request"},
			{"", tool, []string{"id_token_hint", "x.y.z"}, "invalid_request"},
			{"OID-16", tool, []string{"id_token_hint", entered.AccessToken}, "invalid_request"},
			{"", tool, []string{"id_token_hint", foreign.raw}, "invalid_request"},
			{"", tool, []string{"id_token_hint", unsigned(entered.raw)}, "invalid_request"},
			{"", tool, []string{"nonce", "\xff"}, "invalid_request"},
			{"", tool, []string{"nonce", "a\x00b"}, "invalid_request"},
		} {
			t.Run(strings.TrimSpace(c.of+" "+c.with[0]+" of "+c.tool.tool.ID), func(t *testing.T) {
				for _, prompt := range []string{"", "none"} {
					if prompt != "" && c.with[0] == "prompt" {
						continue
					}
					p := b.get(c.tool.url(append([]string{"prompt", prompt}, c.with...)...))
					if p.to == nil || p.to.Host != c.tool.tool.ID+".example" || p.param("error") != c.want || p.param("code") != "" ||
						p.param("state") != tool.state || p.param("iss") != e.server.URL || p.param("error_description") == "" {
						t.Errorf("%v: want %s, got %v", c.with, c.want, p)
					}
				}
			})
		}
		t.Run("OID-30 the same parameter twice", func(t *testing.T) {
			for _, name := range []string{"scope", "state", "nonce", "response_type", "code_challenge", "prompt", "unknown"} {
				p := b.get(tool.url("prompt", "none") + "&" + name + "=a&" + name + "=b")
				if p.to == nil || p.param("error") != "invalid_request" {
					t.Errorf("%s twice: %v", name, p)
				}
			}
			// Who asks, or where the answer would go: a page.
			for _, name := range []string{"client_id", "redirect_uri"} {
				u, _ := url.Parse(tool.url())
				if p := b.get(tool.url() + "&" + name + "=" + url.QueryEscape(u.Query().Get(name))); p.status != 400 || p.to != nil {
					t.Errorf("%s twice: %v", name, p)
				}
			}
		})
	})
}

// unsigned takes the signature off a token.
func unsigned(raw string) string {
	parts := strings.Split(raw, ".")
	return "eyJhbGciOiJub25lIn0." + parts[1] + "."
}

// A pending authorization belongs to the browser that began it, and ends once.
func TestContinuation(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		victim, attacker := e.browser(), e.browser()

		// Begun by one browser, finished by another: a sign-in handed over.
		id := attacker.get(tool.url()).param("authorization")
		victim.signIn(person, "")
		for range 2 { // without, then with a cookie of its own
			if p := victim.get("/oauth/authorize/" + id); p.status != 400 || p.to != nil || !strings.Contains(p.body, "oauth.stale") {
				t.Errorf("another browser went on: %v", p)
			}
			victim.get(tool.url("prompt", "login"))
		}
		for _, strange := range []string{"unknown", "%00", "a%2Fb", strings.Repeat("a", 200)} {
			if p := victim.get("/oauth/authorize/" + strange); p.status != 400 && p.status != 404 {
				t.Errorf("%s: %v", strange, p)
			}
		}

		// Finished twice: one code (parallel), and none later.
		id = victim.get(tool.url("prompt", "login")).param("authorization")
		victim.signIn(person, id)
		var codes, others sync.Map
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				p := victim.get("/oauth/authorize/" + id)
				if code := p.param("code"); code != "" {
					codes.Store(code, true)
				} else if p.status != http.StatusConflict || !strings.Contains(p.body, "oauth.finished") {
					others.Store(i, p.String())
				}
			})
		}
		all.Wait()
		n := 0
		codes.Range(func(any, any) bool { n++; return true })
		if n != 1 {
			t.Errorf("one authorization gave %d codes", n)
		}
		others.Range(func(_, p any) bool { t.Error(p); return true })

		// Too old.
		id = victim.get(tool.url("prompt", "login")).param("authorization")
		e.skew.Add(int64(time.Hour))
		victim.signIn(person, "")
		if p := victim.get("/oauth/authorize/" + id); p.status != 400 || !strings.Contains(p.body, "oauth.stale") {
			t.Errorf("an old authorization went on: %v", p)
		}

		// The tool's address changed meanwhile.
		if e.db.Path() == "" {
			return
		}
		id = victim.get(tool.url("prompt", "login")).param("authorization")
		e.exec(`UPDATE tool SET redirect_uris = '["https://paie.example/new"]' WHERE id = 'paie'`)
		victim.signIn(person, "")
		if p := victim.get("/oauth/authorize/" + id); p.status != 400 || p.to != nil {
			t.Errorf("went on to an address that is registered no more: %v", p)
		}
	})
}

// post calls the token endpoint.
func (e *env) post(form url.Values, change func(*http.Request)) (reply, map[string]any) {
	e.t.Helper()
	r, _ := http.NewRequest("POST", e.server.URL+"/oauth/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(r)
	}
	p := read(e.t, http.DefaultClient, r)
	got := map[string]any{}
	_ = json.Unmarshal([]byte(p.body), &got)
	return p, got
}

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

// What the token endpoint refuses. No refusal of the client burns the code.
func TestTokenErrors(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie", func(t *portique.Tool) { t.RedirectURIs = append(t.RedirectURIs, "https://paie.example/second") }))
		other := e.relying(e.tool("autre"))
		poster := e.relying(e.tool("post", func(t *portique.Tool) { t.AuthMethod = "client_secret_post" }))
		public := e.relying(e.tool("mobile", func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		_ = other
		b := e.browser()
		b.signIn(person, "")
		set := func(pairs ...string) func(url.Values) {
			return func(v url.Values) {
				for i := 0; i < len(pairs); i += 2 {
					if v.Del(pairs[i]); pairs[i+1] != "" {
						v.Set(pairs[i], pairs[i+1])
					}
				}
			}
		}
		both := func(fs ...func(*http.Request)) func(*http.Request) {
			return func(r *http.Request) {
				for _, f := range fs {
					f(r)
				}
			}
		}
		media := func(v string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("Content-Type", v) }
		}
		right := basic("paie", toolSecret)
		for _, c := range []struct {
			name   string
			tool   *relying
			form   func(url.Values)
			change func(*http.Request)
			status int
			want   string
			burnt  bool
		}{
			{"no client", tool, set(), nil, 401, "invalid_client", false},
			{"wrong secret", tool, set(), basic("paie", "wrong"), 401, "invalid_client", false},
			{"empty secret", tool, set(), basic("paie", ""), 401, "invalid_client", false},
			{"the hash as secret", tool, set(), basic("paie", string(secret.Hash(toolSecret))), 401, "invalid_client", false},
			{"unknown client", tool, set(), basic("nobody", toolSecret), 401, "invalid_client", false},
			{"strange client", tool, set(), basic("a\x00b", toolSecret), 401, "invalid_client", false},
			{"no secret", tool, set("client_id", "paie"), nil, 401, "invalid_client", false},
			{"two clients", tool, set("client_id", "autre"), right, 401, "invalid_client", false},
			{"two methods", tool, set("client_id", "paie", "client_secret", toolSecret), right, 400, "invalid_request", false},
			{"bearer", tool, set("client_id", "paie"), func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401, "invalid_client", false},
			{"assertion", tool, set("client_id", "paie", "client_assertion", "a.b.c"), nil, 401, "invalid_client", false},
			{"post only, by header", poster, set(), basic("post", toolSecret), 401, "invalid_client", false},
			{"public, by header", public, set(), basic("mobile", ""), 401, "invalid_client", false},
			{"public, with a secret", public, set("client_id", "mobile", "client_secret", "x"), nil, 401, "invalid_client", false},
			{"portal", tool, set(), basic("portal", toolSecret), 401, "invalid_client", false},
			{"no grant type", tool, set("grant_type", ""), right, 400, "invalid_request", false},
			{"OID-21 password", tool, set("grant_type", "password", "username", "a", "password", "b"), right, 400, "unsupported_grant_type", false},
			{"refresh with nonsense", tool, set("grant_type", "refresh_token", "refresh_token", "x"), right, 400, "invalid_grant", false},
			{"a scope in its own name", tool, set("grant_type", "client_credentials", "scope", "openid"), right, 400, "invalid_scope", false},
			{"no code", tool, set("code", ""), right, 400, "invalid_request", false},
			{"unknown code", tool, set("code", "unknown"), right, 400, "invalid_grant", false},
			{"OID-30 code twice", tool, func(v url.Values) { v.Add("code", "x") }, right, 400, "invalid_request", false},
			{"OID-30 client twice", tool, func(v url.Values) { v["client_id"] = []string{"paie", "paie"} }, right, 400, "invalid_request", false},
			{"JSON", tool, set(), both(right, media("application/json")), 400, "invalid_request", false},
			{"no media type", tool, set(), both(right, media("")), 400, "invalid_request", false},
			{"OID-07 other client", tool, set(), basic("autre", toolSecret), 400, "invalid_grant", true},
			{"OID-07 other address", tool, set("redirect_uri", "https://paie.example/second"), right, 400, "invalid_grant", true},
			{"OID-07 no address", tool, set("redirect_uri", ""), right, 400, "invalid_grant", true},
			{"OID-08 no verifier", tool, set("code_verifier", ""), right, 400, "invalid_grant", true},
			{"OID-08 wrong verifier", tool, set("code_verifier", strings.Repeat("a", 43)), right, 400, "invalid_grant", true},
			{"OID-08 short verifier", tool, set("code_verifier", "a"), right, 400, "invalid_grant", true},
			{"OID-08 the challenge as verifier", tool, func(v url.Values) { v.Set("code_verifier", challengeOf(tool.verifier)) }, right, 400, "invalid_grant", true},
		} {
			t.Run(c.name, func(t *testing.T) {
				form := func() url.Values {
					p := b.get(c.tool.url())
					return url.Values{"grant_type": {"authorization_code"}, "code": {p.param("code")}, "redirect_uri": {c.tool.tool.RedirectURIs[0]}, "code_verifier": {c.tool.verifier}}
				}
				v := form()
				code := v.Get("code")
				c.form(v)
				p, got := e.post(v, c.change)
				if p.status != c.status || got["error"] != c.want || got["access_token"] != nil || p.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: want %d %s, got %v", c.name, c.status, c.want, p)
				}
				if c.status == 401 && c.change != nil && p.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: no WWW-Authenticate", c.name)
				}
				if _, err := c.tool.redeem(code); (err != nil) != c.burnt {
					t.Errorf("%s: afterwards the right request gave %v", c.name, err)
				}
			})
		}
		// Parameters of the address count for nothing.
		code := b.get(tool.url()).param("code")
		p, _ := e.post(url.Values{}, func(r *http.Request) {
			right(r)
			r.URL.RawQuery = url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {tool.tool.RedirectURIs[0]}, "code_verifier": {tool.verifier}}.Encode()
		})
		if p.status != 400 {
			t.Errorf("a code in the address: %v", p)
		}
		if r, err := http.Get(e.server.URL + "/oauth/token"); err != nil || r.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("GET: %v %v", r, err)
		}
		p, _ = e.post(url.Values{"x": {strings.Repeat("x", 70<<10)}}, right)
		if p.status != http.StatusRequestEntityTooLarge {
			t.Errorf("a long form: %d", p.status)
		}
	})
}

// OID-04 A code is redeemed once, and its second use ends what the first gave.
// OID-06 It lives 60 seconds.
func TestOID04OID06Code(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")

		code := b.get(tool.url()).param("code")
		e.skew.Add(int64(59 * time.Second))
		got, err := tool.redeem(code)
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := tool.userinfo(got.AccessToken); status != 200 {
			t.Errorf("userinfo %d", status)
		}
		for range 3 {
			if _, err := tool.redeem(code); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
				t.Errorf("a code redeemed twice: %v", err)
			}
		}
		if status, info := tool.userinfo(got.AccessToken); status != 401 || info["error"] != "invalid_token" {
			t.Errorf("after a replay userinfo answers %d %v", status, info)
		}
		if n := count(e.actions("paie"), portique.ActionCodeReplayed); n != 1 {
			t.Errorf("%d replays in the journal", n)
		}

		code = b.get(tool.url()).param("code")
		e.skew.Add(int64(61 * time.Second))
		if _, err := tool.redeem(code); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("a code of 61 s: %v", err)
		}

		got = tool.enter(b)
		if err := e.provider.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, _ := tool.userinfo(got.AccessToken); status != 200 {
			t.Errorf("after a purge: %d", status)
		}
		e.skew.Add(int64(5*time.Minute + time.Second))
		if status, _ := tool.userinfo(got.AccessToken); status != 401 {
			t.Errorf("an access token of five minutes: %d", status)
		}
	})
}

// An access that ended opens nothing any more: neither a code still unspent nor
// a token.
func TestAccessDies(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		ends := map[string]func(account, membership, session, tool string){
			"signed out":      func(_, _, session, _ string) { e.tx(func(tx *store.Tx) error { return tx.EndSession(session) }) },
			"session too old": func(_, _, _, _ string) { e.skew.Add(int64(12 * time.Hour)) },
			"new password":    func(id, _, _, _ string) { e.tx(func(tx *store.Tx) error { return tx.EndSessionsOf(id) }) },
			"account disabled": func(id, _, _, _ string) {
				e.tx(func(tx *store.Tx) error { return tx.SetAccountStatus(id, portique.AccountDisabled) })
			},
			"removed": func(_, id, _, _ string) {
				e.editMembership(id, func(m *portique.Membership) { m.Status = portique.MembershipEnded })
			},
			"suspended": func(_, id, _, _ string) {
				e.editMembership(id, func(m *portique.Membership) { m.Status = portique.MembershipSuspended })
			},
			"past its date": func(_, id, _, _ string) {
				e.editMembership(id, func(m *portique.Membership) { m.Until = time.UnixMilli(1) })
			},
			"right taken": func(_, id, _, _ string) { e.editMembership(id, func(m *portique.Membership) { m.Rights = nil }) },
			"made declarant": func(_, id, _, _ string) {
				e.editMembership(id, func(m *portique.Membership) { m.Role = portique.Declarant })
			},
			"company closed": func(_, _, _, _ string) {
				e.editCompany(siren1, func(c *portique.Company) { c.Status = portique.CompanyClosed })
			},
		}
		if e.db.Path() != "" {
			ends["tool disabled"] = func(_, _, _, tool string) { e.disable(tool) }
		}
		for name, end := range ends {
			slug := strings.ReplaceAll(strings.ToLower(name), " ", "-")
			person := e.account("Anne-" + slug)
			membership := e.member(person, siren1, portique.Member, slug)
			e.editCompany(siren1, func(c *portique.Company) { c.Status = portique.CompanyActive })
			tool := e.relying(e.tool(slug))
			tool.config.Scopes = append(tool.config.Scopes, "offline_access")
			b := e.browser()
			b.signIn(person, "")
			got := tool.enter(b)
			code := b.get(tool.url()).param("code")
			waiting := b.get(tool.url("prompt", "consent")).param("authorization")
			active := func(token string) bool {
				_, told := tool.call("/oauth/introspect", url.Values{"token": {token}})
				return told["active"] == true
			}
			if status, _ := tool.userinfo(got.AccessToken); status != 200 || !active(got.AccessToken) || !active(got.RefreshToken) || waiting == "" {
				t.Fatalf("%s: userinfo %d before", name, status)
			}
			end(person, membership, b.sessionID, slug)
			for credential, opens := range map[string]func() bool{
				"access token": func() bool {
					status, info := tool.userinfo(got.AccessToken)
					return status != 401 || info["error"] != "invalid_token"
				},
				"access token, asked about":  func() bool { return active(got.AccessToken) },
				"refresh token, asked about": func() bool { return active(got.RefreshToken) },
				"refresh token": func() bool {
					p, _ := tool.refresh(got.RefreshToken)
					return p.status == 200
				},
				"code": func() bool { _, err := tool.redeem(code); return err == nil },
				"session": func() bool {
					return b.get(tool.url("prompt", "none")).param("code") != ""
				},
				"hint": func() bool {
					return b.get(tool.url("prompt", "none", "id_token_hint", got.raw)).param("code") != ""
				},
				"open form": func() bool {
					e.tx(func(tx *store.Tx) error {
						a, err := tx.Authorization(waiting)
						if err != nil {
							return err
						}
						a.ConsentedAt = tx.Now()
						return errors.Join(tx.SaveAuthorization(a), tx.SaveConsent(person, slug, a.Told))
					})
					return b.get("/oauth/authorize/"+waiting).param("code") != ""
				},
			} {
				if opens() {
					t.Errorf("%s: the %s still opens", name, credential)
				}
			}
		}
	})
}

// What userinfo takes, and from where (RFC 6750).
func TestUserinfoRequests(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		got := tool.enter(b)
		const form = "application/x-www-form-urlencoded"
		for _, c := range []struct {
			name, method, query, header, media, body string
			status                                   int
			want                                     string
		}{
			{"header", "GET", "", "Bearer " + got.AccessToken, "", "", 200, ""},
			{"scheme in small letters", "GET", "", "bearer " + got.AccessToken, "", "", 200, ""},
			{"POST, header", "POST", "", "Bearer " + got.AccessToken, "", "", 200, ""},
			{"POST, header, empty form", "POST", "", "Bearer " + got.AccessToken, form, "a=b", 200, ""},
			{"OID-18 POST, form", "POST", "", "", form, "access_token=" + got.AccessToken, 200, ""},
			{"both", "POST", "", "Bearer " + got.AccessToken, form, "access_token=" + got.AccessToken, 400, "invalid_request"},
			{"twice", "POST", "", "", form, "access_token=a&access_token=b", 400, "invalid_request"},
			{"JSON", "POST", "", "", "application/json", `{"access_token":"` + got.AccessToken + `"}`, 400, "invalid_request"},
			{"OID-18 address", "GET", "?access_token=" + got.AccessToken, "", "", "", 401, ""},
			{"OID-18 address, POST", "POST", "?access_token=" + got.AccessToken, "", form, "a=b", 401, ""},
			{"nothing", "GET", "", "", "", "", 401, ""},
			{"basic", "GET", "", "Basic cGFpZTp4", "", "", 401, ""},
			{"empty", "GET", "", "Bearer ", "", "", 401, "invalid_token"},
			{"unknown", "GET", "", "Bearer unknown", "", "", 401, "invalid_token"},
			{"OID-16 ID token", "GET", "", "Bearer " + got.raw, "", "", 401, "invalid_token"},
			{"two tokens", "GET", "", "Bearer a b", "", "", 401, "invalid_token"},
		} {
			t.Run(c.name, func(t *testing.T) {
				r, _ := http.NewRequest(c.method, e.server.URL+"/oauth/userinfo"+c.query, strings.NewReader(c.body))
				if c.header != "" {
					r.Header.Set("Authorization", c.header)
				}
				if c.media != "" {
					r.Header.Set("Content-Type", c.media)
				}
				p := read(t, http.DefaultClient, r)
				challenge := p.header.Get("WWW-Authenticate")
				if p.status != c.status || (c.want != "") != strings.Contains(p.body, `"`+c.want+`"`) && c.want != "" ||
					(c.status != 200) != strings.HasPrefix(challenge, "Bearer") || c.status != 200 && (c.want != "") != strings.Contains(challenge, "error=") {
					t.Errorf("%s: %v %s", c.name, p, challenge)
				}
				if p.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: may be cached", c.name)
				}
			})
		}
	})
}
