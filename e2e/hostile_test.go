package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHostileInput sends every form and page what it must refuse: the product of the program's own list of routes, the table in
// hostile_table_test.go and the spoilers below. The verdict is the same for all: never a fault of ours, a status of the contract, no
// effect, nothing that comes back alive, our headers, no session. Then each right call is made, twice at the same moment, which proves
// that what was refused was refused for what was wrong with it.
//
// REG-10 (every token at every endpoint), SES-07 (each form from elsewhere), SES-08 (sign-in from elsewhere), LOG-15 (all inputs), REG-17 (fields too many), ADM-01 (every id of
// another company), ADM-03 (a member calls the administrator's), WEB-01 (reflected text), WEB-03 (headers).
func TestHostileInput(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		h := &hostile{t: t, app: app, all: app.Engine == "sqlite" || Long()}
		start := time.Now()
		lap := func(what string) { t.Logf("%s: %s", what, time.Since(start)); start = time.Now() }
		h.readRoutes()
		h.s = newScene(t, app)
		lap("scene")
		prepared := map[string]deed{}
		for _, r := range h.routes {
			if e := entries[r.key()]; e.prepare != nil {
				prepared[r.key()] = e.prepare(h.s, 0)
			}
		}
		h.secrets = map[string]string{}
		for key, c := range prepared {
			for name := range c.fields {
				if slices.Contains(secretFields, name) && c.fields.Get(name) != Password {
					h.secrets[key+" "+name] = c.fields.Get(name)
				}
			}
		}
		lap("prepared")
		h.before = h.snapshot()
		lap("snapshot")
		var since []string // routes called since the state was last looked at
		for i, r := range h.routes {
			e, c := entries[r.key()], prepared[r.key()]
			if r.Method == http.MethodGet {
				h.page(r, e, c)
			} else {
				h.spoil(r, e, c)
			}
			if since = append(since, r.key()); len(since) == 6 || i == len(h.routes)-1 || Long() {
				h.unchanged(strings.Join(since, ", or "))
				since = nil
			}
		}
		h.cookies(prepared)
		h.unchanged("tokens as cookies and bearers")
		lap("spoiled")
		for _, r := range h.routes {
			if e := entries[r.key()]; r.Method != http.MethodGet && !e.unproved {
				h.right(r, e, e.prepare(h.s, 1))
			}
		}
		lap("right calls")
		t.Logf("%d requests", h.sent)
	}, "PORTIQUE_TRUSTED_PROXIES=127.0.0.1/32,::1/128")
}

type route struct {
	Host, Method, Path, Who string
	Fields                  []string
}

func (r route) key() string { return r.Method + " " + r.Host + " " + r.Path }

type hostile struct {
	t      *testing.T
	app    *App
	s      *scene
	all    bool // every variant; otherwise those that may reach SQL
	routes []route
	before map[string]string
	sent   int
	// secrets are the one-time values, by the form and field they are for; like names those that may stand for one another.
	secrets map[string]string
}

// secretFields hold what proves something.
var secretFields = []string{"token", "code", "password", "authorization", "access", "access_token", "client_secret", "code_verifier", "confirm", "member_code"}

func (h *hostile) readRoutes() {
	h.t.Helper()
	h.app.JSON(h.t, &h.routes, "routes")
	known := map[string]bool{}
	for _, r := range h.routes {
		known[r.key()] = true
		if e, ok := entries[r.key()]; !ok || r.Method != http.MethodGet && e.prepare == nil {
			h.t.Errorf("the route %q has no entry in hostile_table_test.go: say there what a right call looks like", r.key())
		}
	}
	for key := range entries {
		if !known[key] {
			h.t.Errorf("hostile_table_test.go has an entry for %q, which is no route", key)
		}
	}
	if h.t.Failed() {
		h.t.FailNow()
	}
}

func (h *hostile) door(r route) string {
	if r.Host == "auth" {
		return h.app.Auth
	}
	return h.app.Portal
}

// -- what is wrong with a value --------------------------------------------------------------------------------------------

type spoiler struct {
	name string
	odd  bool // may reach SQL as bytes no engine stores
	make func(right string) []string
}

const (
	script  = `"><script>alert(1)</script>`
	picture = `'><img src=x onerror=alert(1)>`
)

