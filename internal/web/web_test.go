package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/account"
	"portique/internal/i18n"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/store/storetest"
	"portique/internal/tool"
)

// Whatever is not a path of this host leads to the fallback.
func TestSafeReturn(t *testing.T) {
	for _, path := range []string{"/", "/tools", "/tools?siren=552100554", "/companies/552100554/users#demandes", "/é", "/a:b", "/a//b", "/tools?return=//x", "/@evil.example"} {
		if got := safeReturn(path, "/fallback"); got != path {
			t.Errorf("%q became %q", path, got)
		}
	}
	for _, path := range []string{
		"", "tools", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\t/evil.example", "/\n/evil.example",
		"/\r\nLocation: https://evil.example", "\t//evil.example", " //evil.example", "/ /evil.example", "/%2f%2fevil.example", "/%2fevil.example",
		"http:evil.example", "https:/evil.example", "https://evil.example/", "https://ws.opco.example.evil.example", "https://user@evil.example",
		"javascript:alert(1)", "data:text/html,x", "/\x00/evil.example", "/\x7f", "/%zz", "?x=/y", "#/x", ".evil.example", "@evil.example",
		"/" + strings.Repeat("a", 2000),
	} {
		if got := safeReturn(path, "/fallback"); got != "/fallback" {
			t.Errorf("%.40q leads to %.40q", path, got)
		}
	}
}

func TestPolicy(t *testing.T) {
	const base = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	for want, origins := range map[string][]string{
		base:                           nil,
		base + " https://paie.example": {originOf("https://paie.example/cb?x=1"), originOf("https://paie.example/other")},
		base + " https://paie.example https://auth.opco.example:8443": {originOf("https://paie.example/cb"), "https://auth.opco.example:8443"},
		base + " https://paie.example:8443 https://paie.example":      {originOf("https://paie.example:8443/cb"), originOf("https://paie.example/cb")},
		base + " http://localhost:8084":                               {originOf("http://localhost:8084/cb")},
	} {
		if got := policy(origins); got != want {
			t.Errorf("%v: %s", origins, got)
		}
	}
	// An address that would end the directive, or open it to everybody, opens it to nobody.
	for _, address := range []string{"", "/cb", "https://x;script-src *", "https://x, https://y", "https://'unsafe-inline'", "https:///cb", "javascript:1", "https://a b/"} {
		if got := originOf(address); got != "'none'" {
			t.Errorf("%q gives %q", address, got)
		}
	}
}

// site is both doors on an empty SQLite database.
type site struct {
	t    *testing.T
	h    *Handler
	db   *store.DB
	jar  []*http.Cookie
	door portique.Door
}

