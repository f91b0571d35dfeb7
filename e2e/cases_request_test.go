package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// The cases REQ of the catalogue, and those MAI that need the whole journey.

// desk is a company with its administrator, and somebody whose request waits.
func (a *App) desk(t *testing.T, shop Member, name string, change ...func(*Person)) (jeanne, luc Person, administrator, requester *Browser, r Request) {
	t.Helper()
	jeanne, luc = Person{"Jeanne", "Petit", name + ".jeanne@cas.example"}, Person{"Luc", "Moreau", name + ".luc@cas.example"}
	for _, f := range change {
		f(&luc)
	}
	a.Create(t, jeanne)
	a.Create(t, luc)
	administrator, requester = a.SignIn(t, jeanne), a.SignIn(t, luc)
	administrator.Attach(shop)
	administrator.At("activated")
	requester.Attach(shop)
	requester.At("companies-add")
	return jeanne, luc, administrator, requester, a.Pending(t, shop.SIREN, luc)
}

func TestRequestCases(t *testing.T) {
	t.Parallel()
	onOne(t, "postgres", func(t *testing.T, app *App) {
		shops := app.Import(t, 20)
		tool := app.NewTool(t, "outil", "Demandes de formation")

		t.Run("REQ-01 a request opens nothing", func(t *testing.T) {
			shop := shops[0]
			_, _, _, luc, _ := app.desk(t, shop, "req01")
			for _, path := range []string{"/", "/tools", "/tools?siren=" + shop.SIREN} {
				luc.Open(path)
				if p := luc.Page(); p.Main() != "companies-add" && p.Main() != "tools" && p.Status != http.StatusNotFound || strings.Contains(p.Body, `data-state="open"`) {
					t.Errorf("%s shows %s", path, p)
				}
			}
			luc.Open("/")
			luc.At("companies-add")
			luc.Says(shop.Name, "Relancer ma demande")
			for _, hint := range []string{"", "?company_hint=" + shop.SIREN} {
				luc.Open(tool.URL + "/" + hint)
				luc.At("no-access")
			}
			luc.Open(tool.URL + "/?prompt=none&company_hint=" + shop.SIREN)
			luc.At("tool-refused")
			luc.Says("access_denied")
			for _, path := range []string{"/companies/" + shop.SIREN + "/users", "/companies/" + shop.SIREN + "/activated"} {
				luc.Open(path)
				luc.Answers(http.StatusNotFound, http.StatusForbidden)
			}
		})

		t.Run("REQ-03 the letter's link in other hands", func(t *testing.T) {
			shop := shops[1]
			_, person, _, luc, _ := app.desk(t, shop, "req03")
			stranger := Person{"Zoé", "Ailleurs", "req03.zoe@cas.example"}
			app.Create(t, stranger)
			zoe := app.SignIn(t, stranger)
			zoe.Attach(shops[2])
			zoe.At("activated")
			for name, b := range map[string]*Browser{"an administrator of another company": zoe, "the requester": luc, "nobody": app.Browser(t)} {
				b.Open("/companies/" + shop.SIREN + "/users")
				switch p := b.Page(); {
				case name == "nobody" && p.Main() == "login":
				case name != "nobody" && (p.Status == http.StatusNotFound || p.Status == http.StatusForbidden):
				default:
					t.Errorf("%s sees %s", name, p)
				}
				if name != "the requester" && (b.Page().Says(person.Email) || b.Page().Says("Luc Moreau") || b.Page().Says(shop.Name)) {
					t.Errorf("%s reads of the request", name)
				}
			}
			for _, verb := range []string{"accept", "refuse"} {
				r := app.Pending(t, shop.SIREN, person)
				zoe.Post("/companies/"+shop.SIREN+"/requests/"+r.ID+"/"+verb, Fields{"role": {"administrator"}, "reason": {"non"}})
				zoe.Answers(http.StatusNotFound)
				zoe.Post("/companies/"+shops[2].SIREN+"/requests/"+r.ID+"/"+verb, Fields{"role": {"administrator"}, "reason": {"non"}})
				zoe.Answers(http.StatusNotFound)
			}
			app.Pending(t, shop.SIREN, person)
		})

		t.Run("REQ-05 decided is decided", func(t *testing.T) {
			shop := shops[3]
			_, luc, jeanne, _, r := app.desk(t, shop, "req05")
			jeanne.Decide(r, "accept", Fields{"role": {"member"}})
			jeanne.At("users")
			base := "/companies/" + shop.SIREN + "/requests/" + r.ID
			for _, verb := range []string{"accept", "refuse", "accept"} {
				jeanne.Post(base+"/"+verb, Fields{"role": {"administrator"}, "reason": {"Trop tard"}})
				jeanne.Answers(http.StatusConflict)
				if jeanne.Page().Alert() == "" {
					t.Errorf("%s again says nothing", verb)
				}
			}
			if m := app.Membership(t, shop.SIREN, luc); m.Role != "member" || m.Status != "active" {
				t.Errorf("he is %+v", m)
			}
			if list := letters(t, app, luc); list["request_accepted"] != 1 || list["request_refused"] != 0 {
				t.Errorf("he got %v", list)
			}
		})

		t.Run("REQ-06 fifty reminders", func(t *testing.T) {
			shop := shops[4]
			jeanne, person, administrator, luc, r := app.desk(t, shop, "req06")
			second := Person{"Marc", "Second", "req06.marc@cas.example"}
			app.Create(t, second)
			app.Run(t, "", "membership", "grant", "--email", second.Email, "--siren", shop.SIREN, "--role", "administrator", "--reason", "essai")
			statuses := map[int]int{}
			for range 50 {
				luc.Post("/requests/"+r.ID+"/remind", nil)
				statuses[luc.Page().Status]++
			}
			if statuses[http.StatusOK] != 1 || statuses[http.StatusTooManyRequests] != 49 {
				t.Errorf("%v", statuses)
			}
			for _, p := range []Person{jeanne, second} {
				if n := letters(t, app, p)["request_reminder"]; n != 1 {
					t.Errorf("%s got %d reminders", p.Email, n)
				}
			}
			luc.Open("/companies/add")
			luc.Says("Vous pourrez relancer votre demande à partir du")
			if !luc.Page().Has("relanc") || app.Pending(t, shop.SIREN, person).Reminders != 1 {
				t.Error("the page does not say that a reminder left")
			}
			administrator.Open("/companies/" + shop.SIREN + "/users")
			administrator.Says("Luc Moreau")
		})

		t.Run("REQ-09 names", func(t *testing.T) {
			// What a form does not take.
			for _, name := range []string{"<b>Luc</b>", `<img src=x onerror=alert(1)>`, "https://evil.example/", "Gagnez sur evil.example/prix", strings.Repeat("Luc", 100)} {
				b := app.Browser(t)
				b.Register(Person{name, "Moreau", "req09.refuse@cas.example"})
				b.At("register")
				b.Answers(http.StatusUnprocessableEntity)
				if strings.Contains(b.Page().Body, "<b>Luc") || strings.Contains(b.Page().Body, "<img src=x") || beside(b.Page(), "first_name") == "" {
					t.Errorf("%q comes back as markup, or without a word", name)
				}
			}
			// What it takes, or makes harmless.
			long := "Éléonore & \"Fils\" " + strings.Repeat("x", 60)
			for i, c := range []struct{ first, shown string }{
				{"\u202eAllez sur www.evil.example\u202c\u2066\u200f", "Allez sur www. evil. example"}, {"ليلى", "\u2068ليلى Moreau\u2069"}, {long, long},
			} {
				jeanne, luc, administrator, _, r := app.desk(t, shops[6+i], fmt.Sprintf("req09-%d", i), func(p *Person) { p.First = c.first })
				page := administrator.Open("/companies/" + r.SIREN + "/users")
				if shown := strings.Trim(c.shown, "\u2068\u2069"); !page.Has(strings.TrimSuffix(shown, " Moreau")+" Moreau") || !page.Has(luc.Email) {
					t.Errorf("%q: the page says\n%s", c.first, page.Text())
				}
				if page.Link("evil") != "" || strings.ContainsAny(page.Body, "\u202e\u200f") {
					t.Errorf("%q: a link or a mark", c.first)
				}
				isolated := 0
				for n := range page.Doc.Descendants() {
					if n.Type == html.ElementNode && n.Data == "bdi" && strings.Contains(text(n), "Moreau") {
						isolated++
					}
				}
				if isolated == 0 {
					t.Errorf("%q: the name is not isolated", c.first)
				}
				l := app.Mail.Wait(t, jeanne.Email, "demande")
				if !strings.Contains(Plain(l.Text), Plain(c.shown)) || !l.Has(luc.Email) || strings.Contains(l.Text+l.HTML, "www.evil") ||
					strings.ContainsAny(l.Text+l.HTML+l.Subject, "\u202e\u200f") {
					t.Errorf("%q: the letter %q says\n%s", c.first, l.Subject, l.Text)
				}
				for _, link := range l.Links {
					if !strings.HasPrefix(link, app.Portal+"/") {
						t.Errorf("%q: the letter leads to %s", c.first, link)
					}
				}
			}
		})

		t.Run("REQ-11 things change between letter and click", func(t *testing.T) {
			shop := shops[12]
			_, person, jeanne, luc, r := app.desk(t, shop, "req11")
			app.Confirm(t, shop)
			users := "/companies/" + shop.SIREN + "/users"
			jeanne.Open(users)
			app.Run(t, "", "account", "disable", person.Email)
			jeanne.Submit("/companies/"+shop.SIREN+"/requests/"+r.ID+"/accept", Fields{"role": {"member"}})
			jeanne.Answers(http.StatusConflict)
			if jeanne.Page().Alert() == "" || app.Membership(t, shop.SIREN, person).ID != "" {
				t.Errorf("of a disabled account: %q", jeanne.Page().Alert())
			}
			app.Run(t, "", "account", "enable", person.Email)

			luc = app.SignIn(t, person) // the request ended with the account: he asks again
			luc.Attach(shop)
			r = app.Pending(t, shop.SIREN, person)
			open := jeanne.Open(users)
			second := Person{"Marc", "Second", "req11.marc@cas.example"}
			app.Create(t, second)
			app.Run(t, "", "membership", "grant", "--email", second.Email, "--siren", shop.SIREN, "--role", "administrator", "--reason", "essai")
			marc := app.SignIn(t, second)
			marc.Open(users)
			mine := app.Membership(t, shop.SIREN, Person{Email: "req11.jeanne@cas.example"})
			marc.Submit(users+"/"+mine.ID+"/role", Fields{"role": {"member"}})
			marc.At("users")
			jeanne.page = open
			jeanne.Submit("/companies/"+shop.SIREN+"/requests/"+r.ID+"/accept", Fields{"role": {"administrator"}})
			jeanne.Answers(http.StatusForbidden, http.StatusNotFound)
			if jeanne.Page().Text() == "" || app.Membership(t, shop.SIREN, person).ID != "" {
				t.Error("a demoted administrator decided")
			}
			app.Pending(t, shop.SIREN, person)
		})

		t.Run("REQ-12 thirty days", func(t *testing.T) { // last: it moves the clock
			shop := shops[13]
			jeanne, person, _, _, r := app.desk(t, shop, "req12")
			app.Advance(t, 30*24*time.Hour+time.Second)
			b := app.SignIn(t, jeanne)
			b.Post("/companies/"+shop.SIREN+"/requests/"+r.ID+"/accept", Fields{"role": {"member"}})
			b.Answers(http.StatusConflict)
			if m := app.Membership(t, shop.SIREN, person); m.ID != "" {
				t.Errorf("he is %+v", m)
			}
			luc := app.SignIn(t, person)
			luc.Attach(shop)
			luc.At("companies-add")
			if again := app.Pending(t, shop.SIREN, person); again.ID == r.ID {
				t.Error("the old request waits again")
			}
		})
	})
}

