package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The table of TestHostileInput: for each route of `portique routes`, what a right call looks like. The generator spoils it in every
// way it knows. A route without an entry fails the run; most new entries are one line:
//
//	"GET portal /things":           {},                                        // a page
//	"POST portal /things/{id}/end": {prepare: (*scene).anEnd, done: once},     // a form: see the functions below the table
//
// A right call is prepared twice: once to be spoiled, once to be made, twice at the same moment.
var entries = map[string]entry{
	// The portal, for anybody.
	"GET portal /":                 {},
	"GET portal /session/start":    {query: []string{"return"}},
	"GET portal /session/callback": {query: []string{"state", "code", "error", "error_description", "iss"}},
	"POST portal /session/keep":    {prepare: (*scene).aKeep, check: (*scene).stillIn, public: true, twice: true, done: []int{204}},
	"POST portal /session/end":     {prepare: (*scene).aSignOut, check: (*scene).signedOut, public: true, twice: true},
	"POST portal /language":        {prepare: (*scene).aLanguage, public: true, free: []string{"return"}, spoil: Fields{"language": {"de"}}, twice: true},
	"GET portal /accessibility":    {},
	"GET portal /healthz":          {},
	"GET portal /readyz":           {},
	"GET portal /static/{file...}": {path: "/static/0/portique.css"},

	// The sign-in host.
	"GET auth /":                 {},
	"GET auth /login":            {query: []string{"authorization", "ui_locales"}},
	"POST auth /login":           {prepare: (*scene).aSignIn, public: true, free: []string{"authorization"}, spoil: Fields{"password": {"Pas!CeluiLa9"}}, kept: []string{"email"}, twice: true},
	"GET auth /register":         {},
	"POST auth /register":        {prepare: (*scene).aRegistration, check: (*scene).registered, public: true, free: []string{"password", "first_name", "last_name", "contributions_only"}, spoil: Fields{"password_confirmation": {"Autre!Mouton8"}}, kept: []string{"email", "email_confirmation", "first_name", "last_name"}, twice: true},
	"GET auth /register/sent":    {},
	"POST auth /register/resend": {prepare: (*scene).aResend, bound: true, twice: true},
	"POST auth /register/code":   {prepare: (*scene).aCode, bound: true, kept: nil},
	"POST auth /register/address": {prepare: (*scene).anAddress, bound: true, twice: true,
		kept: []string{"email"}},
	"GET auth /validate":             {query: []string{"token"}},
	"POST auth /validate":            {prepare: (*scene).aValidation, public: true},
	"POST auth /validate/not-me":     {prepare: (*scene).aDisowning, public: true, free: []string{}},
	"GET auth /validated":            {},
	"GET auth /validate/not-me/done": {},
	"GET auth /password/forgot":      {query: []string{"sent"}},
	"POST auth /password/forgot":     {prepare: (*scene).aForgotten, public: true, kept: []string{"email"}, twice: true},
	"GET auth /password/reset":       {query: []string{"token"}},
	"POST auth /password/reset": {prepare: (*scene).aReset, public: true,
		free: []string{"password", "first_name", "last_name", "contributions_only"}, spoil: Fields{"password_confirmation": {"Autre!Mouton8"}}},
	"GET auth /oauth/company":    {query: []string{"authorization"}},
	"POST auth /oauth/company":   {prepare: (*scene).aChoice, bound: true, twice: true},
	"GET auth /oauth/consent":    {query: []string{"authorization"}},
	"POST auth /oauth/consent":   {prepare: (*scene).aConsent, bound: true, twice: true},
	"GET auth /oauth/no-access":  {query: []string{"authorization"}},
	"GET auth /device":           {query: []string{"user_code"}},
	"POST auth /device":          {prepare: (*scene).aDeviceCode, public: true, kept: []string{"user_code"}, twice: true},
	"GET auth /device/confirm":   {query: []string{"authorization"}},
	"GET auth /device/done":      {query: []string{"authorization"}},
	"GET auth /signed-out":       {query: []string{"of"}},
	"POST auth /language":        {prepare: (*scene).aLanguageAtAuth, public: true, free: []string{"return"}, spoil: Fields{"language": {"de"}}, twice: true},
	"GET auth /accessibility":    {},
	"GET auth /healthz":          {},
	"GET auth /readyz":           {},
	"GET auth /static/{file...}": {path: "/static/0/portique.js"},

	// OpenID Connect.
	"GET auth /.well-known/openid-configuration":       {},
	"GET auth /.well-known/oauth-authorization-server": {},
	"GET auth /oauth/keys":                             {},
	"GET auth /oauth/authorize":                        {queryOf: (*scene).anAuthorization},
	"POST auth /oauth/authorize":                       {prepare: (*scene).anAuthorizationByPost, program: true, forwards: true, twice: true},
	"GET auth /oauth/authorize/{id}":                   {path: "/oauth/authorize/" + nobody},
	"POST auth /oauth/authorize/{id}/allow":            {prepare: (*scene).aDevicePress, bound: true},
	"POST auth /oauth/authorize/{id}/deny":             {prepare: (*scene).aDenial, bound: true},
	"POST auth /oauth/token":                           {prepare: (*scene).aRedemption, program: true, done: []int{200}},
	"POST auth /oauth/par": {prepare: (*scene).aPush, program: true, done: []int{201}, twice: true, spoil: Fields{"redirect_uri": {"https://evil.example/"}},
		free: []string{"response_mode", "scope", "state", "nonce", "prompt", "max_age", "login_hint", "acr_values", "claims", "ui_locales", "company_hint", "id_token_hint", "dpop_jkt"}},
	"POST auth /oauth/introspect": {prepare: (*scene).anIntrospection, program: true, done: []int{200}, twice: true, free: []string{"token", "token_type_hint"}, spoil: Fields{"client_secret": {"another"}}},
	"POST auth /oauth/revoke":     {prepare: (*scene).aRevocation, program: true, done: []int{200}, twice: true, free: []string{"token", "token_type_hint"}, spoil: Fields{"client_secret": {"another"}}},
	"POST auth /oauth/device":     {prepare: (*scene).aDevice, program: true, done: []int{200}, twice: true, free: []string{"scope", "company_hint"}, spoil: Fields{"client_secret": {"another"}}},
	"GET auth /oauth/userinfo":    {},
	"POST auth /oauth/userinfo":   {prepare: (*scene).aUserinfo, program: true, done: []int{200}, twice: true},
	"GET auth /oauth/logout":      {query: []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "confirm"}},
	"POST auth /oauth/logout":     {prepare: (*scene).aLogout, program: true, forwards: true, free: []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"}, spoil: Fields{"confirm": {"oui"}}, twice: true},

	// Companies and requests.
	"GET portal /companies/add":                           {},
	"POST portal /companies/add":                          {prepare: (*scene).anAttachment, anybody: true, kept: []string{"siren"}},
	"GET portal /companies/{siren}/activated":             {prepare: (*scene).aPageOfTheShop},
	"GET portal /companies/claim":                         {},
	"POST portal /companies/claim":                        {prepare: (*scene).aClaim, anybody: true, unproved: true}, // nobody here is asked for a second proof
	"GET portal /contest/{token}":                         {},
	"GET portal /contest/done":                            {query: []string{"contested"}},
	"POST portal /contest/{token}":                        {prepare: (*scene).aContest, public: true, free: []string{"answer"}, spoil: Fields{"code": {"000000"}}},
	"POST portal /requests/{id}/remind":                   {prepare: (*scene).aReminder, check: (*scene).reminded},
	"GET portal /requests/{id}/cancel":                    {prepare: (*scene).aCancellation},
	"POST portal /requests/{id}/cancel":                   {prepare: (*scene).aCancellation},
	"POST portal /requests/{id}/again":                    {prepare: (*scene).anAgain},
	"GET portal /companies":                               {},
	"GET portal /companies/{siren}/users":                 {prepare: (*scene).aPageOfTheShop},
	"POST portal /companies/{siren}/requests/{id}/accept": {prepare: (*scene).anAcceptance, check: (*scene).accepted, free: []string{"tool", "until"}, spoil: Fields{"role": {"boss"}}},
	"POST portal /companies/{siren}/requests/{id}/refuse": {prepare: (*scene).aRefusal, free: []string{"reason"}, spoil: Fields{"reason": {"\u200b \t"}}},
	"GET portal /companies/{siren}/users/{id}/role":       {prepare: (*scene).anOwnRole},
	"POST portal /companies/{siren}/users/{id}/role":      {prepare: (*scene).aRole, free: []string{"tool", "until", "shown"}, spoil: Fields{"role": {"boss"}}, twice: true},
	"GET portal /companies/{siren}/users/{id}/remove":     {prepare: (*scene).aRemoval},
	"POST portal /companies/{siren}/users/{id}/remove":    {prepare: (*scene).aRemoval},
	"GET portal /account/consents":                        {},
	"POST portal /account/consents/{tool}/withdraw":       {prepare: (*scene).aWithdrawal},
	"GET portal /tools":                                   {query: []string{"siren", "need"}},
}

