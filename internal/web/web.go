// Package web is the door for people: the pages of the portal and of the
// sign-in host. It translates, between forms and services, between errors and
// sentences; it decides nothing.
package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portique"
	"portique/internal/access"
	"portique/internal/account"
	"portique/internal/i18n"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/telemetry"
	"portique/internal/tool"
	"portique/internal/web/static"
	"portique/internal/web/template"
)

// Options are what the pages need.
type Options struct {
	Accounts       *account.Service
	Sessions       *session.Service
	Access         *access.Service
	Tools          *tool.Service
	Catalog        *i18n.Catalog
	Cookies        session.Cookies
	Brand          template.Brand
	Own            *static.Own // what Brand's logo and style sheet are; nil without
	PortalURL      string
	AuthURL        string
	Language       string // of people without a choice
	PasswordPolicy portique.PasswordPolicy
	SignUp         bool
	MailboxURL     string // the demo's mailbox, or ""
	TestMode       bool
	Timezone       *time.Location
	Now            func() time.Time
	Keys           *secret.Keys
	AuthClient     *http.Client // reaches the sign-in host, in process
	ClientSecret   string       // of the client "portal"
	Log            *slog.Logger
}

// Handler serves the pages of both doors.
type Handler struct {
	Options
	signIn signInClient
}

// New makes the handler.
func New(o Options) *Handler { return &Handler{Options: o} }

// Door returns the pages of one door. What it does not know is a 404 page.
func (h *Handler) Door(door portique.Door) http.Handler {
	mux := http.NewServeMux()
	for _, route := range Routes() {
		if route.Host == door {
			mux.Handle(route.Method+" "+route.Path, h.serve(route))
		}
	}
	mux.Handle("GET /static/", h.Own.Handler())
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, static.URL("favicon.svg"), http.StatusFound)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		v := h.visit(w, r, door)
		v.fail(&portique.Error{Kind: portique.NotFound, Key: "error.page_404"})
	})
	return mux
}

// visit is one request of one person.
type visit struct {
	h       *Handler
	w       http.ResponseWriter
	r       *http.Request
	door    portique.Door
	current *session.Current // nil when signed out
	broken  error            // who is signed in could not be read
	p       *i18n.Printer
	list    bool     // the page is a long list, see Sending
	formTo  []string // origins, besides our own, that a form's answer may lead to
}

func (h *Handler) visit(w http.ResponseWriter, r *http.Request, door portique.Door) *visit {
	v := &visit{h: h, w: w, r: r, door: door}
	cookie := session.Portal
	if door == portique.DoorAuth {
		cookie = session.Auth
	}
	if value := h.Cookies.Read(r, cookie); value != "" {
		current, err := h.Sessions.Current(r.Context(), door, value)
		switch {
		case err == nil:
			v.current = current
		case !errors.Is(err, store.ErrNoSession):
			v.broken = err
		}
	}
	v.p = h.Catalog.Printer(v.language())
	if l := v.asked(); l != "" && l != v.chosen() {
		h.Cookies.Set(w, v.languageCookie(), l, languageLife) // for the pages that follow
	}
	return v
}

// language: the person's own choice, then that of the door they come from, then
// this browser's, then what the browser prefers, then the installation's.
func (v *visit) language() string {
	if v.current != nil && v.current.Account.Language != "" {
		return v.current.Account.Language
	}
	if l := v.asked(); l != "" {
		return l
	}
	if l := v.chosen(); l != "" {
		return l
	}
	return i18n.Match(v.r.Header.Get("Accept-Language"), v.h.Language)
}

// chosen is the language once chosen in this browser at this door.
func (v *visit) chosen() string { return known(v.h.Cookies.Read(v.r, v.languageCookie())) }

// asked is the language that a tool, or the portal, asks the sign-in host for.
func (v *visit) asked() string {
	if v.door != portique.DoorAuth || v.r.Method != http.MethodGet {
		return ""
	}
	return known(v.r.URL.Query().Get("ui_locales"))
}

func known(language string) string {
	if language == i18n.French || language == i18n.English {
		return language
	}
	return ""
}

func (v *visit) languageCookie() session.Cookie {
	if v.door == portique.DoorAuth {
		return session.AuthLanguage
	}
	return session.PortalLanguage
}

