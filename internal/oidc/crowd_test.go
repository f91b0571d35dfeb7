package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/store"
)

// Strangers cost little: past their address's share they are refused without the writer, and nobody else waits for them.
func TestCrowd(t *testing.T) {
	onSQLite(t, func(e *env) {
		e.provider.LimitCrowds(5)
		tool := e.relying(e.tool("paie"))
		public := e.relying(e.tool("mobile", func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		machine := url.Values{"grant_type": {"client_credentials"}}
		wrong := basic("paie", "another secret")
		unknown := url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "client_id": {"mobile"}}
		for range 5 {
			if p, got := tool.call("/oauth/token", machine, wrong); p.status != 401 || got["error"] != "invalid_client" {
				t.Fatal(p)
			}
		}
		if p, got := public.call("/oauth/token", unknown); p.status != 429 || got["error"] != "temporarily_unavailable" || p.header.Get("Retry-After") != "600" {
			t.Errorf("a client without a secret: %v", p)
		}
		if p, _ := tool.call("/oauth/token", machine); p.status != 200 {
			t.Errorf("the tool itself: %v", p)
		}
		held, release, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			_ = e.db.Tx(context.Background(), func(*store.Tx) error { close(held); <-release; return nil })
		}()
		<-held
		for range 3 {
			if p, _ := tool.call("/oauth/token", machine, wrong); p.status != 401 {
				t.Errorf("while somebody writes: %v", p)
			}
		}
		close(release)
		<-over
		e.skew.Add(int64(10 * time.Minute))
		if p, got := public.call("/oauth/token", unknown); p.status != 400 || got["error"] != "invalid_grant" {
			t.Errorf("ten minutes later: %v", p)
		}

		// Sign-ins that are begun and not finished.
		last := 0
		for range 6 {
			p := e.browser().get(tool.url())
			last = p.status
			if last == 429 && (p.header.Get("Retry-After") != "600" || p.body != "PAGE error oauth.crowd") {
				t.Error(p)
			}
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("the sixth: %d", last)
		}
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		b := e.browser()
		b.signIn(person, "")
		tool.enter(b)
	})
}

// fromPage makes a request one that a page of another site has a visitor's browser send.
func fromPage(r *http.Request) {
	r.Header.Set("Origin", "https://elsewhere.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "no-cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
}

// A page that somebody opens in an office cannot spend the share of that office's address.
func TestCrowdOfPages(t *testing.T) {
	onSQLite(t, func(e *env) {
		e.provider.LimitCrowds(5)
		public := e.relying(e.tool("mobile", func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		unknown := url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "client_id": {"mobile"}}
		last := 0
		for range 7 {
			p, _ := public.call("/oauth/token", unknown, fromPage)
			last = p.status
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("the page itself: %d", last)
		}
		if p, got := public.call("/oauth/token", unknown); p.status != 400 || got["error"] != "invalid_grant" {
			t.Errorf("a program at the same address: %v", p)
		}

		image := func() int {
			r, _ := http.NewRequest("GET", public.url(), nil)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "no-cors")
			r.Header.Set("Sec-Fetch-Dest", "image")
			return read(t, e.browser().Client, r).status
		}
		for range 7 {
			last = image()
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("images: %d", last)
		}
		if p := e.browser().get(public.url()); p.page() != "/login" {
			t.Errorf("a person at the same address: %v", p)
		}
	})
}

// Whoever is signed in leaves no more authorizations waiting than a stranger, and is in nobody's way.
func TestCrowdSignedIn(t *testing.T) {
	onSQLite(t, func(e *env) {
		e.provider.LimitCrowds(5)
		tool := e.relying(e.tool("paie"))
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		b := e.browser()
		b.signIn(person, "")
		last := reply{}
		for range 6 {
			last = b.get(tool.url("prompt", "login"))
		}
		if last.status != 429 || last.body != "PAGE error oauth.crowd" {
			t.Errorf("the sixth that waits: %v", last)
		}
		for range 7 {
			tool.enter(b)
		}
		if p := e.browser().get(tool.url()); p.page() != "/login" {
			t.Errorf("somebody else at the same address: %v", p)
		}
	})
}

// Requests sent ahead in the name of a tool without a secret are anybody's, and each is a row.
func TestCrowdPushed(t *testing.T) {
	onSQLite(t, func(e *env) {
		e.provider.LimitCrowds(5)
		public := e.relying(e.tool("mobile", func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		secretive := e.relying(e.tool("paie"))
		ask := func(r *relying) url.Values {
			u, _ := url.Parse(r.url())
			return u.Query()
		}
		last := reply{}
		for range 6 {
			last, _ = public.call("/oauth/par", ask(public))
		}
		if last.status != 429 || last.header.Get("Retry-After") != "600" {
			t.Errorf("the sixth: %v", last)
		}
		for range 7 {
			if p, _ := secretive.call("/oauth/par", ask(secretive)); p.status != 201 {
				t.Errorf("a tool with a secret: %v", p)
			}
		}
		long := ask(secretive)
		long.Set("login_hint", strings.Repeat("x", 60_000))
		if p, got := secretive.call("/oauth/par", long); p.status != 413 || got["error"] != "invalid_request" {
			t.Errorf("a long one: %v", p)
		}
	})
}