// entry says how a route is called.
type entry struct {
	path     string                    // of a page without ids; the route's own when empty
	query    []string                  // parameters that a page reads
	queryOf  func(*scene) url.Values   // a right query of a page
	prepare  func(*scene, int) deed    // a right call, with things of its own: 0 to be spoiled, 1 to be made
	public   bool                      // anybody may make the call, in any browser
	bound    bool                      // only the browser it was prepared in may
	anybody  bool                      // whoever is signed in may
	program  bool                      // called by programs, from anywhere: where it comes from is not asked
	forwards bool                      // answers 303 to a GET that decides
	unproved bool                      // the scene cannot make the right call: this one is only like it
	twice    bool                      // may succeed twice
	free     []string                  // fields that take nearly any text, or none: spoiled only beside
	spoil    Fields                    // what makes the form refused whatever the free fields hold
	kept     []string                  // fields that come back in a refused form
	done     []int                     // what the right call answers; 303 when empty
	check    func(*scene, deed) string // what the right call must have done and no more; "" is well
}

// deed is a right call of a form.
type deed struct {
	by      *Browser
	who     Person
	path    string
	fields  url.Values
	subject string // an id or address that check asks for
	// elsewhere are the same call for another company's things, or with an id of another kind: they are not there.
	elsewhere []string
}

