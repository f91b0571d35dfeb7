package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

const (
	email    = "jeanne.martin@martin.example"
	password = "Soleil-Lune26"
)

var hasher = sync.OnceValue(func() *secret.Hasher {
	h, err := secret.NewHasher(2)
	if err != nil {
		panic(err)
	}
	return h
})

// known is the hash of password, made once.
func known(t *testing.T) string {
	t.Helper()
	hash, err := hashOnce()
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

var hashOnce = sync.OnceValues(func() (string, error) {
	return hasher().Hash(context.Background(), password)
})

const otherPassword = "Orage-2027"

// other is the hash of otherPassword.
func other(t *testing.T) string {
	t.Helper()
	hash, err := hasher().Hash(t.Context(), otherPassword)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

type world struct {
	*session.Service
	t      *testing.T
	db     *store.DB
	watch  *storetest.Watch
	jeanne *portique.Account
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	var watch *storetest.Watch
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		watch = storetest.NewWatch()
		jeanne := storetest.Account(t, db, email, func(a *portique.Account) { a.PasswordHash = known(t) })
		f(t, &world{session.New(db, storetest.Keys(), hasher(), session.Options{Language: "fr", Support: "aide@opco.example"}), t, db, watch, jeanne})
	}, storetest.Clock(func() time.Time { return watch.Now() }))
}

var stranger = portique.Actor{Door: portique.DoorAuth, Source: "192.0.2.1"}

func (w *world) signIn(change ...func(*session.SignInForm)) (*session.SignedIn, error) {
	f := session.SignInForm{Email: email, Password: password, UserAgent: "Firefox\r\n128", Language: "en"}
	for _, c := range change {
		c(&f)
	}
	return w.SignIn(w.t.Context(), stranger, f)
}

// in signs Jeanne in and returns her cookie and the session's id.
func (w *world) in(change ...func(*session.SignInForm)) (cookie, id string) {
	w.t.Helper()
	in, err := w.signIn(change...)
	if err != nil || in.Cookie == "" || in.Account.ID != w.jeanne.ID {
		w.t.Fatalf("%+v, %v", in, err)
	}
	id, _, _ = strings.Cut(in.Cookie, ".")
	return in.Cookie, id
}

// alive fails the test when a cookie does not say what it should.
func (w *world) alive(what string, door portique.Door, cookie string, want bool) {
	w.t.Helper()
	c, err := w.Current(w.t.Context(), door, cookie)
	switch {
	case want && (err != nil || c.Account.ID != w.jeanne.ID):
		w.t.Errorf("%s: %+v, %v", what, c, err)
	case !want && (!errors.Is(err, store.ErrNoSession) || portique.KindOf(err) != portique.Unauthenticated):
		w.t.Errorf("%s: %+v, %v", what, c, err)
	}
}

