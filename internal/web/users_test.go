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
	want("an administrator, the date as it is", code, 303, page, "est changé : Administrateur. L’accès n’a plus de date de fin. Un courriel le lui annonce.")
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
	want("his request", 200, 200, page, `href="`+cancel+`"`, "L’administrateur la voit déjà sur sa page, et un courriel le prévient.")
	code, page, _ = s.send("GET", cancel, "", "")
	want("asked first", code, 200, says(page), "Annuler votre demande ?", "Garder ma demande", `action="`+cancel+`"`)
	code, page = post(cancel, nil)
	want("confirmed", code, 303, page, "Votre demande pour ")
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

// A role of one's own is given up on a page that says what goes and who can give it back; scripts send the same POST as ever.
func TestOwnRole(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	const siren = "552100554"
	company := storetest.Company(t, s.db, siren)
	storetest.Write(t, s.db, func(tx *store.Tx) error { return tx.InsertTool(&portique.Tool{ID: "paie", Name: "Paie"}) })
	jeanne, anna := s.person("jeanne@martin.example"), s.person("anna@martin.example")
	mine := storetest.Member(t, s.db, jeanne, siren, portique.Administrator)
	users := "/companies/" + siren + "/users"
	own, alone := users+"/"+mine.ID+"/role", "Vous êtes seul administrateur : pour changer votre rôle ou partir, nommez d’abord un autre administrateur."
	s.signIn(jeanne)
	send := func(method, path, fields string) (int, string, http.Header) {
		t.Helper()
		code, page, header := s.send(method, path, map[bool]string{true: form}[method == "POST"], fields)
		return code, says(page), header
	}

	// The only administrator reads the same sentence everywhere.
	for _, try := range [][3]string{{"GET", users, ""}, {"GET", own, ""}, {"POST", own, "role=member"}, {"GET", users + "/" + mine.ID + "/remove", ""}, {"POST", users + "/" + mine.ID + "/remove", ""}} {
		code, page, _ := send(try[0], try[1], try[2])
		if want := map[bool]int{true: 200, false: 409}[try[1] == users]; code != want || !strings.Contains(page, alone) {
			t.Errorf("%s %s of the only administrator: %d", try[0], try[1], code)
		}
		if strings.Contains(page, `href="`+own+`"`) || strings.Contains(page, `action="`+own+`"`) {
			t.Errorf("%s %s offers to step down", try[0], try[1])
		}
	}

	hers := storetest.Member(t, s.db, anna, siren, portique.Administrator)
	if _, page, _ := send("GET", users, ""); !strings.Contains(page, `href="`+own+`"`) || strings.Contains(page, `action="`+own+`"`) {
		t.Error("the list does not lead to the page that asks first")
	}
	if code, _, _ := send("GET", users+"/"+hers.ID+"/role", ""); code != 404 {
		t.Errorf("the page of somebody else's role: %d", code)
	}
	wants := []string{"Changer votre rôle ?", "vous ne gérez plus les utilisateurs de " + company.Name, "il faudra le demander à " + anna.Name() + ".", "Ne rien changer", `action="` + own + `"`}
	code, page, _ := send("GET", own, "")
	for _, want := range wants {
		if code != 200 || !strings.Contains(page, want) {
			t.Errorf("%d without %q", code, want)
		}
	}
	if strings.Contains(page, `value="administrator"`) {
		t.Error("the role she has is offered")
	}
	code, page, _ = send("POST", own, "role=member&tool=&until=31+12")
	for _, want := range append(wants, "Cochez au moins un outil", "Écrivez une date avec l’année", `href="#r-`+mine.ID+`-tool"`, `id="r-`+mine.ID+`-until-error"`, `value="31 12"`) {
		if code != 422 || !strings.Contains(page, want) {
			t.Errorf("%d, refused, without %q", code, want)
		}
	}
	code, _, header := s.send("POST", own, form, "role=member")
	if code != http.StatusSeeOther || header.Get("Location") != "/tools?siren="+siren {
		t.Fatalf("the POST: %d to %q", code, header.Get("Location"))
	}
	for _, line := range header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		s.jar = append(s.jar, c)
	}
	if code, page, _ := send("GET", header.Get("Location"), ""); code != 200 || !strings.Contains(page, "Votre rôle pour "+company.Name+" est changé : Utilisateur.") {
		t.Errorf("afterwards: %d", code)
	}
	for _, path := range []string{users, own} {
		if code, _, _ := send("GET", path, ""); code != 403 && code != 404 {
			t.Errorf("%s afterwards: %d", path, code)
		}
	}
}