const nobody = "0190a0a0-0000-7000-8000-000000000000" // an id of ours that nothing has

// -- the scene -------------------------------------------------------------------------------------------------------------

// scene is an installation with people of every kind in it.
type scene struct {
	t            *testing.T
	app          *App
	members      Members
	shop, other  Member // Marie's company and Nadia's
	tool, closed *Tool  // a tool for all, and one that nobody opens but declarants
	n            int    // names the next newcomer
	marie        *Browser
	mine, hers   Membership // a member's access to the shop, and one to the other company
	herRequest   Request    // a request that waits at the other company
	request      string     // the id of a request at the shop
	zoe          [2]deed    // requests that expired
	strangers    map[string]*Browser
	seats        int // companies given away so far
}

var (
	nadia = Person{"Nadia", "Castaing", "nadia.castaing@ailleurs.example"}
	hugo  = Person{"Hugo", "Tessier", "hugo.tessier@boutique.example"}
)

func newScene(t *testing.T, app *App) *scene {
	s := &scene{t: t, app: app, members: app.Import(t, 20), strangers: map[string]*Browser{}}
	s.shop, s.other, s.seats = s.members[0], s.members[1], 4
	app.Create(t, Marie)
	app.Create(t, nadia)
	for shop, admin := range map[Member]Person{s.shop: Marie, s.other: nadia} {
		app.Run(t, "", "membership", "grant", "--email", admin.Email, "--siren", shop.SIREN, "--role", "administrator", "--reason", "essai")
	}
	// Two requests that nobody answers, thirty days later.
	var expired [2]Request
	var zoe [2]Person
	for i := range expired {
		var b *Browser
		zoe[i], b = s.newcomer()
		b.Attach(s.shop)
		expired[i] = app.Pending(t, s.shop.SIREN, zoe[i])
	}
	app.Advance(t, 41*24*time.Hour) // two reminders by themselves, then thirty days
	until(t, "the requests expire", func() bool {
		for _, r := range app.Requests(t, s.shop.SIREN) {
			if r.Status == "pending" {
				app.Advance(t, 24*time.Hour)
				return false
			}
		}
		return true
	})
	s.request = expired[0].ID
	for i, r := range expired {
		s.zoe[i] = deed{by: app.SignIn(t, zoe[i]), path: "/requests/" + r.ID + "/again", fields: url.Values{}, elsewhere: []string{"/requests/" + nobody + "/again"}}
	}

	s.tool = app.NewTool(t, "formation", "Demandes de formation", "--device")
	s.closed = app.NewTool(t, "contributions", "Déclaration des contributions", "--audience", "contributions")
	s.marie = app.SignIn(t, Marie)
	// At the other company: somebody asks, somebody is a member.
	p, b := s.newcomer()
	b.Attach(s.other)
	s.herRequest = app.Pending(t, s.other.SIREN, p)
	s.hers = s.employ(s.other, "member")
	s.mine = s.employ(s.shop, "member")

	// Those who may not: signed out, a member, another company's administrator, one who has lost the role, the access, the session, the account.
	s.strangers["visitor"] = app.Browser(t)
	s.strangers["another company's administrator"] = app.SignIn(t, nadia)
	for _, who := range []string{"member", "demoted administrator", "removed administrator", "disabled administrator"} {
		p, b := s.newcomer()
		role := "administrator"
		if who == "member" {
			role = "member"
		}
		app.Run(t, "", "membership", "grant", "--email", p.Email, "--siren", s.shop.SIREN, "--role", role, "--reason", "essai")
		b.Open("/companies/" + s.shop.SIREN + "/users")
		s.strangers[who] = b
		id := app.Membership(t, s.shop.SIREN, p).ID
		switch who {
		case "demoted administrator":
			s.marie.Post("/companies/"+s.shop.SIREN+"/users/"+id+"/role", Fields{"role": {"member"}})
		case "removed administrator":
			s.marie.Post("/companies/"+s.shop.SIREN+"/users/"+id+"/remove", nil)
		case "disabled administrator":
			app.Run(t, "", "account", "disable", p.Email)
		}
	}
	ended := app.SignIn(t, Marie)
	cookies := ended.everyCookie()
	ended.Open("/")
	ended.Submit("/session/end", nil)
	ended.At("signed-out")
	ended.restore(cookies)
	s.strangers["administrator whose session has ended"] = ended
	return s
}

