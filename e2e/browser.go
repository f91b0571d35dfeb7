package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// Browser is one person's browser without a screen: it keeps cookies, follows redirects itself and remembers each hop, fills
// forms from the page in front of it, sends Origin and Sec-Fetch-* as browsers do, and obeys the page's form-action. It runs no
// script. Methods without an error end the test when something is wrong; they belong in the test's own goroutine.
type Browser struct {
	Language string // Accept-Language
	Hops     []Hop  // of the last navigation, the final answer included

	t      *testing.T
	source string // its address, where the installation trusts the test as its proxy
	app    *App
	http   *http.Client
	page   *Page
}

// Hop is one request of a navigation.
type Hop struct {
	Method, URL string
	Status      int
	Location    string
	SetCookie   []*http.Cookie
}

// Fields are what a person fills in. A field with no value at all unticks a checkbox or leaves a field out.
type Fields map[string][]string

// Browser opens a new browser, with no cookies and French as its language.
func (a *App) Browser(t *testing.T) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{
		Language: "fr-FR,fr;q=0.9,en;q=0.5", t: t, app: a, source: ownAddress(),
		http: &http.Client{
			Jar: jar, Timeout: 60 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     a.transport(),
		},
	}
}

// Page returns the page in front of the person.
func (b *Browser) Page() *Page {
	b.t.Helper()
	if b.page == nil {
		b.t.Fatal("no page has been opened")
	}
	return b.page
}

// Open types an address; a path alone is one of the portal's.
func (b *Browser) Open(address string) *Page {
	b.t.Helper()
	return b.must(b.navigate(http.MethodGet, b.absolute(address), nil, nil, false))
}

// Follow presses the first link of the page that reads as given.
func (b *Browser) Follow(text string) *Page {
	b.t.Helper()
	link := b.Page().Link(text)
	if link == "" {
		b.t.Fatalf("no link %q on %s", text, b.page)
	}
	return b.must(b.navigate(http.MethodGet, link, nil, b.page, false))
}

// Go follows an address found on the page.
func (b *Browser) Go(address string) *Page {
	b.t.Helper()
	return b.must(b.navigate(http.MethodGet, b.absolute(address), nil, b.Page(), false))
}

// Submit fills a form of the page and sends it. The form is named by the path it posts to; * stands for one segment, and the empty
// string for the only form of the main part. Hidden fields and what is filled already stay as they are.
func (b *Browser) Submit(form string, fields Fields) *Page {
	b.t.Helper()
	return b.must(b.Attempt(form, fields))
}

// Attempt is Submit for any goroutine: it returns what went wrong.
func (b *Browser) Attempt(form string, fields Fields) (*Page, error) {
	if b.page == nil {
		return nil, errors.New("no page has been opened")
	}
	f, err := b.page.form(form)
	if err != nil {
		return nil, err
	}
	return b.send(f, fields)
}

// Press presses the first button of the page that reads as given, or contains it, and sends its form as it is filled.
func (b *Browser) Press(words string) *Page {
	b.t.Helper()
	for _, exact := range []bool{true, false} {
		for _, f := range b.Page().forms(b.page.Doc) {
			for i, c := range f.controls {
				if c.kind == "submit" && (c.words == Plain(words) || !exact && strings.Contains(c.words, Plain(words))) {
					f.pressed = i
					return b.must(b.send(f, nil))
				}
			}
		}
	}
	b.t.Fatalf("no button %q on %s", words, b.page)
	return nil
}

// send fills a form and sends it as its method says.
func (b *Browser) send(f *form, fields Fields) (*Page, error) {
	values, err := f.fill(fields)
	if err != nil {
		return nil, fmt.Errorf("form %s of %s: %w", f.action.Path, b.page, err)
	}
	if f.method == http.MethodGet {
		target := *f.action
		target.RawQuery = values.Encode()
		return b.navigate(http.MethodGet, target.String(), nil, b.page, true)
	}
	return b.navigate(http.MethodPost, f.action.String(), values, b.page, true)
}

// Post sends what no form of the page offers, as somebody would who writes requests by hand from the same site.
func (b *Browser) Post(address string, fields Fields) *Page {
	b.t.Helper()
	target := b.absolute(address)
	u, err := url.Parse(target)
	if err != nil {
		b.t.Fatal(err)
	}
	from := &Page{URL: &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}, Header: http.Header{}}
	return b.must(b.navigate(http.MethodPost, target, url.Values(fields), from, true))
}

// Cookies returns the cookies the browser would send to an address.
func (b *Browser) Cookies(address string) []*http.Cookie {
	u, err := url.Parse(b.absolute(address))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.http.Jar.Cookies(u)
}

// everyCookie returns the browser's cookies of the doors, by door; restore brings them back, as somebody would who copied them.
func (b *Browser) everyCookie() map[string][]*http.Cookie {
	all := map[string][]*http.Cookie{}
	for _, door := range []string{b.app.Portal, b.app.Auth} {
		all[door] = b.Cookies(door + "/")
	}
	return all
}