func newSite(t *testing.T, change ...func(*Options)) *site {
	t.Helper()
	db := storetest.Open(t, "sqlite")
	catalog, err := i18n.New(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := secret.NewHasher(1)
	if err != nil {
		t.Fatal(err)
	}
	keys := storetest.Keys()
	o := Options{Accounts: account.New(db, keys, hasher, storetest.PasswordRule(portique.PolicyGuide), "https://auth.opco.example"), Sessions: session.New(db, keys, hasher, session.Options{}),
		Access: access.New(db, keys, access.Options{Language: "fr", Policy: portique.ClaimByCode, MemberCodeBits: 26}), Tools: tool.New(db), Catalog: catalog, PortalURL: "https://ws.opco.example", AuthURL: "https://auth.opco.example",
		Language: "fr", PasswordPolicy: portique.PolicyGuide, SignUp: true, Timezone: time.UTC, Now: time.Now, Keys: keys,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, c := range change {
		c(&o)
	}
	return &site{t: t, h: New(o), db: db, door: portique.DoorAuth}
}

// send makes a request and reads its answer.
func (s *site) send(method, path, media, body string) (code int, page string, header http.Header) {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	for _, c := range s.jar {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.h.Door(s.door).ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Result().Header
}

const form = "application/x-www-form-urlencoded"

func TestFormLimits(t *testing.T) {
	s := newSite(t)
	just := "email=" + strings.Repeat("a", maxBody-len("email="))
	for name, c := range map[string]struct {
		media, body string
		code        int
	}{
		"a form as large as may be": {form, just, 422},
		"one byte more":             {form, just + "a", 413},
		"far too large":             {form, strings.Repeat("x", 5<<20), 413},
		"with a character set":      {"Application/X-WWW-Form-Urlencoded; charset=UTF-8", "email=x", 422},
		"no field":                  {form, "", 422},
		"nothing at all":            {"", "", 422},
		"JSON":                      {"application/json", `{"email":"jeanne@martin.example"}`, 415},
		"many parts":                {"multipart/form-data; boundary=x", "--x--", 415},
		"text":                      {"text/plain", "email=x", 415},
		"no type":                   {"", "email=x", 415},
		"a broken escape":           {form, "email=%zz", 400},
		"semicolons":                {form, "email=x;y=z", 400},
		"NUL and no UTF-8":          {form, "email=%00%ff&password=%00&first_name=%ff", 422},
		"the same field twice":      {form, "email=a&email=b", 400},
		"a field of no form twice":  {form, "email=a&x=1&x=1", 400},
		"an array":                  {form, "email[]=a&email[$ne]=b", 422},
	} {
		code, page, header := s.send("POST", "/register", c.media, c.body)
		if code != c.code || !strings.Contains(page, "<main") || header.Get("Cache-Control") != "no-store" || header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d", name, code)
		}
	}
	// The address gives no field of a posted form.
	if code, _, _ := s.send("POST", "/register?"+filled().Encode(), form, ""); code != 422 {
		t.Errorf("a form in the address: %d", code)
	}
	if n := len(storetest.Outbox(t, s.db, "")); n != 0 {
		t.Errorf("%d letters", n)
	}
}

func filled() url.Values {
	return url.Values{"email": {"jeanne@martin.example"}, "email_confirmation": {"jeanne@martin.example"}, "password": {"Soleil-Lune26"},
		"password_confirmation": {"Soleil-Lune26"}, "first_name": {"Jeanne"}, "last_name": {"Martin"}}
}

// Ten thousand characters in each field come back in the form, with what is wrong; passwords never do.
func TestRefusedFormComesBack(t *testing.T) {
	s := newSite(t)
	values := filled()
	for field := range values {
		values.Set(field, strings.Repeat(field[:1], 10_000))
	}
	code, page, _ := s.send("POST", "/register", form, values.Encode())
	if code != 422 || !strings.Contains(page, `data-page="register"`) || !strings.Contains(page, `role="alert"`) {
		t.Fatalf("%d", code)
	}
	for field := range values {
		typed := `value="` + values.Get(field)
		if back := strings.Contains(page, typed); back == strings.HasPrefix(field, "password") {
			t.Errorf("%s came back: %v", field, back)
		}
	}
	if strings.Contains(page, strings.Repeat("p", 100)) {
		t.Error("a password is on the page")
	}
	// Hostile text comes back as text.
	values = filled()
	values.Set("first_name", `"><script>alert(1)</script>`)
	values.Set("password_confirmation", "autre")
	if code, page, _ = s.send("POST", "/register", form, values.Encode()); code != 422 || strings.Contains(page, "<script>alert") || !strings.Contains(page, "&lt;script&gt;") {
		t.Errorf("%d, or a script came back", code)
	}
	for _, path := range []string{"/login", "/register/code", "/register/address", "/validate", "/validate/not-me"} {
		body := url.Values{}
		for _, field := range []string{"email", "password", "code", "token", "authorization"} {
			body.Set(field, strings.Repeat("9", 10_000))
		}
		if code, _, _ := s.send("POST", path, form, body.Encode()); code != 422 {
			t.Errorf("%s with 10,000 characters a field: %d", path, code)
		}
	}
}

// Only the fields of the form count, and only when signing up is allowed.
func TestRegister(t *testing.T) {
	s := newSite(t)
	values := filled()
	for _, more := range []string{"verified", "validated", "status", "role", "id", "account_id", "company", "operator", "mfa"} {
		values.Set(more, "active")
	}
	code, _, header := s.send("POST", "/register", form, values.Encode())
	if code != 303 || header.Get("Location") != "/register/sent" {
		t.Fatalf("%d to %s", code, header.Get("Location"))
	}
	list, err := s.h.Accounts.List(t.Context(), "")
	if err != nil || len(list) != 1 || list[0].Status != portique.AccountUnvalidated || list[0].ContributionsOnly {
		t.Errorf("%+v, %v", list, err)
	}
	s = newSite(t, func(o *Options) { o.SignUp = false })
	for _, method := range []string{"GET", "POST"} {
		if code, _, _ := s.send(method, "/register", form, filled().Encode()); code != 403 {
			t.Errorf("%s with signing up switched off: %d", method, code)
		}
	}
	if n := len(storetest.Outbox(t, s.db, "")); n != 0 {
		t.Errorf("%d letters", n)
	}
}

func TestDoors(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		door         portique.Door
		method, path string
		code         int
		to           string
	}{
		{portique.DoorAuth, "GET", "/", 303, "https://ws.opco.example/"},
		{portique.DoorAuth, "GET", "/login", 200, ""},
		{portique.DoorAuth, "HEAD", "/login", 200, ""},
		{portique.DoorAuth, "PUT", "/login", 404, ""},
		{portique.DoorAuth, "GET", "/register/sent", 303, "/register"},
		{portique.DoorAuth, "GET", "/validate", 404, ""},
		{portique.DoorAuth, "GET", "/validate?opened=x", 404, ""},
		{portique.DoorAuth, "GET", "/tools", 404, ""}, // the other door's
		{portique.DoorAuth, "GET", "/login/../../etc/passwd", 404, ""},
		{portique.DoorAuth, "GET", "/login?authorization=%00", 200, ""},
		{portique.DoorPortal, "GET", "/", 200, ""},
		{portique.DoorPortal, "GET", "/login", 404, ""},
		{portique.DoorPortal, "GET", "/tools?siren=552100554", 303, "https://ws.opco.example/session/start?return=%2Ftools%3Fsiren%3D552100554"},
		{portique.DoorPortal, "POST", "/companies/add", 401, ""},
		{portique.DoorPortal, "POST", "/requests/x/remind", 401, ""},
		{portique.DoorPortal, "POST", "/language", 400, ""},
	} {
		s.door = c.door
		code, _, header := s.send(c.method, c.path, "", "")
		if c.code == 404 && code/100 == 3 && strings.Contains(c.path, "..") {
			continue // to the clean path, which is not there either
		}
		if code != c.code || header.Get("Location") != c.to {
			t.Errorf("%s %s %s: %d to %q", c.door, c.method, c.path, code, header.Get("Location"))
		}
	}
	// The language form leads back to a page of this host only.
	s.door = portique.DoorPortal
	for to, want := range map[string]string{"/tools": "/tools", "//evil.example": "/", "https://evil.example": "/", "": "/"} {
		if code, _, header := s.send("POST", "/language", form, url.Values{"language": {"en"}, "return": {to}}.Encode()); code != 303 || header.Get("Location") != want {
			t.Errorf("back to %q: %d to %q", to, code, header.Get("Location"))
		}
	}
}

// person has an account, and reads French.
func (s *site) person(email string, change ...func(*portique.Account)) *portique.Account {
	s.t.Helper()
	hasher, err := secret.NewHasher(1)
	if err != nil {
		s.t.Fatal(err)
	}
	hash, err := hasher.Hash(s.t.Context(), "Soleil-Lune26")
	if err != nil {
		s.t.Fatal(err)
	}
	return storetest.Account(s.t, s.db, email, append(change, func(a *portique.Account) { a.PasswordHash, a.Language = hash, "fr" })...)
}

// signIn makes the browser that of a person, signed in at the portal.
func (s *site) signIn(a *portique.Account) (cookie string) {
	s.t.Helper()
	in, err := s.h.Sessions.SignIn(s.t.Context(), portique.Actor{}, session.SignInForm{Email: a.Email, Password: "Soleil-Lune26"})
	if err != nil {
		s.t.Fatal(err)
	}
	id, _, _ := strings.Cut(in.Cookie, ".")
	if cookie, err = s.h.Sessions.OpenPortal(s.t.Context(), portique.Actor{}, id, "", ""); err != nil {
		s.t.Fatal(err)
	}
	s.jar = []*http.Cookie{{Name: "portique_portal", Value: cookie}}
	return cookie
}

// Signed in at the portal: ids are ours or unknown, companies one's own or unknown, and a message is read once.
func TestSignedIn(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	jeanne := s.person("jeanne@martin.example")
	storetest.Company(t, s.db, "552100554")
	cookie := s.signIn(jeanne)
	unknown := store.NewID()
	for _, c := range []struct {
		method, path, body string
		code               int
		to                 string
	}{
		{"GET", "/", "", 303, "/companies/add"},
		{"GET", "/companies/add", "", 200, ""},
		{"POST", "/companies/add", "siren=552100554&member_code=faux", 422, ""},
		{"POST", "/companies/add", "siren=" + strings.Repeat("5", 10_000) + "&member_code=" + strings.Repeat("x", 10_000), 422, ""},
		{"POST", "/requests/1/remind", "", 404, ""},
		{"POST", "/requests/{" + unknown[1:35] + "}/remind", "", 404, ""},
		{"POST", "/requests/%00/cancel", "", 404, ""},
		{"POST", "/requests/" + unknown + "/remind", "", 404, ""},
		{"POST", "/requests/" + unknown + "/cancel", "", 404, ""},
		{"GET", "/companies/552100554/users", "", 404, ""}, // not hers
		{"GET", "/companies/552%20100%20554/users", "", 404, ""},
		{"GET", "/companies/732829320/users", "", 404, ""},
		{"GET", "/companies/x/activated", "", 404, ""},
		{"POST", "/companies/552100554/requests/" + unknown + "/accept", "role=administrator", 404, ""},
		{"POST", "/companies/552100554/users/" + unknown + "/role", "role=administrator", 404, ""},
		{"POST", "/companies/552100554/users/" + unknown + "/remove", "", 404, ""},
		{"POST", "/companies/add", "siren=552100554&member_code=" + storetest.MemberCode, 303, "/companies/552100554/activated"},
		{"GET", "/companies/552100554/users", "", 200, ""},
		{"POST", "/companies/552100554/users/" + unknown + "/role", "role=boss", 422, ""},
		{"GET", "/", "", 303, "/tools"},
	} {
		media := form
		if c.method == "GET" {
			media = ""
		}
		code, page, header := s.send(c.method, c.path, media, c.body)
		if code != c.code || header.Get("Location") != c.to || strings.Contains(page, storetest.MemberCode) && code != 422 {
			t.Errorf("%s %s %.40s: %d to %q", c.method, c.path, c.body, code, header.Get("Location"))
		}
	}
	s.jar[0].Value = cookie + "x"
	if code, _, header := s.send("GET", "/tools", "", ""); code != 303 || !strings.Contains(header.Get("Location"), "/session/start") {
		t.Errorf("with another cookie: %d", code)
	}
}

// A page that comes back for something else asks for the passwords again, which it never gives back.
func TestPasswordsAskedAgain(t *testing.T) {
	const again = `id="password-again"`
	s := newSite(t)
	send := func(password string) string {
		_, page, _ := s.send("POST", "/register", form, url.Values{"email": {"luc@martin.example"}, "email_confirmation": {"luc@martin.example"},
			"password": {password}, "password_confirmation": {password + "x"}, "first_name": {"Luc"}, "last_name": {"Martin"}}.Encode())
		return says(page)
	}
	s.has("two that differ", send("Quatre!Moutons7"), again, `aria-describedby="password-hint password-hint-more password-again"`, `<a href="#password">Les deux mots de passe`, "Saisissez-les à nouveau dans les deux cases.")
	s.has("the password itself at fault", send("court"), "!"+again, `id="password_confirmation-again"`)
	s.has("nothing sent yet", s.read("/register"), "!"+again)
}

// The page says the rule in force, for each policy in both languages, and that a single word or one's name is refused.
func TestPagesSayTheRuleInForce(t *testing.T) {
	refused := map[bool][2]string{
		true:  {"<li class=\"later\">ni un mot courant, ni votre nom", "<li class=\"later\">neither a common word, nor your name"}, // where the rule is a list
		false: {"Un seul mot, votre nom ou celui de ce site", "A single word, your name or the name of this site"},
	}
	for policy, says := range map[portique.PasswordPolicy][2]string{
		portique.PolicyGuide: {"doit contenir minimum 8 caractères : majuscules, minuscules, chiffres et caractères spéciaux", "must have at least 8 characters: upper case, lower case, digits and special"},
		portique.PolicyCNIL:  {"Au moins 8 caractères. Plus il est court", "At least 8 characters. The shorter it is"},
		portique.PolicyANSSI: {"Au moins 12 caractères, avec majuscules", "At least 12 characters, with upper case"},
		portique.PolicyNIST:  {"Au moins 15 caractères, ceux que vous voulez", "At least 15 characters, any you like"},
	} {
		for i, language := range []string{"fr", "en"} {
			s := newSite(t, func(o *Options) { o.PasswordPolicy, o.Language = policy, language })
			_, page, _ := s.send("GET", "/register", "", "")
			page = strings.Join(strings.Fields(strings.ReplaceAll(page, "\u00a0", " ")), " ")
			if !strings.Contains(page, says[i]) || !strings.Contains(page, refused[policy == portique.PolicyGuide][i]) {
				t.Errorf("%s, %s: the page does not say %q", policy, language, says[i])
			}
			if parts := strings.Count(page, "data-rule="); parts != map[bool]int{true: 5}[policy == portique.PolicyGuide] {
				t.Errorf("%s: %d parts of the guide's rule", policy, parts)
			}
		}
	}
}

// PWD-06: the reason stands beside the field, and the password is not given back.
func TestCommonPasswordOnThePage(t *testing.T) {
	s := newSite(t)
	for typed, reason := range map[string]string{"Azerty123!": "trop courant", "Martin-2026!": "fait de votre nom", "Opcommerce-1": "fait du nom de ce site"} {
		values := filled()
		values.Set("password", typed)
		values.Set("password_confirmation", typed)
		if code, page, _ := s.send("POST", "/register", form, values.Encode()); code != 422 || !strings.Contains(page, reason) || strings.Contains(page, typed) {
			t.Errorf("%s: %d", typed, code)
		}
	}
}