// newcomer is a new person with an account, signed in.
func (s *scene) newcomer(options ...string) (Person, *Browser) {
	s.t.Helper()
	p := s.name()
	s.app.Create(s.t, p, options...)
	return p, s.app.SignIn(s.t, p)
}

// name is somebody whom nobody knows yet.
func (s *scene) name() Person {
	s.n++
	first := "Personne" + strings.Repeat("b", s.n%7)
	return Person{first, "Nouvelle", "personne." + string(rune('a'+s.n/26)) + string(rune('a'+s.n%26)) + "@boutique.example"}
}

// employ gives a new person an access.
func (s *scene) employ(shop Member, role string) Membership {
	s.t.Helper()
	p := s.name()
	s.app.Create(s.t, p)
	s.app.Run(s.t, "", "membership", "grant", "--email", p.Email, "--siren", shop.SIREN, "--role", role, "--reason", "essai")
	return s.app.Membership(s.t, shop.SIREN, p)
}

// asking is a new person whose request waits at the shop.
func (s *scene) asking() (*Browser, Request) {
	s.t.Helper()
	p, b := s.newcomer()
	b.Attach(s.shop)
	return b, s.app.Pending(s.t, s.shop.SIREN, p)
}

// from is what the form of the page in front of somebody sends.
func (s *scene) from(b *Browser, selector string, fields Fields) deed {
	s.t.Helper()
	f, err := b.Page().form(selector)
	if err != nil {
		s.t.Fatal(err)
	}
	values, err := f.fill(fields)
	if err != nil {
		s.t.Fatal(err)
	}
	return deed{by: b, path: f.action.RequestURI(), fields: values}
}

// -- right calls -----------------------------------------------------------------------------------------------------------

