package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	rp "github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"portique"
	"portique/internal/oidc"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// A person signs in for a tool and enters; later tools open without a second
// sign-in.
func TestEnter(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		first := e.relying(e.tool("paie"))
		second := e.relying(e.tool("formation", func(t *portique.Tool) { t.Algorithm = "RS256"; t.AuthMethod = "client_secret_post" }))
		b := e.browser()

		p := b.get(first.url("login_hint", "anne@example.org"))
		if p.page() != "/login" {
			t.Fatalf("want the sign-in page, got %v", p)
		}
		id := p.param("authorization")
		e.tx(func(tx *store.Tx) error {
			a, err := tx.Authorization(id)
			if err == nil && (a.EmailHint != "anne@example.org" || a.RedirectURI != first.tool.RedirectURIs[0] || a.ClientID != "paie") {
				t.Errorf("pending authorization %+v", a)
			}
			return err
		})
		b.signIn(person, id)
		p = b.get("/oauth/authorize/" + id)
		if p.status != http.StatusSeeOther || p.to.Host != "paie.example" || p.param("state") != first.state || p.param("iss") != e.server.URL {
			t.Fatalf("want the tool, got %v", p)
		}
		got, err := first.redeem(p.param("code"))
		if err != nil {
			t.Fatal(err)
		}
		company := map[string]any{"siren": string(siren1), "name": "Société " + string(siren1), "role": "administrator",
			"rights": []any{"formation", "paie"}}
		want := map[string]any{"iss": e.server.URL, "sub": person, "aud": "paie", "nonce": first.nonce, "acr": "portique:1", "amr": []any{"pwd"},
			"sid": b.sessionID, "company": company}
		for _, k := range []string{"iat", "exp", "auth_time", "at_hash"} {
			if got.claims[k] == nil {
				t.Errorf("the ID token has no %s", k)
			}
			delete(got.claims, k)
		}
		if diff := cmp.Diff(want, got.claims); diff != "" {
			t.Errorf("ID token (-want +got)\n%s", diff)
		}
		if life := time.Until(got.Expiry); life > 5*time.Minute || life < 4*time.Minute {
			t.Errorf("the access token lives %v", life)
		}
		status, info := first.userinfo(got.AccessToken)
		if info["updated_at"] == nil {
			t.Error("userinfo has no updated_at")
		}
		delete(info, "updated_at")
		wantInfo := map[string]any{"sub": person, "name": "Anne Martin", "given_name": "Anne", "family_name": "Martin", "locale": "fr",
			"email": "anne@example.org", "email_verified": true, "company": company}
		if diff := cmp.Diff(wantInfo, info); status != 200 || diff != "" {
			t.Errorf("userinfo %d (-want +got)\n%s", status, diff)
		}

		// Without a second sign-in, by RS256.
		other := second.enter(b)
		if other.claims["sub"] != person {
			t.Errorf("sub %v", other.claims["sub"])
		}
		for _, id := range []string{"paie", "formation"} {
			if n := count(e.actions(id), portique.ActionToolEntered); n != 1 {
				t.Errorf("%s was entered %d times in the journal", id, n)
			}
		}
	})
}

// A public tool has no secret; a tool registered with --no-pkce needs no
// challenge.
func TestClientKinds(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		b := e.browser()
		b.signIn(person, "")
		public := e.relying(e.tool("mobile", func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		public.enter(b)

		old := e.relying(e.tool("ancien", func(t *portique.Tool) { t.PKCEOptional = true }))
		p := b.get(old.url("code_challenge", "", "code_challenge_method", ""))
		if _, err := old.config.Exchange(t.Context(), p.param("code")); err != nil {
			t.Error(err)
		}
		t.Run("OID-08 a verifier where none was announced", func(t *testing.T) { // RFC 9700 4.8.2
			p := b.get(old.url("code_challenge", "", "code_challenge_method", ""))
			if _, err := old.config.Exchange(t.Context(), p.param("code"), oauth2.VerifierOption(old.verifier)); err == nil {
				t.Error("it was accepted")
			}
		})
		old.enter(b) // with PKCE all the same

		for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
			tool := e.relying(e.tool("style" + string(rune('a'+int(style)))))
			tool.config.Endpoint.AuthStyle = style // both work by default
			tool.enter(b)
		}
	})
}

