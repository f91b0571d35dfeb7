package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The cases CLM of the catalogue, and the second proof and the contest that go with them.

// Claim is one line of claim list.
type Claim struct {
	ID, Kind, SIREN, Email, Status string
	Contact                        string `json:"contact_email"`
}

func (a *App) claims(t *testing.T, siren string) []Claim {
	t.Helper()
	var list []Claim
	a.JSON(t, &list, "claim", "list", "--siren", siren)
	return list
}

// frozen says what company show says.
func (a *App) frozen(t *testing.T, siren string) bool {
	t.Helper()
	var company struct{ Frozen bool }
	a.JSON(t, &company, "company", "show", siren)
	return company.Frozen
}

// newcomer is a browser signed in as somebody who has nothing yet.
func (a *App) newcomer(t *testing.T, name string, options ...string) (Person, *Browser) {
	t.Helper()
	p := person(name)
	a.Create(t, p, options...)
	return p, a.SignIn(t, p)
}

// add fills the form for a company and returns the answer without what was typed.
func (b *Browser) add(siren, code string) string {
	b.t.Helper()
	b.Open("/companies/add")
	page := b.Submit("/companies/add", Fields{"siren": {siren}, "member_code": {code}})
	return answer{page.Status, page.Header, page.Body}.without(code, siren, siren[:3]+"\u00a0"+siren[3:6]+"\u00a0"+siren[6:], siren[:3]+" "+siren[3:6]+" "+siren[6:])
}

// notNow is a code that no company has.
const notNow = "ZZZZ-0000"

