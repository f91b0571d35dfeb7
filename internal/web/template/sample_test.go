package template

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"portique/internal/i18n"
	"portique/internal/web/static"
)

// sample is one page in one state.
type sample struct {
	name     string
	dataPage string
	page     templ.Component
}

var noon = time.Date(2026, 11, 30, 12, 5, 0, 0, time.UTC)

func day(n int) time.Time { return noon.AddDate(0, 0, n) }

func samples(p *i18n.Printer) []sample {
	brand := Brand{
		OperatorName: "l'Opcommerce", PortalName: "Web Services Entreprises", SupportEmail: "assistance@operateur.example",
		SupportPhone: "01 99 00 12 34", LegalURL: "https://operateur.example/mentions", AccessibilityURL: "https://operateur.example/accessibilite",
	}
	out := Page{P: p, Brand: brand, Door: "portal", PortalURL: "https://ws.operateur.example", AuthURL: "https://auth.operateur.example", Path: "/"}
	auth := out
	auth.Door = "auth"
	test := auth
	test.TestMode = true
	newcomer := out
	newcomer.Person = &Person{Name: "Claire Martin-Duval", Email: "claire.martin@atelier-duparc.example"}
	in := newcomer
	in.HasAccess, in.CanManage = true, true
	in.Company = &CompanyChoice{"552100554", "Atelier Duparc et Filles"}
	in.Companies = []CompanyChoice{*in.Company, {"732829320", "Librairie du Vieux Port"}}
	one := in
	one.Companies, one.CanManage = in.Companies[:1], false
	flash := func(p Page, kind, key string, args ...any) Page {
		p.Flash = &Notice{kind, p.P.T(key, args...)}
		return p
	}
	fault := func(field, key string, args ...any) FieldError { return FieldError{field, p.T(key, args...)} }

	bad := Form{Values: map[string][]string{"email": {"claire.martin@gmial.com"}, "first_name": {"Claire"}, "contributions_only": {"on"}}, Errors: []FieldError{
		fault("email_confirmation", "email.mismatch"),
		fault("password", "password.short", "Min", 8, "Length", 5),
		fault("password", "password.special"),
		fault("last_name", "name.missing.last_name"),
	}}
	tools := []ToolOption{{"contributions", "Contributions formation", true}, {"formation", "Demandes de formation", false}, {"apprentissage", "Contrats d’apprentissage", false}}
	pending := Request{
		ID: "a1", Company: "Atelier Duparc et Filles", SIREN: "552100554", AskedAt: day(-4), Administrators: 2, SentAt: day(-4), Failed: 1,
		Reminders: 1, RemindedAt: day(-1), NextRemindAt: day(1), AutoAt: day(-1), NextAutoAt: day(3), EscalateAt: day(10), ExpiresAt: day(29),
	}
	fresh := Request{ID: "a2", Company: "Librairie du Vieux Port", SIREN: "732829320", JustSent: true, AskedAt: noon, Administrators: 1, NextAutoAt: day(3), EscalateAt: day(14), ExpiresAt: day(30)}
	orphan := Request{ID: "a3", Company: "Quincaillerie Moderne", SIREN: "404833048", AskedAt: day(-1), EscalatedAt: day(-1), ExpiresAt: day(29)}
	refused := EndedRequest{Company: "Boulangerie des Halles", SIREN: "404833048", Status: RequestRefused, Reason: "Je ne trouve pas votre nom dans notre équipe. Appelez-moi au magasin.", EndedAt: day(-1), AskAgainAt: day(1)}
	expired := EndedRequest{Company: "Garage Central", SIREN: "732829320", Status: RequestExpired, EndedAt: day(-2)}
	askers := []UserRequest{
		{ID: "r1", Name: "Paul Besson", Email: "paul.besson@atelier-duparc.example", AskedAt: day(-4), Reminders: 2, RemindedAt: day(-1)},
		{ID: "r2", Name: "Inès Le Goff", Email: "ines.legoff@cabinet-legoff.example", AskedAt: day(-1), ContributionsOnly: true},
	}
	users := []UserRow{
		{ID: "u1", Name: "Claire Martin-Duval", Email: "claire.martin@atelier-duparc.example", Role: "administrator", Since: day(-200), You: true, Last: true},
		{ID: "u2", Name: "Jean-Baptiste Kerouanton", Email: "jb.kerouanton@atelier-duparc.example", Role: "member", Rights: []string{"Demandes de formation", "Contrats d’apprentissage"}, Since: day(-90), Until: day(60)},
		{ID: "u3", Name: "Fatou Diallo", Email: "f.diallo@cabinet.example", Role: "declarant", Since: day(-30), Suspended: true},
	}
	askersBad := append([]UserRequest{}, askers...)
	askersBad[0].Form = Form{Values: map[string][]string{"reason": {""}}, Errors: []FieldError{fault("reason", "access.refuse.reason_missing")}}
	askersBad[1].Form = Form{
		Values: map[string][]string{"role": {"member"}, "tool": {"", "contributions"}, "until": {"2026-01-01"}},
		Errors: []FieldError{fault("until", "membership.until_past")},
	}
	usersTwo := append([]UserRow{}, users...)
	usersTwo[0].Last = false
	usersTwo[1].Notice = &Notice{Bad, p.T("membership.last_administrator")}
	usersTwo[2].Form = Form{Errors: []FieldError{fault("role", "role.unknown")}}

	open := func(id, name, about string) Tile {
		return Tile{ID: id, Name: name, Description: about, Open: true, URL: "https://" + id + ".operateur.example/?company_hint=552100554"}
	}
	tiles := []Tile{
		open("formation", "Demandes de formation", "Déposez une demande de prise en charge et suivez-la."),
		open("contributions", "Contributions formation", "Déclarez et réglez les contributions de l’année."),
		{ID: "apprentissage", Name: "Contrats d’apprentissage", Description: "Transmettez les contrats et les conventions.", Reason: "right_missing"},
		{ID: "catalogue", Name: "Catalogue", Reason: "company_closed", ActURL: "/companies"},
	}

	choices := []Access{
		{ID: "m1", Company: "Atelier Duparc et Filles", SIREN: "552100554", Role: "administrator"},
		{ID: "m2", Company: "Librairie du Vieux Port", SIREN: "732829320", Role: "member"},
		{ID: "m3", Company: "Quincaillerie Moderne", SIREN: "404833048", Role: "declarant", Firm: "Cabinet Le Goff"},
	}

	proofs := []ClaimRow{{SIREN: "552100554", AskedAt: noon, Until: day(1)}, {SIREN: "732829320", AskedAt: day(-1)}}
	contest := func(state string, faults ...FieldError) templ.Component {
		return Contest(ContestPage{Page: out, State: state, Token: "t", CompanyName: "Atelier Duparc et Filles", SIREN: "552100554", Person: "Claire Martin-Duval",
			PersonEmail: "claire.martin@atelier-duparc.example", Until: day(3), Form: Form{Errors: faults}})
	}

	all := []sample{
		{"welcome", "welcome", Welcome(WelcomePage{Page: out})},
		{"welcome-no-sign-up", "welcome", Welcome(WelcomePage{Page: out, NoSignUp: true})},
		{"login", "login", Login(LoginPage{Page: auth, Authorization: "abc", ToolName: "Demandes de formation", ForgotURL: "/password/forgot"})},
		{"login-refused", "login", Login(LoginPage{Page: flash(test, Bad, "login.refused"), Form: Form{Values: map[string][]string{"email": {"claire@atelier.example"}}}})},
		{"throttled", "throttled", Throttled(ThrottledPage{Page: auth, Sentence: p.T("throttle.sign_in", "RetryAt", p.DateTime(day(1))), LoginURL: "/login", ForgotURL: "/password/forgot"})},
		{"forgot", "forgot", Forgot(ForgotPage{Page: auth})},
		{"forgot-refused", "forgot", Forgot(ForgotPage{Page: auth, Form: Form{Errors: []FieldError{{"email", p.T("email.form")}}}})},
		{"forgot-sent", "forgot", Forgot(ForgotPage{Page: auth, Sent: true})},
		{"reset", "reset", Reset(ResetPage{Page: auth, State: ResetOpen, Token: "abc", Email: "claire@atelier.example"})},
		{"reset-sign-up", "reset", Reset(ResetPage{Page: auth, State: ResetOpen, Token: "abc", Email: "claire@atelier.example", NeedsName: true,
			Form: Form{Errors: []FieldError{{"password", p.T("password.upper")}, {"last_name", p.T("name.missing.last_name")}}}})},
		{"reset-expired", "reset", Reset(ResetPage{Page: auth, State: ResetExpired})},
		{"reset-stale", "reset", Reset(ResetPage{Page: auth, State: ResetStale})},
		{"reset-unknown", "reset", Reset(ResetPage{Page: auth, State: ResetUnknown})},
		{"register", "register", Register(RegisterPage{Page: auth})},
		{"register-refused", "register", Register(RegisterPage{Page: auth, Form: bad})},
		{"register-nist", "register", Register(RegisterPage{Page: auth, PasswordPolicy: "nist"})},
		{"register-sent", "register-sent", RegisterSent(RegisterSentPage{Page: auth, Email: "claire.martin@atelier-duparc.example"})},
		{"register-sent-again", "register-sent", RegisterSent(RegisterSentPage{
			Page: flash(auth, Good, "auth.flash.resent", "Email", "claire@atelier.example"), Email: "claire@atelier.example", MailboxURL: "http://localhost:8083/",
			Form: Form{Values: map[string][]string{"email": {"claire@"}}, Errors: []FieldError{fault("code", "signup.code_wrong"), fault("email", "email.form")}},
		})},
		{"register-sent-later", "register-sent", RegisterSent(RegisterSentPage{Page: auth, Email: "claire@atelier.example", LeavesAt: noon.Add(40 * time.Minute)})},
		{"register-sent-link-only", "register-sent", RegisterSent(RegisterSentPage{Page: auth, Email: "claire@atelier.example", CodeClosed: true})},
		{"validate", "validate", Validate(ValidatePage{Page: auth, State: ValidateSameBrowser, Token: "t", Email: "claire@atelier.example"})},
		{"validate-other", "validate", Validate(ValidatePage{
			Page: auth, State: ValidateOtherBrowser, Token: "t", Email: "claire@atelier.example",
			Form: Form{Errors: []FieldError{fault("password", "signup.password_wrong")}},
		})},
		{"validate-not-me", "validate", Validate(ValidatePage{Page: auth, State: ValidateOtherBrowser, Token: "t", Form: Form{Errors: []FieldError{fault("code", "signup.code_wrong")}}})},
		{"validate-used", "validate", Validate(ValidatePage{Page: auth, State: ValidateUsed})},
		{"validate-expired", "validate", Validate(ValidatePage{Page: auth, State: ValidateExpired})},
		{"validate-stale", "validate", Validate(ValidatePage{Page: auth, State: ValidateStale})},
		{"validate-unknown", "validate", Validate(ValidatePage{Page: auth, State: ValidateUnknown})},
		{"validated", "validated", Validated(ValidatedPage{Page: auth})},
		{"choose-company", "choose-company", ChooseCompany(ChooseCompanyPage{Page: auth, ToolName: "Demandes de formation", Authorization: "abc", Accesses: choices, HintRefused: true, ReturnURL: "https://formation.operateur.example/"})},
		{"no-access", "no-access", NoAccess(NoAccessPage{Page: auth, ToolName: "Demandes de formation", Authorization: "abc"})},
		{"no-access-link", "no-access", NoAccess(NoAccessPage{Page: auth, ToolName: "Demandes de formation", Reason: p.T("auth.no_access.hint"), ReturnURL: "https://formation.operateur.example/"})},
		{"signed-out", "signed-out", SignedOut(SignedOutPage{Page: auth, WasOpen: true, StillOpen: []ToolLink{{"Demandes de formation", "https://formation.operateur.example/"}, {"Contributions formation", ""}}})},
		{"signed-out-nobody", "signed-out", SignedOut(SignedOutPage{Page: auth})},
		{"logout", "logout-confirm", Logout(LogoutPage{Page: auth, Hidden: []Hidden{{"id_token_hint", "x"}}, Email: "claire@atelier.example"})},
		{"form-post", "form-post", FormPost(FormPostPage{Page: auth, ToolName: "Demandes de formation", Action: "https://formation.operateur.example/callback", Fields: []Hidden{{"code", "c"}, {"state", "s"}}})},
		{"message", "validate", Message(MessagePage{Page: titledAs(auth, "auth.not_me.title", "validate"), Text: p.T("auth.not_me.text")})},
		{"companies-add", "companies-add", CompaniesAdd(CompaniesAddPage{Page: newcomer})},
		{"companies-add-pending", "companies-add", CompaniesAdd(CompaniesAddPage{Page: newcomer, Pending: []Request{fresh, pending, orphan}, Ended: []EndedRequest{refused, expired}})},
		{"companies-add-refused", "companies-add", CompaniesAdd(CompaniesAddPage{Page: in, Form: Form{
			Values: map[string][]string{"siren": {"552 100 55"}, "member_code": {"12345678"}},
			Errors: []FieldError{fault("siren", "siren.length", "Digits", 8)},
		}})},
		{"companies-add-no-match", "companies-add", CompaniesAdd(CompaniesAddPage{Page: flash(newcomer, Bad, "access.attach.no_match"), Form: Form{Values: map[string][]string{"siren": {"552100554"}}}})},
		{"companies-add-claims", "companies-add", CompaniesAdd(CompaniesAddPage{Page: newcomer, Claims: 2})},
		{"claim", "claim", Claim(ClaimPage{Page: newcomer, Digits: 8, Rows: proofs[:1]})},
		{"claim-refused", "claim", Claim(ClaimPage{Page: newcomer, Digits: 8, Rows: proofs, Form: Form{Errors: []FieldError{fault("code", "claim.code_wrong")}}})},
		{"claim-over", "claim", Claim(ClaimPage{Page: in, Digits: 8, Rows: proofs[1:]})},
		{"claim-spent", "claim", Claim(ClaimPage{Page: in, Digits: 8, Rows: []ClaimRow{{SIREN: "552100554", AskedAt: noon, AgainAt: day(1)}}})},
		{"claim-none", "claim", Claim(ClaimPage{Page: in, Digits: 8, Form: Form{Errors: []FieldError{fault("code", "claim.none")}}})},
		{"claim-operator", "claim", Claim(ClaimPage{Page: newcomer, Digits: 8, Rows: proofs, ByOperator: true})},
		{"contest", "contest", contest(ContestOpen)},
		{"contest-refused", "contest", contest(ContestOpen, fault("code", "claim.code_wrong"))},
		{"contest-answered", "contest", contest(ContestAnswered)},
		{"contest-over", "contest", contest(ContestOver)},
		{"contest-unknown", "contest", Contest(ContestPage{Page: out, State: ContestUnknown})},
		{"contest-confirmed", "contest", Contest(ContestPage{Page: out, State: ContestConfirmed})},
		{"contest-contested", "contest", Contest(ContestPage{Page: out, State: ContestContested})},
		{"activated", "activated", Activated(ActivatedPage{Page: newcomer, CompanyName: "Atelier Duparc et Filles", SIREN: "552100554"})},
		{"activated-declarant", "activated", Activated(ActivatedPage{Page: newcomer, CompanyName: "Atelier Duparc et Filles", SIREN: "552100554", Declarant: true, Until: day(90)})},
		{"tools", "tools", Tools(ToolsPage{Page: in, Pending: 1, Sections: []ToolCompany{{"Atelier Duparc et Filles", "552100554", "administrator", time.Time{}, tiles}}})},
		{"tools-all", "tools", Tools(ToolsPage{Page: one, Sections: []ToolCompany{
			{"Atelier Duparc et Filles", "552100554", "declarant", day(90), tiles[:2]}, {"Librairie du Vieux Port", "732829320", "member", time.Time{}, tiles[2:]},
			{"Quincaillerie Moderne", "404833048", "member", time.Time{}, nil},
		}})},
		{"tools-empty", "tools", Tools(ToolsPage{Page: newcomer})},
		{"companies", "companies", Companies(CompaniesPage{Page: in, Pending: 2, Rows: []CompanyRow{
			{Name: "Atelier Duparc et Filles", SIREN: "552100554", Role: "administrator", Since: day(-200)},
			{Name: "Librairie du Vieux Port", SIREN: "732829320", Role: "member", Since: day(-20), Until: day(40), Suspended: true},
			{Name: "Garage Central", SIREN: "404833048", Role: "declarant", Since: day(-20), Closed: true},
		}})},
		{"companies-empty", "companies", Companies(CompaniesPage{Page: newcomer})},
		{"users", "users", Users(UsersPage{Page: flash(in, Good, "portal.flash.accepted", "Name", "Fatou Diallo"), CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Requests: askers, Users: users, Tools: tools, Administrators: 1})},
		{"users-watched", "users", Users(UsersPage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Requests: askers[:1], Users: users, Tools: tools, Administrators: 1,
			Held: p.T("claim.watched", "RetryAt", p.DateTime(day(3)))})},
		{"users-refused", "users", Users(UsersPage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Requests: askersBad, Users: usersTwo, Tools: tools, Administrators: 2, NextURL: "?after=x"})},
		{"users-empty", "users", Users(UsersPage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Tools: tools})},
		{"users-remove", "users", UsersRemove(UsersRemovePage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, User: users[1]})},
		{"users-leave", "users", UsersRemove(UsersRemovePage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, User: users[0]})},
	}
	for _, status := range []int{400, 401, 403, 404, 405, 409, 413, 415, 418, 422, 429, 500, 502, 503} {
		all = append(all, sample{fmt.Sprintf("error-%d", status), "error", Error(NewErrorPage(newcomer, status, "01JD3V7Q6M"))})
	}
	return all
}

