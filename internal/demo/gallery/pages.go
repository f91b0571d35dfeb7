// Package gallery shows every page in every state and every letter, in both
// languages, with made-up people: /dev/pages of the demo. Accessibility checks
// and screenshots are made from it.
package gallery

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"portique/internal/i18n"
	"portique/internal/web/template"
)

// State is one page in one state.
type State struct {
	Name     string // of the address, one for each
	DataPage string // the page's name in the contract
	Page     templ.Component
}

// noon is when everything in the gallery happens, so that its pictures stay the
// same.
var noon = time.Date(2026, 11, 30, 12, 5, 0, 0, time.UTC)

func day(n int) time.Time { return noon.AddDate(0, 0, n) }

// States returns every page in every state, in the printer's language.
func States(p *i18n.Printer, brand template.Brand) []State {
	out := template.Page{P: p, Brand: brand, Door: "portal", PortalURL: "https://ws.operateur.example", AuthURL: "https://auth.operateur.example", Path: Path + other(p.Lang())}
	auth := out
	auth.Door = "auth"
	test := auth
	test.TestMode = true
	newcomer := out
	newcomer.Person = &template.Person{Name: "Claire Martin-Duval", Email: "claire.martin@atelier-duparc.example"}
	in := newcomer
	in.HasAccess, in.CanManage = true, true
	in.Company = &template.CompanyChoice{SIREN: "552100554", Name: "Atelier Duparc et Filles"}
	in.Companies = []template.CompanyChoice{*in.Company, {SIREN: "732829320", Name: "Librairie du Vieux Port"}}
	one := in
	one.Companies, one.CanManage = in.Companies[:1], false
	managing := in
	managing.Company, managing.CanManage, managing.Manages = nil, false, in.Company
	waited := func(p template.Page, n int) template.Page { p.Waiting = n; return p }
	flash := func(p template.Page, kind, key string, args ...any) template.Page {
		p.Flash = &template.Notice{Kind: kind, Text: p.P.T(key, args...)}
		return p
	}
	fault := func(field, key string, args ...any) template.FieldError {
		return template.FieldError{Field: field, Message: p.T(key, args...)}
	}

	bad := template.Form{Values: map[string][]string{"email": {"claire.martin@gmial.com"}, "first_name": {"Claire"}, "contributions_only": {"on"}}, Errors: []template.FieldError{
		fault("email_confirmation", "email.mismatch"),
		fault("password", "password.short", "Min", 8, "Length", 5),
		fault("password", "password.special_other", "Signs", "+\u00a0=", "Space", true),
		fault("last_name", "name.missing.last_name"),
	}}
	inWords := func(text, english string) string {
		if p.Lang() == i18n.English {
			return english
		}
		return text
	}
	training, levy := inWords("Demandes de formation", "Training requests"), inWords("Contributions formation", "Training contributions")
	apprentices := inWords("Contrats d’apprentissage", "Apprenticeship contracts")
	tools := []template.ToolOption{{ID: "contributions", Name: levy, Contributions: true}, {ID: "formation", Name: training, Contributions: false}, {ID: "apprentissage", Name: apprentices, Contributions: false}}
	pending := template.Request{
		ID: "a1", Company: "Atelier Duparc et Filles", SIREN: "552100554", AskedAt: day(-4), Administrators: 2, SentAt: day(-4), Failed: 1,
		Reminders: 1, RemindedAt: day(-1), NextRemindAt: day(1), AutoAt: day(-1), NextAutoAt: day(3), EscalateAt: day(10), ExpiresAt: day(29),
	}
	fresh := template.Request{ID: "a2", Company: "Librairie du Vieux Port", SIREN: "732829320", JustSent: true, AskedAt: noon, Administrators: 1, NextAutoAt: day(3), EscalateAt: day(14), ExpiresAt: day(30)}
	orphan := template.Request{ID: "a3", Company: "Quincaillerie Moderne", SIREN: "404833048", AskedAt: day(-1), EscalatedAt: day(-1), ExpiresAt: day(29)}
	refused := template.EndedRequest{ID: "a5", Company: "Boulangerie des Halles", SIREN: "404833048", Status: template.RequestRefused, Reason: inWords("Je ne trouve pas votre nom dans notre équipe. Appelez-moi au magasin.", "I do not find your name in our team. Ring me at the shop."), By: "Jean-Baptiste Kerouanton", ByEmail: "jb.kerouanton@boulangerie-halles.example", EndedAt: day(-1), AskAgainAt: day(1)}
	accepted := template.EndedRequest{ID: "a6", Company: "Librairie du Vieux Port", SIREN: "732829320", Status: template.RequestAccepted, EndedAt: day(-1)}
	held := fresh
	held.Held, held.Administrators, held.Delivered, held.SentAt = 2, 3, 1, noon
	heldAlone := pending
	heldAlone.Held, heldAlone.Administrators, heldAlone.Failed, heldAlone.SentAt = 1, 1, 0, time.Time{}
	expired := template.EndedRequest{ID: "a7", Company: "Garage Central", SIREN: "732829320", Status: template.RequestExpired, EndedAt: day(-2)}
	unanswered := []template.Request{{ID: "a4", Company: "Boulangerie des Halles", SIREN: "808161426", AskedAt: noon}, orphan}
	over := template.EndedRequest{ID: "m9", Company: "Menuiserie du Val", SIREN: "352383715", Status: template.AccessEnded, By: "Claire Fontaine", ByEmail: "claire.fontaine@menuiserie-val.example", EndedAt: day(-3)}
	left := template.EndedRequest{ID: "m8", Company: "Imprimerie Legrand", SIREN: "404833048", Status: template.AccessLeft, EndedAt: day(-5)}
	lapsed := template.EndedRequest{ID: "m7", Company: "Fleurs de Mai", SIREN: "552100554", Status: template.AccessLapsed, EndedAt: day(-6)}
	askers := []template.UserRequest{
		{ID: "r1", Name: "Paul Besson", Email: "paul.besson@atelier-duparc.example", AskedAt: day(-4), Reminders: 2, RemindedAt: day(-1)},
		{ID: "r2", Name: "Inès Le Goff", Email: "ines.legoff@cabinet-legoff.example", AskedAt: day(-1), ContributionsOnly: true},
	}
	users := []template.UserRow{
		{ID: "u1", Name: "Claire Martin-Duval", Email: "claire.martin@atelier-duparc.example", Role: "administrator", Since: day(-200), You: true, Last: true},
		{ID: "u2", Name: "Jean-Baptiste Kerouanton", Email: "jb.kerouanton@atelier-duparc.example", Role: "member", Rights: []string{training, apprentices}, Since: day(-90), Until: day(60), UntilDay: day(60).Format(time.DateOnly)},
		{ID: "u3", Name: "Fatou Diallo", Email: "f.diallo@cabinet.example", Role: "declarant", Since: day(-30), Suspended: true},
	}
	askersBad := append([]template.UserRequest{}, askers...)
	askersBad[0].Form = template.Form{Values: map[string][]string{"reason": {""}}, Errors: []template.FieldError{fault("reason", "access.refuse.reason_missing")}}
	askersBad[1].Form = template.Form{
		Values: map[string][]string{"role": {"member"}, "tool": {""}, "until": {"2026-01-01"}},
		Errors: []template.FieldError{fault("tool", "membership.tools_missing"), fault("until", "membership.until_past")},
	}
	usersTwo := append([]template.UserRow{}, users...)
	usersTwo[0].Last = false
	usersTwo[1].Notice = &template.Notice{Kind: template.Bad, Text: p.T("membership.same_role")}
	usersTwo[2].Form = template.Form{Values: map[string][]string{"role": {"chef"}, "until": {"demain"}}, Errors: []template.FieldError{fault("role", "role.unknown"), fault("until", "membership.until_form")}}
	usersRole := append([]template.UserRow{}, users...)
	usersRole[1].Form = template.Form{Values: map[string][]string{"role": {"administrator"}, "until": {"2027-03-31"}}, Errors: []template.FieldError{fault("until", "membership.administrator_until")}}

	watched := template.Held{Until: p.Day(day(3))}
	notYet, refusedYet := p.T("claim.watched_short", "RetryAt", p.DateTime(day(3))), p.T("claim.watched", "RetryAt", p.DateTime(day(3)))
	askersHeld := append([]template.UserRequest{}, askers[:1]...)
	askersHeld[0].Form = template.Form{Values: map[string][]string{"role": {"administrator"}}}
	askersHeld[0].Notice = &template.Notice{Kind: template.Bad, Text: refusedYet}
	ownRole := func(page template.Page, company string, me template.UserRow, others int, names string, form template.Form) templ.Component {
		return template.UsersOwnRole(template.UsersOwnRolePage{Page: page, CompanyName: company, SIREN: "552100554", User: me, Tools: tools, Others: others, Names: names, Form: form})
	}

	open := func(id, name, about string) template.Tile {
		return template.Tile{ID: id, Name: name, Description: about, Open: true, URL: "https://" + id + ".operateur.example/?company_hint=552100554"}
	}
	tiles := []template.Tile{
		open("formation", training, inWords("Déposez une demande de prise en charge et suivez-la.", "Ask for funding and follow your request.")),
		open("contributions", levy, inWords("Déclarez et réglez les contributions de l’année.", "Declare and pay the year’s contributions.")),
		{ID: "apprentissage", Name: apprentices, Description: inWords("Transmettez les contrats et les conventions.", "Send contracts and agreements."), Reason: "right_missing"},
		{ID: "catalogue", Name: "Catalogue", Reason: "company_closed", ActURL: "/companies"},
	}

	choices := []template.Access{
		{ID: "m1", Company: "Atelier Duparc et Filles", SIREN: "552100554", Role: "administrator"},
		{ID: "m2", Company: "Librairie du Vieux Port", SIREN: "732829320", Role: "member"},
		{ID: "m3", Company: "Quincaillerie Moderne", SIREN: "404833048", Role: "declarant", Firm: "Cabinet Le Goff"},
	}

	proofs := []template.ClaimRow{{SIREN: "552100554", AskedAt: noon, Until: day(1)}, {SIREN: "732829320", AskedAt: day(-1)}}
	contest := func(state string, faults ...template.FieldError) templ.Component {
		return template.Contest(template.ContestPage{Page: out, State: state, Token: "t", CompanyName: "Atelier Duparc et Filles", SIREN: "552100554", Person: "Claire Martin-Duval",
			PersonEmail: "claire.martin@atelier-duparc.example", Until: day(3), Form: template.Form{Errors: faults}})
	}

	// An accountant's portfolio, and a company with many people.
	portfolio := make([]template.CompanyChoice, 300)
	for i := range portfolio {
		portfolio[i] = template.CompanyChoice{SIREN: fmt.Sprintf("%09d", 310_000_000+i*7919), Name: companyName(i)}
	}
	with := func(n int, inUse bool) template.Page {
		page := in
		page.Companies, page.Company, page.CanManage = portfolio[:n], nil, false
		if inUse {
			page.Company = &portfolio[n/2]
		}
		return page
	}
	long := in
	long.Person = &template.Person{Name: "Marie-Françoise Anne-Élisabeth de La Rochefoucauld-Montmorency", Email: "marie-francoise.de-la-rochefoucauld-montmorency@" + longName + ".example"}
	long.Company = &template.CompanyChoice{SIREN: "552100554", Name: longCompany}
	long.Companies = []template.CompanyChoice{*long.Company, {SIREN: "732829320", Name: "Librairie du Vieux Port"}}
	longUsers := []template.UserRow{
		{ID: "u1", Name: long.Person.Name, Email: long.Person.Email, Role: "administrator", Since: day(-200), You: true},
		{ID: "u2", Name: longName, Email: longName + "@" + longName + ".example", Role: "member", Rights: []string{longName, longCompany}, Since: day(-90), Until: day(60)},
	}
	rows := func(list []template.CompanyChoice) []template.CompanyRow {
		out := make([]template.CompanyRow, len(list))
		for i, c := range list {
			out[i] = template.CompanyRow{Name: c.Name, SIREN: c.SIREN, Role: "declarant", Since: day(-30 - i)}
		}
		return out
	}
	sections := func(list []template.CompanyChoice) []template.ToolCompany {
		out := make([]template.ToolCompany, len(list))
		for i, c := range list {
			out[i] = template.ToolCompany{Name: c.Name, SIREN: c.SIREN, Role: "declarant", Tiles: tiles[1:2]}
		}
		return out
	}
	finder := func(path, what, query string, found, size, at int) template.Finder {
		return template.Finder{Path: path, Shown: true, Query: query, Found: found, Page: at, Pages: max(1, (found+size-1)/size),
			Label: p.T("portal." + what + ".find"), Hint: p.T("portal." + what + ".find_hint"),
			Result: p.T("portal."+what+".found", "Count", found), None: p.T("portal." + what + ".found_none")}
	}
	people := make([]template.UserRow, 50)
	for i := range people {
		name := personName(i)
		people[i] = template.UserRow{ID: fmt.Sprintf("p%d", i), Name: name, Email: fmt.Sprintf("personne.%d@atelier-duparc.example", i), Role: "member", AllTools: i%3 == 0,
			Rights: []string{training}, Since: day(-10 * i)}
	}
	many := make([]template.Access, 30)
	for i := range many {
		many[i] = template.Access{ID: fmt.Sprintf("m%d", i), Company: companyName(i), SIREN: portfolio[i].SIREN, Role: "declarant"}
	}
	asking := make([]template.UserRequest, 12)
	for i := range asking {
		asking[i] = template.UserRequest{ID: fmt.Sprintf("q%d", i), Name: personName(i + 60), Email: fmt.Sprintf("demande.%d@atelier-duparc.example", i), AskedAt: day(-i - 1), ContributionsOnly: i%4 == 3}
	}

	all := []State{
		{Name: "welcome", DataPage: "welcome", Page: template.Welcome(template.WelcomePage{Page: out})},
		{Name: "welcome-no-sign-up", DataPage: "welcome", Page: template.Welcome(template.WelcomePage{Page: out, NoSignUp: true})},
		{Name: "login", DataPage: "login", Page: template.Login(template.LoginPage{Page: auth, Authorization: "abc", ToolName: training, ForgotURL: "/password/forgot"})},
		{Name: "login-filled", DataPage: "login", Page: template.Login(template.LoginPage{Page: flash(auth, template.Good, "auth.flash.reset"), ForgotURL: "/password/forgot", Form: template.Form{Values: map[string][]string{"email": {"claire@atelier.example"}}}})},
		{Name: "login-refused", DataPage: "login", Page: template.Login(template.LoginPage{Page: flash(test, template.Bad, "login.refused"), Form: template.Form{Values: map[string][]string{"email": {"claire@atelier.example"}}}})},
		{Name: "login-meant", DataPage: "login", Page: template.Login(template.LoginPage{Page: flash(auth, template.Bad, "login.refused"), ForgotURL: "/password/forgot", Meant: "claire.martin@gmail.com", Form: template.Form{Values: map[string][]string{"email": {"claire.martin@gmail.con"}}}})},
		{Name: "throttled", DataPage: "throttled", Page: template.Throttled(template.ThrottledPage{Page: auth, Sentence: p.T("throttle.sign_in", "RetryAt", p.DateTime(day(1))), LoginURL: "/login", ForgotURL: "/password/forgot"})},
		{Name: "forgot", DataPage: "forgot", Page: template.Forgot(template.ForgotPage{Page: auth})},
		{Name: "forgot-refused", DataPage: "forgot", Page: template.Forgot(template.ForgotPage{Page: auth, Form: template.Form{Errors: []template.FieldError{fault("email", "email.form")}}})},
		{Name: "forgot-sent", DataPage: "forgot", Page: template.Forgot(template.ForgotPage{Page: auth, Sent: true, Email: "claire.martin@atelier-duparc.example"})},
		{Name: "forgot-sent-meant", DataPage: "forgot", Page: template.Forgot(template.ForgotPage{Page: auth, Sent: true, Again: true, Email: "claire.martin@gmial.com", Meant: "claire.martin@gmail.com"})},
		{Name: "forgot-sent-elsewhere", DataPage: "forgot", Page: template.Forgot(template.ForgotPage{Page: auth, Sent: true})},
		{Name: "reset", DataPage: "reset", Page: template.Reset(template.ResetPage{Page: auth, State: template.ResetOpen, Token: "abc", Email: "claire@atelier.example"})},
		{Name: "reset-sign-up", DataPage: "reset", Page: template.Reset(template.ResetPage{Page: auth, State: template.ResetOpen, Token: "abc", Email: "claire@atelier.example", NeedsName: true,
			Form: template.Form{Errors: []template.FieldError{fault("password", "password.upper"), fault("last_name", "name.missing.last_name")}}})},
		{Name: "reset-expired", DataPage: "reset", Page: template.Reset(template.ResetPage{Page: auth, State: template.ResetExpired})},
		{Name: "reset-stale", DataPage: "reset", Page: template.Reset(template.ResetPage{Page: auth, State: template.ResetStale})},
		{Name: "reset-unknown", DataPage: "reset", Page: template.Reset(template.ResetPage{Page: auth, State: template.ResetUnknown})},
		{Name: "register", DataPage: "register", Page: template.Register(template.RegisterPage{Page: auth})},
		{Name: "register-refused", DataPage: "register", Page: template.Register(template.RegisterPage{Page: auth, Form: bad})},
		{Name: "register-nist", DataPage: "register", Page: template.Register(template.RegisterPage{Page: auth, PasswordPolicy: "nist"})},
		{Name: "register-sent", DataPage: "register-sent", Page: template.RegisterSent(template.RegisterSentPage{Page: auth, Email: "claire.martin@atelier-duparc.example"})},
		{Name: "register-sent-again", DataPage: "register-sent", Page: template.RegisterSent(template.RegisterSentPage{
			Page: flash(auth, template.Good, "auth.flash.resent", "Email", "claire@atelier.example"), Email: "claire@atelier.example", MailboxURL: "http://localhost:8083/",
			Form: template.Form{Values: map[string][]string{"email": {"claire@"}}, Errors: []template.FieldError{fault("code", "signup.code_wrong"), fault("email", "email.form")}},
		})},
		{Name: "accessibility", DataPage: "accessibility", Page: template.Accessibility(template.AccessibilityPage{Page: out})},
		{Name: "register-sent-meant", DataPage: "register-sent", Page: template.RegisterSent(template.RegisterSentPage{Page: auth, Email: "claire.martin@gmial.com", Meant: "claire.martin@gmail.com"})},
		{Name: "register-sent-later", DataPage: "register-sent", Page: template.RegisterSent(template.RegisterSentPage{Page: auth, Email: "claire@atelier.example", LeavesAt: noon.Add(40 * time.Minute)})},
		{Name: "register-sent-link-only", DataPage: "register-sent", Page: template.RegisterSent(template.RegisterSentPage{Page: auth, Email: "claire@atelier.example", CodeClosed: true})},
		{Name: "register-sent-other-code", DataPage: "register-sent", Page: template.RegisterSent(template.RegisterSentPage{Page: auth, Email: "claire@atelier.example", Form: template.Form{Errors: []template.FieldError{fault("code", "signup.code_disown")}}})},
		{Name: "validate", DataPage: "validate", Page: template.Validate(template.ValidatePage{Page: auth, State: template.ValidateSameBrowser, Token: "t", Email: "claire@atelier.example"})},
		{Name: "validate-other", DataPage: "validate", Page: template.Validate(template.ValidatePage{
			Page: auth, State: template.ValidateOtherBrowser, Token: "t", Email: "claire@atelier.example",
			Form: template.Form{Errors: []template.FieldError{fault("password", "signup.password_wrong")}},
		})},
		{Name: "validate-not-me", DataPage: "validate", Page: template.Validate(template.ValidatePage{Page: auth, State: template.ValidateOtherBrowser, Token: "t", Email: "claire@atelier.example", Form: template.Form{Errors: []template.FieldError{fault("code", "signup.code_wrong")}}})},
		{Name: "validate-used", DataPage: "validate", Page: template.Validate(template.ValidatePage{Page: auth, State: template.ValidateUsed})},
		{Name: "validate-expired", DataPage: "validate", Page: template.Validate(template.ValidatePage{Page: auth, State: template.ValidateExpired})},
		{Name: "validate-stale", DataPage: "validate", Page: template.Validate(template.ValidatePage{Page: auth, State: template.ValidateStale})},
		{Name: "validate-unknown", DataPage: "validate", Page: template.Validate(template.ValidatePage{Page: auth, State: template.ValidateUnknown})},
		{Name: "validated", DataPage: "validated", Page: template.Validated(template.ValidatedPage{Page: auth})},
		{Name: "consent", DataPage: "consent", Page: template.Consent(template.ConsentPage{Page: auth, ToolName: training, Authorization: "abc", Company: "Atelier Duparc et Filles",
			Email: "claire.martin@atelier-duparc.example", Told: []string{"openid", "name", "email", "company", "offline_access"}})},
		{Name: "consents", DataPage: "account-consents", Page: template.Consents(template.ConsentsPage{Page: in, Given: []template.GivenConsent{
			{ClientID: "formation", ToolName: training, Told: []string{"openid", "name", "email", "company", "offline_access"}, GivenAt: day(-3)},
			{ClientID: "apprentissage", ToolName: apprentices, Told: []string{"openid", "company"}, GivenAt: day(-40)}}})},
		{Name: "consents-none", DataPage: "account-consents", Page: template.Consents(template.ConsentsPage{Page: in})},
		{Name: "device", DataPage: "device", Page: template.Device(template.DevicePage{Page: auth})},
		{Name: "device-filled", DataPage: "device", Page: template.Device(template.DevicePage{Page: auth, Filled: true, Form: template.Form{Values: map[string][]string{"user_code": {"BCDF-GHJK"}}}})},
		{Name: "device-refused", DataPage: "device", Page: template.Device(template.DevicePage{Page: auth, Form: template.Form{Values: map[string][]string{"user_code": {"BCDF-GHJ0"}}, Errors: []template.FieldError{fault("user_code", "device.code_form")}}})},
		{Name: "device-throttled", DataPage: "device", Page: template.Device(template.DevicePage{Page: flash(auth, template.Bad, "throttle.device", "RetryAt", p.DateTime(noon)), Form: template.Form{Values: map[string][]string{"user_code": {"BCDF-GHJK"}}}})},
		{Name: "device-confirm", DataPage: "device-confirm", Page: template.DeviceConfirm(template.DeviceConfirmPage{Page: auth, ToolName: training, Authorization: "abc", Access: "m1", Company: "Atelier Duparc et Filles", SIREN: "552100554",
			Email: "claire.martin@atelier-duparc.example", AskedAt: noon, Source: "192.0.2.14", SameSource: true})},
		{Name: "device-confirm-elsewhere", DataPage: "device-confirm", Page: template.DeviceConfirm(template.DeviceConfirmPage{Page: auth, ToolName: training, Authorization: "abc", Access: "m1", Company: "Librairie du Vieux Port", SIREN: "732829320",
			Several: true, Email: "claire.martin@atelier-duparc.example", AskedAt: noon, Source: "2001:db8:85a3:8d3:1319:8a2e:370:7348"})},
		{Name: "device-done", DataPage: "device-done", Page: template.DeviceDone(template.DeviceDonePage{Page: auth, ToolName: training, Allowed: true})},
		{Name: "device-done-refused", DataPage: "device-done", Page: template.DeviceDone(template.DeviceDonePage{Page: auth, ToolName: training})},
		{Name: "consent-device", DataPage: "consent", Page: template.Consent(template.ConsentPage{Page: auth, ToolName: training, Authorization: "abc", Company: "Atelier Duparc et Filles",
			Email: "claire.martin@atelier-duparc.example", Told: []string{"openid", "name", "company"}, Device: true})},
		{Name: "no-access-device", DataPage: "no-access", Page: template.NoAccess(template.NoAccessPage{Page: auth, ToolName: training, Authorization: "abc", Device: true})},
		{Name: "choose-company", DataPage: "choose-company", Page: template.ChooseCompany(template.ChooseCompanyPage{Page: auth, ToolName: training, Authorization: "abc", Accesses: choices, HintRefused: true, ReturnURL: "https://formation.operateur.example/"})},
		{Name: "no-access", DataPage: "no-access", Page: template.NoAccess(template.NoAccessPage{Page: auth, ToolName: training, Authorization: "abc"})},
		{Name: "no-access-ended", DataPage: "no-access", Page: template.NoAccess(template.NoAccessPage{Page: auth, ToolName: training, Ended: &over, Authorization: "abc"})},
		{Name: "no-access-link", DataPage: "no-access", Page: template.NoAccess(template.NoAccessPage{Page: auth, ToolName: training, Reason: p.T("auth.no_access.hint"), ReturnURL: "https://formation.operateur.example/"})},
		{Name: "signed-out", DataPage: "signed-out", Page: template.SignedOut(template.SignedOutPage{Page: auth, WasOpen: true, Closing: []string{apprentices}, StillOpen: []template.ToolLink{{Name: training, URL: "https://formation.operateur.example/"}, {Name: levy}}})},
		{Name: "signed-out-nobody", DataPage: "signed-out", Page: template.SignedOut(template.SignedOutPage{Page: auth})},
		{Name: "logout", DataPage: "logout-confirm", Page: template.Logout(template.LogoutPage{Page: auth, Hidden: []template.Hidden{{Name: "id_token_hint", Value: "x"}}, Email: "claire@atelier.example"})},
		{Name: "form-post", DataPage: "form-post", Page: template.FormPost(template.FormPostPage{Page: auth, ToolName: training, Action: "https://formation.operateur.example/callback", Fields: []template.Hidden{{Name: "code", Value: "c"}, {Name: "state", Value: "s"}}})},
		{Name: "message", DataPage: "validate", Page: template.Message(template.MessagePage{Page: titledAs(auth, "auth.not_me.title", "validate"), Text: p.T("auth.not_me.text")})},
		{Name: "companies-add", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: newcomer})},
		{Name: "companies-add-pending", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: newcomer, Pending: []template.Request{fresh, pending, orphan}, Ended: []template.EndedRequest{refused, expired, over}})},
		{Name: "companies-add-sent", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: newcomer, Pending: []template.Request{fresh}})},
		{Name: "companies-add-waiting", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: in, Pending: []template.Request{held, heldAlone}})},
		{Name: "companies-add-accepted", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: in, Ended: []template.EndedRequest{accepted, refused, over, left, lapsed}})},
		{Name: "companies-add-declarant", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: newcomer, DeclarantDays: 90})},
		{Name: "companies-add-refused-pending", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: newcomer, Pending: []template.Request{pending}, Form: template.Form{
			Values: map[string][]string{"siren": {"552 100 55"}, "member_code": {""}},
			Errors: []template.FieldError{fault("siren", "siren.length", "Digits", 8), fault("member_code", "member_code.missing")},
		}})},
		{Name: "companies-add-refused", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: in, Form: template.Form{
			Values: map[string][]string{"siren": {"552 100 55"}, "member_code": {"12345678"}},
			Errors: []template.FieldError{fault("siren", "siren.length", "Digits", 8)},
		}})},
		{Name: "companies-add-no-match", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: newcomer, Form: template.Form{
			Values: map[string][]string{"siren": {"552100554"}, "member_code": {"MGQJXXVQXJ"}}, Errors: []template.FieldError{fault("siren", "access.attach.no_match")}, Pair: true,
		}})},
		{Name: "request-cancel", DataPage: "companies-add", Page: template.RequestCancel(template.RequestCancelPage{Page: newcomer, Request: pending})},
		{Name: "request-cancel-nobody", DataPage: "companies-add", Page: template.RequestCancel(template.RequestCancelPage{Page: in, Request: orphan})},
		{Name: "companies-add-claims", DataPage: "companies-add", Page: template.CompaniesAdd(template.CompaniesAddPage{Page: newcomer, Claims: 2})},
		{Name: "claim", DataPage: "claim", Page: template.Claim(template.ClaimPage{Page: newcomer, Digits: 8, Rows: proofs[:1]})},
		{Name: "claim-refused", DataPage: "claim", Page: template.Claim(template.ClaimPage{Page: newcomer, Digits: 8, Rows: proofs, Form: template.Form{Errors: []template.FieldError{fault("code", "claim.code_wrong")}}})},
		{Name: "claim-over", DataPage: "claim", Page: template.Claim(template.ClaimPage{Page: in, Digits: 8, Rows: proofs[1:]})},
		{Name: "claim-spent", DataPage: "claim", Page: template.Claim(template.ClaimPage{Page: in, Digits: 8, Rows: []template.ClaimRow{{SIREN: "552100554", AskedAt: noon, AgainAt: day(1)}}})},
		{Name: "claim-none", DataPage: "claim", Page: template.Claim(template.ClaimPage{Page: in, Digits: 8, Form: template.Form{Errors: []template.FieldError{fault("code", "claim.none")}}})},
		{Name: "claim-operator", DataPage: "claim", Page: template.Claim(template.ClaimPage{Page: newcomer, Digits: 8, Rows: proofs, ByOperator: true})},
		{Name: "contest", DataPage: "contest", Page: contest(template.ContestOpen)},
		{Name: "contest-refused", DataPage: "contest", Page: contest(template.ContestOpen, fault("code", "claim.code_wrong"))},
		{Name: "contest-answered", DataPage: "contest", Page: contest(template.ContestAnswered)},
		{Name: "contest-over", DataPage: "contest", Page: contest(template.ContestOver)},
		{Name: "contest-unknown", DataPage: "contest", Page: template.Contest(template.ContestPage{Page: out, State: template.ContestUnknown})},
		{Name: "contest-confirmed", DataPage: "contest", Page: template.Contest(template.ContestPage{Page: out, State: template.ContestConfirmed, CompanyName: "Atelier Duparc et Filles"})},
		{Name: "contest-contested", DataPage: "contest", Page: template.Contest(template.ContestPage{Page: out, State: template.ContestContested, CompanyName: "Atelier Duparc et Filles"})},
		{Name: "activated", DataPage: "activated", Page: template.Activated(template.ActivatedPage{Page: newcomer, CompanyName: "Atelier Duparc et Filles", SIREN: "552100554"})},
		{Name: "activated-declarant", DataPage: "activated", Page: template.Activated(template.ActivatedPage{Page: newcomer, CompanyName: "Atelier Duparc et Filles", SIREN: "552100554", Declarant: true, Until: day(90)})},
		{Name: "tools", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: waited(in, 2), Pending: 1, PendingCompany: unanswered[0].Company, Sections: []template.ToolCompany{{Name: "Atelier Duparc et Filles", SIREN: "552100554", Role: "administrator", Waiting: 2, Tiles: tiles}}})},
		{Name: "tools-all", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: one, Sections: []template.ToolCompany{
			{Name: "Atelier Duparc et Filles", SIREN: "552100554", Role: "declarant", Until: day(90), Tiles: tiles[:2]}, {Name: "Librairie du Vieux Port", SIREN: "732829320", Role: "member", Tiles: tiles[2:]},
			{Name: "Quincaillerie Moderne", SIREN: "404833048", Role: "member"},
		}})},
		{Name: "tools-nobody", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: one, Sections: []template.ToolCompany{{Name: "Atelier Duparc et Filles", SIREN: "552100554", Role: "declarant", Until: day(90), Tiles: []template.Tile{
			tiles[1], {ID: "formation", Name: training, Reason: "contributions_only", ReasonText: p.T("tool.reason.contributions_only") + " " + p.T("tool.reason.nobody"), ActURL: "mailto:aide@operateur.example", ActText: p.T("tool.act.support")},
		}}}})},
		{Name: "tools-two-companies", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: waited(managing, 1), Sections: []template.ToolCompany{
			{Name: in.Company.Name, SIREN: in.Company.SIREN, Role: "administrator", Waiting: 1, Tiles: tiles[:1]}, {Name: "Librairie du Vieux Port", SIREN: "732829320", Role: "member", Tiles: tiles[:1]},
		}})},
		{Name: "tools-ended", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: newcomer, Ended: []template.EndedRequest{over, refused}})},
		{Name: "tools-empty", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: newcomer})},
		{Name: "companies", DataPage: "companies", Page: template.Companies(template.CompaniesPage{Page: waited(in, 2), Pending: unanswered, Ended: []template.EndedRequest{refused, over}, Rows: []template.CompanyRow{
			{Name: "Atelier Duparc et Filles", SIREN: "552100554", Role: "administrator", Since: day(-200), Waiting: 2},
			{Name: "Librairie du Vieux Port", SIREN: "732829320", Role: "member", Since: day(-20), Until: day(40), Suspended: true},
			{Name: "Garage Central", SIREN: "404833048", Role: "declarant", Since: day(-20), Closed: true},
		}})},
		{Name: "companies-empty", DataPage: "companies", Page: template.Companies(template.CompaniesPage{Page: newcomer})},
		{Name: "users", DataPage: "users", Page: template.Users(template.UsersPage{Page: flash(waited(in, 2), template.Good, "portal.flash.accepted", "Name", "Fatou Diallo"), CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Requests: askers, Users: users, People: len(users), Tools: tools, Administrators: 1})},
		{Name: "users-watched", DataPage: "users", Page: template.Users(template.UsersPage{Page: waited(in, 1), CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Requests: askersHeld, Users: users[:2], People: 2, Tools: tools, Administrators: 1,
			Held: watched, NotYet: notYet})},
		{Name: "users-confirmed", DataPage: "users", Page: template.Users(template.UsersPage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Users: users[:1], People: 1, Tools: tools, Administrators: 1, Confirmed: true})},
		{Name: "users-refused", DataPage: "users", Page: template.Users(template.UsersPage{Page: waited(in, 2), CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Requests: askersBad, Users: usersTwo, People: 3, Tools: tools, Administrators: 2})},
		{Name: "users-changed", DataPage: "users", Page: template.Users(template.UsersPage{Page: flash(in, template.Good, "portal.flash.changed", "Name", users[1].Name, "Role", p.T("common.role.administrator"), "Until", "", "Endless", "yes"), CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Users: usersRole, People: 3, Tools: tools, Administrators: 2})},
		{Name: "users-empty", DataPage: "users", Page: template.Users(template.UsersPage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Tools: tools})},
		{Name: "users-remove", DataPage: "users", Page: template.UsersRemove(template.UsersRemovePage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, User: users[1]})},
		{Name: "users-own-role", DataPage: "users", Page: ownRole(in, in.Company.Name, usersTwo[0], 1, "Anna Keller", template.Form{})},
		{Name: "users-own-role-refused", DataPage: "users", Page: ownRole(long, longCompany, longUsers[0], 5, "Anna Keller, "+longName+", "+p.T("portal.own_role.or", "First", "Luc Petit", "Last", p.T("portal.own_role.somebody")),
			template.Form{Values: map[string][]string{"role": {"member"}, "tool": {""}, "until": {"2026-01-01"}}, Errors: []template.FieldError{fault("tool", "membership.tools_missing"), fault("until", "membership.until_past")}})},
		{Name: "users-leave", DataPage: "users", Page: template.UsersRemove(template.UsersRemovePage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, User: users[0]})},
		{Name: "welcome-long", DataPage: "welcome", Page: template.Welcome(template.WelcomePage{Page: longBrand(out)})},
		{Name: "login-missing", DataPage: "login", Page: template.Login(template.LoginPage{Page: auth, Form: template.Form{Errors: []template.FieldError{fault("email", "email.missing"), fault("password", "password.missing")}}})},
		{Name: "consent-long", DataPage: "consent", Page: template.Consent(template.ConsentPage{Page: auth, ToolName: longCompany, Authorization: "abc", Company: longCompany,
			Email: longName + "@" + longName + ".example", Told: []string{"openid", "name", "nickname", "gender", "birthdate", "zoneinfo", "picture", "email", "address", "phone_number", "company", "offline_access"}})},
		{Name: "device-confirm-long", DataPage: "device-confirm", Page: template.DeviceConfirm(template.DeviceConfirmPage{Page: auth, ToolName: longCompany, Authorization: "abc", Access: "m1", Company: longCompany, SIREN: "552100554",
			Several: true, Email: longName + "@" + longName + ".example", AskedAt: noon, Source: "2001:db8:85a3:8d3:1319:8a2e:370:7348"})},
		{Name: "choose-company-one", DataPage: "choose-company", Page: template.ChooseCompany(template.ChooseCompanyPage{Page: auth, ToolName: longCompany, Authorization: "abc", Accesses: []template.Access{{ID: "m1", Company: longCompany, SIREN: "552100554", Role: "administrator"}}})},
		{Name: "choose-company-many", DataPage: "choose-company", Page: template.ChooseCompany(template.ChooseCompanyPage{Page: auth, ToolName: training, Authorization: "abc", Accesses: many[:20], Finder: finder("/oauth/company", "companies", "", 30, 20, 1)})},
		{Name: "activated-watched", DataPage: "activated", Page: template.Activated(template.ActivatedPage{Page: newcomer, CompanyName: longCompany, SIREN: "552100554", Held: watched})},
		{Name: "tools-long", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: waited(long, 1), Needed: longCompany, Sections: []template.ToolCompany{{Name: longCompany, SIREN: "552100554", Role: "administrator", Waiting: 1, Tiles: []template.Tile{
			open("long", longCompany, longCompany+". "+longCompany), {ID: "mot", Name: longName, Reason: "right_missing", ActURL: "mailto:x@y.example", ActText: p.T("tool.act.ask", "Name", long.Person.Name)},
		}}}})},
		{Name: "tools-eight-companies", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: with(8, true), Sections: sections(portfolio[4:5])})},
		{Name: "tools-thirty-companies", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: with(30, false), Sections: sections(portfolio[:10]), Finder: finder("/tools", "companies", "", 30, 10, 1)})},
		{Name: "tools-in-one-of-300", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: with(300, true), Sections: sections(portfolio[150:151])})},
		{Name: "tools-not-found", DataPage: "tools", Page: template.Tools(template.ToolsPage{Page: with(300, false), Finder: finder("/tools", "companies", "zinguerie", 0, 10, 1)})},
		{Name: "companies-300", DataPage: "companies", Page: template.Companies(template.CompaniesPage{Page: with(300, false), Rows: rows(portfolio[50:100]), Finder: finder("/companies", "companies", "", 300, 50, 2)})},
		{Name: "companies-found", DataPage: "companies", Page: template.Companies(template.CompaniesPage{Page: with(300, false), Rows: rows(portfolio[:2]), Finder: finder("/companies", "companies", "moulin", 2, 50, 1)})},
		{Name: "companies-long", DataPage: "companies", Page: template.Companies(template.CompaniesPage{Page: long, Rows: []template.CompanyRow{{Name: longCompany, SIREN: "552100554", Role: "administrator", Since: day(-3)}, {Name: longName, SIREN: "732829320", Role: "declarant", Since: day(-3), Suspended: true, Closed: true}}})},
		{Name: "users-many", DataPage: "users", Page: template.Users(template.UsersPage{Page: waited(in, 45), CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Requests: asking[:10], Later: 35, Users: people, People: 212, Tools: tools, Administrators: 3, Finder: finder("/companies/552100554/users", "users", "", 212, 50, 3)})},
		{Name: "users-found", DataPage: "users", Page: template.Users(template.UsersPage{Page: in, CompanyName: in.Company.Name, SIREN: in.Company.SIREN, Users: people[:1], People: 212, Tools: tools, Administrators: 3, Finder: finder("/companies/552100554/users", "users", "lemaire", 1, 50, 1)})},
		{Name: "users-long", DataPage: "users", Page: template.Users(template.UsersPage{Page: waited(long, 1), CompanyName: longCompany, SIREN: "552100554", People: 2, Administrators: 2, Tools: append(tools, template.ToolOption{ID: "long", Name: longCompany}), Users: longUsers,
			Requests: []template.UserRequest{{ID: "r1", Name: longName, Email: longName + "@" + longName + ".example", AskedAt: day(-4)}}})},
		{Name: "request-cancel-long", DataPage: "companies-add", Page: template.RequestCancel(template.RequestCancelPage{Page: long, Request: template.Request{ID: "a9", Company: longCompany, SIREN: "552100554", Administrators: 1, AskedAt: noon}})},
		{Name: "users-remove-long", DataPage: "users", Page: template.UsersRemove(template.UsersRemovePage{Page: long, CompanyName: longCompany, SIREN: "552100554", User: longUsers[1]})},
	}
	for _, status := range []int{400, 401, 403, 404, 405, 409, 413, 415, 418, 422, 429, 500, 502, 503} {
		all = append(all, State{Name: fmt.Sprintf("error-%d", status), DataPage: "error", Page: template.Error(template.NewErrorPage(newcomer, status, "5f2c08e1"))})
	}
	return all
}