func (s *scene) aLanguage(int) deed {
	return deed{by: s.app.Browser(s.t), path: "/language", fields: url.Values{"language": {"fr"}, "return": {"/"}}}
}

func (s *scene) aLanguageAtAuth(int) deed {
	return deed{by: s.app.Browser(s.t), path: "/language", fields: url.Values{"language": {"fr"}, "return": {"/login"}}}
}

func (s *scene) aSignOut(int) deed {
	_, b := s.newcomer()
	return deed{by: b, path: "/session/end", fields: url.Values{}}
}

func (s *scene) aKeep(int) deed {
	_, b := s.newcomer()
	return deed{by: b, path: "/session/keep", fields: url.Values{}}
}

func (s *scene) stillIn(c deed) string {
	if _, ok := s.whoIs(c.by); !ok {
		return "signed out"
	}
	return ""
}

func (s *scene) signedOut(c deed) string {
	if _, ok := s.whoIs(c.by); ok {
		return "still signed in"
	}
	return ""
}

func (s *scene) aSignIn(int) deed {
	p := s.name()
	s.app.Create(s.t, p)
	b := s.app.Browser(s.t)
	b.Open(s.tool.URL)
	b.At("login")
	c := s.from(b, "/login", Fields{"email": {p.Email}, "password": {Password}})
	c.who = p
	return c
}

func (s *scene) aRegistration(int) deed {
	p := s.name()
	b := s.app.Browser(s.t)
	b.Open(s.app.Auth + "/register")
	c := s.from(b, "/register", Fields{"email": {p.Email}, "email_confirmation": {p.Email}, "password": {Password}, "password_confirmation": {Password},
		"first_name": {p.First}, "last_name": {p.Last}})
	c.subject = p.Email
	return c
}

// REG-17: whatever else was sent, a sign-up is plain and unvalidated.
func (s *scene) registered(c deed) string {
	var list []Account
	s.app.JSON(s.t, &list, "account", "list")
	found := 0
	for _, a := range list {
		if a.Email == c.subject {
			found++
			if a.Status != "unvalidated" || a.ContributionsOnly {
				return "the account is " + a.Status
			}
		}
	}
	if found == 0 {
		return "no sign-up"
	}
	return ""
}

// waiting is a sign-up that waits for its validation, in the browser that made it.
func (s *scene) waiting() (Person, *Browser) {
	p := s.name()
	b := s.app.Browser(s.t)
	b.Register(p)
	b.At("register-sent")
	return p, b
}

func (s *scene) aResend(int) deed {
	_, b := s.waiting()
	return s.from(b, "/register/resend", nil)
}

func (s *scene) aCode(int) deed {
	p, b := s.waiting()
	return s.from(b, "/register/code", Fields{"code": {s.app.Mail.Wait(s.t, p.Email, "").Code}})
}

func (s *scene) anAddress(int) deed {
	_, b := s.waiting()
	return s.from(b, "/register/address", Fields{"email": {s.name().Email}})
}

func (s *scene) aValidation(int) deed {
	p, _ := s.waiting()
	b := s.app.Browser(s.t)
	b.Open(s.app.Mail.Wait(s.t, p.Email, "").Link(s.t, "/validate"))
	return s.from(b, "/validate", Fields{"password": {Password}})
}

func (s *scene) aDisowning(int) deed {
	p, _ := s.waiting()
	letter := s.app.Mail.Wait(s.t, p.Email, "")
	b := s.app.Browser(s.t)
	b.Open(letter.Link(s.t, "/validate"))
	return s.from(b, "/validate/not-me", Fields{"code": {disownCode(letter)}})
}

func (s *scene) aForgotten(int) deed {
	p := s.name()
	s.app.Create(s.t, p)
	b := s.app.Browser(s.t)
	b.Open(s.app.Auth + "/password/forgot")
	return s.from(b, "/password/forgot", Fields{"email": {p.Email}})
}

func (s *scene) aReset(int) deed {
	p := s.name()
	s.app.Create(s.t, p)
	b := s.app.Browser(s.t)
	b.Open(s.app.Auth + "/password/forgot")
	b.Submit("/password/forgot", Fields{"email": {p.Email}})
	b.Open(s.app.Mail.Wait(s.t, p.Email, "").Link(s.t, "/password/reset"))
	return s.from(b, "/password/reset", Fields{"password": {"Neuf!Moutons77"}, "password_confirmation": {"Neuf!Moutons77"}})
}

