package web

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"portique"
	"portique/internal/store"
	"portique/internal/store/storetest"
	"portique/internal/web/template"
)

// says reads a page as people do: entities decoded, spaces plain.
func says(page string) string {
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2068", "", "\u2069", "").Replace(html.UnescapeString(page))
}

// What administrators do of a person: every fault at once, the end date with the role, how many requests wait.
func TestAdministratorsWork(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	const siren = "552100554"
	storetest.Company(t, s.db, siren)
	storetest.Write(t, s.db, func(tx *store.Tx) error { return tx.InsertTool(&portique.Tool{ID: "paie", Name: "Paie"}) })
	jeanne, luc, paul := s.person("jeanne@martin.example"), s.person("luc@martin.example"), s.person("paul@martin.example")
	storetest.Member(t, s.db, jeanne, siren, portique.Administrator)
	his := storetest.Member(t, s.db, luc, siren, portique.Member, func(m *portique.Membership) { m.Rights = []string{"paie"} })
	a, err := s.h.Access.Attach(t.Context(), portique.Actor{AccountID: paul.ID, Door: portique.DoorPortal}, siren, storetest.MemberCode)
	if err != nil || a.Request == nil {
		t.Fatalf("%+v, %v", a, err)
	}
	users, role, accept := "/companies/"+siren+"/users", "/companies/"+siren+"/users/"+his.ID+"/role", "/companies/"+siren+"/requests/"+a.Request.ID+"/accept"
	post := func(path string, fields url.Values) (int, string) {
		t.Helper()
		code, page, header := s.send("POST", path, form, fields.Encode())
		if code != http.StatusSeeOther {
			return code, says(page)
		}
		own := s.jar[:1:1]
		for _, line := range header.Values("Set-Cookie") {
			c, err := http.ParseSetCookie(line)
			if err != nil {
				t.Fatal(err)
			}
			s.jar = append(s.jar, c)
		}
		_, page, _ = s.send("GET", header.Get("Location"), "", "")
		s.jar = own
		return code, says(page)
	}
	want := func(what string, code, wanted int, page string, sentences ...string) {
		t.Helper()
		if code != wanted {
			t.Errorf("%s: %d", what, code)
		}
		for _, sentence := range sentences {
			if !strings.Contains(page, sentence) {
				t.Errorf("%s: the page does not say %q", what, sentence)
			}
		}
	}

	s.signIn(jeanne)
	noTool, badDate, noRole := "Cochez au moins un outil", "Écrivez une date avec l’année", "Choisissez un rôle dans la liste."
	for _, path := range []string{accept, role} {
		id := "r-" + a.Request.ID + "-"
		if path == role {
			id = "r-" + his.ID + "-"
		}
		code, page := post(path, url.Values{"role": {"member"}, "tool": {""}, "until": {"31 12"}})
		want("no tool, no date", code, 422, page, noTool, badDate, `href="#`+id+`tool"`, `href="#`+id+`until"`, `id="`+id+`tool-error"`, `id="`+id+`until-error"`, `value="31 12"`)
		code, page = post(path, url.Values{"role": {"member"}, "tool": {""}, "until": {"2020-01-01"}})
		want("no tool, a past date", code, 422, page, noTool, "Choisissez une date à venir.")
		code, page = post(path, url.Values{"role": {"boss"}, "until": {"2020-01-01"}})
		want("no role, a past date", code, 422, page, noRole, "Choisissez une date à venir.")
		code, page = post(path, url.Values{"role": {"administrator"}, "tool": {""}, "until": {"2060-12-31"}})
		want("an administrator for a time", code, 422, page, "Un administrateur n’a pas de date de fin.", `value="2060-12-31"`)
		if strings.Contains(page, noTool) {
			t.Error("an administrator is asked for tools")
		}
	}

	code, page := post(role, url.Values{"role": {"member"}, "tool": {"paie"}, "until": {"31/12/2060"}})
	want("a date", code, 303, page, "est changé. L’accès est ouvert jusqu’au", `value="2060-12-31"`, "cette date s’efface si vous choisissez ce rôle")
	code, page = post(role, url.Values{"role": {"member"}, "tool": {"paie"}, "until": {"2060-12-31"}})
	want("as it is", code, 409, page, "a déjà ce rôle, ces outils et cette date de fin")
	code, page = post(role, url.Values{"role": {"declarant"}, "tool": {""}})
	want("a declarant, the date left out", code, 303, page, "est changé : Déclarant.", `value="2060-12-31"`)
	code, page = post(role, url.Values{"role": {"administrator"}, "tool": {""}, "until": {"2060-12-31"}})
	want("an administrator, the date as it is", code, 303, page, "est changé : Administrateur. L’accès n’a plus de date de fin.")
	code, page = post(role, url.Values{"role": {"member"}, "tool": {"*"}, "until": {""}})
	want("a member without end", code, 303, page, "est changé : Utilisateur.")

	// How many wait, in the menu of her company and on the pages that list it; nothing once nobody waits.
	for _, path := range []string{"/tools", "/companies", users} {
		code, page, _ := s.send("GET", path, "", "")
		want(path, code, 200, says(page), "(1)", ", une demande attend votre réponse")
	}
	_, page, _ = s.send("GET", "/tools?siren="+siren, "", "")
	want("the list of tools", 200, 200, says(page), "Une demande d’accès attend votre réponse.", users+"#requests")

	// Cancelling is asked first, of who asked only.
	cancel := "/requests/" + a.Request.ID + "/cancel"
	if code, _, _ := s.send("GET", cancel, "", ""); code != 404 {
		t.Errorf("somebody else's request: %d", code)
	}
	s.signIn(paul)
	_, page, _ = s.send("GET", "/companies/add", "", "")
	want("his request", 200, 200, page, `href="`+cancel+`"`, "Votre demande part par courriel à un administrateur.")
	code, page, _ = s.send("GET", cancel, "", "")
	want("asked first", code, 200, says(page), "Annuler votre demande ?", "Garder ma demande", `action="`+cancel+`"`)
	code, page = post(cancel, nil)
	want("confirmed", code, 303, page, "Votre demande est annulée.")
	code, page, _ = s.send("GET", cancel, "", "")
	want("too late", code, 409, says(page), "Cette demande a déjà reçu une réponse, ou a été annulée.")

	s.signIn(jeanne)
	for _, path := range []string{"/tools", "/companies", users} {
		if _, page, _ := s.send("GET", path, "", ""); strings.Contains(page, `class="count"`) || strings.Contains(page, "#requests") {
			t.Errorf("%s: a count of nothing", path)
		}
	}
	// Suspended, closed: what it means and whom to turn to.
	storetest.Member(t, s.db, paul, siren, portique.Member, func(m *portique.Membership) { m.Status = portique.MembershipSuspended })
	storetest.Company(t, s.db, "732829320", func(c *portique.Company) { c.Status = portique.CompanyClosed })
	storetest.Member(t, s.db, paul, "732829320", portique.Member)
	s.signIn(paul)
	code, page, _ = s.send("GET", "/companies", "", "")
	want("his companies", code, 200, says(page), "Un administrateur de l’entreprise peut le rétablir : demandez-le-lui.", "ses outils ne s’ouvrent plus")
}

// Twenty requests at once, the oldest; all of them for who asks, and for a form that was refused.
func TestRequestsListed(t *testing.T) {
	rows := make([]template.UserRequest, 45)
	if n := len(requestsListed(rows, false)); n != requestsShown {
		t.Errorf("%d of 45", n)
	}
	if n := len(requestsListed(rows, true)); n != 45 {
		t.Errorf("%d when all are asked for", n)
	}
	if n := len(requestsListed(rows[:requestsShown], false)); n != requestsShown {
		t.Errorf("%d of a page", n)
	}
	rows[44].Form.Errors = []template.FieldError{{Field: "reason"}}
	if n := len(requestsListed(rows, false)); n != 45 {
		t.Errorf("the form refused is not among %d", n)
	}
}
