package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A slip in a well-known mail domain is offered on the page that waits for the message, without JavaScript, and mended in one press.
func TestSlipInAnAddress(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	b := app.Browser(t)
	b.Register(Person{"Marie", "Kerouanton", "marie.k@gmial.com"})
	p := b.Open(app.Auth + "/register/sent")
	if !p.Has("Vouliez-vous écrire marie.k@gmail.com ?") {
		t.Fatalf("%s offers nothing: %s", p, p.Text())
	}
	b.Press("Oui, corriger et renvoyer le courriel")
	b.At("register-sent")
	if p := b.Page(); !p.Has("marie.k@gmail.com") || p.Has("gmial") || p.Has("Vouliez-vous") {
		t.Errorf("%s: %s", p, p.Text())
	}
	b.Open(app.Mail.Wait(t, "marie.k@gmail.com", "Validation").Link(t, "/validate"))
	b.At("validate")

	other := app.Browser(t)
	other.Register(Lucie)
	if p := other.Page(); p.Has("Vouliez-vous") {
		t.Errorf("%s offers something else for %s", p, Lucie.Email)
	}
}

// A forgotten password shows the address it was asked for, offers the one probably meant and asks again in one press; what it
// says depends on the address alone, not on whether an account has it.
func TestSlipInAForgottenAddress(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	known := Person{"Marie", "Kerouanton", "marie.k@gmail.com"}
	app.Create(t, known)
	b := app.Browser(t)
	b.Open(app.Auth + "/password/forgot")
	b.Submit("/password/forgot", Fields{"email": {" Marie.K@gmial.com "}})
	p := b.At("forgot")
	if !p.Has("marie.k@gmial.com") || !p.Has("Vouliez-vous écrire marie.k@gmail.com ?") || strings.Contains(p.URL.String(), "gmial") {
		t.Fatalf("%s: %s", p, p.Text())
	}
	b.Press("Oui, envoyer le lien à cette adresse")
	if p := b.At("forgot"); p.Has("gmial") || p.Has("Vouliez-vous") || p.Has("refaite") || !p.Has(known.Email) {
		t.Errorf("%s: %s", p, p.Text())
	}
	app.Mail.Wait(t, known.Email, "nouveau mot de passe")
	b.Press("Demander un nouveau lien")
	if p := b.At("forgot"); !p.Has("Votre demande est refaite. Si un compte porte cette adresse") {
		t.Errorf("asked again: %s", p.Text())
	}
	app.Mail.Wait(t, known.Email, "nouveau mot de passe")
	b.Follow("Indiquer une autre adresse")
	if got := b.Page().Value("email"); got != "" {
		t.Errorf("the form for another address has %q", got)
	}

	// Somebody else, and whoever comes a quarter of an hour later, sees no address.
	if p := app.Browser(t).Open(app.Auth + "/password/forgot?sent"); p.Has(known.Email) || p.Has("Demander un nouveau lien") {
		t.Errorf("another browser: %s", p.Text())
	}
	app.Advance(t, 16*time.Minute)
	if p := b.Open(app.Auth + "/password/forgot?sent"); p.Has(known.Email) {
		t.Errorf("later: %s", p.Text())
	}
}

// Who has just proved an address finds it in the sign-in form; nobody else does.
func TestAddressIsFilledIn(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	filled := func(what string, b *Browser, want string) {
		t.Helper()
		p := b.At("login")
		if got := p.Value("email"); got != want {
			t.Errorf("%s: the form has %q, want %q", what, got, want)
		}
		if want != "" && strings.Contains(b.trail(), want) {
			t.Errorf("%s: the address stands in an address", what)
		}
	}
	code := app.Browser(t)
	code.Register(Marie)
	letter := app.Mail.Wait(t, Marie.Email, "Validation")

	// The other code of the letter is told for what it is.
	if _, err := code.Attempt("/register/code", Fields{"code": {disownCode(letter)}}); err != nil {
		t.Fatal(err)
	}
	if p := code.Page(); !p.Has("Rien n’est annulé") {
		t.Errorf("the other code: %s", p.Text())
	}
	code.Submit("/register/code", Fields{"code": {letter.Code}})
	code.At("validated")
	code.Follow("Se connecter")
	filled("by code", code, Marie.Email)
	code.Submit("/login", Fields{"password": {Password}})
	code.At("companies-add")

	app.Browser(t).Register(Lucie)
	link := app.Browser(t) // another than the one that signed up
	link.Open(app.Mail.Wait(t, Lucie.Email, "Validation").Link(t, "/validate"))
	link.Submit("/validate", Fields{"password": {Password}})
	link.At("validated")
	link.Follow("Se connecter")
	filled("by link", link, Lucie.Email)
	app.Advance(t, 16*time.Minute)
	link.Open("/session/start")
	filled("by link, later", link, "")

	asks := app.Browser(t)
	asks.Open(app.Auth + "/password/forgot")
	asks.Submit("/password/forgot", Fields{"email": {Marie.Email}})
	reset := app.Browser(t)
	reset.Open(app.Mail.Wait(t, Marie.Email, "nouveau mot de passe").Link(t, "/password/reset"))
	reset.Submit("/password/reset", Fields{"password": {"Lac!Autre7mer"}, "password_confirmation": {"Lac!Autre7mer"}})
	filled("after a reset", reset, Marie.Email)

	other := app.Browser(t)
	other.Open("/session/start")
	filled("another browser", other, "")
}