func (s *scene) aChoice(int) deed {
	p, b := s.newcomer()
	for _, shop := range []Member{s.members[2], s.members[3]} {
		s.app.Run(s.t, "", "membership", "grant", "--email", p.Email, "--siren", shop.SIREN, "--role", "member", "--reason", "essai")
	}
	b.Open(s.tool.URL + "/?prompt=select_company")
	b.At("choose-company")
	return s.from(b, "/oauth/company", nil)
}

func (s *scene) aConsent(int) deed {
	p, b := s.newcomer()
	s.app.Run(s.t, "", "membership", "grant", "--email", p.Email, "--siren", s.members[2].SIREN, "--role", "member", "--reason", "essai")
	b.Open(s.tool.URL + "/?prompt=consent")
	b.At("consent")
	return s.from(b, "/oauth/consent", nil)
}

func (s *scene) aWithdrawal(int) deed {
	p, b := s.newcomer()
	s.app.Run(s.t, "", "membership", "grant", "--email", p.Email, "--siren", s.members[2].SIREN, "--role", "member", "--reason", "essai")
	b.Open(s.tool.URL + "/?prompt=consent")
	b.Submit("/oauth/consent", nil)
	b.Open("/account/consents")
	return s.from(b, "/account/consents/*/withdraw", nil)
}

func (s *scene) aDenial(int) deed {
	_, b := s.newcomer()
	b.Open(s.tool.URL)
	b.At("no-access")
	return s.from(b, "/oauth/authorize/*/deny", nil)
}

func (s *scene) anAuthorization() url.Values {
	return url.Values{"client_id": {s.tool.ID}, "redirect_uri": {s.tool.URL + "/callback"}, "response_type": {"code"}, "response_mode": {"query"},
		"scope": {"openid profile email company"}, "state": {"etat"}, "nonce": {"once"}, "code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
		"prompt": {"login"}, "max_age": {"60"}, "login_hint": {Marie.Email}, "acr_values": {"portique:1"}, "claims": {`{"id_token":{"email":null}}`},
		"ui_locales": {"fr"}, "company_hint": {s.shop.SIREN}}
}

func (s *scene) anAuthorizationByPost(int) deed {
	return deed{by: s.app.Browser(s.t), path: "/oauth/authorize", fields: s.anAuthorization()}
}

// aRedemption is a code that nobody has redeemed, and what redeeming it takes.
func (s *scene) aRedemption(int) deed {
	p, b := s.newcomer()
	s.app.Run(s.t, "", "membership", "grant", "--email", p.Email, "--siren", s.members[2].SIREN, "--role", "member", "--reason", "essai")
	s.tool.Hold()
	b.Open(s.tool.URL)
	held := s.tool.Held(s.t)
	s.tool.Release()
	return deed{by: s.app.Browser(s.t), path: "/oauth/token", fields: url.Values{"grant_type": {"authorization_code"}, "code": {held.Code},
		"code_verifier": {held.Verifier}, "redirect_uri": {held.RedirectURI}, "client_id": {s.tool.ID}, "client_secret": {s.tool.Secret}}}
}

// prove is a form with what the tool proves itself by.
func (s *scene) prove(fields url.Values) url.Values {
	fields.Set("client_id", s.tool.ID)
	fields.Set("client_secret", s.tool.Secret)
	return fields
}

// ownToken is a token that the tool has in its own name: it opens nothing of a person's.
func (s *scene) ownToken() string {
	response, err := http.PostForm(s.app.Auth+"/oauth/token", s.prove(url.Values{"grant_type": {"client_credentials"}}))
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var given struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&given); err != nil || given.AccessToken == "" {
		s.t.Fatalf("no token: %d, %v", response.StatusCode, err)
	}
	return given.AccessToken
}

func (s *scene) aPush(int) deed {
	return deed{by: s.app.Browser(s.t), path: "/oauth/par", fields: s.prove(s.anAuthorization())}
}

