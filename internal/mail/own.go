package mail

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"portique"
)

// partials are the paragraphs that letters share: who sends them, and what an
// access opens. An operator may write them anew too.
var partials = []string{"sender", "opens"}

var partialKeys = map[string][]string{"opens": {"role", "tools", "more_tools"}}

// keysOf are the values that a kind of letter may say.
func keysOf(kind portique.LetterKind) []string {
	n := Kinds[kind]
	return slices.Concat(n.Data, n.Optional, n.Secret, n.MaySeal)
}

// CheckOwn tries the operator's own letters, Options.Own, before any of them is
// needed: each is written with made-up people in all that it may have to say. An
// error names the file first.
func CheckOwn(o Options) error {
	for _, file := range slices.Sorted(maps.Keys(o.Own)) {
		name, isText := strings.CutSuffix(file, ".txt")
		what, lang, _ := strings.Cut(name, ".")
		if !isText || !slices.Contains(languages, lang) || !slices.Contains(letterNames(), what) {
			return fmt.Errorf("%s: is no letter of ours; they are %s, each with .fr.txt or .en.txt", file, strings.Join(letterNames(), ", "))
		}
	}
	r, err := NewRenderer(o)
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(Kinds)) {
		for _, lang := range languages {
			if own := r.own[string(kind)+"."+lang]; own != nil {
				if err := r.try(kind, lang, own); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func letterNames() []string {
	var names []string
	for kind := range Kinds {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	return append(names, partials...)
}

// ownLetter is what is known of a letter that has words of the operator's.
type ownLetter struct {
	files    map[string]string // by template: those that are the operator's
	ours     *template.Template
	links    map[string]bool // addresses written out in them
	compared map[string][]string
	size     int
}

// OwnError is a letter that the operator's own words cannot write: Ours can.
type OwnError struct {
	File string // in the folder of letters
	Err  error
}

func (e *OwnError) Error() string { return e.File + ": " + e.Err.Error() }
func (e *OwnError) Unwrap() error { return e.Err }

// examine looks at the operator's own files that a kind of letter is made of,
// and returns nil when there is none.
func (r *Renderer) examine(kind portique.LetterKind, lang string) (*ownLetter, error) {
	own := &ownLetter{files: map[string]string{}, links: map[string]bool{}, compared: map[string][]string{}}
	for _, part := range append(slices.Clone(partials), string(kind)) {
		file, name := part+"."+lang+".txt", part
		if _, has := r.options.Own[file]; !has {
			continue
		}
		source, err := r.options.source(part + "." + lang)
		if err != nil {
			return nil, err
		}
		g := grammar{source: source, keys: partialKeys[part], functions: r.functions(lang, sampleName), used: map[string]bool{}, compared: own.compared}
		if part == string(kind) {
			name = part + "." + lang
			g.keys, g.secrets, g.includes = keysOf(kind), slices.Concat(Kinds[kind].Secret, Kinds[kind].MaySeal), includes(kind)
		}
		if err := g.examine(part + "." + lang); err != nil {
			return nil, &OwnError{file, err}
		}
		for _, text := range g.fixed {
			for _, link := range linksOf(text) {
				own.links[link] = true
			}
		}
		own.files[name] = file
		own.size += len(source)
	}
	if len(own.files) == 0 {
		return nil, nil
	}
	return own, nil
}

// includes are the shared paragraphs that a kind of letter has the values for.
func includes(kind portique.LetterKind) []string {
	return slices.DeleteFunc(slices.Clone(partials), func(part string) bool {
		return slices.ContainsFunc(partialKeys[part], func(key string) bool { return !slices.Contains(keysOf(kind), key) })
	})
}

// fault names the file that an error comes from.
func (own *ownLetter) fault(name string, err error) error {
	file := own.files[name]
	if failed, ok := errors.AsType[template.ExecError](err); ok && own.files[failed.Name] != "" {
		file = own.files[failed.Name]
	}
	if file == "" { // a shared paragraph, in a letter of ours
		file = strings.Join(slices.Sorted(maps.Values(own.files)), ", ")
	}
	return &OwnError{file, err}
}

// sound refuses what no letter may do, once it is written: give a secret in its
// subject, which lists and lock screens show, leave one out, or lead to another
// place than the one that it or its file names.
func (r *Renderer) sound(own *ownLetter, l *portique.Letter, d *document) error {
	for key, secret := range l.Secret {
		if strings.Contains(d.Subject, secret) {
			return fmt.Errorf("gives {{.%s}} in its subject, which everybody sees who is near: leave it to the letter", key)
		}
	}
	text := ""
	if len(l.Secret) > 0 {
		text = d.text()
	}
	for _, key := range Kinds[l.Kind].Secret { // without its link or its code a letter is of no use
		if !strings.Contains(text, l.Secret[key]) {
			return fmt.Errorf("does not give {{.%s}}", key)
		}
	}
	links := linksOf(d.Subject)
	for _, b := range slices.Concat(d.Blocks, d.Small) {
		if b.URL != "" {
			links = append(links, b.URL)
		}
		for _, text := range []string{b.Text, b.Code, b.Quote, b.Button} {
			links = append(links, linksOf(text)...)
		}
	}
	for _, link := range links {
		if link != l.Secret["link"] && !within(link, r.options.PortalURL) && !within(link, r.options.AuthURL) && !(own.links[link] && safeAddress(link)) {
			return errors.New("makes an address of a value, or gives one without https: write it out in full, as https://www.opco.example/aide, or use {{.link}}, {{portal \"/…\"}} or {{auth \"/…\"}}")
		}
	}
	return nil
}

var webLink = regexp.MustCompile(`(?i)\b(?:[a-z][a-z0-9+.-]*://|www\.[\pL\pN])[^\s<>"«»\x{200b}\x{2068}\x{2069}\x01-\x04]*`)

// linksOf are the addresses that mail programs make links of.
func linksOf(text string) []string {
	if !strings.Contains(text, "://") && !strings.Contains(strings.ToLower(text), "www.") {
		return nil // soon said, of most paragraphs
	}
	links := webLink.FindAllString(text, -1)
	for i, link := range links {
		links[i] = strings.TrimRight(link, ".,;:!?)]}'’”")
	}
	return links
}

// within says whether an address is one of an origin's.
func within(link, origin string) bool {
	rest, ok := strings.CutPrefix(link, origin)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], "/?#"))
}

// choices are the values that letters turn on.
var choices = map[string][]string{
	"role":           {string(portique.Administrator), string(portique.Member), string(portique.Declarant)},
	"decision":       {string(portique.RequestAccepted), string(portique.RequestRefused), "kept", "removed"},
	"administrators": {"0", "1", "3"},
	"why":            {"contested", "no_contact", "policy"},
	"what":           {"sign_in", "member_code", "guesser", "requests"},
	"tools":          {portique.AllTools, "Paie"},
}

// shapes are texts that people type: short, as long as any may be, and of the
// other direction.
var shapes = []string{"X", strings.Repeat("très long ", portique.MaxReasonLength/10), strings.Repeat("é", portique.MaxReasonLength), "شركة النور"}

var shaped = []string{"company", "person", "by", "reason", "tools", "device"}

// try writes a letter in every way that its values may turn it, or in as many
// as a start has time for; what is left out, Ours answers for.
func (r *Renderer) try(kind portique.LetterKind, lang string, own *ownLetter) error {
	t, err := r.letters[string(kind)+"."+lang].Clone()
	if err != nil {
		return err
	}
	t.Funcs(r.functions(lang, sampleName))
	write := func(l *portique.Letter) error {
		d, err := r.write(t, l, lang)
		if err == nil {
			err = r.sound(own, l, d)
		}
		if err != nil {
			return own.fault(t.Name(), fmt.Errorf("%w (%s)", err, told(l)))
		}
		return nil
	}
	for _, full := range []bool{true, false} {
		if err := write(Sample(kind, lang, full)); err != nil {
			return err
		}
		for _, shape := range shapes {
			l := Sample(kind, lang, full)
			for _, key := range shaped {
				if l.Data[key] != "" {
					l.Data[key] = shape
				}
			}
			if err := write(l); err != nil {
				return err
			}
		}
		nameless := Sample(kind, lang, full)
		nameless.Name = ""
		if _, err := r.Render(nameless); err != nil {
			return err
		}
	}
	left := min(2048, (4<<20)/own.size)
	for set := range turns(kind, own.compared, left) {
		l := Sample(kind, lang, false)
		for key, v := range set {
			switch {
			case v == "":
			case slices.Contains(Kinds[kind].MaySeal, key):
				l.Secret[key] = v
			default:
				l.Data[key] = v
			}
		}
		if err := write(l); err != nil {
			return err
		}
	}
	return nil
}

// told says which values a letter was tried with.
func told(l *portique.Letter) string {
	var without []string
	for _, key := range slices.Concat(Kinds[l.Kind].Optional, Kinds[l.Kind].MaySeal) {
		if l.Data[key] == "" && l.Secret[key] == "" {
			without = append(without, "."+key)
		}
	}
	if len(without) == 0 {
		return "with all its values"
	}
	return "without " + strings.Join(without, ", ")
}

// turns yields sets of values: each optional one there or not, each that a
// letter turns on as it may be. At most that many: all combinations when they
// fit, or else all that are optional, and then each turn of two values at once.
func turns(kind portique.LetterKind, compared map[string][]string, most int) func(func(map[string]string) bool) {
	needs := Kinds[kind]
	optional := slices.Concat(needs.Optional, needs.MaySeal)
	var keys []string
	values := map[string][]string{}
	all := 1
	for _, key := range slices.Concat(needs.Data, optional) {
		may := []string{sample[key]}
		if slices.Contains(optional, key) {
			may = append(may, "")
		}
		for _, v := range slices.Concat(choices[key], compared[key]) {
			if !slices.Contains(may, v) {
				may = append(may, v)
			}
		}
		if len(may) > 1 {
			keys = append(keys, key)
			values[key] = may
			all = min(all*len(may), most+1)
		}
	}
	return func(yield func(map[string]string) bool) {
		give := func(set map[string]string) bool {
			most--
			return most >= 0 && yield(set)
		}
		if all <= most {
			at := make([]int, len(keys))
			for {
				set := map[string]string{}
				for i, key := range keys {
					set[key] = values[key][at[i]]
				}
				if !give(set) {
					return
				}
				i := 0
				for ; i < len(keys); i++ {
					if at[i]++; at[i] < len(values[keys[i]]) {
						break
					}
					at[i] = 0
				}
				if i == len(keys) {
					return
				}
			}
		}
		var bases []map[string]string // all there, none there
		for _, full := range []bool{true, false} {
			set := map[string]string{}
			for _, key := range keys {
				if full || !slices.Contains(optional, key) {
					set[key] = sample[key]
				}
			}
			bases = append(bases, set)
		}
		if len(optional) <= 12 && 1<<len(optional) <= most {
			for which := range 1 << len(optional) {
				set := maps.Clone(bases[0])
				for i, key := range optional {
					if which&(1<<i) != 0 {
						set[key] = ""
					}
				}
				if !give(set) {
					return
				}
			}
		}
		for i, one := range keys {
			for _, other := range keys[i:] {
				for _, v := range values[one] {
					for _, w := range values[other] {
						for _, base := range bases {
							set := maps.Clone(base)
							set[one], set[other] = v, w
							if !give(set) {
								return
							}
						}
					}
				}
			}
		}
	}
}

// maxLetter bounds what a letter may come to, in bytes.
const maxLetter = 64 << 10

// bounded takes as much as a letter may be.
type bounded struct{ text bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > maxLetter {
		return 0, fmt.Errorf("the letter is over %d KiB", maxLetter>>10)
	}
	return b.text.Write(p)
}

// source is the operator's own text of a letter, or ours.
func (o Options) source(name string) (string, error) {
	if own, ok := o.Own[name+".txt"]; ok {
		return strings.ReplaceAll(strings.TrimPrefix(own, "\ufeff"), "\r\n", "\n"), nil
	}
	ours, err := files.ReadFile("letter/" + name + ".txt")
	return string(ours), err
}