// Where scripts run the slip is offered below the field, a moment after it was left: at once, the button that was being pressed would
// move away under the pointer. The page measures the moment itself, so that a slow machine changes nothing.
func TestSlipIsOfferedAfterAMoment(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	c := app.Chrome(t)
	for _, path := range []string{"/register", "/password/forgot"} {
		for _, s := range []struct {
			typed   []string // one after the other, the field being left after each
			offered string
		}{
			{[]string{"marie.k@gmial.com"}, "marie.k@gmail.com"},
			{[]string{"marie.k@boutique.example"}, ""},
			{[]string{"marie.k@gmial.com", "marie.k@gmail.com"}, ""}, // corrected before anything was offered
			{[]string{"marie.k@gmial.com", "marie.k@orrange.fr"}, "marie.k@orange.fr"},
		} {
			c.Open(app.Auth + path)
			var seen struct {
				At      string  // what was there as soon as the field was left
				After   float64 // milliseconds until it was offered; 0 is never
				Times   int
				Offered string
			}
			c.later(fmt.Sprintf(`new Promise(done => {
				const field = document.querySelector("main [name=email]"), hint = field.parentElement.querySelector(".typo")
				const seen = {at: "", after: 0, times: 0, offered: ""}
				let left
				new MutationObserver(() => {
					if (!hint.textContent) return
					seen.after = performance.now() - left
					seen.times++
				}).observe(hint, {childList: true})
				for (const typed of %q.split(" ")) {
					field.focus()
					field.value = typed
					left = performance.now()
					field.dispatchEvent(new Event("change", {bubbles: true}))
					seen.at += hint.textContent
				}
				setTimeout(() => {
					seen.offered = hint.querySelector("button")?.textContent ?? ""
					done(JSON.stringify(seen))
				}, 600) // asked for after the page's own, hence later
			})`, strings.Join(s.typed, " ")), &seen)
			if seen.Offered != s.offered || seen.At != "" {
				t.Errorf("%s, %v: offers %q, and at once %q", path, s.typed, seen.Offered, seen.At)
			}
			// A browser's clock is coarse on purpose.
			if s.offered != "" && (seen.After < 295 || seen.Times != 1) {
				t.Errorf("%s, %v: offered %d times, after %.0f ms", path, s.typed, seen.Times, seen.After)
			}
			if s.offered == "" {
				if seen.Times != 0 {
					t.Errorf("%s, %v: something was offered", path, s.typed)
				}
				continue
			}
			c.Press(s.offered)
			var now struct{ Value, Focus, Hint string }
			c.ask(`{Value: document.querySelector("main [name=email]").value, Focus: document.activeElement.name, Hint: document.querySelector(".typo").textContent}`, &now)
			if now.Value != s.offered || now.Focus != "email" || now.Hint != "" {
				t.Errorf("%s, %v: after the press %+v", path, s.typed, now)
			}
		}
	}
}

// A company is named to who has its member code, and to nobody before.
func TestCompanyIsNamedOnceProved(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	members := app.Import(t, 5)
	shop := members[0]
	wrong := shop
	wrong.Code = members[1].Code
	for i, p := range []Person{Marie, Paul} {
		app.Create(t, p)
		b := app.SignIn(t, p)
		b.Open("/companies/add")
		if page, _ := b.Attempt("/companies/add", Fields{"siren": {shop.SIREN}, "member_code": {wrong.Code}}); page == nil || strings.Contains(Plain(page.Body), Plain(shop.Name)) {
			t.Errorf("a wrong code: %s", page)
		}
		b.Open("/companies/add")
		b.Submit("/companies/add", Fields{"siren": {shop.SIREN}, "member_code": {shop.Code}})
		b.At([]string{"activated", "companies-add"}[i])
		if !b.Page().Has(shop.Name) {
			t.Errorf("%s does not name %s", b.Page(), shop.Name)
		}
	}

	// A second proof waits: right or wrong, the page names nobody.
	app.env = append(app.env, "PORTIQUE_CLAIM_POLICY=code+contact")
	app.Restart(t)
	b := app.SignIn(t, Marie)
	b.Open("/companies/add")
	b.Submit("/companies/add", Fields{"siren": {members[2].SIREN}, "member_code": {members[2].Code}})
	b.At("claim")
	if strings.Contains(Plain(b.Page().Body), Plain(members[2].Name)) {
		t.Errorf("%s names %s before the proof", b.Page(), members[2].Name)
	}
	b.Submit("/companies/claim", Fields{"code": {app.codeFor(t, members[2].ContactEmail, Marie)}})
	b.At("activated")
	if !b.Page().Has(members[2].Name) {
		t.Errorf("%s does not name %s", b.Page(), members[2].Name)
	}
}