func TestFormPost(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Member, portique.AllTools)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		for _, c := range []struct{ prompt, want string }{{"", "code"}, {"login none", "error"}} {
			p := b.get(tool.url("response_mode", "form_post", "prompt", c.prompt))
			var got struct {
				Action string
				Fields map[string]string
			}
			if err := json.Unmarshal([]byte(p.body), &got); err != nil {
				t.Fatalf("%v: %v", p, err)
			}
			if got.Action != tool.tool.RedirectURIs[0] || got.Fields[c.want] == "" || got.Fields["state"] != tool.state || got.Fields["iss"] != e.server.URL {
				t.Errorf("form_post %+v", got)
			}
		}
	})
}

// A request sent by a form of another site becomes a link, with the same
// parameters.
func TestPostAuthorize(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		u, _ := url.Parse(tool.url())
		p := b.send("POST", "/oauth/authorize", u.Query())
		if p.status != http.StatusSeeOther || p.page() != "/oauth/authorize" {
			t.Fatal(p)
		}
		if p = b.get(p.to.String()); p.param("code") == "" {
			t.Error(p)
		}
	})
}

// The portal is a client as any other, over a connection of its own.
func TestPortal(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne") // no company yet
		b := e.browser()
		b.signIn(person, "")
		ctx := rp.ClientContext(context.Background(), e.provider.HTTPClient())
		provider, err := rp.NewProvider(ctx, e.server.URL)
		if err != nil {
			t.Fatal(err)
		}
		config := oauth2.Config{ClientID: portique.PortalClientID, ClientSecret: e.provider.PortalSecret(), Endpoint: provider.Endpoint(),
			RedirectURL: "http://portal.localhost/session/callback", Scopes: []string{"openid"}}
		verifier := oauth2.GenerateVerifier()
		p := b.get(config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)))
		got, err := config.Exchange(ctx, p.param("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := got.Extra("id_token").(string)
		id, err := provider.Verifier(&rp.Config{ClientID: portique.PortalClientID, SupportedSigningAlgs: []string{"ES256"}}).Verify(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		var claims struct{ SID string }
		if err := id.Claims(&claims); err != nil || claims.SID != b.sessionID {
			t.Errorf("sid %q, %v", claims.SID, err)
		}
		// Another node of the installation knows the same secret; a guess does not do.
		if e.node().PortalSecret() != e.provider.PortalSecret() {
			t.Error("two nodes have two secrets")
		}
		p = b.get(config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)))
		config.ClientSecret = "guess"
		if _, err := config.Exchange(ctx, p.param("code"), oauth2.VerifierOption(verifier)); err == nil {
			t.Error("a guessed portal secret was accepted")
		}
		if r, err := e.provider.HTTPClient().Get("http://elsewhere.example/"); err != nil || r.StatusCode != http.StatusBadGateway {
			t.Errorf("the client in process reached elsewhere: %v %v", r, err)
		}
	})
}