// Who can give a role back: a few by name.
func TestAnyOf(t *testing.T) {
	s := newSite(t)
	v := &visit{h: s.h, p: s.h.Catalog.Printer("fr")}
	for want, names := range map[string][]string{
		"":                  nil,
		"Anna":              {"Anna"},
		"Anna ou Luc":       {"Anna", "Luc"},
		"Anna, Luc ou Paul": {"Anna", "Luc", "Paul"},
		"Anna, Luc, Paul ou une autre personne qui administre l’entreprise": {"Anna", "Luc", "Paul", "Zoé"},
	} {
		if got := v.anyOf(names); got != want {
			t.Errorf("%q: %q", names, got)
		}
	}
}

// While a first claim is watched nobody is made an administrator: the role cannot be chosen, and a script that does so is told once.
func TestWatchedRole(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	const siren = "552100554"
	storetest.Company(t, s.db, siren)
	jeanne, paul := s.person("jeanne@martin.example"), s.person("paul@martin.example")
	var request string
	for _, who := range []*portique.Account{jeanne, paul} {
		a, err := s.h.Access.Attach(t.Context(), portique.Actor{AccountID: who.ID, Door: portique.DoorPortal}, siren, storetest.MemberCode)
		if err != nil {
			t.Fatal(err)
		}
		if a.Request != nil {
			request = a.Request.ID
		}
	}
	s.signIn(jeanne)
	users := "/companies/" + siren + "/users"
	const why, short = "vérifie que c’est bien vous qui administrez", "ossible à partir du"
	code, page, _ := s.send("GET", users, "", "")
	if page = says(page); code != 200 || strings.Count(page, why) != 1 || strings.Count(page, short) != 1 || !strings.Contains(page, `value="administrator" disabled`) ||
		!strings.Contains(page, "quand vous aurez nommé un autre administrateur") {
		t.Errorf("%d: the page does not say what waits", code)
	}
	code, page, _ = s.send("POST", "/companies/"+siren+"/requests/"+request+"/accept", form, "role=administrator")
	if page = says(page); code != 409 || strings.Count(page, why) != 1 || strings.Count(page, short) != 2 || !strings.Contains(page, `<details class="more" open`) || !strings.Contains(page, `<a href="#request-`+request+`">Voir pourquoi`) {
		t.Errorf("accepted as administrator: %d", code)
	}
	if !strings.Contains(page, `class="notice notice-bad" role="alert" autofocus data-focus tabindex="-1"`) {
		t.Error("the refusal does not take the focus")
	}
	// A member: nothing that makes them less can be chosen, and the row says from when.
	if code, _, _ := s.send("POST", "/companies/"+siren+"/requests/"+request+"/accept", form, "role=member"); code != 303 {
		t.Fatalf("accepted: %d", code)
	}
	_, page, _ = s.send("GET", users, "", "")
	s.has("a member", says(page), `value="administrator" disabled`, `value="declarant" disabled`, `!value="member" disabled`, "Retirer cet accès : à partir de", "Retirer un outil, mettre une date de fin ou la rapprocher : à partir de", "!Retirer l’accès…")
	if _, page, _ := s.send("GET", "/companies/"+siren+"/activated", "", ""); !strings.Contains(says(page), why) {
		t.Error("the page of the activated access does not say why")
	}

	// The contact agrees: the page says so, and nothing waits.
	storetest.Write(t, s.db, func(tx *store.Tx) error {
		c, err := tx.FirstClaim(siren)
		if err != nil {
			return err
		}
		c.Answer(false, tx.Now())
		return tx.UpdateFirstClaim(c)
	})
	code, page, _ = s.send("GET", users, "", "")
	if page = says(page); code != 200 || strings.Contains(page, " disabled") || !strings.Contains(page, "Le contact de l’entreprise a confirmé qui l’administre") {
		t.Errorf("once confirmed: %d", code)
	}
}

// Ten requests at once, the oldest; all of them for who asks, and for a form that was refused.
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