var spoilers = []spoiler{
	{"missing", false, func(string) []string { return nil }},
	{"empty", false, func(string) []string { return []string{""} }},
	{"10,000 characters", false, func(r string) []string { return []string{strings.Repeat("a", 10_000)} }},
	{"10,000 characters more", false, func(r string) []string { return []string{r + strings.Repeat("é", 10_000)} }},
	{"a number", false, func(string) []string { return []string{"-1e309"} }},
	{"an object", false, func(string) []string { return []string{`{"$ne":null}`} }},
	{"null", false, func(string) []string { return []string{"null"} }},
	{"SQL", true, func(r string) []string { return []string{r + `' OR '1'='1' -- `} }},
	{"a percent sign", true, func(r string) []string { return []string{"%"} }},
	{"NUL", true, func(string) []string { return []string{"\x00"} }},
	{"NUL after it", true, func(r string) []string { return []string{r + "\x00"} }},
	{"NUL in it", true, func(r string) []string { return []string{r[:len(r)/2] + "\x00" + r[len(r)/2:]} }},
	{"no UTF-8", true, func(string) []string { return []string{"\xff\xfe\xc3\x28"} }},
	{"no UTF-8 after it", true, func(r string) []string { return []string{r + "\xc3"} }},
	{"half a surrogate", true, func(r string) []string { return []string{r + "\xed\xa0\x80"} }},
	{"line breaks", false, func(r string) []string { return []string{r + "\r\nX-Injected: 1\r\nBcc: eve@mal.example\r\n\r\n" + r} }},
	{"a script", false, func(r string) []string { return []string{r + script} }},
	{"an image", false, func(string) []string { return []string{picture} }},
	{"a script's address", false, func(string) []string { return []string{"javascript:alert(1)"} }},
	{"a template", false, func(string) []string { return []string{"{{7*7}}${7*7}<%=7*7%>"} }},
	{"look-alikes", false, func(string) []string { return []string{"аdministrаtor@раурal.example"} }}, // Cyrillic а, р, у
	{"right to left", false, func(r string) []string { return []string{r + "\u202eelpmaxe.lam"} }},
	{"twice, the wrong one first", false, func(r string) []string { return []string{"(" + r, r} }},
}

// -- forms -----------------------------------------------------------------------------------------------------------------

var refusals = []int{400, 401, 403, 404, 409, 413, 415, 422, 429}

