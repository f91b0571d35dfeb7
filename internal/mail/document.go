package mail

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"portique/internal/i18n"
)

// The marks that the functions of letters leave for read. They are control
// characters, which CleanText takes out of every value: a name can neither
// make a button nor end a paragraph.
const (
	markButton = "\x01"
	markCode   = "\x02"
	markQuote  = "\x03"
	markGuide  = "\x04"
)

// document is the structure that both forms of a letter are made of.
type document struct {
	Subject string
	Blocks  []block
	Small   []block
	lang    string
}

// block is a paragraph. At most one of Code, Quote and Button is set.
type block struct {
	Text   string
	Code   string
	Quote  string
	Button string // its words; Text comes before it
	URL    string
}

// read takes the source of a letter, values filled in, apart.
func read(source, lang string) (*document, error) {
	first, rest, _ := strings.Cut(source, "\n")
	subject, ok := strings.CutPrefix(first, "Subject: ")
	if !ok || strings.TrimSpace(subject) == "" {
		return nil, errors.New("the first line is not \"Subject: …\"")
	}
	d := &document{Subject: typeset(strings.TrimSpace(subject), lang), lang: lang}
	into := &d.Blocks
	buttons := 0
	for _, p := range paragraphs(rest) {
		if p == "--" {
			into = &d.Small
			continue
		}
		var b block
		guide := strings.HasPrefix(p, markGuide)
		set := func(s string) string {
			if guide {
				return s
			}
			return typeset(s, lang)
		}
		p = strings.TrimPrefix(p, markGuide)
		switch {
		case strings.HasPrefix(p, markCode):
			b.Code = p[len(markCode):]
		case strings.HasPrefix(p, markQuote):
			b.Quote = p[len(markQuote):]
		case strings.Contains(p, markButton):
			parts := strings.Split(p, markButton)
			if len(parts) != 3 {
				return nil, errors.New("a paragraph has two buttons")
			}
			b.Text, b.Button, b.URL = set(strings.TrimSpace(parts[0])), set(parts[1]), strings.TrimSpace(parts[2])
			if u, err := url.Parse(b.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
				return nil, fmt.Errorf("the button's address is not a web address")
			}
			if buttons++; buttons > 1 {
				return nil, errors.New("a letter has one button")
			}
		default:
			b.Text = set(p)
		}
		if strings.ContainsAny(b.Text+b.Code+b.Quote+b.Button, markButton+markCode+markQuote+markGuide) {
			return nil, errors.New("a mark stands where it cannot")
		}
		*into = append(*into, b)
	}
	if len(d.Blocks) == 0 || len(d.Small) == 0 {
		return nil, errors.New("a letter has paragraphs and, after \"--\", who sent it and why")
	}
	return d, nil
}

// paragraphs splits at empty lines and joins the lines of each; "--" alone on a
// line is a paragraph of its own.
func paragraphs(s string) []string {
	var list []string
	var lines []string
	flush := func() {
		p := strings.Join(strings.FieldsFunc(strings.Join(lines, " "), func(r rune) bool { return r == ' ' || r == '\t' }), " ")
		if p != "" { // no-break spaces stay
			list = append(list, p)
		}
		lines = lines[:0]
	}
	for line := range strings.Lines(s) {
		line = strings.Trim(line, " \t\r\n")
		switch line {
		case "", "--":
			flush()
			if line != "" {
				list = append(list, line)
			}
		default:
			lines = append(lines, line)
		}
	}
	flush()
	return list
}

var frenchSpaces = strings.NewReplacer(" :", "\u00a0:", " ;", "\u202f;", " !", "\u202f!", " ?", "\u202f?",
	" »", "\u00a0»", "« ", "«\u00a0")

// typeset puts the no-break spaces of French, by the rule of the pages: narrow
// before ; ! ? and full before : and inside « ».
func typeset(s, lang string) string {
	if lang == i18n.French {
		return frenchSpaces.Replace(s)
	}
	return s
}

const columns = 72

const smallPrint = "------------------------\n"

var colon = map[string]string{i18n.French: " :", i18n.English: ":"}

// text writes the letter as plain text: 72 columns, addresses whole on lines of
// their own.
func (d *document) text() string {
	var b strings.Builder
	write := func(blocks []block) {
		for _, p := range blocks {
			switch {
			case p.Code != "":
				b.WriteString("    " + p.Code + "\n\n")
			case p.Quote != "":
				b.WriteString(wrap(p.Quote, "> ") + "\n")
			case p.Button != "" && p.Text != "": // its words end the sentence, on a line that is seen
				b.WriteString(wrap(p.Text, "") + p.Button + "\n" + p.URL + "\n\n")
			case p.Button != "":
				b.WriteString(typeset(p.Button+colon[d.lang], d.lang) + "\n" + p.URL + "\n\n")
			default:
				b.WriteString(wrap(p.Text, "") + "\n")
			}
		}
	}
	write(d.Blocks)
	b.WriteString(smallPrint) // not "-- ", which mail programs fold away as a signature
	write(d.Small)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// wrap breaks at ordinary spaces and never puts a lone sign of punctuation
// first on a line.
func wrap(s, prefix string) string {
	var b strings.Builder
	width := columns - len(prefix)
	used := 0
	var words []string
	for _, w := range strings.Split(s, " ") {
		if n := len(words); n > 0 && (w == ":" || w == "!" || w == "?" || w == ";" || w == "»") {
			words[n-1] += " " + w
			continue
		}
		words = append(words, w)
	}
	for i, w := range words {
		n := utf8.RuneCountInString(w)
		switch {
		case i == 0:
			b.WriteString(prefix)
		case used+1+n > width:
			b.WriteString("\n" + prefix)
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(w)
		used += n
	}
	return b.String() + "\n"
}
