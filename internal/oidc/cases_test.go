package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"portique"
	"portique/internal/store"
)

// OID-22 prompt=none shows no page, whatever is missing: the tool gets the error that says what.
func TestOID22PromptNone(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		waiting, several := e.account("Luc"), e.account("Anne")
		administrator := e.account("Jeanne")
		e.member(administrator, siren1, portique.Administrator)
		e.tx(func(tx *store.Tx) error { // Luc waits for Jeanne's answer
			return tx.InsertRequest(&portique.AccessRequest{ID: store.NewID(), AccountID: waiting, SIREN: siren1, Status: portique.RequestPending,
				CreatedAt: tx.Now(), SentTo: 1})
		})
		e.member(several, siren1, portique.Member, "paie")
		e.member(several, siren2, portique.Member, "paie")
		tool := e.relying(e.tool("paie"))
		for _, c := range []struct{ name, account, want string }{
			{"not signed in", "", "login_required"},
			{"pending company", waiting, "access_denied"},
			{"several companies", several, "interaction_required"},
		} {
			b := e.browser()
			if c.account != "" {
				b.signIn(c.account, "")
			}
			p := b.get(tool.url("prompt", "none"))
			if p.to == nil || p.to.Host != "paie.example" || p.param("error") != c.want || p.param("code") != "" || p.param("state") != tool.state {
				t.Errorf("%s: %v", c.name, p)
			}
		}
	})
}

// OID-28 What the tool's tile would not open, a request written by hand does not open either.
func TestOID28NotAllowed(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		right := e.account("Anne")
		e.member(right, siren1, portique.Member, "autre")
		declarant := e.account("Luc")
		e.member(declarant, siren1, portique.Declarant)
		nobody := e.account("Zoé")
		elsewhere := e.account("Paul")
		e.member(elsewhere, siren2, portique.Administrator)
		e.editCompany(siren2, func(c *portique.Company) { c.Status = portique.CompanyClosed })
		tool := e.relying(e.tool("paie"))
		for name, account := range map[string]string{"without the right": right, "a declarant": declarant, "without a company": nobody, "of a closed company": elsewhere} {
			b := e.browser()
			b.signIn(account, "")
			for _, hint := range []string{"", string(siren1), string(siren2)} {
				p := b.get(tool.url("company_hint", hint))
				if p.page() != "/oauth/no-access" || p.param("code") != "" {
					t.Errorf("%s, for %q: %v", name, hint, p)
				}
				if p = b.get("/oauth/authorize/" + p.param("authorization")); p.page() != "/oauth/no-access" {
					t.Errorf("%s, going on all the same: %v", name, p)
				}
				if p = b.get(tool.url("company_hint", hint, "prompt", "none")); p.param("error") != "access_denied" && p.param("error") != "interaction_required" || p.param("code") != "" {
					t.Errorf("%s, silently for %q: %v", name, hint, p)
				}
			}
		}
	})
}

// OID-31 Another address is the same person.
func TestOID31Subject(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		before := tool.enter(b)
		e.exec(`UPDATE account SET email = 'anne.roy@example.org' WHERE id = '` + person + `'`)
		after := tool.enter(b)
		_, info := tool.userinfo(after.AccessToken)
		if before.claims["sub"] != person || after.claims["sub"] != person || info["email"] != "anne.roy@example.org" || info["email_verified"] != true {
			t.Errorf("sub %v, then %v; %v", before.claims["sub"], after.claims["sub"], info)
		}
	})
}

// OID-32 A token is for one company; another company is another token, and the first says what it said.
func TestOID32OneCompany(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		first := e.member(person, siren1, portique.Administrator)
		e.member(person, siren2, portique.Member, portique.AllTools)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		if p := b.get(tool.url()); p.page() != "/oauth/company" {
			t.Errorf("two companies and no choice: %v", p)
		}
		company := func(claims map[string]any) string {
			c, _ := claims["company"].(map[string]any)
			s, _ := c["siren"].(string)
			return s
		}
		one := tool.enter(b, "company_hint", string(siren1))
		two := tool.enter(b, "company_hint", string(siren2))
		if one.AccessToken == two.AccessToken || company(one.claims) != string(siren1) || company(two.claims) != string(siren2) {
			t.Fatalf("%v, %v", one.claims, two.claims)
		}
		for got, want := range map[*tokens]portique.SIREN{one: siren1, two: siren2} {
			if status, info := tool.userinfo(got.AccessToken); status != 200 || company(info) != string(want) {
				t.Errorf("%d %v", status, info)
			}
		}
		// The access ends for one company: its token ends, never to speak for the other.
		e.editMembership(first, func(m *portique.Membership) { m.Status = portique.MembershipEnded })
		if status, info := tool.userinfo(one.AccessToken); status != 401 {
			t.Errorf("%d %v", status, info)
		}
		if status, info := tool.userinfo(two.AccessToken); status != 200 || company(info) != string(siren2) {
			t.Errorf("%d %v", status, info)
		}
	})
}

// OID-36 A disabled tool is no client any more: nothing begins, goes on, redeems, answers or redirects.
func TestOID36DisabledTool(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		got := tool.enter(b)
		code := b.get(tool.url()).param("code")
		pending := b.get(tool.url("prompt", "login")).param("authorization")
		e.disable("paie")

		if p := b.get(tool.url()); p.status != http.StatusBadRequest || p.to != nil {
			t.Errorf("authorize: %v", p)
		}
		b.signIn(person, "")
		if p := b.get("/oauth/authorize/" + pending); p.status != http.StatusBadRequest || p.to != nil {
			t.Errorf("going on: %v", p)
		}
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {tool.tool.RedirectURIs[0]}, "code_verifier": {tool.verifier}}
		if p, body := e.post(form, basic("paie", toolSecret)); p.status != http.StatusUnauthorized || body["error"] != "invalid_client" {
			t.Errorf("token: %v", p)
		}
		if status, _ := tool.userinfo(got.AccessToken); status != http.StatusUnauthorized {
			t.Errorf("userinfo: %d", status)
		}
		leave := url.Values{"id_token_hint": {got.raw}, "post_logout_redirect_uri": {"https://paie.example/bye"}}.Encode()
		if p := b.get("/oauth/logout?" + leave); p.to != nil || p.hidden()["confirm"] == "" || strings.Contains(p.body, "bye") {
			t.Errorf("logout: %v", p)
		}
	})
}

// OID-23 The token of a tool that is registered no more leads nowhere.
func TestOID23DeletedTool(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		got := tool.enter(b)
		e.exec(`PRAGMA foreign_keys = off; DELETE FROM tool WHERE id = 'paie'`)
		leave := url.Values{"id_token_hint": {got.raw}, "post_logout_redirect_uri": {"https://paie.example/bye"}}.Encode()
		if p := b.get("/oauth/logout?" + leave); p.status != http.StatusOK || p.to != nil || p.hidden()["confirm"] == "" || strings.Contains(p.body, "bye") {
			t.Errorf("%v", p)
		}
	})
}
