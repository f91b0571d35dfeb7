package mail

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"portique"
	"portique/internal/i18n"
)

var update = flag.Bool("update", false, "write the golden files again")

func newTestRenderer(t *testing.T) *Renderer {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := i18n.New(paris)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRenderer(Options{
		PortalURL: "https://ws.opco.example", AuthURL: "https://auth.opco.example", PortalName: "Web Services Entreprises",
		OperatorName: "l'Opcommerce", SupportEmail: "aide@opco.example", SupportPhone: "01 02 03 04 05", Catalog: catalog,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each kind in each language, with every key and with the required ones only,
// is a file under testdata that people can read.
func TestLetters(t *testing.T) {
	r := newTestRenderer(t)
	for _, kind := range slices.Sorted(maps.Keys(Kinds)) {
		for _, lang := range languages {
			for _, full := range []bool{true, false} {
				if !full && len(Kinds[kind].Optional)+len(Kinds[kind].MaySeal) == 0 {
					continue
				}
				name := string(kind) + "." + lang
				if !full {
					name = string(kind) + "-short." + lang
				}
				t.Run(name, func(t *testing.T) {
					m, err := r.Render(Sample(kind, lang, full))
					if err != nil {
						t.Fatal(err)
					}
					golden(t, name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
					if kind == portique.LetterValidation || kind == portique.LetterRequestRefused {
						golden(t, name+".html", m.HTML)
					}
					checkText(t, lang, m)
					checkHTML(t, m)
				})
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./internal/mail -update writes it)", err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; go test ./internal/mail -update writes it again. Now:\n%s", path, got)
	}
}

// wrongSpace gives the first sign of a French letter that has not the no-break
// space of the pages before it or after it: U+202F for ; ! ?, U+00A0 for : « ».
// Addresses and the guide's own sentences are left alone.
func wrongSpace(text string) string {
	text = address.ReplaceAllString(strings.ReplaceAll(text, "\n", " "), "x")
	text = strings.NewReplacer("compte Web Services : Valider", "", "accéder au portail !", "").Replace(text)
	return wrongSigns.FindString(text)
}

var (
	address    = regexp.MustCompile(`https?://\S+`)
	wrongSigns = regexp.MustCompile(`[^\x{202f}][;!?]|[^\x{00a0}]:|«[^\x{00a0}]|[^\x{00a0}]»`)
)

func TestWrongSpace(t *testing.T) {
	for text, wrong := range map[string]bool{
		"Trop tard\u202f? «\u00a0Ici\u00a0»\u00a0: https://auth.opco.example/login?x=1": false,
		"Vous pouvez accéder au portail !":                                              false,
		"Trop tard ?":                                                                   true,
		"Trop tard\u00a0?":                                                              true,
		"un code :\nhttps://x.example":                                                  true,
		"un code\u202f: 1":                                                              true,
		"« Ici\u00a0»":                                                                  true,
		"«\u00a0Ici »":                                                                  true,
		"ici; là":                                                                       true,
	} {
		if got := wrongSpace(text); (got != "") != wrong {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// How many administrators were told is written as one counts.
func TestCounts(t *testing.T) {
	r := newTestRenderer(t)
	wrong := regexp.MustCompile(`(?:^|\D)[01]\s+(?:administrateurs|administrators)|[02-9]\s+(?:administrateur|administrator)(?:\PL|$)`)
	for _, lang := range languages {
		for _, kind := range []portique.LetterKind{portique.LetterRequestReceived, portique.LetterRequestSent, portique.LetterEscalated, portique.LetterOperator} {
			for _, count := range []string{"0", "1", "2", "21"} {
				if count == "0" && (kind == portique.LetterRequestReceived || kind == portique.LetterRequestSent) {
					continue // it is escalated at once and nobody receives it
				}
				l := Sample(kind, lang, true)
				l.Data["administrators"] = count
				m, err := r.Render(l)
				if err != nil {
					t.Fatal(err)
				}
				if bad := wrong.FindString(m.Subject + "\n" + m.Text); bad != "" {
					t.Errorf("%s.%s for %s says %q", kind, lang, count, bad)
				}
			}
		}
	}
}

func checkText(t *testing.T, lang string, m *Message) {
	t.Helper()
	for line := range strings.Lines(m.Text) {
		line = strings.TrimRight(line, "\n")
		if n := utf8.RuneCountInString(line); n > columns && !strings.HasPrefix(line, "https://") {
			t.Errorf("a line has %d columns: %q", n, line)
		}
	}
	for _, bad := range []string{"<no value>", "{{", "  ", " ,", " .", "\n\n\n", "<nil>"} {
		if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(m.Text, "\n    ", "\n"), "\n"+smallPrint, "\n"), bad) {
			t.Errorf("the text has %q:\n%s", bad, m.Text)
		}
	}
	if wrong := wrongSpace(m.Subject + "\n" + m.Text); lang == i18n.French && wrong != "" {
		t.Errorf("%q has not the spaces of French", wrong)
	}
	if strings.ContainsAny(m.Subject+m.Text+m.HTML, "\x00\x01\x02\x03\x04") {
		t.Error("a mark was left over")
	}
}

// checkHTML: nothing from elsewhere, one button, and the same words as the text.
func checkHTML(t *testing.T, m *Message) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(m.HTML))
	if err != nil {
		t.Fatal(err)
	}
	var links []string
	var words strings.Builder
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "title":
			words.WriteString(n.Data + " ")
		case n.Type == html.ElementNode:
			switch n.Data {
			case "img", "script", "link", "iframe", "form":
				t.Errorf("the HTML has a <%s>", n.Data)
			case "a":
				links = append(links, attribute(n, "href"))
			}
		}
	}
	if len(links) != 0 && (len(links) != 2 || links[0] != links[1]) {
		t.Errorf("links are the button and the same address in clear, not %q", links)
	}
	page := strings.Join(strings.Fields(words.String()), " ")
	page = strings.TrimPrefix(page, "Web Services Entreprises ")
	text := strings.NewReplacer(smallPrint, "", "\n> ", "\n", "\u00a0:\nhttps:", "\nhttps:", ":\nhttps:", "\nhttps:").Replace(m.Text)
	if text = strings.Join(strings.Fields(text), " "); page != text {
		t.Errorf("text and HTML differ.\ntext: %s\nHTML: %s", text, page)
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// Every letter uses exactly the keys of its kind: no more, no less.
func TestKeys(t *testing.T) {
	r := newTestRenderer(t)
	for kind, needs := range Kinds {
		for _, lang := range languages {
			used := map[string]bool{}
			known := slices.Concat(needs.Data, needs.Optional, needs.Secret, needs.MaySeal)
			source, err := Options{}.source(string(kind) + "." + lang)
			if err != nil {
				t.Fatal(err)
			}
			g := grammar{source: source, keys: known, includes: includes(kind), functions: r.functions(lang, ""), used: used, compared: map[string][]string{}}
			if err := g.examine("x"); err != nil {
				t.Errorf("%s.%s: %v", kind, lang, err)
			}
			for _, key := range known {
				if !used[key] {
					t.Errorf("%s.%s does not use %q", kind, lang, key)
				}
				if sample[key] == "" {
					t.Errorf("the sample has no %q", key)
				}
			}
			for key := range used {
				if !slices.Contains(known, key) {
					t.Errorf("%s.%s uses %q, which is not a key of its kind", kind, lang, key)
				}
			}
		}
	}
	entries, err := files.ReadDir("letter")
	if err != nil {
		t.Fatal(err)
	}
	if want := (len(Kinds) + len(partials)) * len(languages); len(entries) != want {
		t.Errorf("the folder letter has %d files, not %d", len(entries), want)
	}
}

func TestCheck(t *testing.T) {
	for name, spoil := range map[string]func(*portique.Letter){
		"unknown kind":   func(l *portique.Letter) { l.Kind = "postcard" },
		"missing data":   func(l *portique.Letter) { delete(l.Data, "company") },
		"empty data":     func(l *portique.Letter) { l.Data["company"] = "" },
		"too much":       func(l *portique.Letter) { l.Data["url"] = "https://elsewhere.example" },
		"unasked secret": func(l *portique.Letter) { l.Secret["code"] = "123456" },
	} {
		l := Sample(portique.LetterRequestAccepted, "fr", false)
		if err := Check(l); err != nil {
			t.Fatal(err)
		}
		if spoil(l); Check(l) == nil {
			t.Errorf("%s passes", name)
		}
	}
	l := Sample(portique.LetterValidation, "fr", false)
	if l.Secret = nil; Check(l) == nil { // sealed with another master key
		t.Error("a validation letter without its link passes")
	}
}

// The sentences of the guide, word for word, in both forms.
func TestGuideSentences(t *testing.T) {
	r := newTestRenderer(t)
	m, err := r.Render(Sample(portique.LetterValidation, "fr", true))
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject != "Validation de création de compte" {
		t.Errorf("the subject is %q", m.Subject)
	}
	sentence := "Madame, Monsieur, Merci de cliquer sur ce lien pour valider la création de votre compte Web Services : Valider la création de mon compte."
	if text := strings.Join(strings.Fields(m.Text), " "); !strings.Contains(text, sentence+" "+sample["link"]) {
		t.Errorf("the sentence is not there:\n%s", m.Text)
	}
	for _, want := range []string{sample["code"], sample["disown_code"], "15 minutes", "Ce n'est pas moi"} {
		if !strings.Contains(m.Text, want) || !strings.Contains(html.UnescapeString(m.HTML), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(m.Text+m.HTML, "Jeanne") {
		t.Error("it greets by a name that a stranger may have typed")
	}
	m, err = r.Render(Sample(portique.LetterRequestAccepted, "fr", false))
	if err != nil {
		t.Fatal(err)
	}
	if said := "Vous pouvez accéder au portail !"; !strings.Contains(m.Text, said) || !strings.Contains(m.HTML, said) {
		t.Errorf("%q is missing", said)
	}
}

// What people type stays words: no header, no paragraph, no button, no markup.
func TestHostileValues(t *testing.T) {
	r := newTestRenderer(t)
	for _, hostile := range []string{
		"x\r\nBcc: victim@example.org\r\n\r\n",
		"\x01Click here\x01https://evil.example",
		"\x04\x02123456",
		"\n\n--\n\nSubject: other",
		`<script>alert(1)</script><a href="https://evil.example">x</a>`,
		"{{.reason}}{{button}}",
		"\u202egnirts\u2066",
		"[x](https://evil.example)",
	} {
		for _, lang := range languages {
			l := Sample(portique.LetterRequestReceived, lang, true)
			l.Name, l.Data["company"], l.Data["person"] = hostile, hostile, hostile
			m, err := r.Render(l)
			if err != nil {
				t.Errorf("%q: %v", hostile, err)
				continue
			}
			if strings.ContainsAny(m.Subject, "\r\n\u202e\u2066") || strings.Contains(m.HTML, "<script") {
				t.Errorf("%q gets through: %q", hostile, m.Subject)
			}
			checkHTML(t, m)
			if strings.Contains(m.HTML, `href="https://evil`) || strings.Contains(m.Text, "\nhttps://evil") {
				t.Errorf("%q makes a link", hostile)
			}
		}
	}
	for _, to := range []string{"", "a@b.example, c@d.example", "Name <a@b.example>", "a@b.example\r\nBcc: c@d.example", "A@B.example"} {
		l := Sample(portique.LetterAccountExists, "fr", false)
		if l.To = to; to != "" {
			if _, err := r.Render(l); err == nil {
				t.Errorf("a letter to %q is written", to)
			}
		}
	}
}

func TestVariants(t *testing.T) {
	r := newTestRenderer(t)
	for _, c := range []struct {
		kind portique.LetterKind
		set  map[string]string
		want string
	}{
		{portique.LetterRequestSent, map[string]string{"administrators": "1"}, "à l’administrateur de cette entreprise"},
		{portique.LetterEscalated, map[string]string{"administrators": "0"}, "n’a plus d’administrateur"},
		{portique.LetterRequestHandled, map[string]string{"decision": "refused"}, "a refusé la demande"},
		{portique.LetterRequestAccepted, map[string]string{"role": "administrator"}, "Ce rôle ouvre tous les outils et permet de gérer"},
		{portique.LetterRequestAccepted, map[string]string{"role": "declarant"}, "déclarant. Ce rôle ouvre les outils de déclaration"},
		{portique.LetterRequestAccepted, nil, "Cet accès ouvre\u00a0: Demandes de formation, Contrats d’apprentissage et 2 autres outils."},
		{portique.LetterRequestAccepted, map[string]string{"tools": "*", "more_tools": ""}, "ouvre tous les outils de l’entreprise"},
		{portique.LetterRequestAccepted, map[string]string{"tools": "", "more_tools": ""}, "les outils qu’un administrateur a choisis"},
		{portique.LetterRoleChanged, map[string]string{"role": "administrator"}, "a changé le rôle de Chloé Durand (chloe.durand@martin.example) pour"},
		{portique.LetterAdministrator, map[string]string{"by": ""}, "la première personne"},
		{portique.LetterAccessEnded, map[string]string{"person": "", "by": ""}, "L’Opcommerce a mis fin à votre accès"},
		{portique.LetterAccessEnded, map[string]string{"person": "", "by": "Jeanne Petit"}, "Votre accès pour Boulangerie Martin & Fils, SIREN 552\u00a0100\u00a0554, a pris fin"},
		{portique.LetterAccessOpened, map[string]string{"person": "", "role": "declarant"}, "L’Opcommerce vous a ouvert un accès"},
		{portique.LetterAccessOpened, map[string]string{"person": "", "reason": ""}, "avec son code adhérent"},
		{portique.LetterAdministrator, map[string]string{}, "n’a plus de date de fin\u00a0: un administrateur n’en a pas"},
		{portique.LetterRoleChanged, map[string]string{}, "Son nouveau rôle\u00a0: "},
		{portique.LetterRoleChanged, map[string]string{"person": "", "same_role": ""}, "a changé votre rôle pour"},
		{portique.LetterRoleChanged, map[string]string{"person": "", "same_role": ""}, "Votre nouveau rôle\u00a0: "},
		{portique.LetterRoleChanged, map[string]string{"person": ""}, "Votre rôle reste\u00a0: "},
		{portique.LetterRoleChanged, map[string]string{"person": ""}, "Cet accès ouvre\u00a0: Demandes de formation, Contrats d’apprentissage et 2 autres outils"},
		{portique.LetterRoleChanged, map[string]string{"person": "", "tools": "*", "more_tools": ""}, "ouvre tous les outils de l’entreprise"},
		{portique.LetterRoleChanged, map[string]string{"person": "", "no_until": ""}, "Votre accès est ouvert jusqu’au"},
		{portique.LetterRoleChanged, map[string]string{"person": "", "until": ""}, "Votre accès n’a plus de date de fin."},
		{portique.LetterAccessEnded, map[string]string{}, "a retiré l’accès de Chloé Durand"},
	} {
		l := Sample(c.kind, "fr", true)
		maps.Copy(l.Data, c.set)
		m, err := r.Render(l)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.ReplaceAll(m.Text, "\n", " "), c.want) {
			t.Errorf("%s with %v does not say %q:\n%s", c.kind, c.set, c.want, m.Text)
		}
		checkHTML(t, m)
	}
	if m, err := r.Render(Sample(portique.LetterAccountExists, "de", true)); err != nil || !strings.Contains(m.Text, "Bonjour Jeanne Petit,") {
		t.Errorf("a language we lack is not French: %v", err)
	}
	for _, bad := range []map[string]string{{"role": "king"}, {"until": "31/12/2026"}} {
		l := Sample(portique.LetterRequestAccepted, "fr", true)
		maps.Copy(l.Data, bad)
		if _, err := r.Render(l); err == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

// What somebody typed never becomes a link; what is no address stays as it is.
func TestUnlinked(t *testing.T) {
	for typed, want := range map[string]string{
		"http://mal.example/x": "http:\u200b//mal.\u200bexample/x", "www.mal.example": "www.\u200bmal.\u200bexample", "mal.example": "mal.\u200bexample",
		"Voir ftp://10.0.0.1/ ou mal.fr.": "Voir ftp:\u200b//10.0.0.1/ ou mal.\u200bfr.", "http://a@mal.example": "http:\u200b//a@mal.\u200bexample",
		"rh@boutique.example": "rh@boutique.example", "S.A.R.L. Martin": "S.A.R.L. Martin", "Dr. Martin, 2.50 €": "Dr. Martin, 2.50 €", "E.Leclerc": "E.\u200bLeclerc", "": "",
	} {
		if got := unlinked(typed); got != want {
			t.Errorf("%q became %q", typed, got)
		}
	}
}