func (b *Browser) restore(all map[string][]*http.Cookie) {
	for door, cookies := range all {
		u, err := url.Parse(door + "/")
		if err != nil {
			b.t.Fatal(err)
		}
		b.http.Jar.SetCookies(u, cookies)
	}
}

// Went tells whether the last navigation passed through a path of a host.
func (b *Browser) Went(address string) bool {
	return slices.ContainsFunc(b.Hops, func(h Hop) bool { return strings.HasPrefix(h.URL, b.absolute(address)) })
}

func (b *Browser) absolute(address string) string {
	if strings.HasPrefix(address, "/") {
		return b.app.Portal + address
	}
	return address
}

func (b *Browser) must(p *Page, err error) *Page {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.trail())
	}
	if b.app.owns(p.URL) {
		for _, complaint := range p.complaints() {
			b.t.Errorf("%s: %s", p, complaint)
		}
	}
	return p
}

// trail lists the hops of the last navigation.
func (b *Browser) trail() string {
	var s strings.Builder
	for _, h := range b.Hops {
		fmt.Fprintf(&s, "  %s %s → %d %s\n", h.Method, h.URL, h.Status, h.Location)
	}
	return s.String()
}

// owns tells whether an address is one of the installation's own.
func (a *App) owns(u *url.URL) bool {
	return slices.Contains([]string{a.Portal, a.Auth, a.Operator}, origin(u))
}

// navigate sends one request and follows where it leads. from is the page whose link or form was used, nil for a typed address.
func (b *Browser) navigate(method, target string, body url.Values, from *Page, byForm bool) (*Page, error) {
	b.Hops = nil
	site := "none"
	for range 20 {
		u, err := url.Parse(target)
		if err != nil {
			return nil, err
		}
		if from != nil {
			site = worse(site, sameness(from.URL, u))
			if byForm && !allowsFormTo(from, u) {
				return nil, fmt.Errorf("the form of %s led to %s, which its form-action does not name: a browser stops here (%s)", from, origin(u), policy(from, "form-action"))
			}
		}
		var reader io.Reader
		if method == http.MethodPost {
			reader = strings.NewReader(body.Encode())
		}
		r, err := http.NewRequestWithContext(context.Background(), method, target, reader)
		if err != nil {
			return nil, err
		}
		r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) e2e")
		r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
		r.Header.Set("Accept-Language", b.Language)
		r.Header.Set("X-Forwarded-For", b.source)
		r.Header.Set("Sec-Fetch-Site", site)
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "document")
		r.Header.Set("Sec-Fetch-User", "?1")
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			switch {
			case from == nil:
			case from.Header.Get("Referrer-Policy") == "no-referrer":
				r.Header.Set("Origin", "null")
			default:
				r.Header.Set("Origin", origin(from.URL))
			}
		}
		answer, err := b.http.Do(r)
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
		answer.Body.Close()
		if err != nil {
			return nil, err
		}
		location := answer.Header.Get("Location")
		b.Hops = append(b.Hops, Hop{method, target, answer.StatusCode, location, answer.Cookies()})
		if answer.StatusCode < 300 || answer.StatusCode > 399 || location == "" {
			b.page, err = newPage(u, answer, content)
			return b.page, err
		}
		next, err := u.Parse(location)
		if err != nil {
			return nil, err
		}
		if next.Fragment == "" {
			next.Fragment = u.Fragment
		}
		if answer.StatusCode == http.StatusSeeOther || method == http.MethodPost && answer.StatusCode < http.StatusSeeOther {
			method, body = http.MethodGet, nil
		}
		target = next.String()
	}
	return nil, errors.New("more than 20 redirects")
}

// sameness is the value of Sec-Fetch-Site between two addresses. Ports do not part a site.
func sameness(from, to *url.URL) string {
	switch {
	case origin(from) == origin(to):
		return "same-origin"
	case from.Scheme == to.Scheme && from.Hostname() == to.Hostname():
		return "same-site"
	}
	return "cross-site"
}

