package web

import (
	"strings"
	"testing"

	"portique"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// Every page names tools in the reader's language, in its order.
func TestToolsInTheReadersLanguage(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	const siren = "552100554"
	storetest.Company(t, s.db, siren)
	jeanne, luc := s.person("jeanne@martin.example"), s.person("luc@martin.example")
	storetest.Member(t, s.db, jeanne, siren, portique.Administrator)
	storetest.Member(t, s.db, luc, siren, portique.Member, func(m *portique.Membership) { m.Rights = []string{"apprentissage"} })
	add := func(id, name, nameEN, about, aboutEN string) {
		if _, err := s.h.Tools.Add(t.Context(), portique.Actor{}, &portique.Tool{ID: id, Name: name, NameEN: nameEN, Description: about, DescriptionEN: aboutEN, URL: "https://" + id + ".example/",
			RedirectURIs: []string{"https://" + id + ".example/cb"}, Audience: portique.AudienceAll, AuthMethod: "client_secret_basic", Algorithm: "ES256"}, ""); err != nil {
			t.Fatal(err)
		}
		storetest.Write(t, s.db, func(tx *store.Tx) error { return tx.SaveConsent(jeanne.ID, id, []string{"name"}) })
	}
	add("apprentissage", "Contrats d’apprentissage", "Work and study contracts", "Transmettez les contrats.", "Send contracts.")
	add("stages", "Stages", "Internships", "", "Find one.")
	add("zones", "Zones", "", "Les régions.", "")
	s.signIn(jeanne)
	users, tools, needed, consents := "/companies/"+siren+"/users", "/tools", "/tools?need=stages", "/account/consents"
	for _, c := range []struct {
		language string
		said     map[string][]string
	}{
		{"fr", map[string][]string{
			tools:    {"Contrats d’apprentissage", "Transmettez les contrats.", "Find one.", "Les régions.", "!Internships", "!Work and study"},
			users:    {"Contrats d’apprentissage", "Stages", "!Internships", "!Work and study"},
			consents: {"Contrats d’apprentissage", "Stages", "!Internships"},
		}},
		{"en", map[string][]string{
			tools:    {"Work and study contracts", "Send contracts.", "Internships", "Find one.", "Zones", "Les régions.", "!apprentissage<", "!Stages"},
			needed:   {"Internships", "!Stages"},
			users:    {"Work and study contracts", "Internships", "Zones", "!Contrats", "!Stages"},
			consents: {"Work and study contracts", "Internships", "Zones", "!Contrats", "!Stages"},
		}},
	} {
		if err := s.h.Accounts.SetLanguage(t.Context(), jeanne.ID, c.language); err != nil {
			t.Fatal(err)
		}
		for path, sentences := range c.said {
			s.has(c.language+" "+path, s.read(path), sentences...)
		}
		first := map[string]string{"fr": "Contrats", "en": "Internships"}[c.language]
		for _, path := range []string{tools, consents} {
			page := s.read(path)
			for _, other := range []string{"Stages", "Zones", "Work and study"} {
				if at := strings.Index(page, other); at >= 0 && at < strings.Index(page, first) {
					t.Errorf("%s %s: %s stands before %s", c.language, path, other, first)
				}
			}
		}
	}
}
