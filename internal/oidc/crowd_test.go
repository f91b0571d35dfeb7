package oidc_test

import (
	"context"
	"net/http"
	"net/url"
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