func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		luc := storetest.Account(t, w.db, "luc@martin.example", func(a *portique.Account) { a.PasswordHash, a.Status = known(t), portique.AccountDisabled })
		imported := storetest.Account(t, w.db, "sans@martin.example") // without any password
		older := &portique.SignUp{ID: store.NewID(), Email: "eve@x.example", PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$c29tZWhhc2g", BrowserHash: secret.Hash("older"), LinkHash: []byte{1}}
		newer := &portique.SignUp{ID: store.NewID(), Email: "eve@x.example", PasswordHash: known(t), BrowserHash: secret.Hash("newer"), LinkHash: []byte{2}}
		for _, s := range []*portique.SignUp{older, newer} {
			s.CodeHash, s.DisownHash = []byte{1}, []byte{1}
			storetest.Write(t, w.db, func(tx *store.Tx) error { return tx.InsertSignUp(s) })
		}

		// One answer to all that is wrong.
		for name, c := range map[string]struct{ email, password, subject string }{
			"a wrong password":                   {email, "Soleil-Lune25", w.jeanne.ID},
			"a password in another case":         {email, "soleil-lune26", w.jeanne.ID},
			"no password":                        {email, "", w.jeanne.ID},
			"a very long password":               {email, strings.Repeat(password, 1000), w.jeanne.ID},
			"an unknown address":                 {"nobody@martin.example", password, ""},
			"no address":                         {"", password, ""},
			"two addresses":                      {email + ", " + email, password, ""},
			"a disabled account":                 {"luc@martin.example", password, luc.ID},
			"a disabled account, wrong password": {"luc@martin.example", "faux", luc.ID},
			"an account without a password":      {"sans@martin.example", "", imported.ID},
			"a sign-up, wrong password":          {"eve@x.example", "faux", ""},
		} {
			before := len(storetest.Journal(t, w.db, c.subject))
			in, err := w.signIn(func(f *session.SignInForm) { f.Email, f.Password = c.email, c.password })
			if in != nil || !errors.Is(err, portique.ErrSignIn) || err.Error() != portique.ErrSignIn.Error() {
				t.Errorf("%s: %+v, %v", name, in, err)
			}
			events := storetest.Journal(t, w.db, c.subject)
			if len(events) != before+1 || events[before].Action != portique.ActionSignInFailed || events[before].Source != stranger.Source {
				t.Errorf("%s: the journal: %+v", name, events[before:])
			}
		}

		// The right password of a sign-up opens nothing, but finds the sign-up again; its former browser loses it.
		in, err := w.signIn(func(f *session.SignInForm) { f.Email, f.SignUp = "eve@x.example", newer.ID+".whatever" })
		if err != nil || in.Cookie != "" || in.Account != nil || !strings.HasPrefix(in.SignUp, newer.ID+".") {
			t.Fatalf("a sign-up: %+v, %v", in, err)
		}
		storetest.Write(t, w.db, func(tx *store.Tx) error {
			s, err := tx.SignUp(newer.ID)
			if err == nil && !secret.Equal(s.BrowserHash, secret.Hash(strings.TrimPrefix(in.SignUp, newer.ID+"."))) {
				t.Error("the cookie given does not find it")
			}
			return err
		})

		// A sign-up for an address that has an account answers like any other: two requests tell nothing of the account.
		taken := &portique.SignUp{ID: store.NewID(), Email: "luc@martin.example", PasswordHash: other(t), Taken: true,
			BrowserHash: secret.Hash("taken"), LinkHash: []byte{3}, CodeHash: []byte{1}, DisownHash: []byte{1}}
		storetest.Write(t, w.db, func(tx *store.Tx) error { return tx.InsertSignUp(taken) })
		in, err = w.signIn(func(f *session.SignInForm) { f.Email, f.Password = "luc@martin.example", otherPassword })
		if err != nil || in.Cookie != "" || in.Account != nil || !strings.HasPrefix(in.SignUp, taken.ID+".") {
			t.Errorf("a sign-up for a taken address: %+v, %v", in, err)
		}

		// And what is right, however the address is typed.
		for _, typed := range []string{email, " Jeanne.MARTIN@Martin.Example\t"} {
			_, id := w.in(func(f *session.SignInForm) { f.Email = typed })
			if e := storetest.Journal(t, w.db, id); len(e) != 1 || e[0].Action != portique.ActionSignedIn || e[0].Actor != w.jeanne.ID {
				t.Errorf("the journal: %+v", e)
			}
		}
		err = w.db.View(t.Context(), func(tx *store.Tx) error {
			a, err := tx.Account(w.jeanne.ID)
			if err == nil && (!a.LastSignInAt.Equal(tx.Now()) || a.Language != "en") {
				t.Errorf("the account: %+v", a)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestSessionLife(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		start := w.watch.Now()
		first, firstID := w.in()
		second, secondID := w.in()
		if firstID == secondID || first == second {
			t.Fatal("two sign-ins gave one session")
		}
		portal, err := w.OpenPortal(ctx, stranger, firstID, "id-token", "Firefox")
		if err != nil {
			t.Fatal(err)
		}
		c, err := w.Current(ctx, portique.DoorPortal, portal)
		if err != nil || c.ParentID != firstID || c.AuthID() != firstID || c.IDToken != "id-token" || !c.AuthTime.Equal(start) {
			t.Fatalf("%+v, %v", c, err)
		}
		if !c.IdleAt.Equal(start.Add(session.Idle)) || !c.EndsAt.Equal(start.Add(session.Absolute)) {
			t.Errorf("it ends at %v unused, at %v anyway; it began at %v", c.IdleAt, c.EndsAt, start)
		}

		// Nothing but the cookie itself will do.
		id, key, _ := strings.Cut(first, ".")
		stored := ""
		err = w.db.View(ctx, func(tx *store.Tx) error {
			s, err := tx.Session(id)
			stored = string(s.SecretHash)
			if s.UserAgent != "Firefox 128" || strings.Contains(stored, key) {
				t.Errorf("kept: %+v", s)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		portalID, _, _ := strings.Cut(portal, ".")
		for _, cookie := range []string{"", ".", id, id + ".", id + "." + stored, id + "." + key[1:], id + "." + key + "x", secondID + "." + key, portalID + "." + key,
			strings.ToUpper(id) + "." + key, "{" + id + "}." + key, "x." + key, "\x00." + key, id + ".\x00", strings.Repeat("a", 3000)} {
			w.alive("cookie "+cookie, portique.DoorAuth, cookie, false)
		}
		w.alive("the portal's cookie at the sign-in host", portique.DoorAuth, portal, false)
		w.alive("the sign-in host's cookie at the portal", portique.DoorPortal, first, false)
		if _, err := w.OpenPortal(ctx, stranger, portalID, "", ""); !errors.Is(err, store.ErrNoSession) {
			t.Errorf("a portal session under a portal session: %v", err)
		}

		// Two hours unused end a session; a portal in use keeps its parent, until twelve hours are over.
		for w.watch.Now().Sub(start) < 10*time.Hour {
			w.watch.Forward(session.Idle - time.Millisecond)
			w.alive("the portal in use", portique.DoorPortal, portal, true)
		}
		w.alive("left alone", portique.DoorAuth, second, false)
		w.alive("kept by the portal", portique.DoorAuth, first, true)
		w.watch.Forward(start.Add(session.Absolute).Sub(w.watch.Now()) - time.Millisecond)
		w.alive("to the last moment", portique.DoorPortal, portal, true)
		w.watch.Forward(time.Millisecond)
		w.alive("after twelve hours", portique.DoorPortal, portal, false)
		w.alive("after twelve hours", portique.DoorAuth, first, false)
		if _, err := w.OpenPortal(ctx, stranger, firstID, "", ""); !errors.Is(err, store.ErrNoSession) {
			t.Errorf("a portal session under a dead one: %v", err)
		}

		// Unused to the millisecond: reading writes down the use at most once a minute, and never late.
		cookie, _ := w.in()
		w.watch.Forward(session.Idle)
		w.alive("two hours", portique.DoorAuth, cookie, false)

		w.watch.Forward(2 * session.Absolute)
		if err := w.Purge(ctx); err != nil {
			t.Error(err)
		}
		err = w.db.View(ctx, func(tx *store.Tx) error { _, err := tx.Session(firstID); return err })
		if !errors.Is(err, store.ErrNoSession) {
			t.Errorf("a session long gone is still there: %v", err)
		}
	})
}

// Whoever signs in where somebody was signed in ends that session, the portal's too: another person's, and one's own, which would
// outlive the sign-out of the new one (ASVS 5.0 7.2.4).
func TestSignInOverAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		luc := storetest.Account(t, w.db, "luc@martin.example", func(a *portique.Account) { a.PasswordHash = known(t) })
		for name, email := range map[string]string{"oneself": "", "another person": luc.Email} {
			auth, authID := w.in()
			portal, err := w.OpenPortal(t.Context(), stranger, authID, "", "")
			if err != nil {
				t.Fatal(err)
			}
			over := func(former, password string) error {
				_, err := w.signIn(func(f *session.SignInForm) {
					f.Former = former
					if email != "" {
						f.Email = email
					}
					if password != "" {
						f.Password = password
					}
				})
				return err
			}
			if err := over(auth+"x", ""); err != nil {
				t.Fatal(err)
			}
			w.alive(name+", by a cookie that is not hers", portique.DoorAuth, auth, true)
			if err := over(auth, "faux"); err == nil {
				t.Fatal("a wrong password signs in")
			}
			w.alive(name+", by a sign-in that failed", portique.DoorAuth, auth, true)
			if err := over(auth, ""); err != nil {
				t.Fatal(err)
			}
			w.alive(name, portique.DoorAuth, auth, false)
			w.alive(name+", at the portal", portique.DoorPortal, portal, false)
		}
	})
}

func TestSignOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		auth, authID := w.in()
		open := func() (cookie, id string) {
			cookie, err := w.OpenPortal(ctx, stranger, authID, "", "")
			if err != nil {
				t.Fatal(err)
			}
			id, _, _ = strings.Cut(cookie, ".")
			return cookie, id
		}
		one, oneID := open()
		two, _ := open()
		elsewhere, elsewhereID := w.in()
		if err := w.SignOut(ctx, stranger, oneID); err != nil {
			t.Fatal(err)
		}
		w.alive("signed out", portique.DoorPortal, one, false)
		w.alive("its neighbour", portique.DoorPortal, two, true)
		w.alive("its parent", portique.DoorAuth, auth, true)
		if err := w.SignOut(ctx, stranger, authID); err != nil {
			t.Fatal(err)
		}
		w.alive("signed out", portique.DoorAuth, auth, false)
		w.alive("under it", portique.DoorPortal, two, false)
		w.alive("another browser", portique.DoorAuth, elsewhere, true)
		if s := storetest.Actions(t, w.db, authID); s != "session.opened session.ended" {
			t.Errorf("the journal: %s", s)
		}
		// By id, for those who hold no cookie.
		byID := func(id string) error {
			return w.db.View(ctx, func(tx *store.Tx) error { _, err := session.Alive(tx, id); return err })
		}
		if err := byID(elsewhereID); err != nil {
			t.Error(err)
		}
		if err := byID(authID); !errors.Is(err, store.ErrNoSession) {
			t.Error(err)
		}
		// A disabled account is nobody, at the next request.
		storetest.Write(t, w.db, func(tx *store.Tx) error { return tx.SetAccountStatus(w.jeanne.ID, portique.AccountDisabled) })
		w.alive("a disabled account", portique.DoorAuth, elsewhere, false)
		if err := byID(elsewhereID); !errors.Is(err, store.ErrNoSession) {
			t.Error(err)
		}
	})
}

