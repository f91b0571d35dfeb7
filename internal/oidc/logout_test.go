package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"portique"
)

// signedIn says whether this browser still has an auth session.
func (b *browser) signedIn(tool *relying) bool {
	b.e.t.Helper()
	return b.get(tool.url("prompt", "none")).param("error") != "login_required"
}

// hidden reads the fields of the confirmation page, nil when it is another.
func (p reply) hidden() map[string]string {
	var fields map[string]string
	_ = json.Unmarshal([]byte(p.body), &fields)
	return fields
}

// OID-23 RP-initiated logout: what ends without a question, what asks, what
// redirects.
func TestOID23Logout(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		paie := e.relying(e.tool("paie"))
		rsa := e.relying(e.tool("rsa", func(t *portique.Tool) { t.Algorithm = "RS256" }))
		other := e.relying(e.tool("autre"))
		unspent := e.relying(e.tool("jamais"))
		const bye = "https://paie.example/bye"
		fresh := func() (*browser, *tokens) {
			b := e.browser()
			b.signIn(person, "")
			other.enter(b)
			b.get(unspent.url()) // a code that was never redeemed is no entry
			return b, paie.enter(b)
		}
		_, foreign := fresh() // another session of the same person

		for _, c := range []struct {
			name string
			with func(hint *tokens) []string
			to   string // redirect, without asking
			ask  bool
		}{
			{"all right", func(h *tokens) []string {
				return []string{"id_token_hint", h.raw, "post_logout_redirect_uri", bye, "state", "a&b"}
			}, bye + "?state=a%26b", false},
			{"no state", func(h *tokens) []string { return []string{"id_token_hint", h.raw, "post_logout_redirect_uri", bye} }, bye, false},
			{"client named too", func(h *tokens) []string {
				return []string{"id_token_hint", h.raw, "post_logout_redirect_uri", bye, "client_id", "paie"}
			}, bye, false},
			{"no address", func(h *tokens) []string { return []string{"id_token_hint", h.raw} }, "", false},
			{"no hint", func(h *tokens) []string { return []string{"post_logout_redirect_uri", bye, "client_id", "paie"} }, "", true},
			{"nothing", func(h *tokens) []string { return nil }, "", true},
			{"state only", func(h *tokens) []string { return []string{"state", "x"} }, "", true},
			{"unregistered address", func(h *tokens) []string {
				return []string{"id_token_hint", h.raw, "post_logout_redirect_uri", bye + "/"}
			}, "", true},
			{"another tool's address", func(h *tokens) []string {
				return []string{"id_token_hint", h.raw, "post_logout_redirect_uri", "https://autre.example/bye"}
			}, "", true},
			{"another client", func(h *tokens) []string {
				return []string{"id_token_hint", h.raw, "post_logout_redirect_uri", bye, "client_id", "autre"}
			}, "", true},
			{"unsigned hint", func(h *tokens) []string {
				return []string{"id_token_hint", unsigned(h.raw), "post_logout_redirect_uri", bye}
			}, "", true},
			{"altered hint", func(h *tokens) []string {
				return []string{"id_token_hint", h.raw[:len(h.raw)-4] + "AAAA", "post_logout_redirect_uri", bye}
			}, "", true},
			{"access token as hint", func(h *tokens) []string {
				return []string{"id_token_hint", h.AccessToken, "post_logout_redirect_uri", bye}
			}, "", true},
			{"OID-16 ID token of a tool that is not the client", func(h *tokens) []string {
				return []string{"id_token_hint", h.raw, "client_id", "jamais", "post_logout_redirect_uri", "https://jamais.example/bye"}
			}, "", true},
			{"hint of another session", func(*tokens) []string {
				return []string{"id_token_hint", foreign.raw, "post_logout_redirect_uri", bye}
			}, bye, true},
			{"confirmed by a link", func(*tokens) []string { return []string{"confirm", "x"} }, "", true},
		} {
			b, hint := fresh()
			v := url.Values{}
			for i, with := 0, c.with(hint); i < len(with); i += 2 {
				v.Set(with[i], with[i+1])
			}
			p := b.get("/oauth/logout?" + v.Encode())
			if c.ask {
				hidden := p.hidden()
				if p.status != 200 || hidden["confirm"] == "" {
					t.Errorf("%s: want a question, got %v", c.name, p)
					continue
				}
				if !b.signedIn(paie) {
					t.Errorf("%s: signed out without a question", c.name)
				}
				if p := b.send("POST", "/oauth/logout", url.Values{"confirm": {"guess"}}); p.hidden()["confirm"] == "" {
					t.Errorf("%s: a guess confirmed: %v", c.name, p)
				}
				form := url.Values{}
				for name, value := range hidden {
					form.Set(name, value)
				}
				p = b.send("POST", "/oauth/logout", form)
				if b.signedIn(paie) {
					t.Errorf("%s: still signed in after confirming", c.name)
				}
				if got := p.header.Get("Location"); got != c.to {
					t.Errorf("%s: after confirming, to %q: %v", c.name, got, p)
				}
				continue
			}
			if b.signedIn(paie) {
				t.Errorf("%s: still signed in: %v", c.name, p)
			}
			if got := p.header.Get("Location"); got != c.to {
				t.Errorf("%s: to %q, want %q", c.name, got, c.to)
			}
			// The tool that asked closes itself; the others stay open.
			if c.to == "" && p.body != "PAGE signed-out true autre" {
				t.Errorf("%s: %v", c.name, p)
			}
			if status, _ := paie.userinfo(hint.AccessToken); status != 401 {
				t.Errorf("%s: userinfo still answers %d", c.name, status)
			}
			// Once more, signed out: no question, no change.
			if p := b.get("/oauth/logout?" + v.Encode()); p.hidden() != nil || p.header.Get("Location") != c.to {
				t.Errorf("%s: again: %v", c.name, p)
			}
		}

		// A token too old to sign in with still says whose logout it is; RS256.
		b := e.browser()
		b.signIn(person, "")
		old := rsa.enter(b)
		e.skew.Add(int64(time.Hour))
		if p := b.get("/oauth/logout?id_token_hint=" + old.raw); p.body != "PAGE signed-out true" || b.signedIn(paie) {
			t.Errorf("an old hint: %v", p)
		}
		if p := e.browser().get("/oauth/logout"); p.body != "PAGE signed-out false" {
			t.Errorf("nobody signed in: %v", p)
		}
		if p := e.browser().get("/oauth/logout?state=a&state=b"); p.status != 400 {
			t.Errorf("the same parameter twice: %v", p)
		}

		// Posted by another site's form, without our cookies: by a link, then.
		b, hint := fresh()
		p := e.browser().send("POST", "/oauth/logout", url.Values{"id_token_hint": {hint.raw}, "post_logout_redirect_uri": {bye}})
		if p.status != http.StatusSeeOther || p.page() != "/oauth/logout" {
			t.Fatal(p)
		}
		if p = b.get(p.to.String()); p.header.Get("Location") != bye || b.signedIn(paie) {
			t.Errorf("posted: %v", p)
		}

		// The address kept for the sign-in form is not there for whoever comes next, wherever this one goes.
		here, err := url.Parse(e.server.URL)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{"", "&post_logout_redirect_uri=" + bye} {
			b, hint = fresh()
			b.Jar.SetCookies(here, []*http.Cookie{{Name: "portique_address", Value: "sealed", Path: "/"}})
			b.get("/oauth/logout?id_token_hint=" + hint.raw + to)
			for _, c := range b.Jar.Cookies(here) {
				if c.Name == "portique_address" {
					t.Errorf("signed out to %q: the address is still kept", to)
				}
			}
		}

		// A disabled tool is no client any more (OID-36).
		if e.db.Path() != "" {
			b, hint = fresh()
			e.disable("paie")
			if p := b.get("/oauth/logout?id_token_hint=" + hint.raw + "&post_logout_redirect_uri=" + bye); p.hidden()["confirm"] == "" || strings.Contains(p.body, "bye") {
				t.Errorf("disabled: %v", p)
			}
		}
	})
}