// aDevice is a device that asks for the codes of its flow.
func (s *scene) aDevice(int) deed {
	return deed{by: s.app.Browser(s.t), path: "/oauth/device", fields: s.prove(url.Values{"scope": {"openid company"}, "company_hint": {s.shop.SIREN}})}
}

// userCode is the code that a device shows.
func (s *scene) userCode() string {
	s.t.Helper()
	response, err := http.PostForm(s.app.Auth+"/oauth/device", s.aDevice(0).fields)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var given struct {
		UserCode string `json:"user_code"`
	}
	if err := json.NewDecoder(response.Body).Decode(&given); err != nil || given.UserCode == "" {
		s.t.Fatalf("no code for a person: %d, %v", response.StatusCode, err)
	}
	return given.UserCode
}

func (s *scene) aDeviceCode(int) deed {
	b := s.app.Browser(s.t)
	b.Open(s.app.Auth + "/device")
	return s.from(b, "/device", Fields{"user_code": {s.userCode()}})
}

// aDevicePress is the press of somebody who read what a device asks for.
func (s *scene) aDevicePress(int) deed {
	p, b := s.newcomer()
	s.app.Run(s.t, "", "membership", "grant", "--email", p.Email, "--siren", s.members[2].SIREN, "--role", "member", "--reason", "essai")
	b.Open(s.app.Auth + "/device")
	b.Submit("/device", Fields{"user_code": {s.userCode()}})
	b.At("choose-company") // the one that the device names is not this person's
	b.Submit("/oauth/company", nil)
	b.At("device-confirm")
	return s.from(b, "/oauth/authorize/*/allow", nil)
}

func (s *scene) anIntrospection(int) deed {
	return deed{by: s.app.Browser(s.t), path: "/oauth/introspect", fields: s.prove(url.Values{"token": {s.ownToken()}})}
}

func (s *scene) aRevocation(int) deed {
	return deed{by: s.app.Browser(s.t), path: "/oauth/revoke", fields: s.prove(url.Values{"token": {s.ownToken()}})}
}

func (s *scene) aUserinfo(int) deed {
	return deed{by: s.app.Browser(s.t), path: "/oauth/userinfo", fields: url.Values{"access_token": {s.visit().Token.AccessToken}}}
}

// visit is a new person's visit of the tool.
func (s *scene) visit() *Visit {
	p, b := s.newcomer()
	s.app.Run(s.t, "", "membership", "grant", "--email", p.Email, "--siren", s.members[2].SIREN, "--role", "member", "--reason", "essai")
	b.Open(s.tool.URL)
	b.At("tool")
	return s.tool.Last()
}

func (s *scene) aLogout(int) deed {
	_, b := s.newcomer()
	b.Open(s.app.Auth + "/oauth/logout")
	return s.from(b, "/oauth/logout", nil)
}

func (s *scene) anAttachment(int) deed {
	s.seats++
	shop := s.members[s.seats]
	_, b := s.newcomer()
	return deed{by: b, path: "/companies/add", fields: url.Values{"siren": {shop.SIREN}, "member_code": {shop.Code}}}
}

func (s *scene) aClaim(int) deed {
	_, b := s.newcomer()
	return deed{by: b, path: "/companies/claim", fields: url.Values{"code": {"123456"}}}
}

// aContest is the answer of a company's known contact to somebody's first claim.
func (s *scene) aContest(int) deed {
	s.seats++
	shop := s.members[s.seats]
	_, b := s.newcomer()
	b.Attach(shop)
	letter := s.app.Mail.Wait(s.t, shop.ContactEmail, "")
	contact := s.app.Browser(s.t)
	contact.Open(letter.Link(s.t, "/contest/"))
	c := s.from(contact, "/contest/*", Fields{"code": {letter.Code}})
	c.elsewhere = []string{"/contest/" + strings.Repeat("a", 43), "/contest/" + nobody}
	return c
}

func (s *scene) aPageOfTheShop(int) deed {
	return deed{by: s.marie, elsewhere: []string{"/companies/" + s.other.SIREN + "/users", "/companies/" + s.other.SIREN + "/activated", "/companies/123456789/users"}}
}

