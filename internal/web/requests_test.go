package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/store/storetest"
	"portique/internal/web/template"
)

// follow posts a form and reads the page that it leads to.
func (s *site) follow(path string, fields url.Values) (code int, page string) {
	s.t.Helper()
	code, page, header := s.send("POST", path, form, fields.Encode())
	if code != http.StatusSeeOther {
		return code, says(page)
	}
	own := s.jar[:len(s.jar):len(s.jar)]
	for _, line := range header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			s.t.Fatal(err)
		}
		s.jar = append(s.jar, c)
	}
	_, page, _ = s.send("GET", header.Get("Location"), "", "")
	s.jar = own
	return code, says(page)
}

// read is a page as people read it.
func (s *site) read(path string) string {
	s.t.Helper()
	_, page, _ := s.send("GET", path, "", "")
	return says(page)
}

// has checks what a page says, and after a "!" what it does not.
func (s *site) has(what, page string, sentences ...string) {
	s.t.Helper()
	for _, sentence := range sentences {
		wanted := !strings.HasPrefix(sentence, "!")
		if strings.Contains(page, strings.TrimPrefix(sentence, "!")) != wanted {
			s.t.Errorf("%s: %q", what, sentence)
		}
	}
}

// Who asks reads at each step where they are: sent, waiting, held back with others, refused and by whom, accepted.
func TestRequesterReadsWhereItStands(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	const siren = "552100554"
	storetest.Company(t, s.db, siren)
	jeanne := s.person("jeanne@martin.example")
	storetest.Member(t, s.db, jeanne, siren, portique.Administrator)
	typed := url.Values{"siren": {siren}, "member_code": {storetest.MemberCode}}
	ask := func(email string) string {
		t.Helper()
		s.signIn(s.person(email))
		code, page := s.follow("/companies/add", typed)
		if code != http.StatusSeeOther {
			t.Fatalf("%s asks: %d", email, code)
		}
		return page
	}
	const sentence, step, held = "Une demande d'accès a été envoyée à l'administrateur de cette entreprise.", "Étape 3 sur 4",
		"L’administrateur la voit déjà sur sa page ; le courriel qui le prévient partira dans l’heure, avec d’autres demandes."

	page := ask("luc@martin.example")
	s.has("just sent", page, "<h1>Votre demande est envoyée</h1>", sentence, `<summary><h2 id="add">Ajouter une autre entreprise</h2></summary>`, "L’administrateur la voit déjà sur sa page", "!"+step, "!"+held, "!part par courriel")
	s.has("the list of companies", s.read("/companies"), `href="/companies/add#request-`, "En attente", "Voir votre demande")
	s.has("the list of tools", s.read("/tools"), "Votre demande pour Société 552100554 attend une réponse.", `href="/companies/add">Voir cette demande`)
	s.has("read again", s.read("/companies/add"), "<h1>Vos demandes</h1>", sentence, "Sans réponse, et si vous ne relancez pas, la demande prend fin", "!"+step)
	_, page = s.follow("/companies/add", url.Values{"siren": {siren}, "member_code": {"87654321"}})
	s.has("a wrong code", page, "<title>À corriger", `<a href="#siren">Ce SIREN et ce code adhérent ne vont pas ensemble.`,
		`aria-describedby="siren-hint siren-error"`, `aria-describedby="member_code-hint siren-error"`)
	code, page := s.follow("/companies/add", url.Values{"siren": {"1"}, "member_code": {""}})
	s.has("another, mistyped", page, "<h1>Ajouter une entreprise</h1>", step, `<h2 id="add">Ajouter une autre entreprise</h2>`)
	if code != http.StatusUnprocessableEntity {
		t.Errorf("mistyped: %d", code)
	}
	ask("paul@martin.example")
	ask("lea@martin.example")
	s.has("the fourth of an hour", ask("zoe@martin.example"), "<h1>Votre demande est envoyée</h1>", held, "!L’administrateur la voit déjà sur sa page, et un courriel")

	// Refused: who did, and how to write to them; one hour, on the page as in the refusal of another request.
	zoe, err := s.h.Access.ListRequests(t.Context(), siren, "zoe@martin.example")
	if err != nil || len(zoe) != 1 {
		t.Fatalf("%v, %v", zoe, err)
	}
	if _, err := s.h.Access.Refuse(t.Context(), portique.Actor{AccountID: jeanne.ID}, siren, zoe[0].ID, "Appelez-moi."); err != nil {
		t.Fatal(err)
	}
	page = s.read("/companies/add")
	s.has("refused", page, jeanne.Name()+" n’a pas accepté votre demande", "Écrire à "+jeanne.Name(), `href="mailto:`+jeanne.Email+`"`, step)
	_, again, found := strings.Cut(page, "Vous pourrez faire une nouvelle demande à partir du ")
	hour, _, _ := strings.Cut(again, " : ")
	if _, page = s.follow("/companies/add", typed); !found || !strings.Contains(page, "Vous pourrez en faire une autre à partir du "+hour+".") {
		t.Errorf("the card says %q, the refusal another hour", hour)
	}
	storetest.Write(t, s.db, func(tx *store.Tx) error { return tx.SetAccountStatus(jeanne.ID, portique.AccountDisabled) })
	s.has("refused by who has left", s.read("/companies/add"), "Un administrateur n’a pas accepté", "!"+jeanne.Email)
	storetest.Write(t, s.db, func(tx *store.Tx) error { return tx.SetAccountStatus(jeanne.ID, portique.AccountActive) })

	// Accepted: said for a week, with the way to the tools.
	ask("max@martin.example")
	max, err := s.h.Access.ListRequests(t.Context(), siren, "max@martin.example")
	if err != nil || len(max) != 1 {
		t.Fatalf("%v, %v", max, err)
	}
	if _, err := s.h.Access.Accept(t.Context(), portique.Actor{AccountID: jeanne.ID}, siren, max[0].ID, access.Terms{Role: portique.Member}); err != nil {
		t.Fatal(err)
	}
	s.has("accepted", s.read("/companies/add"), "Acceptée le ", `href="/tools?siren=`+siren+`">Ouvrir ses outils`, "<h1>Ajouter une entreprise</h1>", "!"+step)
	now := s.h.Now
	s.h.Now = func() time.Time { return now().Add(acceptedShown) }
	s.has("a week later", s.read("/companies/add"), "!Acceptée le ")
}

