package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Person is somebody who walks through the installation.
type Person struct {
	First, Last, Email string
}

// Password is everybody's: it follows the guide's rule and is on no list.
const Password = "Quatre!Moutons7"

// The people of the journeys.
var (
	Marie = Person{"Marie", "Kerouanton", "marie.kerouanton@boutique.example"}
	Paul  = Person{"Paul", "Besson", "paul.besson@boutique.example"}
	Lucie = Person{"Lucie", "Haddad", "lucie.haddad@boutique.example"}
	Anne  = Person{"Anne", "Prigent", "anne.prigent@cabinet.example"} // accountant
)

// Account, Membership and Request are lines of the lists of the command line.
type (
	Account struct {
		ID, Email, Status string
		ContributionsOnly bool `json:"contributions_only"`
		Language          string
	}
	Membership struct {
		ID, Email, SIREN, Role, Status string
		Rights                         []string
	}
	Request struct {
		ID, Email, SIREN, Status string
		Reminders                int
	}
	Letter struct {
		ID, To, Kind, Status string
		MessageID            string `json:"message_id"`
		Attempts             int
		LastError            string `json:"last_error"`
	}
)

// Memberships lists who may act for a company, ended ones included.
func (a *App) Memberships(t *testing.T, siren string) []Membership {
	t.Helper()
	var list []Membership
	a.JSON(t, &list, "membership", "list", "--siren", siren)
	return list
}

// Membership returns a person's access to a company; the zero value is none. An active one comes first.
func (a *App) Membership(t *testing.T, siren string, p Person) Membership {
	t.Helper()
	var found Membership
	for _, m := range a.Memberships(t, siren) {
		if strings.EqualFold(m.Email, p.Email) && (found.ID == "" || m.Status == "active") {
			found = m
		}
	}
	return found
}

// Requests lists the requests for a company, decided ones included.
func (a *App) Requests(t *testing.T, siren string) []Request {
	t.Helper()
	var list []Request
	a.JSON(t, &list, "request", "list", "--siren", siren)
	return list
}

// Pending returns a person's pending request for a company.
func (a *App) Pending(t *testing.T, siren string, p Person) Request {
	t.Helper()
	for _, r := range a.Requests(t, siren) {
		if strings.EqualFold(r.Email, p.Email) && r.Status == "pending" {
			return r
		}
	}
	t.Fatalf("%s has no pending request for %s: %+v", p.Email, siren, a.Requests(t, siren))
	return Request{}
}

// Account returns the only account or sign-up of an address.
func (a *App) Account(t *testing.T, email string) Account {
	t.Helper()
	var list []Account
	a.JSON(t, &list, "account", "list")
	var found []Account
	for _, one := range list {
		if strings.EqualFold(one.Email, email) {
			found = append(found, one)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d accounts of %s: %+v", len(found), email, found)
	}
	return found[0]
}

// Create makes a validated account from the command line. Each option is one more argument.
func (a *App) Create(t *testing.T, p Person, options ...string) {
	t.Helper()
	args := append([]string{"account", "create", "--email", p.Email, "--first-name", p.First, "--last-name", p.Last, "--validated", "--password-stdin"}, options...)
	a.Run(t, Password, args...)
}

// SignIn opens a browser and signs a person in at the portal.
func (a *App) SignIn(t *testing.T, p Person) *Browser {
	t.Helper()
	b := a.Browser(t)
	b.Open("/")
	b.Follow("Se connecter aux Web Services")
	b.Login(p)
	if b.Page().Main() == "login" {
		t.Fatalf("%s could not sign in: %s", p.Email, b.Page().Alert())
	}
	return b
}

// Login fills the sign-in form.
func (b *Browser) Login(p Person) *Page {
	b.t.Helper()
	return b.Submit("/login", Fields{"email": {p.Email}, "password": {Password}})
}

// Register fills the sign-up form from the welcome page of the portal. Each change is made to the form before it is sent.
func (b *Browser) Register(p Person, changes ...Fields) *Page {
	b.t.Helper()
	b.Open("/")
	b.Follow("Créer un compte")
	fields := Fields{
		"email": {p.Email}, "email_confirmation": {p.Email}, "password": {Password}, "password_confirmation": {Password},
		"first_name": {p.First}, "last_name": {p.Last},
	}
	for _, change := range changes {
		for name, value := range change {
			fields[name] = value
		}
	}
	return b.Submit("/register", fields)
}

// Attach adds a company on the page for it.
func (b *Browser) Attach(m Member) *Page {
	b.t.Helper()
	if b.page == nil || b.page.Main() != "companies-add" {
		b.Open("/companies/add")
	}
	return b.Submit("/companies/add", Fields{"siren": {m.SIREN}, "member_code": {m.Code}})
}

// Decide accepts or refuses a request on the users page of its company.
func (b *Browser) Decide(r Request, verb string, fields Fields) *Page {
	b.t.Helper()
	b.Open("/companies/" + r.SIREN + "/users")
	return b.Submit(fmt.Sprintf("/companies/%s/requests/%s/%s", r.SIREN, r.ID, verb), fields)
}

// At fails the test unless a page with that data-page is in front of the person.
func (b *Browser) At(page string) *Page {
	b.t.Helper()
	if b.Page().Main() != page {
		b.t.Fatalf("not on the page %q but on %s\n%s%s", page, b.page, b.trail(), tail(b.page.Text(), 1500))
	}
	return b.page
}

// Says fails the test for each sentence the page lacks.
func (b *Browser) Says(sentences ...string) {
	b.t.Helper()
	for _, s := range sentences {
		if !b.Page().Has(s) {
			b.t.Errorf("%s does not say %q; it says:\n%s", b.page, s, b.page.Text())
		}
	}
}

// Answers fails the test unless the page came with one of these statuses.
func (b *Browser) Answers(statuses ...int) {
	b.t.Helper()
	for _, s := range statuses {
		if b.Page().Status == s {
			return
		}
	}
	b.t.Errorf("%s answered %d, not %v\n%s", b.page.URL, b.page.Status, statuses, tail(b.page.Text(), 800))
}

// Confirm answers for the company's known contact, by the letter that tells of its first administrator: what waits 72 hours
// otherwise waits no longer.
func (a *App) Confirm(t *testing.T, m Member) {
	t.Helper()
	letter := a.Mail.Wait(t, m.ContactEmail, "administre maintenant")
	b := a.Browser(t)
	b.Open(letter.Link(t, "/contest/"))
	b.At("contest")
	b.Submit("", Fields{"code": {letter.Code}, "answer": {"confirm"}})
	b.At("contest")
	b.Says("Vous avez confirmé la personne qui administre l'entreprise.")
}