// For which company a tool is entered.
func TestCompany(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person, stranger := e.account("Anne"), e.account("Zoé")
		e.member(person, siren1, portique.Member, "paie")
		second := e.member(person, siren2, portique.Declarant)
		closed := e.member(person, siren3, portique.Member, "paie")
		e.editCompany(siren3, func(c *portique.Company) { c.Status = portique.CompanyClosed })
		foreign := e.member(stranger, siren2, portique.Administrator)
		paie := e.relying(e.tool("paie", func(t *portique.Tool) { t.Audience = portique.AudienceContributions }))
		other := e.relying(e.tool("autre"))
		b := e.browser()
		b.signIn(person, "")

		for _, c := range []struct {
			name string
			tool *relying
			with []string
			page string // our page
			err  string
			code string // SIREN
		}{
			{name: "several: one chooses", tool: paie, page: "/oauth/company"},
			{name: "several, silently", tool: paie, with: []string{"prompt", "none"}, err: "interaction_required"},
			{name: "hint", tool: paie, with: []string{"company_hint", "732 829 320"}, code: string(siren2)},
			{name: "hint, silently", tool: paie, with: []string{"company_hint", string(siren1), "prompt", "none"}, code: string(siren1)},
			{name: "hint of a closed company", tool: paie, with: []string{"company_hint", string(siren3)}, page: "/oauth/company"},
			{name: "hint that is no company", tool: paie, with: []string{"company_hint", "abc"}, page: "/oauth/company"},
			{name: "hint without access, silently", tool: paie, with: []string{"company_hint", string(siren3), "prompt", "none"}, err: "interaction_required"},
			{name: "hint but choose", tool: paie, with: []string{"company_hint", string(siren1), "prompt", "select_company"}, page: "/oauth/company"},
			{name: "nothing opens", tool: other, page: "/oauth/no-access"},
			{name: "nothing opens, with a hint", tool: other, with: []string{"company_hint", string(siren1)}, page: "/oauth/no-access"},
			{name: "nothing opens, silently", tool: other, with: []string{"prompt", "none"}, err: "access_denied"},
		} {
			p := b.get(c.tool.url(c.with...))
			if p.page() != c.page || p.param("error") != c.err || (p.param("code") != "") != (c.code != "") {
				t.Errorf("%s: %v", c.name, p)
				continue
			}
			if c.code != "" {
				got, err := c.tool.redeem(p.param("code"))
				if err != nil {
					t.Fatal(err)
				}
				if company, _ := got.claims["company"].(map[string]any); company["siren"] != c.code {
					t.Errorf("%s: entered for %v", c.name, company)
				}
			}
		}

		choose := func(membership string) reply {
			id := b.get(paie.url()).param("authorization")
			e.tx(func(tx *store.Tx) error {
				a, err := tx.Authorization(id)
				if err != nil {
					return err
				}
				a.MembershipID = membership
				return tx.SaveAuthorization(a)
			})
			return b.get("/oauth/authorize/" + id)
		}
		got, err := paie.redeem(choose(second).param("code"))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"siren": string(siren2), "name": "Société " + string(siren2), "role": "declarant", "rights": []any{"paie"}}
		if diff := cmp.Diff(want, got.claims["company"]); diff != "" {
			t.Error(diff)
		}
		for name, m := range map[string]string{"closed": closed, "another person's": foreign, "no": "nothing"} {
			if p := choose(m); p.page() != "/oauth/company" {
				t.Errorf("%s access was taken: %v", name, p)
			}
		}

		// One company only: nothing to choose, select_company or not.
		e.editMembership(second, func(m *portique.Membership) { m.Status = portique.MembershipEnded })
		paie.enter(b)
		paie.enter(b, "prompt", "select_company")
		if p := b.get(paie.url("company_hint", string(siren2))); p.page() != "/oauth/company" {
			t.Errorf("another company than the hint's, silently: %v", p)
		}
	})
}

// "Retour à l'outil".
func TestDeny(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		id := b.get(tool.url()).param("authorization")
		if p := e.browser().send("POST", "/oauth/authorize/"+id+"/deny", nil); p.status != 400 {
			t.Errorf("another browser denied: %v", p)
		}
		if p := b.get("/oauth/authorize/" + id + "/deny"); p.status != http.StatusMethodNotAllowed {
			t.Errorf("denied by GET: %v", p)
		}
		p := b.send("POST", "/oauth/authorize/"+id+"/deny", nil)
		if p.to == nil || p.to.Host != "paie.example" || p.param("error") != "access_denied" || p.param("state") != tool.state {
			t.Errorf("%v", p)
		}
		if p := b.send("POST", "/oauth/authorize/"+id+"/deny", nil); p.status != http.StatusConflict {
			t.Errorf("denied twice: %v", p)
		}
	})
}