// letters counts what the outbox holds for somebody, sent or not, by kind.
func letters(t *testing.T, app *App, p Person) map[string]int {
	t.Helper()
	var list []Letter
	app.JSON(t, &list, "letter", "list", "--email", p.Email)
	count := map[string]int{}
	for _, l := range list {
		count[l.Kind]++
	}
	return count
}

// REQ-02 A robot opens every link of every letter and presses every button it finds: nothing changes.
// MAI-05 No letter tells a password or a member code, and one-time values only where they are needed.
func TestRobots(t *testing.T) {
	t.Parallel()
	onOne(t, "sqlite", func(t *testing.T, app *App) {
		shop := app.Import(t, 2)[0]
		state := func() string {
			t.Helper()
			var all []string
			for _, args := range [][]string{{"account", "list"}, {"membership", "list"}, {"request", "list"}, {"claim", "list"}} {
				var list []map[string]any
				app.JSON(t, &list, args...)
				for _, one := range list {
					delete(one, "last_sign_in_at")
				}
				text, err := json.MarshalIndent(list, "", " ")
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, string(text))
			}
			return strings.Join(all, "\n")
		}
		visited := map[string]bool{}
		robots := func(people ...Person) {
			t.Helper()
			before := state()
			for _, p := range people {
				for _, l := range app.Mail.To(p.Email) {
					for _, link := range l.Links {
						if !visited[link] {
							visited[link] = true
							robot(t, app, link)
						}
					}
				}
			}
			if after := state(); after != before {
				t.Fatalf("robots changed\n%s\ninto\n%s", before, after)
			}
		}

		// Letters of a sign-up and of a forgotten password.
		app.Create(t, Marie)
		app.Create(t, Paul)
		lucie, validation := app.signedUp(t, Lucie)
		app.forgot(t, Paul)
		app.forgot(t, Lucie)
		robots(Lucie, Paul)

		// Letters of a request, while it waits.
		marie, paul := app.SignIn(t, Marie), app.SignIn(t, Paul)
		marie.Attach(shop)
		paul.Attach(shop)
		r := app.Pending(t, shop.SIREN, Paul)
		paul.Submit("/requests/"+r.ID+"/remind", nil)
		for range 3 { // administrator, request received, reminder
			app.Mail.Wait(t, Marie.Email, "")
		}
		robots(Marie, Paul, Person{Email: shop.ContactEmail})
		app.Confirm(t, shop)

		// Letters of what was decided.
		marie.Decide(r, "accept", Fields{"role": {"member"}})
		waitFor(t, app, Paul, "Vous pouvez accéder au portail !")
		m := app.Membership(t, shop.SIREN, Paul)
		marie.Open("/companies/" + shop.SIREN + "/users/" + m.ID + "/remove")
		marie.Submit("", nil)
		waitFor(t, app, Paul, "fin")
		robots(Marie, Paul, Lucie)
		if len(visited) < 6 {
			t.Errorf("robots found %d links only: %v", len(visited), visited)
		}

		// The person's own press still works after all of them.
		lucie.Open(validation.Link(t, "/validate"))
		lucie.Submit("/validate", nil)
		lucie.At("validated")

		for _, p := range []Person{Marie, Paul, Lucie} {
			for _, l := range app.Mail.To(p.Email) {
				all := l.Subject + "\n" + l.Text + "\n" + htmlText(l.HTML)
				for _, secret := range []string{Password, shop.Code, "portique_"} {
					if strings.Contains(all, secret) {
						t.Errorf("MAI-05 %q tells %s", l.Subject, secret)
					}
				}
				oneTime := strings.Contains(l.Text, "token=")
				if needs := strings.Contains(l.Subject, "Validation") || strings.Contains(l.Subject, "nouveau mot de passe"); oneTime != needs {
					t.Errorf("MAI-05 %q holds a link with a token: %v", l.Subject, oneTime)
				}
				if (l.Code != "") != strings.Contains(l.Subject, "Validation") {
					t.Errorf("MAI-05 %q holds a code: %q", l.Subject, l.Code)
				}
				if l.Header.Get("Auto-Submitted") != "auto-generated" || !strings.Contains(l.Header.Get("Reply-To"), SupportEmail) || len(l.Header["To"]) != 1 {
					t.Errorf("MAI-03 %q: %v", l.Subject, l.Header)
				}
			}
		}
	})
}