// spoil sends a form everything that must be refused.
func (h *hostile) spoil(r route, e entry, c deed) {
	elsewhere := "http://mal.example"
	if r.Host == "auth" {
		elsewhere = h.app.Portal
	}
	jar := c.by.Cookies(h.door(r) + "/")
	right := Handmade{Method: r.Method, Origin: h.door(r), Target: c.path, Cookie: jar, Body: c.fields.Encode(), Header: h.form(r)}
	send := func(name string, change func(*Handmade), allowed ...int) *Page {
		q := right
		q.Header = maps.Clone(right.Header)
		change(&q)
		return h.send(r, name, q, allowed)
	}
	header := func(pairs ...string) func(*Handmade) {
		return func(q *Handmade) {
			q.Header.Del("Origin")
			q.Header.Del("Sec-Fetch-Site")
			for i := 0; i < len(pairs); i += 2 {
				q.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}

	// SES-07, SES-08: from elsewhere.
	if !e.program {
		ours := append(slices.Clone(jar), &http.Cookie{Name: "portique_" + r.Host + "_lang", Value: "fr"})
		for name, change := range map[string]func(*Handmade){
			"from another site":                   header("Origin", "https://mal.example", "Sec-Fetch-Site", "cross-site"),
			"from another site, an old browser":   header("Origin", "https://mal.example"),
			"from another site without an origin": header("Sec-Fetch-Site", "cross-site"),
			"from another door or port":           header("Origin", elsewhere, "Sec-Fetch-Site", "same-site"),
			"from a sandbox":                      header("Origin", "null"),
			"from a look-alike":                   header("Origin", h.door(r)+".mal.example"),
			"without saying from where":           header(),
			"with a Referer alone":                header("Referer", h.door(r)+c.path),
		} {
			send(name, func(q *Handmade) { q.Cookie = ours; change(q) }, 403)
		}
	}

	// In another body.
	flat := map[string]string{}
	for name := range c.fields {
		flat[name] = c.fields.Get(name)
	}
	object, _ := json.Marshal(flat) // text always marshals
	var parts strings.Builder
	for name, value := range flat {
		fmt.Fprintf(&parts, "--b\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
	}
	parts.WriteString("--b--\r\n")
	for _, b := range []struct{ media, body string }{
		{"application/json", string(object)}, {"multipart/form-data; boundary=b", parts.String()}, {"text/plain", c.fields.Encode() + "&x=y"},
		{"application/x-www-form-urlencodedx", c.fields.Encode() + "&x=y"}, {"application/xml", "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]><x>&y;</x>"}, {"", c.fields.Encode() + "&x=y"},
	} {
		want := []int{415}
		if e.program {
			want = []int{400, 401, 415}
		}
		send("as "+b.media, func(q *Handmade) {
			q.Body = b.body
			q.Header.Set("Content-Type", b.media)
			if b.media == "" {
				q.Header.Del("Content-Type")
			}
		}, want...)
	}
	if len(c.fields) > 0 && !e.forwards {
		send("in the address", func(q *Handmade) { q.Target, q.Body = c.path+"?"+c.fields.Encode(), "" }, refusals...)
	}
	large := []int{413}
	if r.Path == "/oauth/userinfo" {
		large = []int{400, 401, 413}
	}
	send("100,000 characters", func(q *Handmade) { q.Body = "x=" + strings.Repeat("a", 100_000) + "&" + q.Body }, large...)
	send("100,000 characters after it", func(q *Handmade) { q.Body += "&x=" + strings.Repeat("a", 100_000) }, large...)
	send("a broken escape", func(q *Handmade) { q.Body += "&x=%zz" }, 400, 303) // 303: what is forwarded is what can be read
	send("semicolons", func(q *Handmade) { q.Body = strings.ReplaceAll(q.Body+"&x=y", "&", ";") }, 400)

	// By another method. Reading the page of the same address is allowed, and does nothing.
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"} {
		allowed := []int{404, 405}
		if (method == "GET" || method == "HEAD") && h.has("GET", r) {
			allowed = pages
		}
		send("by "+method, func(q *Handmade) {
			q.Method = method
			q.Header.Set("X-HTTP-Method-Override", "POST")
			if method == "GET" || method == "HEAD" {
				q.Target, q.Body = c.path+"?_method=POST&"+c.fields.Encode(), ""
				if r.Path == "/oauth/logout" { // a page that asks first
					q.Target = c.path + "?" + url.Values{"confirm": c.fields["confirm"]}.Encode()
				}
			}
		}, allowed...)
	}

	// ADM-01, ADM-03 and stale pages: by those who may not, and about what is another's.
	if !e.public && !e.program {
		for who, b := range h.s.strangers {
			if e.anybody && !slices.Contains([]string{"visitor", "disabled administrator", "administrator whose session has ended"}, who) {
				continue
			}
			send("by "+who, func(q *Handmade) { q.Cookie = b.Cookies(h.door(r) + "/") }, 400, 401, 403, 404, 409, 422)
		}
	}
	for _, path := range c.elsewhere {
		send("about "+path, func(q *Handmade) { q.Target = path }, 404)
	}
	h.paths(r, c.path, func(path string) { send("at "+path, func(q *Handmade) { q.Target = path }, 400, 403, 404, 409) })

	// Field by field. A field that takes nearly any text is tried in a form that something else spoils.
	base := right
	if e.spoil != nil {
		spoiled := maps.Clone(c.fields)
		maps.Copy(spoiled, url.Values(e.spoil))
		base.Body = spoiled.Encode()
		p := h.send(r, "spoiled", base, h.spoiledStatus(e))
		h.refusedForm(r, e, "spoiled", p, spoiled, "")
	}
	for _, field := range r.Fields {
		free := slices.Contains(e.free, field)
		if free && e.spoil == nil || e.forwards && !free {
			continue // nothing of it can be refused; what is forwarded is tried at the page
		}
		from := maps.Clone(c.fields)
		if _, spoiling := e.spoil[field]; free && !spoiling {
			maps.Copy(from, url.Values(e.spoil))
		} else if free {
			from[field] = e.spoil[field]
		}
		for _, s := range spoilers {
			if !h.all && !s.odd || free && e.spoil[field] != nil && s.name != "missing" && s.name != "empty" {
				continue
			}
			values := maps.Clone(from)
			values[field] = s.make(c.fields.Get(field))
			if slices.Equal(values[field], c.fields[field]) {
				continue
			}
			q := base
			q.Body = values.Encode()
			name := field + ": " + s.name
			p := h.send(r, name, q, h.spoiledStatus(e))
			h.refusedForm(r, e, name, p, values, field)
		}
		if field != "tool" && !e.forwards && len(c.fields[field]) > 0 { // the one that may come several times
			again := maps.Clone(c.fields)
			again[field] = append(slices.Clone(again[field]), c.fields.Get(field))
			q := right
			q.Body = again.Encode()
			h.send(r, field+": twice the right value", q, []int{400})
		}
		if !h.all {
			continue
		}
		// REG-10: with what is for another form, or another person's.
		for secret, value := range h.secrets {
			if !slices.Contains(secretFields, field) || value == c.fields.Get(field) || field == "token" && strings.Contains(r.Path, "/validate") && strings.Contains(secret, "/validate") {
				continue // the links of two sign-ups do the same, each for its own
			}
			values := maps.Clone(from)
			values.Set(field, value)
			q := base
			q.Body = values.Encode()
			h.send(r, field+": the value of "+secret, q, h.spoiledStatus(e))
		}
		array := maps.Clone(from)
		delete(array, field)
		array[field+"[]"], array[field+"[0]"], array[field+"[$ne]"] = c.fields[field], c.fields[field], c.fields[field]
		if len(c.fields[field]) > 0 {
			q := base
			q.Body = array.Encode()
			h.send(r, field+": an array", q, h.spoiledStatus(e))
		}
	}
	// In the reader's language.
	if e.public && len(r.Fields) > 0 && h.all {
		q := right
		q.Cookie, q.Body, q.Header = nil, "x=y", maps.Clone(right.Header)
		q.Header.Set("Accept-Language", "en")
		if p := h.send(r, "in English", q, h.spoiledStatus(e)); p != nil && p.Language() != "en" {
			h.t.Errorf("%s: refused in %q to an English reader", r.key(), p.Language())
		}
	}
}

func (h *hostile) spoiledStatus(e entry) []int {
	if e.forwards {
		return append([]int{200, 303}, refusals...) // a page that asks again
	}
	return refusals
}

// refusedForm looks at the page of a refused form: it says what is wrong, and gives back what was typed.
func (h *hostile) refusedForm(r route, e entry, name string, p *Page, values url.Values, spoiled string) {
	if p == nil || p.Status != 422 || e.program {
		return
	}
	if p.Alert() == "" || p.Language() != "fr" {
		h.t.Errorf("%s, %s: refused without role=alert, or in %q\n%s", r.key(), name, p.Language(), tail(p.Text(), 400))
	}
	for _, field := range e.kept {
		if field != spoiled && p.Value(field) != values.Get(field) {
			h.t.Errorf("%s, %s: the field %s came back as %.60q", r.key(), name, field, p.Value(field))
		}
	}
	for field := range values {
		if strings.HasPrefix(field, "password") && values.Get(field) != "" && p.Value(field) != "" {
			h.t.Errorf("%s, %s: a password came back", r.key(), name)
		}
	}
}

// has tells whether another method of the same address is a route.
func (h *hostile) has(method string, r route) bool {
	return slices.ContainsFunc(h.routes, func(o route) bool { return o.Method == method && o.Host == r.Host && o.Path == r.Path })
}

func (h *hostile) form(r route) http.Header {
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {h.door(r)}, "Sec-Fetch-Site": {"same-origin"}}
}

// paths tries what no id is in the place of each id.
func (h *hostile) paths(r route, path string, try func(string)) {
	names, segments := strings.Split(r.Path, "/"), strings.Split(path, "/")
	for i, name := range names {
		if !strings.HasPrefix(name, "{") || strings.HasSuffix(name, "...}") {
			continue
		}
		for _, odd := range []string{"%00", segments[i] + "%00", "%ff%fe", "0", "-1", "..%2f..", "%2e%2e%2f", "%27%20OR%201%3D1--", strings.Repeat("9", 5000),
			strings.ToUpper(segments[i]) + "%20", "%7B" + segments[i] + "%7D", segments[i] + ";a=b", segments[i] + ".css", "%3Cscript%3Ealert(1)%3C%2Fscript%3E"} {
			changed := slices.Clone(segments)
			changed[i] = odd
			try(strings.Join(changed, "/"))
		}
	}
}

// -- pages -----------------------------------------------------------------------------------------------------------------

// 204: the page that keeps a session shows nothing.
var pages = []int{200, 204, 302, 303, 400, 401, 403, 404, 405, 409, 413, 429}

// page asks for a page in every way that must do nothing.
func (h *hostile) page(r route, e entry, c deed) {
	path := c.path
	if path == "" {
		path = e.path
	}
	if path == "" {
		path = strings.NewReplacer("{siren}", h.s.shop.SIREN, "{id}", nobody, "{token}", strings.Repeat("a", 43)).Replace(r.Path)
	}
	readers := map[string]*Browser{"administrator": h.s.marie}
	if h.all {
		maps.Copy(readers, h.s.strangers)
	}
	for who, b := range readers {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"} {
			if method != "GET" && who != "administrator" && !Long() {
				continue
			}
			allowed := pages
			if method != "GET" && method != "HEAD" {
				allowed = []int{403, 404, 405}
			}
			if method == "OPTIONS" && (path == "/healthz" || path == "/readyz") { // as HAProxy asks
				allowed = []int{200}
			}
			header := http.Header{}
			if method == "PUT" || method == "DELETE" || method == "PATCH" {
				header = h.form(r)
			}
			p := h.send(r, method+" by "+who, Handmade{Method: method, Origin: h.door(r), Target: path, Cookie: b.Cookies(h.door(r) + "/"), Header: header}, allowed)
			// ADM-01, ADM-03: who may not read it is told nothing of it.
			if p != nil && method == "GET" && who != "administrator" && (r.Who == "administrator" || r.Who == "member" && who != "member" && who != "demoted administrator") &&
				(p.Status == 200 || strings.Contains(p.Body, h.s.shop.Name) && who != "member" && who != "demoted administrator") {
				h.t.Errorf("%s opens for %s: %s", r.key(), who, p)
			}
		}
		for _, other := range c.elsewhere {
			if who == "administrator" {
				h.send(r, "about "+other, Handmade{Method: "GET", Origin: h.door(r), Target: other, Cookie: b.Cookies(h.door(r) + "/")}, []int{404})
			}
		}
	}
	ask := func(name, target string, allowed []int) {
		h.send(r, name, Handmade{Method: "GET", Origin: h.door(r), Target: target, Cookie: h.s.marie.Cookies(h.door(r) + "/")}, allowed)
	}
	h.paths(r, path, func(path string) { ask("at "+path, path, []int{303, 400, 404, 409}) })
	right := url.Values{}
	if e.queryOf != nil {
		right = e.queryOf(h.s)
	}
	for _, name := range e.query {
		right.Set(name, "x")
	}
	for name := range right {
		for _, s := range spoilers {
			if !h.all && !s.odd || s.name == "10,000 characters more" { // 60,000 bytes once written in an address: refused before us
				continue
			}
			values := maps.Clone(right)
			values[name] = s.make(right.Get(name))
			ask(name+": "+s.name, path+"?"+values.Encode(), pages)
		}
	}
	if h.all {
		ask("a broken query", path+"?%zz=%&;=;&x=%ff%00", pages)
		ask("a long query", path+"?"+strings.Repeat("x=y&", 5_000), append([]int{414, 431}, pages...))
		ask("unknown parameters", path+"?verified=1&role=administrator&id=1&status=active&siren[]="+h.s.other.SIREN, pages)
	}
}

