package oidc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	rp "github.com/coreos/go-oidc/v3/oidc"

	"portique"
	"portique/internal/outgoing"
	"portique/internal/store"
)

// listener is where a tool is told of sign-outs.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	tokens []string
	status int
	hold   chan struct{} // calls wait for it when not nil
}

func listen(t *testing.T) *listener {
	l := &listener{status: http.StatusOK}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		hold := l.hold
		l.mu.Unlock()
		if hold != nil {
			<-hold
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.status == http.StatusOK {
			l.tokens = append(l.tokens, r.PostFormValue("logout_token"))
		}
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

// told waits until the tool has been told n times in all.
func (l *listener) told(e *env, n int) []string {
	e.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err := e.provider.TellTools(context.Background()); err != nil {
			e.t.Fatal(err)
		}
		l.mu.Lock()
		tokens := append([]string(nil), l.tokens...)
		l.mu.Unlock()
		if len(tokens) >= n {
			return tokens
		}
		if time.Now().After(end) {
			e.t.Fatalf("told %d times, want %d", len(tokens), n)
		}
	}
}

// notices are those of a tool, as "status attempts".
func (e *env) notices(id string) []*store.LogoutNotice {
	e.t.Helper()
	var list []*store.LogoutNotice
	e.tx(func(tx *store.Tx) (err error) { list, err = tx.Notices(id); return err })
	return list
}

// settled waits until a notice of the tool is as ok says.
func (e *env) settled(id string, ok func(*store.LogoutNotice) bool) *store.LogoutNotice {
	e.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		list := e.notices(id)
		if len(list) > 0 && ok(list[len(list)-1]) {
			return list[len(list)-1]
		}
		if time.Now().After(end) {
			e.t.Fatalf("the notice of %s: %+v", id, list)
		}
	}
}

// Whatever ends a session or an access, each tool that was entered and wants to be told is, once, by a signed logout token.
func TestBackchannelLogout(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		l := listen(t)
		told := 0
		for name, end := range map[string]func(b *browser, account, membership string){
			"signed out":                  func(b *browser, _, _ string) { e.tx(func(tx *store.Tx) error { return tx.EndSession(b.sessionID) }) },
			"a new password, or disabled": func(_ *browser, id, _ string) { e.tx(func(tx *store.Tx) error { return tx.EndSessionsOf(id) }) },
			"removed": func(_ *browser, _, id string) {
				e.editMembership(id, func(m *portique.Membership) { m.Status = portique.MembershipEnded })
			},
			"suspended": func(_ *browser, _, id string) {
				e.editMembership(id, func(m *portique.Membership) { m.Status = portique.MembershipSuspended })
			},
			"right taken": func(_ *browser, _, id string) {
				e.editMembership(id, func(m *portique.Membership) { m.Rights = []string{"other"} })
			},
			"company closed": func(_ *browser, _, _ string) {
				e.tx(func(tx *store.Tx) error { return tx.TellCompanyClosed(siren1) })
			},
		} {
			id := "t" + store.NewID()[30:]
			tool := e.relying(e.tool(id, func(t *portique.Tool) { t.BackchannelLogoutURI, t.Algorithm = l.URL, "RS256" }))
			deaf := e.relying(e.tool(id + "-deaf"))
			never := e.tool(id+"-never", func(t *portique.Tool) { t.BackchannelLogoutURI = l.URL })
			person := e.account("Anne" + id)
			membership := e.member(person, siren1, portique.Member, id, id+"-deaf", never.ID)
			b := e.browser()
			b.signIn(person, "")
			got := tool.enter(b)
			tool.enter(b)
			deaf.enter(b)
			end(b, person, membership)
			told++
			token := l.told(e, told)[told-1]
			verifier := rp.NewVerifier(e.server.URL, rp.NewRemoteKeySet(context.Background(), e.server.URL+"/oauth/keys"), &rp.Config{ClientID: id, SupportedSigningAlgs: []string{"RS256"}})
			if _, err := verifier.Verify(context.Background(), token); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			claims, header := claimsIn(t, token), headerOf(t, token)
			events, _ := claims["events"].(map[string]any)
			if claims["sid"] != b.sessionID || claims["sub"] != got.id.Subject || claims["jti"] == nil || claims["nonce"] != nil || header["typ"] != "logout+jwt" ||
				events["http://schemas.openid.net/event/backchannel-logout"] == nil || len(events) != 1 {
				t.Errorf("%s: %v %v", name, header, claims)
			}
			if list := e.notices(id); len(list) != 1 || len(e.notices(deaf.tool.ID)) != 0 || len(e.notices(never.ID)) != 0 {
				t.Errorf("%s: %d notices", name, len(list))
			}
			e.editCompany(siren1, func(c *portique.Company) { c.Status = portique.CompanyActive })
			e.tx(func(tx *store.Tx) error { return tx.EndSession(b.sessionID) })
			if name != "signed out" && name != "a new password, or disabled" {
				told++ // the session lived on, and has ended now
				l.told(e, told)
			}
		}
	})
}

