// Package template draws the pages. Each page is one component that takes one
// struct of plain data embedding Page; nothing here decides, looks anything up
// or knows a service. Every page works without JavaScript and within
// "style-src 'self'; script-src 'self'": no inline style or script.
//
// The files ending in _templ.go are generated.
package template

import (
	"net/url"
	"strings"
	"sync"
	"time"

	"portique/internal/i18n"
)

// Page is what every page needs around its own content.
type Page struct {
	P         *i18n.Printer
	Title     string // translated; also the page's only h1
	DataPage  string // the name of the page in the contract; each page has its own by default
	Brand     Brand
	Person    *Person // nil when signed out
	Door      string  // "portal" or "auth"
	PortalURL string  // origins, without a slash at the end
	AuthURL   string
	Company   *CompanyChoice  // in use; nil outside a company
	Companies []CompanyChoice // what one may switch to
	CanManage bool            // administrator of Company
	Manages   *CompanyChoice  // outside a company: the only one that the person administers, nil without one
	Waiting   int             // requests that wait for the administrators of Company, when CanManage, or of Manages
	HasAccess bool            // at least one active access: the list of tools is in the menu
	Path      string          // path and query of this page, for the language form
	Referrer  string          // replaces the answer's referrer policy; "" keeps it
	Flash     *Notice         // what just happened
	Ending    *Ending         // when the session ends; nil where nobody is told
	TestMode  bool
	Step      int // 1 to 4 on the way in; 0 elsewhere
}

// Brand is the operator's identity and help.
type Brand struct {
	OperatorName     string // with its French article: "l'Opcommerce"
	PortalName       string
	SupportEmail     string
	SupportPhone     string
	LegalURL         string
	AccessibilityURL string
	Color            string // "#RRGGBB" as configured, or ""
	ThemeURL         string // the operator's own style sheet, after ours and Color's, or ""
	LogoURL          string // instead of the mark, or ""
}

// Ending is what is left of a session, in seconds: the script says so before
// nothing is.
type Ending struct {
	Idle     int // if it is not used again
	Absolute int // whatever is done
	Renewed  int // what Idle is after a use
}

// Person is who is signed in.
type Person struct {
	Name     string
	Email    string
	Initials string // made from the name when empty
}

// Initials returns one or two capitals for a name.
func Initials(name string) string {
	var out []rune
	words := strings.Fields(name)
	for i, word := range words {
		if i == 0 || i == len(words)-1 {
			out = append(out, []rune(strings.ToUpper(word))[0])
		}
	}
	return string(out)
}

func (p Person) initials() string {
	if p.Initials != "" {
		return p.Initials
	}
	return Initials(p.Name)
}

// CompanyChoice is a company one may act for.
type CompanyChoice struct {
	SIREN string
	Name  string
}

// The kinds of a notice. Bad and caution interrupt a screen reader
// (role="alert"), good and info wait (role="status").
const (
	Good    = "good"
	Caution = "caution"
	Bad     = "bad"
	Info    = "info"
)

// Notice is a message of the whole page or of one row; Text is translated.
type Notice struct {
	Kind    string
	Text    string
	URL     string // where it is mended, with ActText for its link; "" for nowhere
	ActText string
}

func (n Notice) role() string {
	if n.Kind == Bad || n.Kind == Caution {
		return "alert"
	}
	return "status"
}

// FieldError is a fault of one field; Message is translated.
type FieldError struct {
	Field   string
	Message string
	First   string // the field that is filled in first to mend it, when not Field itself
}

// Form gives back what was typed (never passwords) and what is wrong with it.
type Form struct {
	Values map[string][]string
	Errors []FieldError
	Pair   bool // the fault is that two fields do not go together
}

// Value returns what was typed in a field.
func (f Form) Value(name string) string {
	if v := f.Values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Error returns the first fault of a field, "" without one.
func (f Form) Error(name string) string {
	for _, e := range f.Errors {
		if e.Field == name {
			return e.Message
		}
	}
	return ""
}

// All returns every fault of a field.
func (f Form) All(name string) []string {
	var out []string
	for _, e := range f.Errors {
		if e.Field == name {
			out = append(out, e.Message)
		}
	}
	return out
}

// Has says whether value is among those given for a field (check boxes).
func (f Form) Has(name, value string) bool {
	for _, v := range f.Values[name] {
		if v == value {
			return true
		}
	}
	return false
}

// Hidden is a field that the person does not see.
type Hidden struct {
	Name  string
	Value string
}

func (p Page) t(key string, args ...any) string { return p.P.T(key, args...) }

// op translates a message that names the operator: {{.Operator}} after nothing,
// {{.ToOperator}} after "à", {{.OfOperator}} after "de", {{.Portal}} the portal.
func (p Page) op(key string, args ...any) string {
	if len(args) > 0 {
		return p.named(key, args)
	}
	of := namedKey{p.P, key, p.Brand.OperatorName, p.Brand.PortalName}
	if text, ok := namedTexts.Load(of); ok {
		return text.(string)
	}
	text := p.named(key, nil)
	namedTexts.Store(of, text)
	return text
}

// namedTexts are the messages of op without other arguments, which say the same
// on every page of an installation.
var namedTexts sync.Map // namedKey → string

type namedKey struct {
	printer               *i18n.Printer
	key, operator, portal string
}

func (p Page) named(key string, args []any) string {
	name := p.Brand.OperatorName
	if !strings.HasPrefix(key, "guide.") { // the guide's sentences keep their straight apostrophes
		name = strings.ReplaceAll(name, "'", "’")
	}
	return p.P.T(key, append([]any{
		"Operator", p.P.Name(name),
		"ToOperator", p.P.To(name),
		"OfOperator", p.P.Of(name),
		"OperatorCapital", i18n.Capital(p.P.Name(name)),
		"Portal", p.Brand.PortalName,
	}, args...)...)
}

func (p Page) dataPage(name string) string {
	if p.DataPage != "" {
		return p.DataPage
	}
	return name
}

func (p Page) home() string {
	if p.PortalURL == "" {
		return "/"
	}
	return p.PortalURL + "/"
}

func (p Page) toolsURL() string {
	if p.Company != nil {
		return "/tools?siren=" + p.Company.SIREN
	}
	return "/tools"
}

func (p Page) documentTitle(faults int) string {
	title := p.Title
	if faults > 0 {
		title = p.t("error.title_prefix") + " " + title
	}
	if p.Brand.PortalName != "" && p.Brand.PortalName != p.Title {
		title += " · " + p.Brand.PortalName
	}
	return title
}

// groupSIREN writes a SIREN in groups of three, unbroken.
func groupSIREN(siren string) string {
	if len(siren) != 9 {
		return siren
	}
	return siren[:3] + "\u00a0" + siren[3:6] + "\u00a0" + siren[6:]
}

func isoTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

// PhoneURL is the address that calls a number written for people.
func PhoneURL(phone string) string {
	var b strings.Builder
	b.WriteString("tel:")
	for _, r := range phone {
		if r >= '0' && r <= '9' || r == '+' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// titled gives the page its own title when the handler gave none.
func (p Page) titled(key string, args ...any) Page {
	if p.Title == "" {
		p.Title = p.op(key, args...)
	}
	return p
}

// at gives the page its step on the way in when the handler gave none.
func (p Page) at(step int) Page {
	if p.Step == 0 {
		p.Step = step
	}
	return p
}

// signInURL starts a sign-in that comes back to path, a path of the portal.
func signInURL(path string) string {
	if path == "" || path == "/" {
		return "/session/start"
	}
	return "/session/start?return=" + url.QueryEscape(path)
}
