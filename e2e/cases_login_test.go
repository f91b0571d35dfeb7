package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The cases LOG of the catalogue, and REG-08 and PWD-08, which the same budgets hold.

// behindProxy lets a test play many network addresses.
const behindProxy = "PORTIQUE_TRUSTED_PROXIES=127.0.0.0/8,::1/128"

// login sends the sign-in form from a network address, without cookies.
func (a *App) login(t *testing.T, source, email, password string) answer {
	t.Helper()
	return call(t, "POST", a.Auth+"/login", url.Values{"email": {email}, "password": {password}}, "X-Forwarded-For", source)
}

// without takes away what differs for a reason: what the person typed, and the number and hour of the answer.
func (a answer) without(typed ...string) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.status)
	header := a.header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Content-Length"} {
		header.Del(name)
	}
	_ = header.Write(&b)
	body := strings.ReplaceAll(a.body, "@<wbr>", "@") // where a long address may break
	for _, one := range append(typed, a.header.Get("X-Request-Id")) {
		if one != "" {
			body = strings.ReplaceAll(body, one, "•")
		}
	}
	return b.String() + body
}

// same fails the test unless two answers are one, but for what was typed.
func same(t *testing.T, what string, a, b string) {
	t.Helper()
	if a == b {
		return
	}
	lines, others := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(lines), len(others)) {
		if lines[i] != others[i] {
			t.Errorf("%s: the answers differ\n  %s\n  %s", what, tail(lines[i], 600), tail(others[i], 600))
			return
		}
	}
	t.Errorf("%s: one answer is longer than the other", what)
}

// throttled fails the test unless an answer asks to wait, and returns for how long.
func throttled(t *testing.T, what string, got answer) time.Duration {
	t.Helper()
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	if got.status != http.StatusTooManyRequests || err != nil || seconds < 1 || !strings.Contains(got.body, `data-page="throttled"`) {
		t.Fatalf("%s: %d, Retry-After %q\n%s", what, got.status, got.header.Get("Retry-After"), tail(got.body, 400))
	}
	return time.Duration(seconds) * time.Second
}

// hours are what a page says of an hour.
var hours = regexp.MustCompile(`\d{1,2}[\x{00a0} ]h[\x{00a0} ]\d{2}`)