// A sign-out beside a redemption: the tool is refused, or entered and told.
func TestSignOutBesideRedemption(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		l := listen(t)
		tool := e.relying(e.tool("paie", func(t *portique.Tool) { t.BackchannelLogoutURI = l.URL }))
		person := e.account("Anne")
		membership := e.member(person, siren1, portique.Administrator)
		for name, end := range map[string]func(*browser){
			"session": func(b *browser) { e.tx(func(tx *store.Tx) error { return tx.EndSession(b.sessionID) }) },
			"person":  func(*browser) { e.tx(func(tx *store.Tx) error { return tx.EndSessionsOf(person) }) },
			"access": func(*browser) {
				e.editMembership(membership, func(m *portique.Membership) { m.Status = portique.MembershipSuspended })
			},
		} {
			for i := range 20 {
				e.editMembership(membership, func(m *portique.Membership) { m.Status = portique.MembershipActive })
				b := e.browser()
				b.signIn(person, "")
				code := b.get(tool.url()).param("code")
				var got *tokens
				var both sync.WaitGroup
				both.Go(func() { got, _ = tool.redeem(code) })
				both.Go(func() {
					time.Sleep(time.Duration(i) * 300 * time.Microsecond)
					end(b)
				})
				both.Wait()
				told := slices.ContainsFunc(e.notices("paie"), func(n *store.LogoutNotice) bool { return n.SessionID == b.sessionID })
				if told != (got != nil) {
					t.Fatalf("%s: entered %v, told %v", name, got != nil, told)
				}
			}
		}
	})
}

// A tool with a long queue hides nobody else's notices.
func TestLongQueueOfNotices(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		slow, good := listen(t), listen(t)
		slow.hold = make(chan struct{})
		t.Cleanup(func() { close(slow.hold) })
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		enter := func(tool *relying) {
			b := e.browser()
			b.signIn(person, "")
			tool.enter(b)
			e.tx(func(tx *store.Tx) error { return tx.EndSession(b.sessionID) })
		}
		stuck := e.relying(e.tool("slow", func(t *portique.Tool) { t.BackchannelLogoutURI = slow.URL }))
		for range 140 {
			enter(stuck)
		}
		enter(e.relying(e.tool("good", func(t *portique.Tool) { t.BackchannelLogoutURI = good.URL })))
		before := time.Now()
		good.told(e, 1)
		if took := time.Since(before); took > outgoing.Timeout {
			t.Errorf("it waited %s", took)
		}
	})
}

// A tool that does not answer is told again, for a day; the others do not wait for it.
func TestBackchannelRetries(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		bad, good := listen(t), listen(t)
		bad.answer(http.StatusServiceUnavailable)
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		lame := e.relying(e.tool("lame", func(t *portique.Tool) { t.BackchannelLogoutURI = bad.URL }))
		slow := listen(t)
		slow.hold = make(chan struct{})
		t.Cleanup(func() { close(slow.hold) })
		stuck := e.relying(e.tool("stuck", func(t *portique.Tool) { t.BackchannelLogoutURI = slow.URL }))
		quick := e.relying(e.tool("quick", func(t *portique.Tool) { t.BackchannelLogoutURI = good.URL }))
		for range 6 { // more than one tool may hold at once
			b := e.browser()
			b.signIn(person, "")
			stuck.enter(b)
			e.tx(func(tx *store.Tx) error { return tx.EndSession(b.sessionID) })
		}
		b := e.browser()
		b.signIn(person, "")
		lame.enter(b)
		quick.enter(b)
		e.tx(func(tx *store.Tx) error { return tx.EndSession(b.sessionID) })
		good.told(e, 1)
		n := e.settled("lame", func(n *store.LogoutNotice) bool { return n.Attempts == 1 })
		if n.Status != store.NoticeQueued || n.LastError != "the tool answers 503" || !n.RunAt.After(n.CreatedAt) {
			t.Errorf("%+v", n)
		}
		e.skew.Add(int64(3 * time.Second))
		if err := e.provider.TellTools(t.Context()); err != nil {
			t.Fatal(err)
		}
		e.settled("lame", func(n *store.LogoutNotice) bool { return n.Attempts == 2 })
		bad.answer(http.StatusOK)
		e.skew.Add(int64(6 * time.Second))
		bad.told(e, 1)
		if n := e.settled("lame", func(n *store.LogoutNotice) bool { return n.Status == store.NoticeSent }); n.Attempts != 3 {
			t.Errorf("%+v", n)
		}

		bad.answer(http.StatusNotFound)
		b = e.browser()
		b.signIn(person, "")
		lame.enter(b)
		e.tx(func(tx *store.Tx) error { return tx.EndSession(b.sessionID) })
		e.skew.Add(int64(24 * time.Hour))
		if err := e.provider.TellTools(t.Context()); err != nil {
			t.Fatal(err)
		}
		e.settled("lame", func(n *store.LogoutNotice) bool { return n.Status == store.NoticeDead })
	})
}