// An authorization that waits belongs to one browser, lives for an hour and is used once.
func TestPendingAuthorization(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const siren, second portique.SIREN = "552100554", "732829320"
		storetest.Company(t, w.db, siren)
		storetest.Company(t, w.db, second)
		luc := storetest.Account(t, w.db, "luc@martin.example")
		hers := storetest.Member(t, w.db, w.jeanne, siren, portique.Member)
		over := storetest.Member(t, w.db, w.jeanne, second, portique.Member, func(m *portique.Membership) { m.Until = w.watch.Now() })
		his := storetest.Member(t, w.db, luc, siren, portique.Administrator)
		begin := func(id string) {
			t.Helper()
			storetest.Write(t, w.db, func(tx *store.Tx) error {
				if id == "paie" {
					if err := tx.InsertTool(&portique.Tool{ID: "paie", Name: "Paie"}); err != nil {
						return err
					}
				}
				return tx.SaveAuthorization(&store.Authorization{ID: id, ClientID: map[bool]string{true: "paie", false: portique.PortalClientID}[id == "paie"],
					BrowserHash: secret.Hash("browser"), Request: "{}", CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(session.AuthorizationLife)})
			})
		}
		begin("paie")
		begin("portal")
		attempt := func(id, browser string) error {
			_, err := w.signIn(func(f *session.SignInForm) { f.Authorization, f.Browser = id, browser })
			return err
		}
		stale := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, store.ErrNoAuthorization) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, id := range []string{"other", "\x00", strings.Repeat("x", 200)} {
			stale("unknown", attempt(id, "browser"))
			_, err := w.Authorization(ctx, id, "browser")
			stale("unknown", err)
		}
		for _, browser := range []string{"", "other", "browserx"} {
			stale("another browser signs in", attempt("paie", browser))
			_, err := w.Authorization(ctx, "paie", browser)
			stale("another browser looks", err)
			stale("another browser chooses", w.ChooseCompany(ctx, portique.Actor{AccountID: w.jeanne.ID}, "paie", browser, hers.ID))
		}
		if waiting, err := w.Authorization(ctx, "portal", "browser"); err != nil || waiting.Tool.Name != "" {
			t.Errorf("%+v, %v", waiting, err)
		}
		_, id := w.in(func(f *session.SignInForm) { f.Authorization, f.Browser = "paie", "browser" })
		pending := func() (a *store.Authorization) {
			storetest.Write(t, w.db, func(tx *store.Tx) (err error) {
				a, err = tx.Authorization("paie")
				return err
			})
			return a
		}
		waiting, err := w.Authorization(ctx, "paie", "browser")
		if a := pending(); err != nil || waiting.Tool.Name != "Paie" || a.SessionID != id || a.MembershipID != "" {
			t.Fatalf("%+v, %+v, %v", waiting, a, err)
		}

		// One chooses among one's own accesses that count.
		jeanne := portique.Actor{AccountID: w.jeanne.ID}
		for name, m := range map[string]string{"somebody's": his.ID, "past its date": over.ID, "none": "", "unknown": store.NewID(), "hostile": "\x00"} {
			if err := w.ChooseCompany(ctx, jeanne, "paie", "browser", m); !errors.Is(err, portique.ErrMembershipUnknown) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := w.ChooseCompany(ctx, jeanne, "paie", "browser", hers.ID); err != nil {
			t.Error(err)
		}
		finished := pending()
		if finished.MembershipID != hers.ID {
			t.Errorf("%+v", finished)
		}

		finished.FinishedAt = w.watch.Now()
		storetest.Write(t, w.db, func(tx *store.Tx) error { return tx.SaveAuthorization(finished) })
		stale("finished", attempt("paie", "browser"))
		stale("finished", w.ChooseCompany(ctx, jeanne, "paie", "browser", hers.ID))
		w.watch.Forward(session.AuthorizationLife - time.Millisecond)
		if err := attempt("portal", "browser"); err != nil {
			t.Errorf("to the last moment: %v", err)
		}
		w.watch.Forward(time.Millisecond)
		stale("too old", attempt("portal", "browser"))
	})
}