func titledAs(p Page, key, dataPage string) Page {
	p.Title, p.DataPage = p.P.T(key), dataPage
	return p
}

// TestPages renders every page in both languages. With PORTIQUE_TEST_PAGES it
// leaves them in that folder, to be looked at.
func TestPages(t *testing.T) {
	catalog, err := i18n.New(time.FixedZone("Paris", 3600))
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"fr", "en"} {
		for _, s := range samples(catalog.Printer(lang)) {
			t.Run(lang+"/"+s.name, func(t *testing.T) {
				var b bytes.Buffer
				if err := s.page.Render(context.Background(), &b); err != nil {
					t.Fatal(err)
				}
				check(t, lang, s, b.String())
				if folder := os.Getenv("PORTIQUE_TEST_PAGES"); folder != "" {
					leave(t, filepath.Join(folder, s.name+"."+lang+".html"), b.String())
				}
			})
		}
	}
}

// leave writes a page whose style sheet and script are found beside it.
func leave(t *testing.T, name, page string) {
	for _, asset := range []string{"portique.css", "portique.js", "favicon.svg"} {
		page = strings.ReplaceAll(page, static.URL(asset), asset)
	}
	if err := os.WriteFile(name, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
}

// key looks like the name of a message that was not found.
var key = regexp.MustCompile(`\b(common|auth|portal|error|tool|guide|signup|access|membership|login)\.[a-z_]+(\.[a-z_0-9]+)*\b`)

func check(t *testing.T, lang string, s sample, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	ids := map[string]bool{}
	labelled := map[string]bool{}
	var fields []*html.Node
	var text strings.Builder
	var walk func(n *html.Node, inForm bool)
	walk = func(n *html.Node, inForm bool) {
		if n.Type == html.TextNode && n.Parent.Data != "script" {
			text.WriteString(n.Data + " ")
		}
		if n.Type == html.ElementNode {
			count[n.Data]++
			if id := attr(n, "id"); id != "" {
				if ids[id] {
					t.Errorf("id %q twice", id)
				}
				ids[id] = true
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(a.Val, "javascript:") {
					t.Errorf("%s carries %s=%q", n.Data, a.Key, a.Val)
				}
				text.WriteString(visible(a) + " ")
			}
			switch n.Data {
			case "html":
				if attr(n, "lang") != lang {
					t.Errorf("lang %q", attr(n, "lang"))
				}
			case "main":
				if attr(n, "data-page") != s.dataPage {
					t.Errorf("data-page %q, want %q", attr(n, "data-page"), s.dataPage)
				}
			case "form":
				if inForm {
					t.Error("a form in a form")
				}
				inForm = true
				if attr(n, "method") != "post" || attr(n, "action") == "" {
					t.Errorf("form method %q action %q", attr(n, "method"), attr(n, "action"))
				}
			case "label":
				labelled[attr(n, "for")] = true
			case "input", "select", "textarea":
				if attr(n, "type") != "hidden" {
					fields = append(fields, n)
				}
				if attr(n, "type") == "password" && attr(n, "value") != "" {
					t.Error("a password is given back")
				}
			case "script":
				if attr(n, "src") == "" {
					t.Error("a script in the page")
				}
			case "style":
				t.Error("a style in the page")
			case "a":
				if href := attr(n, "href"); href == "" || strings.Contains(href, "about:") {
					t.Errorf("link to %q", href)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, inForm)
		}
	}
	walk(root, false)
	for _, tag := range []string{"h1", "main", "title"} {
		if count[tag] != 1 {
			t.Errorf("%d %s", count[tag], tag)
		}
	}
	for _, f := range fields {
		if !labelled[attr(f, "id")] || attr(f, "id") == "" {
			t.Errorf("field %q has no label", attr(f, "name"))
		}
		for _, id := range strings.Fields(attr(f, "aria-describedby")) {
			if !ids[id] {
				t.Errorf("field %q is described by %q, which is not there", attr(f, "name"), id)
			}
		}
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("a link to #%s, which is not there", m[1])
		}
	}
	if m := key.FindString(text.String()); m != "" {
		t.Errorf("a message is missing: %s", m)
	}
	if strings.Contains(text.String(), "<no value>") || strings.Contains(text.String(), "{{") {
		t.Error("an argument is missing")
	}
	if !strings.Contains(page, `action="/language"`) {
		t.Error("no language switch")
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// visible gives the attributes that people may read or hear.
func visible(a html.Attribute) string {
	switch a.Key {
	case "aria-label", "alt", "title", "placeholder", "data-label", "data-show", "data-hide", "data-met", "data-typo", "data-stayed":
		return a.Val
	}
	return ""
}

func TestGuideSentencesAreOnThePages(t *testing.T) {
	catalog, err := i18n.New(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"welcome":               {"Vous avez déjà un identifiant à l'Opcommerce ?", "Se connecter aux Web Services", "Créer un compte"},
		"login":                 {"Email", "Mot de passe", "Se connecter", "Mot de passe oublié", "Créer un compte", "Pour ouvrir Demandes de formation"},
		"register":              {"Confirmer votre Email", "Confirmer le mot de passe", "Prénom", "Nom", "Je suis expert comptable et/ou je souhaite uniquement déclarer mes contributions formation", "Créer le compte", `Votre mot de passe doit contenir minimum 8 caractères : majuscules, minuscules, chiffres et caractères spéciaux (!@#$%^&*()_[]:;<>?~|}\,/-)`, "Étape 1 sur 4\u00a0: votre compte"},
		"register-sent":         {"Validation de compte", "Un message de validation a été envoyé sur votre email : claire.martin@atelier-duparc.example", "Veuillez cliquer sur le lien d'activation contenu dans ce mail pour vous connecter à votre espace Web Services Entreprises.", "Renvoyer à nouveau l'email", "Retour à la connexion"},
		"validate":              {"Valider la création de mon compte", "Ce n'est pas moi"},
		"validate-used":         {"déjà validé"},
		"validated":             {"Félicitations, votre compte a bien été validé.", "Vous pouvez maintenant vous connecter à votre espace Web Services Entreprises :", "Se connecter"},
		"no-access":             {"Retour à l'outil"},
		"companies-add":         {"Ajouter une entreprise", "SIREN", "Code adhérent", "Ajouter cette entreprise"},
		"activated":             {"Votre compte est activé. Vous allez être redirigé.", "Vous pouvez accéder au portail !", "Accéder au portail", "Rester sur cette page"},
		"companies-add-pending": {"Une demande d'accès a été envoyée à l'administrateur de cette entreprise.", "Une demande d'accès a été envoyée aux administrateurs de cette entreprise.", "Relancer ma demande"},
		"users":                 {"Gérer les utilisateurs", "Liste des outils de l'Opcommerce", "Ajouter une entreprise"},
		"tools":                 {"Liste des outils de l'Opcommerce"},
	}
	for _, s := range samples(catalog.Printer("fr")) {
		sentences, ok := want[s.name]
		if !ok {
			continue
		}
		delete(want, s.name)
		var b bytes.Buffer
		if err := s.page.Render(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		read := words(t, b.String())
		for _, sentence := range sentences {
			if !strings.Contains(read, sentence) {
				t.Errorf("%s does not say %q", s.name, sentence)
			}
		}
	}
	for name := range want {
		t.Errorf("no sample %q", name)
	}
}

func words(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }), " ")
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{"Claire Martin-Duval": "CM", "Élodie": "É", "": "", "Jean de La Tour": "JT"} {
		if got := Initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func BenchmarkPages(b *testing.B) {
	catalog, err := i18n.New(time.UTC)
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range samples(catalog.Printer("fr")) {
		if s.name != "login" && s.name != "tools" {
			continue
		}
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.page.Render(context.Background(), io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