// cookies presents every one-time value, and every cookie under every other cookie's name, as a session and as a bearer token (REG-10).
func (h *hostile) cookies(prepared map[string]deed) {
	values := maps.Clone(h.secrets)
	names := map[string]bool{}
	for _, b := range []*Browser{h.s.marie, prepared["POST auth /register/resend"].by, prepared["POST auth /login"].by} {
		for _, door := range []string{h.app.Portal, h.app.Auth} {
			for _, c := range b.Cookies(door + "/") {
				values[c.Name], names[c.Name] = c.Value, true
			}
		}
	}
	users := route{Host: "portal", Method: "GET", Path: "/companies", Who: "account"}
	choice := route{Host: "auth", Method: "GET", Path: "/oauth/company", Who: "account"}
	userinfo := route{Host: "auth", Method: "GET", Path: "/oauth/userinfo"}
	for from, value := range values {
		for name := range names {
			if name == from {
				continue
			}
			cookie := []*http.Cookie{{Name: name, Value: value}}
			h.send(users, from+" as the cookie "+name, Handmade{Method: "GET", Origin: h.app.Portal, Target: "/companies", Cookie: cookie}, []int{303})
			h.send(choice, from+" as the cookie "+name, Handmade{Method: "GET", Origin: h.app.Auth, Target: "/oauth/company?authorization=" + prepared["POST auth /oauth/company"].fields.Get("authorization"), Cookie: cookie}, []int{303})
		}
		if from != "POST auth /oauth/userinfo access_token" {
			h.send(userinfo, from+" as a bearer", Handmade{Method: "GET", Origin: h.app.Auth, Target: "/oauth/userinfo", Header: http.Header{"Authorization": {"Bearer " + value}}}, []int{401})
		}
	}
}