func (s *scene) aReminder(int) deed {
	b, r := s.asking()
	return deed{by: b, path: "/requests/" + r.ID + "/remind", fields: url.Values{}, subject: r.ID,
		elsewhere: []string{"/requests/" + s.herRequest.ID + "/remind", "/requests/" + s.mine.ID + "/remind", "/requests/" + nobody + "/remind"}}
}

func (s *scene) reminded(c deed) string {
	for _, r := range s.app.Requests(s.t, s.shop.SIREN) {
		if r.ID == c.subject && (r.Reminders != 1 || r.Status != "pending") {
			return "the request has become " + r.Status
		}
	}
	return ""
}

func (s *scene) aCancellation(int) deed {
	b, r := s.asking()
	return deed{by: b, path: "/requests/" + r.ID + "/cancel", fields: url.Values{},
		elsewhere: []string{"/requests/" + s.herRequest.ID + "/cancel", "/requests/" + s.mine.ID + "/cancel", "/requests/" + nobody + "/cancel"}}
}

func (s *scene) anAgain(i int) deed { return s.zoe[i] }

// decision is a call of the shop's administrator about a request, and the same about others' requests.
func (s *scene) decision(verb string, fields url.Values) deed {
	_, r := s.asking()
	at := func(siren, id string) string { return "/companies/" + siren + "/requests/" + id + "/" + verb }
	return deed{by: s.marie, path: at(s.shop.SIREN, r.ID), fields: fields, subject: r.Email, elsewhere: []string{at(s.other.SIREN, s.herRequest.ID),
		at(s.other.SIREN, r.ID), at(s.shop.SIREN, s.herRequest.ID), at(s.shop.SIREN, s.mine.ID), at(s.shop.SIREN, nobody), at("123456789", r.ID)}}
}

func (s *scene) anAcceptance(int) deed {
	return s.decision("accept", url.Values{"role": {"member"}, "tool": {"", "formation"}, "until": {"2060-12-31"}})
}

// What was ticked is what was given, whatever else was sent.
func (s *scene) accepted(c deed) string {
	m := s.app.Membership(s.t, s.shop.SIREN, Person{Email: c.subject})
	if m.Role != "member" || m.Status != "active" || len(m.Rights) != 1 || m.Rights[0] != "formation" {
		return "the access is " + m.Role + " " + strings.Join(m.Rights, ",")
	}
	return ""
}

func (s *scene) aRefusal(int) deed {
	return s.decision("refuse", url.Values{"reason": {"Pas ici."}})
}

// member is a call of the shop's administrator about somebody's access, and the same about others'.
func (s *scene) member(verb string, fields url.Values) deed {
	m := s.employ(s.shop, "member")
	at := func(siren, id string) string { return "/companies/" + siren + "/users/" + id + "/" + verb }
	return deed{by: s.marie, path: at(s.shop.SIREN, m.ID), fields: fields, elsewhere: []string{at(s.other.SIREN, s.hers.ID), at(s.other.SIREN, m.ID),
		at(s.shop.SIREN, s.hers.ID), at(s.shop.SIREN, s.request), at(s.shop.SIREN, nobody), at("123456789", m.ID)}}
}

func (s *scene) aRole(int) deed {
	return s.member("role", url.Values{"role": {"administrator"}, "tool": {""}, "until": {""}})
}

// anOwnRole is the page where the shop's administrator gives up her own role; there is none for anybody else's.
func (s *scene) anOwnRole(int) deed {
	s.employ(s.shop, "administrator") // she is not the only one
	at := func(siren, id string) string { return "/companies/" + siren + "/users/" + id + "/role" }
	id := s.app.Membership(s.t, s.shop.SIREN, Marie).ID
	return deed{by: s.marie, path: at(s.shop.SIREN, id), elsewhere: []string{at(s.other.SIREN, id), at(s.other.SIREN, s.hers.ID), at(s.shop.SIREN, s.mine.ID),
		at(s.shop.SIREN, s.request), at(s.shop.SIREN, nobody), at("123456789", id)}}
}

func (s *scene) aRemoval(int) deed { return s.member("remove", url.Values{}) }