// Whose access ended reads that it did, where their companies are and where one is added, until they ask again.
func TestAccessThatEnded(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	const siren = "552100554"
	storetest.Company(t, s.db, siren)
	jeanne, luc := s.person("jeanne@martin.example"), s.person("luc@martin.example")
	storetest.Member(t, s.db, jeanne, siren, portique.Administrator)
	his := storetest.Member(t, s.db, luc, siren, portique.Member)
	if _, err := s.h.Access.Remove(t.Context(), portique.Actor{AccountID: jeanne.ID}, siren, his.ID); err != nil {
		t.Fatal(err)
	}
	s.signIn(luc)
	s.has("his companies", s.read("/companies"), "Accès terminé", `href="/companies/add#ended-`+his.ID+`"`, "!Pas encore d’entreprise")
	s.has("adding one", s.read("/companies/add"), `id="ended-`+his.ID+`"`, jeanne.Name()+" a retiré votre accès à cette entreprise le ", `href="mailto:`+jeanne.Email)
	s.has("his tools", s.read("/tools"), "Votre accès à Société 552100554 a pris fin le ", `href="/companies/add#ended-`+his.ID+`"`)
	_, page := s.follow("/companies/add", url.Values{"siren": {siren}, "member_code": {storetest.MemberCode}})
	s.has("he asks again", page, "<h1>Votre demande est envoyée</h1>", "!a retiré votre accès")
	s.has("his companies then", s.read("/companies"), "En attente", "!Accès terminé")
	s.signIn(jeanne)
	s.has("hers", s.read("/companies"), "!Accès terminé")
}

// The button that stays is for those whom a script leads on; the others read what to press.
func TestActivatedWithoutScript(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	storetest.Company(t, s.db, "552100554")
	s.signIn(s.person("luc@martin.example"))
	_, page := s.follow("/companies/add", url.Values{"siren": {"552100554"}, "member_code": {storetest.MemberCode}})
	s.has("activated", page, "Vous allez être redirigé.", `<a class="button second" href="#stay" id="stay" data-stay hidden>Rester sur cette page`, "<noscript><p class=\"muted\">Pour continuer, choisissez « Accéder au portail ».")
}

// Who declares contributions only is not told that they will administer.
func TestDeclarantReadsTheLimitFirst(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	s.signIn(s.person("luc@martin.example"))
	s.has("anybody", s.read("/companies/add"), "c’est vous qui l’administrerez", "!90 jours")
	s.signIn(s.person("ines@cabinet.example", func(a *portique.Account) { a.ContributionsOnly = true }))
	s.has("a declarant", s.read("/companies/add"), "pendant 90 jours", "qu’un administrateur de l’entreprise confirme votre accès", "!c’est vous qui l’administrerez")
}

// A closed tool always says whom to turn to: an administrator, or the help desk when the company has none.
func TestClosedToolSaysWhom(t *testing.T) {
	for _, c := range []struct {
		name          string
		email, phone  string
		administrator bool
		want          []string
	}{
		{"an administrator", "aide@opco.example", "", true, []string{`href="mailto:jeanne@martin.example"`, "!l’assistance"}},
		{"nobody", "aide@opco.example", "01 02", false, []string{"ouvre les outils de contribution seulement. Cette entreprise n’a pas d’administrateur", `href="mailto:aide@opco.example">Écrire à l’assistance`}},
		{"nobody, by telephone", "", "01 02", false, []string{"n’a pas d’administrateur", `href="tel:0102">Appeler l’assistance`}},
		{"nobody at all", "", "", false, []string{"ouvre les outils de contribution seulement.", "!n’a pas d’administrateur"}},
	} {
		s := newSite(t, func(o *Options) { o.Brand = template.Brand{SupportEmail: c.email, SupportPhone: c.phone} })
		s.door = portique.DoorPortal
		const siren = "552100554"
		storetest.Company(t, s.db, siren)
		storetest.Write(t, s.db, func(tx *store.Tx) error {
			return tx.InsertTool(&portique.Tool{ID: "stages", Name: "Stages", Audience: portique.AudienceAll})
		})
		if c.administrator {
			storetest.Member(t, s.db, s.person("jeanne@martin.example"), siren, portique.Administrator)
		}
		luc := s.person("luc@martin.example")
		storetest.Member(t, s.db, luc, siren, portique.Declarant)
		s.signIn(luc)
		s.has(c.name, s.read("/tools?siren="+siren), c.want...)
	}
}