func TestSignInCases(t *testing.T) {
	t.Parallel()
	EachEngine(t, func(t *testing.T, app *App) {
		const wrong = "Mauvais!Mouton9"
		in := func(got answer) bool {
			return got.status == http.StatusSeeOther && got.header.Get("Location") == app.Portal+"/session/start"
		}
		// entered says whether a browser comes in with the right password.
		entered := func(t *testing.T, b *Browser, p Person) {
			t.Helper()
			b.Open(app.Auth + "/login")
			b.Login(p)
			if !b.Went("/session/start") {
				t.Fatalf("%s stays on %s: %s", p.Email, b.Page(), b.Page().Text())
			}
		}
		// keepOut spends the budget of an account from five addresses.
		keepOut := func(t *testing.T, p Person) {
			t.Helper()
			for i := range 5 {
				app.login(t, fmt.Sprintf("203.0.113.%d", i), p.Email, wrong)
			}
			throttled(t, "after five wrong ones", app.login(t, "203.0.113.99", p.Email, Password))
		}

		t.Run("LOG-01 one answer for every kind of account", func(t *testing.T) {
			known, unknown, unvalidated, disabled := person("log01"), person("log01.nobody"), person("log01.waiting"), person("log01.disabled")
			app.Create(t, known)
			app.signedUp(t, unvalidated)
			app.Create(t, disabled)
			app.Run(t, "", "account", "disable", "--email", disabled.Email)
			want := app.login(t, "198.51.100.1", known.Email, wrong)
			if want.status != http.StatusUnprocessableEntity || !strings.Contains(want.body, "Cette adresse et ce mot de passe ne vont pas ensemble.") {
				t.Errorf("a wrong password: %d\n%s", want.status, want.body)
			}
			for what, p := range map[string]Person{"unknown": unknown, "unvalidated": unvalidated, "disabled": disabled} {
				same(t, what, want.without(known.Email), app.login(t, "198.51.100.1", p.Email, wrong).without(p.Email))
			}
			same(t, "disabled, the right one", want.without(known.Email), app.login(t, "198.51.100.1", disabled.Email, Password).without(disabled.Email))
		})

		t.Run("LOG-04 five wrong, then a wait that grows", func(t *testing.T) {
			known, unknown := person("log04"), person("log04.nobody")
			app.Create(t, known)
			for range 5 {
				app.login(t, "198.51.100.4", known.Email, wrong)
				app.login(t, "198.51.100.4", unknown.Email, wrong)
			}
			refused := app.login(t, "198.51.100.4", known.Email, Password)
			wait := throttled(t, "the right one", refused)
			if wait > time.Minute {
				t.Errorf("the first wait is %s", wait)
			}
			hidden := func(a answer) string { // of two tries within two minutes, the hour and the wait may differ by one
				a.header.Del("Retry-After")
				return hours.ReplaceAllString(a.without(), "•")
			}
			same(t, "a wrong one", hidden(refused), hidden(app.login(t, "198.51.100.4", known.Email, wrong)))
			same(t, "an unknown address", hidden(refused), hidden(app.login(t, "198.51.100.4", unknown.Email, wrong)))

			app.Advance(t, wait)
			if got := app.login(t, "198.51.100.4", known.Email, wrong); got.status != http.StatusUnprocessableEntity {
				t.Fatalf("after the wait: %d", got.status)
			}
			longer := throttled(t, "the sixth", app.login(t, "198.51.100.4", known.Email, Password))
			if longer <= time.Minute || longer > 2*time.Minute {
				t.Errorf("the second wait is %s", longer)
			}
			app.Advance(t, longer)
			if got := app.login(t, "198.51.100.4", known.Email, Password); !in(got) {
				t.Errorf("after the second wait: %d", got.status)
			}
		})

		t.Run("LOG-05 nobody is locked out by strangers", func(t *testing.T) {
			p := person("log05")
			app.Create(t, p)
			home, elsewhere := app.Browser(t), app.Browser(t)
			entered(t, home, p)
			keepOut(t, p)
			entered(t, home, p)

			elsewhere.Open(app.Auth + "/login")
			elsewhere.Login(p)
			elsewhere.At("throttled")
			elsewhere.Answers(http.StatusTooManyRequests)
			elsewhere.Follow("choisir un nouveau mot de passe")
			elsewhere.At("forgot")
			elsewhere.Submit("/password/forgot", Fields{"email": {p.Email}})
			elsewhere.Open(app.Mail.Wait(t, p.Email, "nouveau mot de passe").Link(t, "/password/reset"))
			elsewhere.Submit("/password/reset", Fields{"password": {otherPassword}, "password_confirmation": {otherPassword}})
			signIn := func() *Page {
				elsewhere.Open(app.Auth + "/login")
				return elsewhere.Submit("/login", Fields{"email": {p.Email}, "password": {otherPassword}})
			}
			if signIn(); !elsewhere.Went("/session/start") {
				t.Fatalf("after the mailed link: %s", elsewhere.Page().Text())
			}
			keepOut(t, p) // goes on
			if signIn(); !elsewhere.Went("/session/start") {
				t.Fatalf("from the browser of the mailed link: %s", elsewhere.Page().Text())
			}
		})

		t.Run("LOG-07 one counter for every spelling", func(t *testing.T) {
			p := person("log07")
			app.Create(t, p)
			for i, email := range []string{strings.ToUpper(p.Email), " " + p.Email, p.Email + "\u00a0", "Log07@CAS.example", "log07@cas.EXAMPLE\t"} {
				if got := app.login(t, fmt.Sprintf("192.0.2.%d", i), email, wrong); got.status != http.StatusUnprocessableEntity {
					t.Fatalf("%q: %d", email, got.status)
				}
			}
			for _, email := range []string{p.Email, "LOG07@cas.example"} {
				throttled(t, email, app.login(t, "192.0.2.99", email, Password))
			}
		})

		// A hundred hashes and more: the tests of the rule and of the claims tell the same in the ordinary run.
		log12 := func(t *testing.T) {
			// A hundred failures, as many at once as there are processors; what is beyond is refused before any hash.
			var all sync.WaitGroup
			address := make(chan int)
			for range 4 {
				all.Go(func() {
					for i := range address {
						got := app.login(t, fmt.Sprintf("2001:db8:7:7:%x::%x", i*7919%65536, i), fmt.Sprintf("log12.%d@cas.example", i), wrong)
						if got.status != http.StatusUnprocessableEntity {
							t.Errorf("try %d: %d", i, got.status)
						}
					}
				})
			}
			for i := range 100 {
				address <- i
			}
			close(address)
			all.Wait()
			for i := range 900 {
				throttled(t, "the same network", app.login(t, fmt.Sprintf("2001:db8:7:7::%x", 5000+i), fmt.Sprintf("log12.%d@cas.example", 1000+i), wrong))
			}
			if got := app.login(t, "2001:db8:7:8::1", "log12@cas.example", wrong); got.status != http.StatusUnprocessableEntity {
				t.Errorf("another network: %d", got.status)
			}
		}
		if Long() {
			t.Run("LOG-12 one network of IPv6 is one source", log12)
		}

		t.Run("LOG-16 a new browser is told once", func(t *testing.T) {
			p := person("log16")
			app.Create(t, p)
			home, other := app.Browser(t), app.Browser(t)
			entered(t, home, p) // the first of all is no news
			entered(t, home, p)
			entered(t, other, p)
			letter := app.Mail.Wait(t, p.Email, "nouveau navigateur")
			if !letter.Has("Linux") || !letter.Has("Ce n'est pas vous ?") {
				t.Errorf("the letter says %s", letter.Text)
			}
			entered(t, other, p)
			entered(t, home, p)
			other.Open(letter.Link(t, "/password/forgot"))
			other.At("forgot")
			other.Submit("/password/forgot", Fields{"email": {p.Email}})
			// The reset letter is younger than any other there could be.
			reset := app.Browser(t)
			reset.Open(app.Mail.Wait(t, p.Email, "nouveau mot de passe").Link(t, "/password/reset"))
			for _, l := range app.Mail.To(p.Email) {
				if !l.taken {
					t.Errorf("one letter more: %s", l.Subject)
				}
			}
			reset.Submit("/password/reset", Fields{"password": {otherPassword}, "password_confirmation": {otherPassword}})
			if home.Open("/companies/add"); home.Page().Main() != "login" {
				t.Errorf("the session of before goes on: %s", home.Page())
			}
		})

		t.Run("REG-08 twenty times another letter", func(t *testing.T) {
			p := person("reg08")
			b, _ := app.signedUp(t, p)
			for i := range 20 {
				b.Open(app.Auth + "/register/sent")
				b.Submit("/register/resend", nil)
				b.At("register-sent")
				if b.Page().Status == http.StatusTooManyRequests && i < 2 || b.Page().Status == http.StatusOK && i >= 2 {
					t.Errorf("press %d: %s", i+1, b.Page())
				}
			}
			if !strings.Contains(b.Page().Alert(), "Plusieurs courriels sont déjà partis à cette adresse") {
				t.Errorf("the refusal says %q", b.Page().Alert())
			}

			// Somebody else has used the letters up: a new sign-up is kept, and the page says when its letter leaves.
			for _, language := range []struct{ accept, sentence string }{
				{"fr", "Plusieurs courriels sont déjà partis à cette adresse. Celui-ci partira le "},
				{"en", "Several emails have already been sent to this address. This one will leave on "},
			} {
				late := app.Browser(t)
				late.Language = language.accept
				late.Open(app.Auth + "/register")
				late.Submit("/register", Fields{"email": {p.Email}, "email_confirmation": {p.Email}, "password": {otherPassword},
					"password_confirmation": {otherPassword}, "first_name": {p.First}, "last_name": {p.Last}})
				late.At("register-sent")
				late.Says(language.sentence)
			}

			app.Mail.Wait(t, p.Email, "Validation")
			newest := app.Mail.Wait(t, p.Email, "Validation")
			if n := len(app.Mail.To(p.Email)); n != 3 {
				t.Errorf("%d letters within the hour", n)
			}
			b.Open(newest.Link(t, "/validate"))
			b.Submit("/validate", nil)
			b.At("validated")
			for _, l := range app.Mail.To(p.Email)[:2] {
				b.Open(l.Link(t, "/validate"))
				if b.At("validate"); b.Page().Form("/validate") {
					t.Error("an older link still offers to validate")
				}
			}
		})

		t.Run("PWD-08 a reset says nothing of the address", func(t *testing.T) {
			known, unknown, disabled := person("pwd08"), person("pwd08.nobody"), person("pwd08.disabled")
			app.Create(t, known)
			app.Create(t, disabled)
			app.Run(t, "", "account", "disable", "--email", disabled.Email)
			ask := func(p Person) string {
				b := app.Browser(t)
				b.Open(app.Auth + "/password/forgot")
				page := b.Submit("/password/forgot", Fields{"email": {p.Email}})
				return answer{page.Status, page.Header, page.Body}.without(p.Email)
			}
			one, two, three := ask(unknown), ask(disabled), ask(known)
			same(t, "unknown", three, one)
			same(t, "disabled", three, two)
			app.Mail.Wait(t, known.Email, "nouveau mot de passe") // asked for last, and answered in that order
			for _, p := range []Person{unknown, disabled} {
				if got := app.Mail.To(p.Email); len(got) != 0 {
					t.Errorf("%s received %q", p.Email, got[0].Subject)
				}
			}
		})

		t.Run("LOG-11 neither a crash nor another node forgets", func(t *testing.T) {
			p := person("log11")
			app.Create(t, p)
			keepOut(t, p)
			if app.Engine == "postgres" { // the other engine has one node
				second := app.Node(t)
				second.Advance(t, app.clock.ahead)
				throttled(t, "the other node", call(t, "POST", "http://"+second.dial+"/login", url.Values{"email": {p.Email}, "password": {Password}},
					"Host", strings.TrimPrefix(app.Auth, "http://"), "X-Forwarded-For", "198.51.100.11"))
			}
			app.Kill()
			app.serve(t)
			throttled(t, "after the crash", app.login(t, "198.51.100.11", p.Email, Password))
		})
	}, behindProxy)
}