func TestClaimCases(t *testing.T) {
	t.Parallel()
	EachEngine(t, func(t *testing.T, app *App) {
		members := MemberFile(7, 40)
		members[0].Code = "K7qm 2Zt0"
		members[1].Status = "closed"
		members[2].ContactEmail = ""
		app.Run(t, "", "company", "import", app.File(t, "members.csv", members.CSV()))
		next := 3
		shop := func() Member { next++; return members[next-1] }

		t.Run("CLM-01 the first person administers, and the contact is told", func(t *testing.T) {
			p, b := app.newcomer(t, "clm01")
			one := shop()
			b.Attach(one)
			b.At("activated")
			b.Says("Votre compte est activé. Vous allez être redirigé.")
			b.Says("Après cette vérification, au plus tard") // until when, said before it is met
			b.Open("/companies/" + one.SIREN + "/users")
			b.Says("Vous êtes seul administrateur")
			if m := app.Membership(t, one.SIREN, p); m.Role != "administrator" || m.Status != "active" {
				t.Errorf("the access is %+v", m)
			}
			letter := app.Mail.Wait(t, one.ContactEmail, "administre maintenant")
			if !letter.Has(p.Email) || !letter.Has("Est-ce bien la bonne personne ?") {
				t.Errorf("the contact reads %s", letter.Text)
			}
			app.Mail.Wait(t, p.Email, one.Name)
			if c := app.claims(t, one.SIREN); len(c) != 1 || c[0].Kind != "first" || c[0].Status != "watched" || c[0].Email != p.Email || c[0].Contact != one.ContactEmail {
				t.Errorf("the journal of claims says %+v", c)
			}
			b.Attach(members[2]) // nobody to tell
			if support := app.Mail.Wait(t, SupportEmail, "À examiner"); !support.Has(p.Email) || !support.Has("Le fichier n'a pas d'autre contact à prévenir") {
				t.Errorf("the operator reads %s", support.Text)
			}
		})

		t.Run("CLM-04 one answer for whatever does not go together", func(t *testing.T) {
			taken := shop()
			_, owner := app.newcomer(t, "clm04.owner")
			owner.Attach(taken)
			_, b := app.newcomer(t, "clm04")
			want := b.add(shop().SIREN, notNow)
			if b.Page().Status != http.StatusUnprocessableEntity || b.Page().Main() != "companies-add" {
				t.Fatalf("a wrong code: %s", b.Page())
			}
			for _, other := range []struct{ what, siren, code string }{
				{"an unknown SIREN", MemberFile(8, 1)[0].SIREN, notNow}, {"a closed company", members[1].SIREN, members[1].Code},
				{"a claimed company", taken.SIREN, notNow}, {"somebody else's code", taken.SIREN, members[9].Code},
			} {
				same(t, other.what, want, b.add(other.siren, other.code))
			}
		})

		t.Run("CLM-05 one code on many companies", func(t *testing.T) {
			p, b := app.newcomer(t, "clm05")
			tried := 0
			for range 4 { // in as many hours
				for {
					b.Open("/companies/add")
					b.Submit("/companies/add", Fields{"siren": {members[10+tried].SIREN}, "member_code": {notNow}})
					if b.Page().Status == http.StatusTooManyRequests {
						break
					}
					if tried++; tried > 20 {
						t.Fatalf("%d tries", tried)
					}
				}
				if tried%5 != 0 || b.Page().Header.Get("Retry-After") == "" || !strings.Contains(b.Page().Alert(), "Trop d'essais où le SIREN") {
					t.Errorf("after %d tries: %s, %s", tried, b.Page(), b.Page().Alert())
				}
				app.Advance(t, time.Hour)
			}
			b.Open("/companies/add")
			if b.Attach(members[39]); b.Page().Status != http.StatusTooManyRequests || tried != 20 {
				t.Errorf("the right code after %d tries: %s", tried, b.Page())
			}
			app.Mail.Wait(t, SupportEmail, p.First+" "+p.Last+" essaie des codes")
			app.Advance(t, 24*time.Hour) // the network is the same for everybody here
		})

		t.Run("CLM-07 a thousand wrong codes shut nobody out", func(t *testing.T) {
			target := shop()
			for i := range 3 {
				_, eve := app.newcomer(t, fmt.Sprintf("clm07.%d", i))
				for range 6 {
					eve.add(target.SIREN, notNow)
				}
				if eve.Page().Status != http.StatusTooManyRequests {
					t.Errorf("the sixth try: %s", eve.Page())
				}
			}
			_, b := app.newcomer(t, "clm07")
			b.Attach(target)
			b.At("activated")
			app.Advance(t, time.Hour)
		})

		t.Run("CLM-09, CLM-10 one company and one code however they are typed", func(t *testing.T) {
			siren := members[0].SIREN
			_, b := app.newcomer(t, "clm09")
			try := func(siren, code string) *Page {
				b.Open("/companies/add")
				return b.Submit("/companies/add", Fields{"siren": {siren}, "member_code": {code}})
			}
			for _, wrong := range []string{siren[:8], siren[:8] + string('0'+(siren[8]-'0'+1)%10), "abcdefghi", siren + "1"} {
				if p := try(wrong, members[0].Code); p.Status != http.StatusUnprocessableEntity || beside(p, "siren") == "" {
					t.Errorf("%q: %s", wrong, p)
				}
			}
			try(siren, "k7qm-2zt0")
			b.At("activated")
			wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, siren)
			for _, typed := range []string{siren[:3] + " " + siren[3:6] + " " + siren[6:], siren[:3] + "\u00a0" + siren[3:6] + "\u202f" + siren[6:],
				siren[:3] + "." + siren[3:6] + "." + siren[6:], wide, siren + siret(siren)} {
				for _, code := range []string{" K7QM2ZT0", "k7 qm-2z t0 "} {
					if p := try(typed, code); p.Status != http.StatusUnprocessableEntity || !p.Has("Vous avez déjà accès à cette entreprise") {
						t.Errorf("%q, %q: %s\n%s", typed, code, p, p.Alert())
					}
				}
			}
			// What is not the code counts under one name, O for 0 included.
			for i, wrong := range []string{"K7QM2ZTO", "k7qm 2zto", "K-7-Q-M-2-Z-T-O", "k7qm2ztO ", "K7QM.2ZTO"} {
				if p := try(shop().SIREN, wrong); p.Status != http.StatusUnprocessableEntity {
					t.Errorf("try %d: %s", i, p)
				}
			}
			if p := try(shop().SIREN, "K7QM2ZT0"); p.Status != http.StatusTooManyRequests {
				t.Errorf("the sixth: %s", p)
			}
			app.Advance(t, time.Hour)
		})

		t.Run("CLM-11 the code is told to nobody", func(t *testing.T) {
			p, b := app.newcomer(t, "clm11")
			one := shop()
			b.Attach(one)
			for _, page := range []string{"/companies/" + one.SIREN + "/activated", "/tools", "/companies", "/companies/add", "/companies/" + one.SIREN + "/users"} {
				if b.Open(page); strings.Contains(b.Page().Body, one.Code) || strings.Contains(b.Page().URL.String(), one.Code) {
					t.Errorf("%s tells the code", page)
				}
			}
			app.Mail.Wait(t, p.Email, one.Name)
			app.Mail.Wait(t, one.ContactEmail, "administre")
			for _, to := range []string{p.Email, one.ContactEmail, SupportEmail} {
				for _, l := range app.Mail.To(to) {
					if strings.Contains(l.Text+l.HTML+l.Subject, one.Code) {
						t.Errorf("the letter %q tells the code", l.Subject)
					}
				}
			}
			if strings.Contains(app.Log(), one.Code) {
				t.Error("the log tells the code")
			}
		})

		t.Run("CLM-13 no administrator left, and none made by a code", func(t *testing.T) {
			for what, leave := range map[string]func(t *testing.T, p Person, one Member){
				"disabled": func(t *testing.T, p Person, _ Member) {
					app.Run(t, "", "account", "disable", "--email", p.Email, "--force")
				},
				"refused": func(t *testing.T, _ Person, one Member) {
					app.Run(t, "", "claim", "refuse", app.claims(t, one.SIREN)[0].ID, "--reason", "Inconnu de l'entreprise")
				},
			} {
				one := shop()
				p, b := app.newcomer(t, "clm13."+what)
				b.Attach(one)
				b.At("activated")
				leave(t, p, one)
				newcomer, nb := app.newcomer(t, "clm13.new."+what)
				nb.Attach(one)
				nb.At("companies-add")
				app.Pending(t, one.SIREN, newcomer)
				if m := app.Membership(t, one.SIREN, newcomer); m.ID != "" {
					t.Errorf("%s: an access %+v", what, m)
				}
				if l := app.Mail.Wait(t, SupportEmail, one.Name); !l.Has(newcomer.Email) {
					t.Errorf("%s: the operator reads %s", what, l.Text)
				}
			}
		})

		t.Run("CLM-16 who only declares contributions takes no seat", func(t *testing.T) {
			one := shop()
			p, b := app.newcomer(t, "clm16", "--contributions-only")
			b.Attach(one)
			b.At("activated")
			if m := app.Membership(t, one.SIREN, p); m.Role != "declarant" {
				t.Errorf("the access is %+v", m)
			}
			_, second := app.newcomer(t, "clm16.second")
			second.Attach(one)
			second.At("activated")
			if b.Open("/companies/" + one.SIREN + "/users"); b.Page().Status < 400 {
				t.Errorf("the declarant sees %s", b.Page())
			}
		})

		t.Run("contest", func(t *testing.T) { contestCases(t, app, shop) })
	})
}