// -- the verdict -----------------------------------------------------------------------------------------------------------

// send sends a request and judges the answer. It returns nil when there is no answer.
func (h *hostile) send(r route, name string, q Handmade, allowed []int) *Page {
	h.t.Helper()
	h.sent++
	p, err := h.app.Send(q)
	if err != nil {
		h.t.Errorf("%s, %s: %v", r.key(), name, err)
		return nil
	}
	complain := func(format string, args ...any) {
		h.t.Errorf("%s, %s: %s\n  %s", r.key(), name, fmt.Sprintf(format, args...), q)
	}
	if p.Status >= 500 || !slices.Contains(allowed, p.Status) {
		complain("answered %d, page %q %s", p.Status, p.Main(), tail(p.Text(), 300))
	}
	if p.Status == 429 && p.Header.Get("Retry-After") == "" {
		complain("429 without Retry-After")
	}
	for _, c := range p.cookies() {
		if c.Value != "" && slices.Contains([]string{"portique_auth", "portique_portal", "portique_signup"}, strings.TrimPrefix(c.Name, "__Host-")) {
			complain("a session was given: %s", c.Name)
		}
	}
	for _, fault := range h.faults(r, p) {
		complain("%s", fault)
	}
	return p
}

// faults are what no answer of ours may have, whatever was asked.
func (h *hostile) faults(r route, p *Page) []string {
	list := headerFaults(p)
	if p.Body != "" && p.Header.Get("Location") == "" {
		list = append(list, p.complaints()...)
	}
	if r.Path != "/static/{file...}" && !strings.HasPrefix(r.Path, "/.well-known") && r.Path != "/oauth/keys" && r.Path != "/healthz" && p.Header.Get("Cache-Control") != "no-store" {
		list = append(list, "may be kept by a cache: "+p.Header.Get("Cache-Control"))
	}
	list = append(list, aliveFaults(p)...)
	if to := p.Header.Get("Location"); to != "" {
		u, err := p.URL.Parse(to)
		if err != nil || !h.app.owns(u) && origin(u) != h.s.tool.URL {
			list = append(list, "leads to "+to)
		}
	}
	return list
}