func (v *visit) actor() portique.Actor {
	info := telemetry.From(v.r.Context())
	a := portique.Actor{Door: v.door, Source: info.Source, RequestID: info.ID, Language: v.p.Lang()}
	if v.current != nil {
		a.AccountID = v.current.Account.ID
	}
	return a
}

// serve applies what a route promises: who may call it, and a form read before
// the handler runs.
func (h *Handler) serve(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := h.visit(w, r, route.Host)
		v.concealLink()
		if v.broken != nil { // never taken for somebody signed out
			v.fail(&portique.Error{Kind: portique.Unavailable, Key: "error.busy", Cause: v.broken})
			return
		}
		if r.Method == http.MethodPost {
			if err := v.parseForm(); err != nil {
				v.fail(err)
				return
			}
		}
		if route.Who != Anyone && v.current == nil {
			if r.Method == http.MethodPost {
				v.keepForm(route)
			}
			v.signInFirst()
			return
		}
		if id := r.PathValue("id"); id != "" && (len(id) != 36 || uuid.Validate(id) != nil) {
			v.fail(&portique.Error{Kind: portique.NotFound, Key: "error.page_404"})
			return
		}
		if err := route.handle(v); err != nil {
			v.fail(err)
		}
	})
}

// signInFirst sends a reader to sign in and back; what was posted is refused
// with a page that says so, since its form is lost to a redirect.
func (v *visit) signInFirst() {
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		if v.door == portique.DoorAuth {
			// The sign-in host's own pages work for an authorization, if any.
			v.redirect("/login?" + url.Values{"authorization": {v.r.URL.Query().Get("authorization")}}.Encode())
			return
		}
		v.redirect(v.h.PortalURL + "/session/start?return=" + url.QueryEscape(v.r.URL.RequestURI()))
		return
	}
	v.fail(store.ErrNoSession)
}

const (
	maxBody  = 64 << 10 // bytes of a form
	maxField = 10_000   // bytes of a field, beyond which no parser is asked
)

var (
	errTooBig    = &portique.Error{Kind: portique.Invalid, Key: "error.page_413"}
	errMediaType = &portique.Error{Kind: portique.Invalid, Key: "error.page_415"}
	errBadForm   = &portique.Error{Kind: portique.Invalid, Key: "error.page_400"}
)

func (v *visit) parseForm() error {
	media, _, _ := strings.Cut(v.r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") && v.r.ContentLength != 0 {
		return errMediaType
	}
	if v.r.ContentLength > maxBody {
		return errTooBig // before a byte of it is read
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxBody)
	if err := v.r.ParseForm(); err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return errTooBig
		}
		return errBadForm
	}
	for name, values := range v.r.PostForm {
		if len(values) > 1 && name != "tool" {
			return errBadForm // no form of ours asks twice, and which of the two was meant cannot be told
		}
	}
	return nil
}

// form returns the value of a field of the posted form, never of the address.
func (v *visit) form(name string) string {
	value := v.r.PostForm.Get(name)
	if len(value) <= maxField {
		return value
	}
	end := maxField
	for end > maxField-utf8.UTFMax && !utf8.RuneStart(value[end]) { // never within a character
		end--
	}
	return value[:end]
}

// checked says whether a check box was ticked.
func (v *visit) checked(name string) bool {
	switch v.form(name) {
	case "", "0", "false", "off", "no":
		return false
	}
	return true
}

// page is what surrounds every page's own content.
func (v *visit) page() template.Page {
	p := template.Page{P: v.p, Brand: v.h.Brand, Door: string(v.door), PortalURL: v.h.PortalURL, AuthURL: v.h.AuthURL,
		Path: v.r.URL.RequestURI(), Referrer: v.referrer(), TestMode: v.h.TestMode}
	if len(p.Path) > 2000 {
		p.Path = v.r.URL.EscapedPath() // longer ones are not come back to, and pages do not grow by them
	}
	if v.r.Method == http.MethodPost {
		p.Path = "/" // the language form comes back by GET
		if back := v.returnPath(); back != "" {
			p.Path = back
		}
	}
	if v.current != nil {
		a := v.current.Account
		p.Person = &template.Person{Name: a.Name(), Email: a.Email}
		if v.door == portique.DoorPortal {
			v.formTo = append(v.formTo, v.h.AuthURL) // signing out ends there
			p.Ending = v.ending()
		}
	}
	p.Flash = v.flash()
	return p
}