// prompt, max_age, id_token_hint and claims, as OpenID Connect Core asks.
func TestFreshness(t *testing.T) {
	onSQLite(t, func(e *env) {
		person, other := e.account("Anne"), e.account("Zoé")
		e.member(person, siren1, portique.Administrator)
		e.member(other, siren1, portique.Member, portique.AllTools)
		tool := e.relying(e.tool("paie"))
		b := e.browser()

		if p := b.get(tool.url("prompt", "none")); p.param("error") != "login_required" {
			t.Errorf("none, signed out: %v", p)
		}
		b.signIn(person, "")
		first := tool.enter(b)
		e.skew.Add(int64(10 * time.Second))
		silent := tool.enter(b, "prompt", "none", "id_token_hint", first.raw)
		if silent.claims["auth_time"] != first.claims["auth_time"] || silent.claims["sub"] != person {
			t.Errorf("silently: %v", silent.claims)
		}
		if got := tool.enter(b, "max_age", "10000"); got.claims["auth_time"] != first.claims["auth_time"] {
			t.Error("max_age 10000 changed auth_time")
		}
		for _, with := range [][]string{{"prompt", "login"}, {"prompt", "select_account"}, {"max_age", "1"}, {"max_age", "0"},
			{"prompt", "login select_company"}, {"claims", `{"id_token":{"sub":{"value":"` + other + `"}}}`}} {
			e.skew.Add(int64(3 * time.Second))
			p := b.get(tool.url(with...))
			if p.page() != "/login" {
				t.Errorf("%v: want the sign-in page, got %v", with, p)
			}
			// Going on without signing in leads back.
			id := p.param("authorization")
			if p := b.get("/oauth/authorize/" + id); p.page() != "/login" {
				t.Errorf("%v: went on without signing in: %v", with, p)
			}
			if with[0] == "claims" {
				continue
			}
			e.skew.Add(int64(2 * time.Second))
			b.signIn(person, id)
			got, err := tool.redeem(b.get("/oauth/authorize/" + id).param("code"))
			if err != nil {
				t.Fatal(err)
			}
			if got.claims["auth_time"].(float64) <= first.claims["auth_time"].(float64) {
				t.Errorf("%v: auth_time did not move", with)
			}
		}
		for _, with := range [][]string{{"prompt", "none", "max_age", "0"}, {"prompt", "none", "claims", `{"id_token":{"sub":{"value":"` + other + `"}}}`}} {
			if p := b.get(tool.url(with...)); p.param("error") != "login_required" {
				t.Errorf("%v: %v", with, p)
			}
		}

		// Another person than the hint's signs in.
		p := b.get(tool.url("id_token_hint", first.raw, "prompt", "login"))
		id := p.param("authorization")
		b.signIn(other, id)
		if p := b.get("/oauth/authorize/" + id); p.param("error") != "login_required" {
			t.Errorf("another person than the hint's: %v", p)
		}

		// Somebody else signs in at this browser between two pages.
		e.member(other, siren2, portique.Administrator)
		p = b.get(tool.url())
		if p.page() != "/oauth/company" {
			t.Fatal(p)
		}
		id = p.param("authorization")
		b.signIn(person, "")
		if p := b.get("/oauth/authorize/" + id); p.page() != "/login" {
			t.Errorf("went on as somebody else: %v", p)
		}
	})
}

// Claims asked for one by one come where they were asked.
func TestClaimsParameter(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		tool.config.Scopes = []string{"openid"}
		got := tool.enter(b, "claims", `{"userinfo":{"name":{"essential":true},"picture":null},
			"id_token":{"email":null,"email_verified":{"value":true},"auth_time":{"essential":true},"acr":{"essential":true,"values":["portique:2","portique:1"]}}}`)
		if got.claims["email"] != "anne@example.org" || got.claims["company"] != nil || got.claims["name"] != nil {
			t.Errorf("ID token %v", got.claims)
		}
		if _, info := tool.userinfo(got.AccessToken); info["name"] != "Anne Martin" || info["email"] != nil || info["company"] != nil || info["sub"] != person {
			t.Errorf("userinfo %v", info)
		}
		if p := b.get(tool.url("claims", `{"id_token":{"acr":{"essential":true,"value":"portique:3"}}}`)); p.param("error") != "unmet_authentication_requirements" {
			t.Errorf("an acr out of reach: %v", p)
		}
	})
}

// What we do not use does not break: Core 3.1.2.1 and 3.1.2.2.
func TestLenience(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie", func(t *portique.Tool) {
			t.RedirectURIs = []string{"https://paie.example/callback?from=%c3%a9&x"}
		}))
		b := e.browser()
		b.signIn(person, "")
		for _, with := range [][]string{{"ui_locales", "se fr-CA"}, {"claims_locales", "se"}, {"display", "popup"}, {"acr_values", "urn:x portique:2"},
			{"unknown", "thing"}, {"nonce", ""}, {"state", ""}, {"scope", "openid offline_access unknown phone address"}, {"resource", "https://api.example"}} {
			p := b.get(tool.url(with...))
			if p.param("code") == "" || !strings.HasPrefix(p.header.Get("Location"), tool.tool.RedirectURIs[0]+"&") {
				t.Errorf("%v: %v", with, p)
				continue
			}
			if _, err := tool.redeem(p.param("code")); err != nil {
				t.Errorf("%v: %v", with, err)
			}
			if with[0] == "state" && p.to.Query().Has("state") {
				t.Error("a state came back that was never sent")
			}
		}
	})
}

