package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"portique"
	"portique/internal/i18n"
)

// Each kind of letter is written once per language, in letter/KIND.LANGUAGE.txt of
// the operator's folder or of ours:
// the subject on the first line, then paragraphs separated by empty lines. Both
// the text and the HTML come from it, so they never say different things.
//
//	{{greeting}}                 the usual first line, with the reader's name ({{reader}})
//	{{button "Words" ADDRESS}}   the letter's one button, alone or ending a sentence
//	{{code .code}}               alone in its paragraph: in large figures
//	{{quote .reason}}            alone in its paragraph: somebody's own words
//	{{template "opens" .}}       what an access opens, for letters that have a role
//	{{template "sender"}}        who sends it and where help is: the last paragraph of all
//	{{guide}}                    begins a sentence of the user guide, kept as published
//	--                           alone on its line: what follows is small print
//
// ADDRESS is made by {{portal "/companies/" .siren}} or {{auth "/login"}}.
// {{siren .siren}}, {{date .until}}, {{datetime .again_at}}, {{role .role}} write
// values in words; {{operator}}, {{operatorTo}}, {{operatorOf}}, {{portalName}}
// and {{contact}}, how to reach the help desk or "", come from the configuration.
//
//go:embed letter/*.txt layout.html
var files embed.FS

var languages = []string{i18n.French, i18n.English}

// Options are what letters say of the installation.
type Options struct {
	PortalURL    string // origins, without a final slash
	AuthURL      string
	PortalName   string
	OperatorName string
	SupportEmail string
	SupportPhone string // may be empty
	BrandColor   string // #RRGGBB; the default when empty
	BrandDark    string // the same where the reader's scheme is dark, and what is written on it
	OnBrandDark  string
	Catalog      *i18n.Catalog
	Own          map[string]string // letters in the operator's own words, by file name; CheckOwn tries them
}

// Renderer writes letters. It is safe for concurrent use.
type Renderer struct {
	options Options
	letters map[string]*template.Template // by kind.language
	own     map[string]*ownLetter         // those of them with words of the operator's
	layout  *htmltemplate.Template
}

const defaultColor = "#0A4D68"

var hexColor = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// NewRenderer reads the letters of every kind in both languages.
func NewRenderer(o Options) (*Renderer, error) {
	if o.Catalog == nil {
		return nil, errors.New("letters need the catalogue of messages")
	}
	if o.BrandColor == "" {
		o.BrandColor = defaultColor
	}
	if o.BrandDark == "" {
		o.BrandDark, o.OnBrandDark = "#7CC7E4", "#07212C"
	}
	if !hexColor.MatchString(o.BrandColor) {
		return nil, fmt.Errorf("the brand colour %q is not like %s", o.BrandColor, defaultColor)
	}
	o.PortalURL, o.AuthURL = strings.TrimRight(o.PortalURL, "/"), strings.TrimRight(o.AuthURL, "/")
	r := &Renderer{options: o, letters: map[string]*template.Template{}, own: map[string]*ownLetter{}}
	for _, lang := range languages {
		for kind := range Kinds {
			name := string(kind) + "." + lang
			own, err := r.examine(kind, lang)
			if err != nil {
				return nil, err
			}
			if r.letters[name], err = r.parse(kind, lang, o); err != nil {
				return nil, err
			}
			if own == nil {
				continue
			}
			r.own[name] = own
			if own.ours, err = r.parse(kind, lang, Options{}); err != nil {
				return nil, err
			}
		}
	}
	var err error
	r.layout, err = htmltemplate.New("layout.html").ParseFS(files, "layout.html")
	return r, err
}

// parse reads a letter and the paragraphs it may share.
func (r *Renderer) parse(kind portique.LetterKind, lang string, o Options) (*template.Template, error) {
	t := template.New(string(kind) + "." + lang).Option("missingkey=error").Funcs(r.functions(lang, ""))
	for _, part := range append([]string{string(kind)}, partials...) {
		source, err := o.source(part + "." + lang)
		if err != nil {
			return nil, err
		}
		into := t
		if part != string(kind) {
			into = t.New(part)
		}
		if _, err := into.Parse(source); err != nil {
			return nil, fmt.Errorf("%s.%s.txt: %w", part, lang, err)
		}
	}
	return t, nil
}

// Render writes a letter. The date is that of the letter, so that a second
// attempt is the same message. An *OwnError is a fault in the operator's own
// words: Ours writes the letter all the same.
func (r *Renderer) Render(l *portique.Letter) (*Message, error) {
	return r.render(l, false)
}

// Ours writes a letter in the program's words, whatever the operator's are.
func (r *Renderer) Ours(l *portique.Letter) (*Message, error) {
	return r.render(l, true)
}