func TestCookies(t *testing.T) {
	for _, secure := range []bool{true, false} {
		c := session.Cookies{Secure: secure}
		for _, k := range []session.Cookie{session.Auth, session.Portal, session.Browser, session.SignUp, session.SignIn, session.AuthFlash, session.PortalFlash,
			session.AuthLanguage, session.PortalLanguage} {
			w := httptest.NewRecorder()
			c.Set(w, k, "value", time.Hour)
			set := w.Result().Cookies()[0]
			if set.Name != map[bool]string{true: "__Host-", false: ""}[secure]+string(k) || set.Path != "/" || set.Domain != "" || !set.HttpOnly ||
				set.Secure != secure || set.SameSite != http.SameSiteLaxMode || set.MaxAge != 3600 {
				t.Errorf("%+v", set)
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.AddCookie(&http.Cookie{Name: set.Name, Value: "value"})
			if got := c.Read(r, k); got != "value" {
				t.Errorf("read back: %q", got)
			}
			r.AddCookie(&http.Cookie{Name: set.Name, Value: "planted"})
			if got := c.Read(r, k); got != "" {
				t.Errorf("sent twice: %q", got)
			}
			w = httptest.NewRecorder()
			c.Clear(w, k)
			if cleared := w.Result().Cookies()[0]; cleared.MaxAge >= 0 || cleared.Secure != secure || cleared.Path != "/" {
				t.Errorf("cleared: %+v", cleared)
			}
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: map[bool]string{true: "", false: "__Host-"}[secure] + string(session.Auth), Value: "planted by a neighbour"})
		r.AddCookie(&http.Cookie{Name: c.Name(session.Portal), Value: strings.Repeat("x", 3001)})
		if got := c.Read(r, session.Auth) + c.Read(r, session.Portal); got != "" {
			t.Errorf("secure %v read %.30q", secure, got)
		}
	}
}

// A session that was seen to have run out stays so when the clock goes back; one that nobody looked at meanwhile counts again.
func TestClockGoesBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		seen, id := w.in()
		unseen, _ := w.in()
		w.watch.Forward(session.Absolute + time.Minute)
		w.alive("one that ran out", portique.DoorAuth, seen, false)
		w.watch.Forward(-session.Absolute - time.Minute)
		w.alive("one that was seen to have run out", portique.DoorAuth, seen, false)
		w.alive("one that nobody looked at", portique.DoorAuth, unseen, true)
		ended := 0
		for _, e := range storetest.Journal(t, w.db, id) {
			if e.Action == portique.ActionSignedOut {
				ended++
			}
		}
		if ended != 1 {
			t.Errorf("%d lines of the journal end it", ended)
		}
	})
}