// Discovery says what is there, at both addresses.
func TestDiscovery(t *testing.T) {
	onSQLite(t, func(e *env) {
		var documents []map[string]any
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
			p := e.browser().get(path)
			d := map[string]any{}
			if err := json.Unmarshal([]byte(p.body), &d); err != nil || p.status != 200 || p.header.Get("Content-Type") != "application/json" {
				t.Fatal(p, err)
			}
			documents = append(documents, d)
		}
		if diff := cmp.Diff(documents[0], documents[1]); diff != "" {
			t.Error(diff)
		}
		for member, v := range documents[0] {
			address, ok := v.(string)
			if !ok || !strings.HasSuffix(member, "_endpoint") && member != "jwks_uri" {
				continue
			}
			if p := e.browser().get(address); p.status == http.StatusNotFound {
				t.Errorf("%s is not there", member)
			}
		}
		var set struct{ Keys []map[string]any }
		p := e.browser().get("/oauth/keys")
		if err := json.Unmarshal([]byte(p.body), &set); err != nil || len(set.Keys) != 1 {
			t.Fatal(p, err)
		}
		for _, secret := range []string{"d", "p", "q"} {
			if set.Keys[0][secret] != nil {
				t.Errorf("the key set shows %q", secret)
			}
		}
		if set.Keys[0]["use"] != "sig" || set.Keys[0]["alg"] != "ES256" {
			t.Errorf("%v", set.Keys[0])
		}
		if p := e.browser().send("HEAD", "/oauth/authorize", nil); p.status != http.StatusMethodNotAllowed {
			t.Errorf("HEAD: %v", p)
		}
		if p := e.browser().send("HEAD", "/oauth/keys", nil); p.status != http.StatusOK {
			t.Errorf("HEAD: %v", p)
		}
		for _, route := range oidc.Routes() {
			if p := e.browser().send(route.Method, strings.Replace(route.Path, "{id}", "x", 1), url.Values{}); p.status == http.StatusNotFound || p.status >= 500 {
				t.Errorf("%s %s: %v", route.Method, route.Path, p)
			}
		}
		for _, path := range []string{"/register", "/oauth/register", "/authorize"} {
			if p := e.browser().send("POST", path, url.Values{}); p.status != http.StatusNotFound {
				t.Errorf("%s: %v", path, p)
			}
		}
	})
}