// returnPath is where the page that a form was on can be read again.
func (v *visit) returnPath() string {
	switch path := v.r.URL.Path; {
	case strings.HasPrefix(path, "/requests/"):
		return "/companies/add"
	case path == "/companies/claim":
		return path
	case strings.HasPrefix(path, "/companies/") && path != "/companies/add":
		if siren, err := portique.ParseSIREN(v.r.PathValue("siren")); err == nil {
			return "/companies/" + string(siren) + "/users"
		}
	case path == "/companies/add", path == "/register":
		return path
	case path == "/login", path == "/oauth/company", path == "/oauth/consent":
		return path + "?" + url.Values{"authorization": {v.form("authorization")}}.Encode()
	case strings.HasPrefix(path, "/register/"):
		return "/register/sent"
	case path == "/password/forgot", path == "/device":
		return path
	case v.behindLink():
		if token := v.linkToken(); len(token) <= maxToken {
			return v.passAddress(token)
		}
	}
	return ""
}

// pages are buffers for whole pages.
var pages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// render writes a page with its status and its content security policy.
func (v *visit) render(status int, page templ.Component) error {
	v.w.Header().Set("Content-Language", v.p.Lang())
	return Write(v.w, v.r, status, page, Sending{FormTo: v.formTo, List: v.list})
}

// Sending is what a page's way to the browser depends on.
type Sending struct {
	FormTo []string // origins, besides our own, that the answer to its forms may lead to
	List   bool     // a list that may be long, and holds no secret
}

// Write writes a page with its status. It leaves in one piece, so that its
// length is known and nothing is written of a page that breaks halfway.
//
// A long list travels compressed. Other pages never do, however long somebody
// makes them: they may hold a secret beside what an address or a field says
// (BREACH). Nor does a list that another site's page asked for.
func Write(w http.ResponseWriter, r *http.Request, status int, page templ.Component, o Sending) error {
	whole := pages.Get().(*bytes.Buffer)
	defer func() { whole.Reset(); pages.Put(whole) }()
	// A page needs no more of a request whose time ran out than to be written.
	if err := page.Render(context.WithoutCancel(r.Context()), whole); err != nil {
		return fmt.Errorf("the page was not rendered: %w", err)
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", policy(o.FormTo))
	body := whole
	if o.List && whole.Len() > longPage {
		header.Set("Vary", "Accept-Encoding")
		if static.TakesGzip(r) && !fromElsewhere(r) {
			small := pages.Get().(*bytes.Buffer)
			defer func() { small.Reset(); pages.Put(small) }()
			packer := packers.Get().(*gzip.Writer)
			packer.Reset(small)
			_, _ = packer.Write(whole.Bytes())
			_ = packer.Close() // a buffer takes everything
			packers.Put(packer)
			header.Set("Content-Encoding", "gzip")
			body = small
		}
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // the reader went away
	}
	return nil
}

// fromElsewhere says that a page of another site sent the browser here.
func fromElsewhere(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Site") == "cross-site" }

const longPage = 16 << 10 // bytes

var packers = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // a level of the package's own
	}
	return w
}}

// policy is the content security policy of a page. Browsers apply form-action
// to every redirect that answers a form, so a page whose form leads to another
// host names that host's origin, and no other. The script connects to keep a
// session when its person presses.
func policy(formTo []string) string {
	s := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	for i, origin := range formTo {
		if !slices.Contains(formTo[:i], origin) {
			s += " " + origin
		}
	}
	return s
}

// originOf is the origin of an absolute address, for a content security policy.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, "; ,'\"") {
		return "'none'"
	}
	return u.Scheme + "://" + u.Host
}

func (v *visit) redirect(to string) error {
	v.w.Header().Set("Cache-Control", "no-store")
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// say makes a notice of a sentence.
func (v *visit) say(kind, key string, args ...any) *template.Notice {
	return &template.Notice{Kind: kind, Text: v.p.T(key, args...)}
}

// safeReturn keeps a path of this host and turns anything else into fallback:
// no other host, no scheme, no backslash or control character that a browser
// would read as one.
func safeReturn(to, fallback string) string {
	if len(to) > 2000 || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsFunc(to, func(r rune) bool { return r < 0x21 || r == '\\' || r == 0x7f }) {
		return fallback
	}
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || strings.HasPrefix(u.Path, "//") {
		return fallback
	}
	return to
}