// headerFaults are the headers that every answer has (WEB-03).
func headerFaults(p *Page) []string {
	var list []string
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin"} {
		if got := p.Header.Get(name); got != want {
			list = append(list, fmt.Sprintf("%s is %q", name, got))
		}
	}
	if got := p.Header.Get("Referrer-Policy"); got != "same-origin" && got != "no-referrer" {
		list = append(list, "Referrer-Policy is "+got)
	}
	csp := p.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "base-uri 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
		list = append(list, "the policy is "+csp)
	}
	for _, leak := range []string{"Server", "X-Powered-By", "X-Injected", "Bcc", "Access-Control-Allow-Origin"} {
		if got := p.Header.Get(leak); got != "" {
			list = append(list, leak+" is "+got)
		}
	}
	return list
}

// aliveFaults are the payloads that came back as something else than text, and what a fault would tell (WEB-01, WEB-11).
func aliveFaults(p *Page) []string {
	var list []string
	if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		for _, payload := range []string{"<script>alert", "<img src=x", `href="javascript:`, `action="javascript:`} {
			if strings.Contains(p.Body, payload) {
				list = append(list, "alive on the page: "+payload)
			}
		}
	}
	for _, leak := range []string{"goroutine ", ".go:", "SQLITE_", "SQLSTATE", "pgconn", "runtime error", "sql:"} {
		if strings.Contains(p.Body, leak) {
			list = append(list, "the answer tells "+leak)
		}
	}
	return list
}

