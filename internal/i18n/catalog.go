// Package i18n holds every sentence that people read, in French and in
// English, and the few rules that go with a language: plurals, dates in words,
// and what a French article becomes after "à" and "de".
//
// Sentences live in message/<area>.<language>.json. The area "guide" holds the
// user guide's own sentences, exactly as published; everything else follows the
// typography of its language, which a test checks.
package i18n

import (
	"embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"portique"
)

// The languages. French is what people get who ask for neither.
const (
	French  = "fr"
	English = "en"
)

//go:embed message/*.json
var messages embed.FS

// Catalog holds the messages of both languages. It is read-only once made.
type Catalog struct {
	printers map[string]*Printer
}

// New loads every message file. Dates are written in timezone.
func New(timezone *time.Location) (*Catalog, error) {
	if timezone == nil {
		timezone = time.UTC
	}
	bundle := i18n.NewBundle(language.French)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	names, err := messages.ReadDir("message")
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	keys := map[string]map[string]bool{French: {}, English: {}}
	for _, name := range names {
		file, err := bundle.LoadMessageFileFS(messages, path.Join("message", name.Name()))
		if err != nil {
			return nil, fmt.Errorf("messages: %s: %w", name.Name(), err)
		}
		known, ok := keys[file.Tag.String()]
		if !ok {
			return nil, fmt.Errorf("messages: %s: the file name must end with .fr.json or .en.json", name.Name())
		}
		for _, m := range file.Messages {
			if known[m.ID] {
				return nil, fmt.Errorf("messages: %s: %q is already in another file", name.Name(), m.ID)
			}
			known[m.ID] = true
		}
	}
	c := &Catalog{printers: map[string]*Printer{}}
	for lang, known := range keys {
		c.printers[lang] = &Printer{
			lang:      lang,
			timezone:  timezone,
			localizer: i18n.NewLocalizer(bundle, lang),
			keys:      known,
		}
	}
	return c, nil
}

// Printer returns the printer of "fr" or "en"; anything else gives French.
func (c *Catalog) Printer(lang string) *Printer {
	if p, ok := c.printers[lang]; ok {
		return p
	}
	return c.printers[French]
}

var matcher = language.NewMatcher([]language.Tag{language.French, language.English})

// headerMax bounds what is parsed of an Accept-Language header.
const headerMax = 500

// Match chooses the language for an Accept-Language header: "fr" or "en".
// fallback is for a header that asks for neither; when it is not one of ours,
// French.
func Match(acceptLanguage, fallback string) string {
	if fallback != English {
		fallback = French
	}
	if len(acceptLanguage) > headerMax {
		return fallback
	}
	tags, weights, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return fallback
	}
	wanted := tags[:0]
	for i, tag := range tags {
		if weights[i] > 0 && tag != language.Und && tag.String() != "mul" {
			wanted = append(wanted, tag)
		}
	}
	if len(wanted) == 0 {
		return fallback
	}
	_, index, confidence := matcher.Match(wanted...)
	if confidence == language.No {
		return fallback
	}
	return []string{French, English}[index]
}

// Printer writes messages in one language. It is safe for concurrent use.
type Printer struct {
	lang      string
	timezone  *time.Location
	localizer *i18n.Localizer
	keys      map[string]bool
	plain     sync.Map // key → message, of those without arguments
}

var reported sync.Map // what is missing is logged once, not once a page

// Lang is "fr" or "en".
func (p *Printer) Lang() string { return p.lang }

// Has says whether a message exists in this language.
func (p *Printer) Has(key string) bool { return p.keys[key] }

// T returns the message of key. args are name, value pairs for its {{.Name}};
// texts of another direction are isolated; a person's "Name" is also there as
// {{.OfName}}, after "de"; a pair named "Count" with an int chooses the plural. A
// missing message gives its key back and is logged once.
func (p *Printer) T(key string, args ...any) string {
	if len(args) > 0 {
		return p.localize(key, args)
	}
	if text, ok := p.plain.Load(key); ok {
		return text.(string)
	}
	text := p.localize(key, nil)
	if p.keys[key] { // any other is somebody's slip, without end
		p.plain.Store(key, text)
	}
	return text
}

func (p *Printer) localize(key string, args []any) string {
	config := &i18n.LocalizeConfig{MessageID: key}
	var data map[string]any
	if len(args) > 0 {
		data = make(map[string]any, len(args)/2)
		for i := 0; i+1 < len(args); i += 2 {
			name, ok := args[i].(string)
			if !ok {
				continue
			}
			data[name] = args[i+1]
			if s, ok := args[i+1].(string); ok {
				s = portique.Isolate(s)
				data[name] = s
				if name == "Name" {
					data["OfName"] = p.OfPerson(s)
				}
			}
			if count, ok := args[i+1].(int); ok && name == "Count" {
				config.PluralCount = count
			}
		}
		config.TemplateData = data
	}
	if !p.keys[key] {
		p.report(key, "the message is missing")
		return key
	}
	text, err := p.localizer.Localize(config)
	if text == "" && err != nil {
		p.report(key, err.Error())
		return key
	}
	if strings.Contains(text, "<no value>") {
		p.report(key, "an argument is missing")
	}
	return text
}

func (p *Printer) report(key, problem string) {
	if _, seen := reported.LoadOrStore(p.lang+" "+key, true); !seen {
		slog.Error("message", "key", key, "language", p.lang, "problem", problem)
	}
}