// worse returns the more distant of two values of Sec-Fetch-Site: a redirect cannot bring a request nearer than it has been.
func worse(a, b string) string {
	order := []string{"none", "same-origin", "same-site", "cross-site"}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// policy returns one directive of a page's content security policy.
func policy(p *Page, directive string) string {
	for d := range strings.SplitSeq(p.Header.Get("Content-Security-Policy"), ";") {
		if name, value, _ := strings.Cut(strings.TrimSpace(d), " "); name == directive {
			return value
		}
	}
	return ""
}

// allowsFormTo tells whether a page's form-action lets its forms lead to an address, redirects included.
func allowsFormTo(p *Page, to *url.URL) bool {
	allowed := policy(p, "form-action")
	if allowed == "" {
		return true
	}
	for source := range strings.FieldsSeq(allowed) {
		switch {
		case source == "'self'" && origin(p.URL) == origin(to), source == origin(to), source == to.Scheme+":":
			return true
		}
	}
	return false
}

// -- forms -----------------------------------------------------------------------------------------------------------------

// form is one form of a page.
type form struct {
	method   string
	action   *url.URL
	controls []control
	pressed  int // the button pressed, -1 while none is
}

// control is what a form can send under one name.
type control struct {
	name, kind string   // kind: hidden text checkbox radio select submit
	value      string   // what it sends if left alone, or, for a choice, if chosen
	options    []string // of a select
	chosen     bool     // ticked, selected, or simply there
	words      string   // on a button
}

// Form tells whether the page has a form that posts to a path.
func (p *Page) Form(selector string) bool { _, err := p.form(selector); return err == nil }

// form finds a form by the path it posts to.
func (p *Page) form(selector string) (*form, error) {
	within := p.Doc
	if selector == "" {
		within = p.main()
	}
	var found []*form
	var seen []string
	for _, f := range p.forms(within) {
		seen = append(seen, f.action.Path)
		if match, _ := path.Match(selector, f.action.Path); match || selector == "" {
			found = append(found, f)
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("no form %q on %s; there are %v\n%s", selector, p, seen, tail(p.Text(), 1500))
	case len(found) > 1 && (selector == "" || strings.Contains(selector, "*")):
		return nil, fmt.Errorf("several forms match %q on %s: %v", selector, p, seen)
	}
	return found[0], nil
}

// forms reads the forms of a part of the page.
func (p *Page) forms(part *html.Node) []*form {
	var list []*form
	if part == nil {
		return nil
	}
	for n := range part.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		action, err := p.URL.Parse(attr(n, "action"))
		if err != nil {
			continue // a browser cannot send it either
		}
		f := &form{method: strings.ToUpper(attr(n, "method")), action: action, pressed: -1}
		if f.method == "" {
			f.method = http.MethodGet
		}
		for c := range p.Doc.Descendants() {
			if c.Type != html.ElementNode || has(c, "disabled") {
				continue
			}
			if owner := attr(c, "form"); owner != "" && owner == attr(n, "id") || owner == "" && within(c, n) {
				f.add(c)
			}
		}
		list = append(list, f)
	}
	return list
}

func (f *form) add(n *html.Node) {
	c := control{name: attr(n, "name"), value: attr(n, "value"), chosen: true}
	switch n.Data {
	case "input":
		switch c.kind = attr(n, "type"); c.kind {
		case "checkbox", "radio":
			c.chosen = has(n, "checked")
			if !has(n, "value") {
				c.value = "on"
			}
		case "submit", "image":
			c.kind, c.chosen, c.words = "submit", false, Plain(c.value)
		case "button", "reset", "file":
			return
		case "hidden":
		default:
			c.kind = "text"
		}
	case "button":
		if kind := attr(n, "type"); kind == "button" || kind == "reset" {
			return
		}
		c.kind, c.chosen, c.words = "submit", false, Plain(text(n))
	case "textarea":
		c.kind, c.value = "text", strings.TrimPrefix(text(n), "\n")
	case "select":
		c.kind = "select"
		for o := range n.Descendants() {
			if o.Type != html.ElementNode || o.Data != "option" {
				continue
			}
			value := attr(o, "value")
			if !has(o, "value") {
				value = strings.TrimSpace(text(o))
			}
			if len(c.options) == 0 || has(o, "selected") {
				c.value = value
			}
			c.options = append(c.options, value)
		}
	default:
		return
	}
	// What has no name is sent by nobody; a button is there to be pressed all the same.
	if c.name != "" || c.kind == "submit" {
		f.controls = append(f.controls, c)
	}
}

// fill returns what the form sends once the person has filled in some fields. A field the form does not have, and a choice it does
// not offer, are errors: a person could not have made them.
func (f *form) fill(fields Fields) (url.Values, error) {
	values := url.Values{}
	known := map[string]bool{}
	for i, c := range f.controls {
		given, filled := fields[c.name]
		known[c.name] = true
		switch c.kind {
		case "checkbox", "radio":
			if filled && slices.Contains(given, c.value) || !filled && c.chosen {
				values.Add(c.name, c.value)
			}
		case "submit":
			if filled && slices.Contains(given, c.value) && f.pressed < 0 {
				f.pressed = i
			}
		case "select":
			if !filled {
				values.Add(c.name, c.value)
			}
			for _, g := range given {
				if slices.Contains(c.options, g) {
					values.Add(c.name, g)
				}
			}
		default:
			if !filled {
				values.Add(c.name, c.value)
			} else if len(given) > 0 && !values.Has(c.name) {
				values[c.name] = slices.Clone(given)
			}
		}
	}
	// The button pressed sends its name; without one, the first does, as with the Enter key.
	if f.pressed < 0 {
		f.pressed = slices.IndexFunc(f.controls, func(c control) bool { return c.kind == "submit" })
	}
	if f.pressed >= 0 && f.controls[f.pressed].name != "" {
		values.Add(f.controls[f.pressed].name, f.controls[f.pressed].value)
	}
	for name, given := range fields {
		if !known[name] {
			return nil, fmt.Errorf("it has no field %q", name)
		}
		for _, g := range given {
			if !slices.Contains(values[name], g) {
				return nil, fmt.Errorf("field %q does not offer %q", name, g)
			}
		}
	}
	return values, nil
}
