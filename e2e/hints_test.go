package e2e

import (
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