// A tool that asks first is told nothing before the person agrees; what was agreed to is not asked again, what is more is.
func TestConsent(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		e.tx(func(tx *store.Tx) error { return tx.SaveAccountClaims(person, `{"phone_number":"+33199001234"}`) })
		tool := e.relying(e.tool("paie", func(t *portique.Tool) { t.Consent, t.BackchannelLogoutURI = true, "http://localhost:9/signed-out" }))
		b := e.browser()
		b.signIn(person, "")
		tool.config.Scopes = []string{"openid", "email"}
		if p := b.get(tool.url("prompt", "none")); p.param("error") != "consent_required" {
			t.Errorf("%v", p)
		}
		agree := func(p reply, told ...string) reply {
			t.Helper()
			if p.page() != "/oauth/consent" {
				t.Fatalf("not asked: %v", p)
			}
			id := p.param("authorization")
			if p := b.get("/oauth/authorize/" + id); p.page() != "/oauth/consent" {
				t.Fatalf("gone on without an answer: %v", p)
			}
			e.tx(func(tx *store.Tx) error {
				a, err := tx.Authorization(id)
				if err == nil && !slices.Equal(a.Told, told) {
					t.Errorf("would be told %v, want %v", a.Told, told)
				}
				if err != nil {
					return err
				}
				a.ConsentedAt = tx.Now()
				if err := tx.SaveAuthorization(a); err != nil {
					return err
				}
				return tx.SaveConsent(person, "paie", a.Told)
			})
			return b.get("/oauth/authorize/" + id)
		}
		if p := agree(b.get(tool.url()), "openid", "email", "email_verified"); p.param("code") == "" {
			t.Errorf("%v", p)
		}
		if p := b.get(tool.url("prompt", "none")); p.param("code") == "" {
			t.Errorf("asked again: %v", p)
		}
		if p := b.get(tool.url("scope", "openid")); p.param("code") == "" {
			t.Errorf("asked again for less: %v", p)
		}
		if p := agree(b.get(tool.url("scope", "openid profile email company", "claims", `{"userinfo":{"phone_number":null,"gender":null}}`)), "openid", "name", "given_name", "family_name", "email", "email_verified", "locale",
			"phone_number", "updated_at", "company"); p.param("code") == "" {
			t.Errorf("%v", p)
		}
		if p := b.get(tool.url("scope", "openid company")); p.param("code") == "" {
			t.Errorf("%v", p)
		}
		if p := agree(b.get(tool.url("prompt", "consent")), "openid", "email", "email_verified"); p.param("code") == "" {
			t.Errorf("%v", p)
		}
		// Taken back: what the tool held has ended, and it asks again; also when one had just agreed and not gone on yet.
		sessions := session.New(e.db, storetest.Keys(), nil, session.Options{})
		withdraw := func() error {
			_, err := sessions.Withdraw(context.Background(), portique.Actor{AccountID: person, Door: portique.DoorPortal}, "paie")
			return err
		}
		// interrupted is an authorization in which the person has just agreed, and not gone on yet.
		interrupted := func() (id string) {
			t.Helper()
			id = b.get(tool.url()).param("authorization")
			e.tx(func(tx *store.Tx) error {
				a, err := tx.Authorization(id)
				if err != nil {
					return err
				}
				a.ConsentedAt = tx.Now()
				return errors.Join(tx.SaveAuthorization(a), tx.SaveConsent(person, "paie", a.Told))
			})
			return id
		}
		got, err := tool.redeem(agree(b.get(tool.url("scope", "openid email offline_access")), "openid", "email", "email_verified", "offline_access").param("code"))
		if err != nil {
			t.Fatal(err)
		}
		if err := withdraw(); err != nil {
			t.Error(err)
		}
		if status, _ := tool.userinfo(got.AccessToken); status != 401 {
			t.Errorf("userinfo after it was taken back: %d", status)
		}
		if p, answer := tool.refresh(got.RefreshToken); answer["error"] != "invalid_grant" {
			t.Errorf("refresh after it was taken back: %v", p)
		}
		if err := withdraw(); !errors.Is(err, store.ErrNoConsent) {
			t.Errorf("taken back twice: %v", err)
		}
		if p := b.get(tool.url("prompt", "none")); p.param("error") != "consent_required" {
			t.Errorf("%v", p)
		}
		e.skew.Add(int64(time.Second))
		notices := len(e.notices("paie"))
		waiting := interrupted()
		if err := withdraw(); err != nil {
			t.Error(err)
		}
		if n := len(e.notices("paie")); notices == 0 || n != notices {
			t.Errorf("%d notices, then %d: what had been taken back before is told again", notices, n)
		}
		if p := b.get("/oauth/authorize/" + waiting); p.page() != "/oauth/consent" {
			t.Errorf("an agreement that was taken back counted: %v", p)
		}
		// Nor does it when the person has agreed to less since.
		waiting = interrupted()
		if err := withdraw(); err != nil {
			t.Error(err)
		}
		e.skew.Add(int64(time.Second))
		if p := agree(b.get(tool.url("scope", "openid")), "openid"); p.param("code") == "" {
			t.Errorf("%v", p)
		}
		if p := b.get("/oauth/authorize/" + waiting); p.page() != "/oauth/consent" {
			t.Errorf("an agreement that was taken back counted after a lesser one: %v", p)
		}
		plain := e.relying(e.tool("plain"))
		if p := b.get(plain.url("prompt", "consent")); p.page() != "/oauth/consent" {
			t.Errorf("prompt=consent: %v", p)
		}
		if p := b.get(plain.url()); p.param("code") == "" {
			t.Errorf("a tool that does not ask: %v", p)
		}
		modest := e.relying(e.tool("modest", func(t *portique.Tool) { t.Consent, t.Claims = true, []string{"email"} }))
		p := b.get(modest.url())
		e.tx(func(tx *store.Tx) error {
			a, err := tx.Authorization(p.param("authorization"))
			if err == nil && !slices.Equal(a.Told, []string{"openid", "email"}) {
				t.Errorf("what it may not have is asked for: %v", a.Told)
			}
			return err
		})
	})
}