// Outside a company the menu leads to the users of the only one that the person administers.
func TestMenuOutsideACompany(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	sirens := []portique.SIREN{"552100554", "732829320", "404833048"}
	for _, siren := range sirens {
		storetest.Company(t, s.db, siren)
	}
	luc := s.person("luc@martin.example")
	storetest.Member(t, s.db, luc, sirens[0], portique.Administrator)
	storetest.Member(t, s.db, luc, sirens[1], portique.Member)
	s.signIn(luc)
	_, nav, _ := strings.Cut(s.read("/companies"), `<nav class="menu"`)
	nav, _, _ = strings.Cut(nav, "</nav>")
	s.has("one of two", nav, `href="/companies/552100554/users"`, "Gérer les utilisateurs")
	s.has("in the other", s.read("/tools?siren=732829320"), "!Gérer les utilisateurs")
	storetest.Member(t, s.db, luc, sirens[2], portique.Administrator)
	_, nav, _ = strings.Cut(s.read("/companies"), `<nav class="menu"`)
	nav, _, _ = strings.Cut(nav, "</nav>")
	s.has("two of three", nav, "!Gérer les utilisateurs")
}

// A slip in the address is offered after a refusal, by what was typed alone.
func TestSignInSlip(t *testing.T) {
	s := newSite(t)
	s.person("claire@gmail.com")
	for typed, offered := range map[string]bool{"claire@gmail.con": true, "nobody@gmial.com": true, "Claire@Gmail.con ": true, "claire@gmail.com": false, "claire@martin.example": false, "claire": false} {
		code, page := s.follow("/login", url.Values{"email": {typed}, "password": {"Autre-Chose26"}})
		if code != http.StatusUnprocessableEntity || strings.Contains(page, "Vouliez-vous écrire") != offered {
			t.Errorf("%q: %d, offered %v", typed, code, !offered)
		}
	}
	_, page := s.follow("/login", url.Values{"email": {"claire@gmail.com"}})
	s.has("taken up", page, `value="claire@gmail.com"`, "Saisissez votre mot de passe.", "!Vouliez-vous écrire")
	_, page = s.follow("/login", url.Values{"email": {"claire@gmail.com"}, "meant": {"1"}})
	s.has("corrected in one press", page, `value="claire@gmail.com"`, "L’adresse est corrigée. Retapez votre mot de passe.", "!Il y a un point à corriger")
}

// A password with many faults is one line of the summary, and a list beside the field.
func TestManyFaultsOfOneField(t *testing.T) {
	s := newSite(t)
	_, page := s.follow("/register", url.Values{"email": {"luc@martin.example"}, "email_confirmation": {"luc@martin.example"}, "password": {" "}, "password_confirmation": {" "}, "first_name": {"Luc"}, "last_name": {"Petit"}})
	s.has("the page", page, "Il y a un point à corriger", "<li>Ajoutez un chiffre.</li>", "L’espace est permis, mais n’est pas un caractère spécial.")
	if n := strings.Count(page, "Ajoutez un chiffre."); n != 1 {
		t.Errorf("a fault is read %d times", n)
	}
	if n := strings.Count(page, `href="#password"`); n != 1 {
		t.Errorf("%d lines of the summary lead to the password", n)
	}
}

// Back to the sign-in page of an authorization that has ended: who is signed in goes on to the portal, others begin afresh.
func TestBackToAnEndedSignIn(t *testing.T) {
	s := newSite(t)
	_, page, _ := s.send("GET", "/login?authorization=ended", "", "")
	s.has("nobody is signed in", says(page), "la voici reprise du début")
	in, err := s.h.Sessions.SignIn(t.Context(), portique.Actor{}, session.SignInForm{Email: s.person("luc@martin.example").Email, Password: "Soleil-Lune26"})
	if err != nil {
		t.Fatal(err)
	}
	s.jar = []*http.Cookie{{Name: "portique_auth", Value: in.Cookie}}
	if code, _, header := s.send("GET", "/login?authorization=ended", "", ""); code != http.StatusSeeOther || !strings.HasSuffix(header.Get("Location"), "/session/start") {
		t.Errorf("signed in: %d %s", code, header.Get("Location"))
	}
}
