package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// An accountant with sixty companies, and a company with more people than a page holds: what is looked for is found, and a refusal is
// shown on the page where its form is.
func TestLongLists(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	members := app.Import(t, 60)
	tool := app.NewTool(t, "contributions", "Contributions formation", "--audience", "contributions")
	app.Create(t, Marie)
	for _, m := range members {
		app.Run(t, "", "membership", "grant", "--email", Marie.Email, "--siren", m.SIREN, "--role", "administrator", "--reason", "essai")
	}
	marie := app.SignIn(t, Marie)
	marie.At("tools")
	count := func(p *Page, element, attribute string) (n int) {
		for one := range p.main().Descendants() {
			if one.Data == element && attr(one, attribute) != "" {
				n++
			}
		}
		return n
	}
	if n := count(marie.Page(), "section", "data-siren"); n != 10 {
		t.Errorf("%d companies on the first page of tools", n)
	}
	last := members[59]
	for _, q := range []string{last.SIREN, last.SIREN[:3] + " " + last.SIREN[3:], strings.ToUpper(last.Name)} {
		marie.Open("/tools?q=" + url.QueryEscape(q))
		if !marie.Page().Has(last.Name) || count(marie.Page(), "section", "data-siren") > 3 {
			t.Errorf("looking for %q: %s", q, marie.Page())
		}
	}
	marie.Open("/tools?q=zzzz")
	marie.Says("Aucune de vos entreprises ne porte ce nom")
	marie.Open("/companies?page=2")
	if n := count(marie.Page(), "tr", "data-siren"); n != 10 {
		t.Errorf("%d companies on the second page", n)
	}
	marie.Says("Page 2 sur 2")
	marie.Open("/tools?siren=" + last.SIREN)
	marie.Follow("Changer d'entreprise (60)")
	marie.At("tools")

	// For which company a tool is opened: looked for, then chosen, with nothing lost on the way.
	marie.Open(tool.URL)
	marie.At("choose-company")
	if n := count(marie.Page(), "button", "value"); n != 20 {
		t.Errorf("%d companies to choose among", n)
	}
	here, err := url.Parse(marie.Page().Value("authorization"))
	if err != nil {
		t.Fatal(err)
	}
	marie.Open(app.Auth + "/oauth/company?" + url.Values{"authorization": {here.String()}, "q": {last.SIREN}}.Encode())
	marie.At("choose-company")
	marie.Press(last.Name)
	if v := tool.Last(); v.Company("siren") != last.SIREN {
		t.Errorf("the tool was opened for %q", v.Company("siren"))
	}

	// People.
	shop := members[0]
	var him Person
	for i := range 52 {
		him = Person{"Hugo", fmt.Sprintf("Martin %02d", i), fmt.Sprintf("hugo.%02d@boutique.example", i)}
		app.Create(t, him)
		app.Run(t, "", "membership", "grant", "--email", him.Email, "--siren", shop.SIREN, "--role", "member", "--reason", "essai")
	}
	users := "/companies/" + shop.SIREN + "/users"
	his := app.Membership(t, shop.SIREN, him)
	marie.Open(users)
	marie.Says("Page 1 sur 2")
	marie.Open(users + "?q=hugo.51@")
	if n := count(marie.Page(), "tbody", "data-user"); n != 1 {
		t.Errorf("%d people found", n)
	}
	marie.Open(users + "?page=2")
	marie.Post(users+"/"+his.ID+"/role", Fields{"role": {"chef"}})
	marie.Answers(422)
	marie.Says("Page 2 sur 2")
	if !marie.Page().Form(users + "/" + his.ID + "/role") {
		t.Error("the refused form is on another page")
	}
}
