package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A slip in a well-known mail domain is offered on the page that waits for the message, without JavaScript, and mended in one press.
func TestSlipInAnAddress(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	b := app.Browser(t)
	b.Register(Person{"Marie", "Kerouanton", "marie.k@gmial.com"})
	p := b.Open(app.Auth + "/register/sent")
	if !p.Has("Avez-vous voulu écrire marie.k@gmail.com ?") {
		t.Fatalf("%s offers nothing: %s", p, p.Text())
	}
	b.Press("Oui, corriger et renvoyer le message")
	b.At("register-sent")
	if p := b.Page(); !p.Has("marie.k@gmail.com") || p.Has("gmial") || p.Has("Avez-vous voulu") {
		t.Errorf("%s: %s", p, p.Text())
	}
	b.Open(app.Mail.Wait(t, "marie.k@gmail.com", "Validation").Link(t, "/validate"))
	b.At("validate")

	other := app.Browser(t)
	other.Register(Lucie)
	if p := other.Page(); p.Has("Avez-vous voulu") {
		t.Errorf("%s offers something else for %s", p, Lucie.Email)
	}
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