// snapshot is the state as the command line lists it, and who is signed in. What moves by itself is left out.
func (h *hostile) snapshot() map[string]string {
	h.t.Helper()
	state := map[string]string{}
	for _, list := range []string{"company", "account", "membership", "request", "letter", "tool"} {
		var rows []map[string]any
		h.app.JSON(h.t, &rows, list, "list")
		for i, row := range rows {
			for _, moving := range []string{"attempts", "last_error", "sent_at"} {
				delete(row, moving)
			}
			if list == "letter" {
				delete(row, "status")
			}
			line, _ := json.Marshal(row) // read from JSON
			id, _ := row["id"].(string)
			state[fmt.Sprintf("%s %s %d", list, id, i)] = string(line)
		}
	}
	for who, b := range h.s.strangers {
		state["signed in: "+who], _ = h.s.whoIs(b)
	}
	state["signed in: Marie"], _ = h.s.whoIs(h.s.marie)
	return state
}

// whoIs reads the name of who is signed in in a browser.
func (s *scene) whoIs(b *Browser) (string, bool) {
	p, err := s.app.Send(Handmade{Method: "GET", Origin: s.app.Portal, Target: "/companies", Cookie: b.Cookies(s.app.Portal + "/")})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Main(), p.Status == http.StatusOK
}

func (h *hostile) unchanged(what string) {
	h.t.Helper()
	after := h.snapshot()
	for key, line := range after {
		if was := h.before[key]; was != line {
			h.t.Errorf("%s: refused, and yet %s became\n  %s, it was\n  %s", what, key, line, was)
		}
	}
	for key, was := range h.before {
		if _, ok := after[key]; !ok {
			h.t.Errorf("%s: refused, and yet gone: %s", what, was)
		}
	}
	h.before = after
}

// right makes the right call twice at the same moment, and replays it, with fields that nobody asked for. One of the two is what it answers; the other is
// the same or a refusal, never a fault.
func (h *hostile) right(r route, e entry, c deed) {
	values := maps.Clone(c.fields)
	for name, value := range map[string]string{"verified": "1", "validated": "1", "role": "administrator", "status": "active", "siren": h.s.other.SIREN,
		"id": nobody, "account_id": nobody, "company": h.s.other.SIREN, "mfa": "1", "operator": "1", "is_admin": "true"} {
		if !values.Has(name) && !slices.Contains(r.Fields, name) {
			values.Set(name, value)
		}
	}
	if r.Path == "/oauth/token" || r.Path == "/oauth/authorize" { // programs are written with care: only what is asked for
		values = c.fields
	}
	q := Handmade{Method: r.Method, Origin: h.door(r), Target: c.path, Cookie: c.by.Cookies(h.door(r) + "/"), Body: values.Encode(), Header: h.form(r)}
	done := e.done
	if done == nil {
		done = []int{http.StatusSeeOther}
	}
	var answers [2]*Page
	var errs [2]error
	var both sync.WaitGroup
	for i := range answers {
		both.Go(func() { answers[i], errs[i] = h.app.Send(q) })
	}
	both.Wait()
	succeeded := 0
	for i, p := range answers {
		if errs[i] != nil {
			h.t.Errorf("%s: %v", r.key(), errs[i])
			continue
		}
		if slices.Contains(done, p.Status) {
			succeeded++
		} else if !slices.Contains(refusals, p.Status) {
			h.t.Errorf("%s: the right call, twice at once, is answered %d", r.key(), p.Status)
		}
		for _, fault := range h.faults(r, p) {
			h.t.Errorf("%s: %s", r.key(), fault)
		}
	}
	if succeeded == 0 || succeeded == 2 && !e.twice {
		h.t.Errorf("%s: the right call, twice at once, succeeded %d times: %v %v\n  %s", r.key(), succeeded, answers[0], answers[1], q)
	}
	// And once more, later.
	switch p, err := h.app.Send(q); {
	case err != nil:
		h.t.Errorf("%s: %v", r.key(), err)
	case p.Status >= 500 || slices.Contains(done, p.Status) && !e.twice:
		h.t.Errorf("%s: replayed, it is answered %d", r.key(), p.Status)
	}
	if e.check != nil {
		if wrong := e.check(h.s, c); wrong != "" {
			h.t.Errorf("%s: done, and yet %s", r.key(), wrong)
		}
	}
}