func (r *Renderer) render(l *portique.Letter, ours bool) (*Message, error) {
	if err := Check(l); err != nil {
		return nil, err
	}
	to, err := portique.ParseEmail("to", l.To)
	if err != nil || to != l.To {
		return nil, fmt.Errorf("letter %s: %q is not a plain address", l.Kind, l.To)
	}
	lang := l.Language
	if lang != i18n.English {
		lang = i18n.French
	}
	name := string(l.Kind) + "." + lang
	t, own := r.letters[name], r.own[name]
	if own != nil && ours {
		t, own = own.ours, nil
	}
	if t, err = t.Clone(); err != nil {
		return nil, err
	}
	d, err := r.write(t.Funcs(r.functions(lang, portique.Isolate(unlinked(portique.CleanText(l.Name))))), l, lang)
	if own != nil {
		if err == nil {
			err = r.sound(own, l, d)
		}
		if err != nil {
			return nil, own.fault(name, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("letter %s: %w", name, err)
	}
	var page bytes.Buffer
	err = r.layout.Execute(&page, struct {
		*document
		Options
		Lang string
	}{d, r.options, lang})
	if err != nil {
		return nil, fmt.Errorf("letter %s: %w", name, err)
	}
	return &Message{MessageID: l.MessageID, To: to, Date: l.CreatedAt, Subject: d.Subject, Text: d.text(), HTML: page.String(),
		Secrets: slices.Collect(maps.Values(l.Secret))}, nil
}

// write fills a letter's template, whose functions know the reader, and takes
// the result apart.
func (r *Renderer) write(t *template.Template, l *portique.Letter, lang string) (*document, error) {
	values := map[string]string{}
	for _, key := range slices.Concat(Kinds[l.Kind].Optional, Kinds[l.Kind].MaySeal) {
		values[key] = ""
	}
	for _, given := range []map[string]string{l.Data, l.Secret} {
		for key, v := range given {
			v = portique.CleanText(v)
			if slices.Contains(saidByPeople, key) {
				v = unlinked(v)
			}
			values[key] = portique.Isolate(v)
		}
	}
	var out bounded
	if err := t.Execute(&out, values); err != nil {
		return nil, err
	}
	return read(out.text.String(), lang)
}

// saidByPeople are the values of Kinds that somebody typed as they pleased.
var saidByPeople = []string{"company", "person", "by", "reason"}

// unlinked keeps mail programs from making a link of what somebody typed: our
// letters lead to our own pages only. It puts a zero-width space into what they
// look for, "://" and a dot before two letters; an e-mail address stays as it is.
func unlinked(s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		w = strings.ReplaceAll(w, "://", ":\u200b//")
		if !strings.Contains(w, "@") || strings.Contains(w, "/") {
			w = domainDot.ReplaceAllString(w, ".\u200b$1")
		}
		words[i] = w
	}
	return strings.Join(words, " ")
}

var domainDot = regexp.MustCompile(`\.(\pL[\pL\pN])`)

var roleWords = map[string]map[portique.Role]string{
	i18n.French:  {portique.Administrator: "administrateur", portique.Member: "utilisateur", portique.Declarant: "déclarant"},
	i18n.English: {portique.Administrator: "administrator", portique.Member: "user", portique.Declarant: "declarant"},
}

func (r *Renderer) functions(lang, name string) template.FuncMap {
	o, p := r.options, r.options.Catalog.Printer(lang)
	operator := strings.ReplaceAll(o.OperatorName, "'", "’") // as on the pages; no sentence of the guide names it in a letter
	when := func(write func(time.Time) string) func(string) (string, error) {
		return func(s string) (string, error) {
			t, err := time.Parse(time.RFC3339, s)
			if err != nil {
				return "", errors.New("its value is not a time in RFC 3339") // not which: it may be a code
			}
			return write(t), nil
		}
	}
	page := func(origin string) func(parts ...string) string {
		return func(parts ...string) string {
			for i := 1; i < len(parts); i += 2 { // words of the template, value, words, value…
				parts[i] = url.PathEscape(parts[i])
			}
			return origin + strings.Join(parts, "")
		}
	}
	role := func(s string) (string, error) {
		words, ok := roleWords[lang][portique.Role(s)]
		if !ok {
			return "", errors.New("its value is not a role")
		}
		return words, nil
	}
	return template.FuncMap{
		"greeting": func() string {
			hello := map[string]string{i18n.French: "Bonjour", i18n.English: "Hello"}[lang]
			if name == "" {
				return hello + ","
			}
			return hello + " " + name + ","
		},
		"reader":     func() string { return name },
		"button":     func(words, address string) string { return markButton + words + markButton + address },
		"code":       func(s string) string { return markCode + s },
		"quote":      func(s string) string { return markQuote + s },
		"guide":      func() string { return markGuide },
		"portal":     page(o.PortalURL),
		"auth":       page(o.AuthURL),
		"siren":      func(s string) string { return portique.SIREN(s).Grouped() },
		"date":       when(p.Date),
		"datetime":   when(p.DateTime),
		"role":       role,
		"operator":   func() string { return p.Name(operator) },
		"operatorTo": func() string { return p.To(operator) },
		"operatorOf": func() string { return p.Of(operator) },
		"ofPerson":   p.OfPerson,
		"portalName": func() string { return o.PortalName },
		"contact":    func() string { return contact(o, lang) },
		"capital":    i18n.Capital,
	}
}

// contact says how to reach the help desk, as the end of a sentence; "" when
// the installation gives no way.
func contact(o Options, lang string) string {
	write, or, call := "write to ", " or ", "call "
	if lang == i18n.French {
		write, or, call = "écrivez à ", " ou ", "appelez le "
	}
	phone := strings.ReplaceAll(o.SupportPhone, " ", "\u00a0")
	switch {
	case o.SupportEmail == "" && phone == "":
		return ""
	case o.SupportEmail == "":
		return call + phone
	case phone == "":
		return write + o.SupportEmail
	}
	return write + o.SupportEmail + or + call + phone
}