// siret gives the five digits that make a SIREN's first establishment, its key included.
func siret(siren string) string {
	for nic := range 100000 {
		whole, sum := siren+fmt.Sprintf("%05d", nic), 0
		for i, c := range whole {
			d := int(c - '0')
			if i%2 == 0 {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			sum += d
		}
		if sum%10 == 0 {
			return whole[9:]
		}
	}
	return ""
}

// contestCases are what the known contact's letter leads to.
func contestCases(t *testing.T, app *App, shop func() Member) {
	claimed := func(t *testing.T, name string) (one Member, p Person, b *Browser, letter *Mail) {
		t.Helper()
		one = shop()
		p, b = app.newcomer(t, name)
		b.Attach(one)
		b.At("activated")
		return one, p, b, app.Mail.Wait(t, one.ContactEmail, "administre maintenant")
	}
	status := func(t *testing.T, siren string) string { t.Helper(); return app.claims(t, siren)[0].Status }

	t.Run("robots answer nothing", func(t *testing.T) {
		one, _, _, letter := claimed(t, "contest.robot")
		link := letter.Link(t, "/contest/")
		for _, method := range []string{"GET", "HEAD"} {
			for range 5 {
				if got := call(t, method, link, nil, "User-Agent", "scanner"); got.status >= 400 {
					t.Errorf("%s: %d", method, got.status)
				}
			}
		}
		for _, form := range []url.Values{{}, {"answer": {"contest"}}, {"answer": {"confirm"}}, {"answer": {"contest"}, "code": {""}},
			{"answer": {"contest"}, "code": {"000 000 000"}}} {
			if got := call(t, "POST", link, form); got.status != http.StatusUnprocessableEntity {
				t.Errorf("%v: %d", form, got.status)
			}
		}
		if status(t, one.SIREN) != "watched" || app.frozen(t, one.SIREN) {
			t.Errorf("a robot made it %s", status(t, one.SIREN))
		}
		cut := app.Browser(t)
		if p, err := cut.navigate("GET", link[:len(link)-1], nil, nil, false); err != nil || p.Status != http.StatusNotFound {
			t.Errorf("a link cut short: %v %v", p, err)
		}
		// The token leaves the address, and what is left of it opens nothing after a quarter of an hour.
		opened := app.Browser(t)
		opened.Open(link)
		address := opened.Page().URL.String()
		if token := link[strings.LastIndex(link, "/")+1:]; strings.Contains(address, token) || !strings.Contains(address, "/contest/opened?opened=") {
			t.Errorf("the page is at %s", address)
		}
		app.Advance(t, 16*time.Minute)
		opened.Open(address)
		opened.Says("Ouvrez à nouveau le lien du courriel.")

		// The contact still can, once.
		app.Advance(t, time.Hour)
		c := app.Browser(t)
		c.Open(link)
		c.Submit("", Fields{"code": {letter.Code}, "answer": {"confirm"}})
		c.Says("Vous avez confirmé la personne qui administre l'entreprise.")
		if status(t, one.SIREN) != "confirmed" {
			t.Errorf("confirmed, it is %s", status(t, one.SIREN))
		}
		c.Open(link)
		c.Says("Une réponse a déjà été donnée pour cette entreprise.")
		if got := call(t, "POST", link, url.Values{"answer": {"contest"}, "code": {letter.Code}}); got.status != http.StatusConflict || status(t, one.SIREN) != "confirmed" {
			t.Errorf("a second answer: %d, %s", got.status, status(t, one.SIREN))
		}
	})

	for _, end := range []struct {
		verb, status, role string
	}{{"accept", "kept", "active"}, {"refuse", "ended", "ended"}} {
		t.Run("contested, then "+end.verb, func(t *testing.T) {
			one, p, b, letter := claimed(t, "contest."+end.verb)
			asking, ab := app.newcomer(t, "contest.asking."+end.verb)
			ab.Attach(one)
			request := app.Pending(t, one.SIREN, asking)
			c := app.Browser(t)
			c.Open(letter.Link(t, "/contest/"))
			c.Submit("", Fields{"code": {letter.Code}, "answer": {"contest"}})
			c.At("contest")
			if !app.frozen(t, one.SIREN) || status(t, one.SIREN) != "contested" {
				t.Fatalf("contested, it is %s", status(t, one.SIREN))
			}
			support := app.Mail.Wait(t, SupportEmail, "À examiner : "+p.First+" "+p.Last+" pour "+one.Name)
			if !support.Has("conteste son premier administrateur") || !support.Has(p.Email) {
				t.Errorf("the operator reads %s", support.Text)
			}

			// Decisions wait, tools stay open.
			b.Open("/companies/" + one.SIREN + "/users")
			b.Says("Le premier administrateur de cette entreprise est contesté.")
			b.Submit("/companies/"+one.SIREN+"/requests/"+request.ID+"/accept", nil)
			b.Answers(http.StatusConflict)
			if m := app.Membership(t, one.SIREN, asking); m.ID != "" {
				t.Errorf("an access was given: %+v", m)
			}
			b.Open("/tools")
			b.At("tools")

			id := app.claims(t, one.SIREN)[0].ID
			if r := app.Try(t, "", "claim", end.verb, id); r.Status == 0 {
				t.Error("settled without a reason")
			}
			app.Run(t, "", "claim", end.verb, id, "--reason", "Extrait d'immatriculation lu")
			if r := app.Try(t, "", "claim", end.verb, id, "--reason", "Encore"); r.Status == 0 {
				t.Error("settled twice")
			}
			if app.frozen(t, one.SIREN) || status(t, one.SIREN) != end.status || app.Membership(t, one.SIREN, p).Status != end.role {
				t.Errorf("settled: %s, %+v", status(t, one.SIREN), app.Membership(t, one.SIREN, p))
			}
			if l := app.Mail.Wait(t, one.ContactEmail, " : la décision de l'Opcommerce"); !l.Has("Extrait d'immatriculation lu") {
				t.Errorf("the contact reads %s", l.Text)
			}
			b.Open("/companies/" + one.SIREN + "/users")
			if end.verb == "accept" {
				b.Submit("/companies/"+one.SIREN+"/requests/"+request.ID+"/accept", nil)
				if app.Membership(t, one.SIREN, asking).Status != "active" {
					t.Error("decisions go on waiting")
				}
			} else if b.Page().Status != http.StatusNotFound && b.Page().Status != http.StatusForbidden && b.Page().Main() != "companies-add" {
				t.Errorf("closed, the page of users is %s", b.Page())
			}
		})
	}
}

// proofs starts an installation where the member code alone opens nothing, and whose budget of wrong codes is three a day.
func proofs(t *testing.T, engine string) *App {
	t.Helper()
	return Start(t, engine, "PORTIQUE_CLAIM_POLICY=code+contact", "PORTIQUE_MEMBER_CODE_BITS=17", behindProxy)
}

// codeFor waits for the contact's letter about a person and returns the code of the second proof.
func (a *App) codeFor(t *testing.T, to string, p Person) string {
	t.Helper()
	letter := a.Mail.Wait(t, to, "Un code pour ouvrir l'accès")
	code := eightDigits.FindString(letter.Text)
	if !letter.Has(p.Email) || code == "" {
		t.Fatalf("the contact reads %s", letter.Text)
	}
	return code
}

var eightDigits = regexp.MustCompile(`\d{4}[ \x{00a0}\x{202f}]?\d{4}`)

func TestSecondProofCases(t *testing.T) {
	t.Parallel()
	engines := []string{"postgres"} // the pages are walked in Chromium on the other
	if Long() {
		engines = append(engines, "sqlite")
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			app := proofs(t, engine)
			members := MemberFile(9, 20)
			members[1].Status = "closed"
			members[2].ContactEmail = ""
			app.Run(t, "", "company", "import", app.File(t, "members.csv", members.CSV()))

			t.Run("CLM-01 with the word of the contact", func(t *testing.T) {
				one := members[3]
				p, b := app.newcomer(t, "proof")
				b.Attach(one)
				b.At("claim")
				b.Says("un code part au contact")
				if app.Membership(t, one.SIREN, p).ID != "" {
					t.Error("the member code was enough")
				}
				code := app.codeFor(t, one.ContactEmail, p)
				for _, wrong := range []string{"", "1234", "00000000", "abcdefgh"} {
					b.Submit("/companies/claim", Fields{"code": {wrong}})
					b.At("claim")
					b.Answers(http.StatusUnprocessableEntity)
				}
				b.Open("/companies/add")
				b.Says("Une entreprise attend une preuve de plus.")
				b.Follow("Voir ce qu'il reste à faire")
				b.Submit("/companies/claim", Fields{"code": {code[:4] + " " + code[len(code)-4:]}})
				b.At("activated")
				if m := app.Membership(t, one.SIREN, p); m.Role != "administrator" || app.frozen(t, one.SIREN) {
					t.Errorf("the access is %+v", m)
				}
				for _, c := range app.claims(t, one.SIREN) {
					if c.Kind == "first" {
						t.Errorf("watched although the contact agreed: %+v", c)
					}
				}
				if b.Open("/companies/claim"); b.Page().Main() != "companies-add" {
					t.Errorf("with nothing left to prove: %s", b.Page())
				}
			})

			t.Run("five wrong codes end one", func(t *testing.T) {
				one := members[4]
				p, b := app.newcomer(t, "proof.tries")
				b.Attach(one)
				b.At("claim")
				code := app.codeFor(t, one.ContactEmail, p)
				for range 5 {
					b.Submit("/companies/claim", Fields{"code": {"00000000"}})
				}
				b.At("claim")
				b.Says("Trop de codes faux")
				if b.Page().Form("/companies/claim") {
					t.Error("a code is still asked for")
				}
				if got := b.Post("/companies/claim", Fields{"code": {code}}); got.Status != http.StatusUnprocessableEntity || app.Membership(t, one.SIREN, p).ID != "" {
					t.Errorf("the right code after five: %s", got)
				}
				app.Advance(t, 24*time.Hour)
				b = app.SignIn(t, p)
				b.Attach(one) // another one is sent, the day after
				b.Submit("/companies/claim", Fields{"code": {app.codeFor(t, one.ContactEmail, p)}})
				b.At("activated")
			})

			t.Run("no contact: the operator decides", func(t *testing.T) {
				one := members[2]
				for _, verb := range []string{"refuse", "accept"} {
					p, b := app.newcomer(t, "proof."+verb)
					b.Attach(one)
					b.At("claim")
					if l := app.Mail.Wait(t, SupportEmail, one.Name); !l.Has(p.Email) || !l.Has("Une seconde preuve est demandée") {
						t.Errorf("the operator reads %s", l.Text)
					}
					for _, c := range app.claims(t, one.SIREN) {
						if c.Kind == "second_proof" && c.Email == p.Email {
							app.Run(t, "", "claim", verb, c.ID, "--reason", "Extrait lu")
						}
					}
					if m := app.Membership(t, one.SIREN, p); (m.Role == "administrator") != (verb == "accept") {
						t.Errorf("%s: %+v", verb, m)
					}
					if verb == "refuse" {
						if l := app.Mail.Wait(t, p.Email, one.Name); !l.Has("Extrait lu") {
							t.Errorf("refused, they read %s", l.Text)
						}
					}
				}
			})

			t.Run("CLM-04, CLM-07 past the budget of the installation", func(t *testing.T) {
				for i := range 3 {
					_, eve := app.newcomer(t, fmt.Sprintf("proof.eve%d", i))
					eve.add(members[5].SIREN, notNow)
					if eve.Page().Status != http.StatusUnprocessableEntity {
						t.Fatalf("guess %d: %s", i, eve.Page())
					}
				}
				taken, free := members[3], members[6]
				var want string
				var right Person
				var hers *Browser
				for i, try := range []struct {
					what, siren, code string
				}{{"right", free.SIREN, free.Code}, {"wrong", free.SIREN, notNow}, {"unknown", MemberFile(10, 1)[0].SIREN, notNow},
					{"closed", members[1].SIREN, members[1].Code}, {"taken", taken.SIREN, taken.Code}, {"taken, wrong", taken.SIREN, notNow}} {
					p, b := app.newcomer(t, fmt.Sprintf("proof.past%d", i))
					got := hours.ReplaceAllString(b.add(try.siren, try.code), "•")
					if b.Page().Main() != "claim" || b.Page().Status != http.StatusOK {
						t.Fatalf("%s: %s", try.what, b.Page())
					}
					got = strings.ReplaceAll(got, p.Email, "•")
					if i == 0 {
						want, right, hers = got, p, b
					}
					same(t, try.what, want, got)
				}
				app.Mail.Wait(t, SupportEmail, "Quelqu'un essaie des codes adhérents")
				code := app.codeFor(t, free.ContactEmail, right)
				hers.Submit("/companies/claim", Fields{"code": {code}})
				hers.At("activated")
				app.codeFor(t, taken.ContactEmail, person("proof.past4")) // right too; the last that left
				if n := len(app.Mail.To(free.ContactEmail)); n != 1 {
					t.Errorf("%d letters to the contact", n)
				}
			})

			t.Run("with the word of the operator", func(t *testing.T) {
				app.env = append(app.env, "PORTIQUE_CLAIM_POLICY=code+operator")
				app.Restart(t)
				app.Advance(t, 24*time.Hour)
				one := members[7]
				p, b := app.newcomer(t, "proof.operator")
				b.Attach(one)
				b.At("claim")
				if b.Page().Form("/companies/claim") || !b.Page().Has("vérifie la première personne de chaque entreprise") {
					t.Errorf("the page says %s", b.Page().Text())
				}
				app.Mail.Wait(t, SupportEmail, one.Name)
				if got := app.Mail.To(one.ContactEmail); len(got) != 0 {
					t.Errorf("the contact received %q", got[0].Subject)
				}
				app.Run(t, "", "claim", "accept", app.claims(t, one.SIREN)[0].ID, "--reason", "Extrait lu")
				app.Mail.Wait(t, p.Email, one.Name)
				if b.Open("/companies/" + one.SIREN + "/users"); b.Page().Main() != "users" {
					t.Errorf("accepted, they see %s", b.Page())
				}
			})
		})
	}
}