// robot does what mail scanners do with a link, and a little more.
func robot(t *testing.T, app *App, link string) {
	t.Helper()
	call(t, "HEAD", link, nil)
	call(t, "GET", link, nil)
	call(t, "POST", link, url.Values{})
	b := app.Browser(t) // keeps cookies, follows redirects
	page := b.Open(link)
	origins := []string{app.Portal, app.Auth}
	if !slices.Contains(origins, origin(page.URL)) {
		t.Fatalf("%s leads to %s", link, page.URL)
	}
	for _, f := range page.forms(page.Doc) {
		values, err := f.fill(nil)
		if err != nil {
			t.Fatal(err)
		}
		// As a script in the page does, as a program does, and with everything filled in.
		call(t, "POST", f.action.String(), values, "Origin", origin(f.action), "Sec-Fetch-Site", "same-origin")
		call(t, "POST", f.action.String(), values)
		for name := range values {
			if values.Get(name) == "" {
				values.Set(name, "Robot!2026")
			}
		}
		values.Set("role", "administrator")
		if strings.HasSuffix(f.action.Path, "/password/reset") {
			values.Set("password_confirmation", "autre") // who types one password twice is no robot
		}
		call(t, "POST", f.action.String(), values, "Origin", origin(f.action), "Sec-Fetch-Site", "same-origin")
	}
}