func titledAs(p template.Page, key, dataPage string) template.Page {
	p.Title, p.DataPage = p.P.T(key), dataPage
	return p
}

const (
	longName    = "Anticonstitutionnellement-Intergouvernementalisation"
	longCompany = "Société coopérative d’intérêt collectif des artisans charpentiers, couvreurs, zingueurs et ébénistes du pays de Saint-Rémy-lès-Chevreuse et des environs"
)

func longBrand(p template.Page) template.Page {
	p.Brand.OperatorName, p.Brand.PortalName = "la Fédération nationale des métiers de la librairie et de la papeterie", "Portail des services en ligne aux entreprises adhérentes"
	return p
}

// companyName and personName are the nth of a list that is always the same.
func companyName(n int) string {
	kinds := []string{"Atelier", "Boulangerie", "Librairie", "Garage", "Pharmacie", "Quincaillerie", "Fromagerie", "Menuiserie", "Imprimerie", "Pépinière"}
	places := []string{"du Moulin", "des Halles", "du Vieux Port", "de la Gare", "Saint-Éloi", "des Tilleuls", "du Lavoir", "des Remparts", "de l’Écluse", "du Beffroi", "des Quatre Vents"}
	return kinds[n%len(kinds)] + " " + places[n/len(kinds)%len(places)] + []string{"", " et Fils", " Frères"}[n/(len(kinds)*len(places))%3]
}

func personName(n int) string {
	first := []string{"Inès", "Hugo", "Chloé", "Malik", "Léa", "Théo", "Aïcha", "Jules", "Noémie", "Ewen"}
	last := []string{"Lemaire", "Benali", "Le Goff", "Garnier", "Da Silva", "Roux", "Nguyen", "Fabre", "Étienne"}
	return first[n%len(first)] + " " + last[n/2%len(last)]
}
