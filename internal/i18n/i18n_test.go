package i18n

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

func catalog(t *testing.T) *Catalog {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(paris)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// texts gives every message as its plural forms ("other" alone without plural).
func texts(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	entries, err := messages.ReadDir("message")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "."+lang+".json") {
			continue
		}
		raw, err := messages.ReadFile(path.Join("message", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var file map[string]any
		if err := json.Unmarshal(raw, &file); err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		for key, value := range file {
			forms := map[string]string{}
			switch v := value.(type) {
			case string:
				forms["other"] = v
			case map[string]any:
				for form, text := range v {
					forms[form], _ = text.(string)
				}
			}
			all[key] = forms
		}
	}
	return all
}

var argument = regexp.MustCompile(`\.([A-Z][A-Za-z]*)`)

func names(forms map[string]string) []string {
	var out []string
	for _, text := range forms {
		for _, action := range regexp.MustCompile(`\{\{[^}]*\}\}`).FindAllString(text, -1) {
			for _, m := range argument.FindAllStringSubmatch(action, -1) {
				if m[1] == "OfName" { // French has it where English has the name alone
					m[1] = "Name"
				}
				out = append(out, m[1])
			}
		}
	}
	sort.Strings(out)
	return slices.Compact(out)
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	french, english := texts(t, French), texts(t, English)
	for key, fr := range french {
		en, ok := english[key]
		if !ok {
			t.Errorf("%s: no English", key)
			continue
		}
		if !slices.Equal(names(fr), names(en)) {
			t.Errorf("%s: French names %v, English %v", key, names(fr), names(en))
		}
		if (len(fr) > 1) != (len(en) > 1) {
			t.Errorf("%s: a plural in one language only", key)
		}
		for _, forms := range []map[string]string{fr, en} {
			if forms["other"] == "" || len(forms) > 1 && forms["one"] == "" {
				t.Errorf("%s: an empty form", key)
			}
		}
	}
	for key := range english {
		if _, ok := french[key]; !ok {
			t.Errorf("%s: no French", key)
		}
	}
}

func TestEveryMessageIsWritten(t *testing.T) {
	c := catalog(t)
	for _, lang := range []string{French, English} {
		p := c.Printer(lang)
		for key, forms := range texts(t, lang) {
			var args []any
			for _, name := range names(forms) {
				if name == "Count" {
					args = append(args, name, 2)
				} else {
					args = append(args, name, "X")
				}
			}
			if len(forms) > 1 && !slices.Contains(args, any("Count")) {
				args = append(args, "Count", 2)
			}
			if got := p.T(key, args...); got == key || got == "" || strings.Contains(got, "<no value>") || strings.Contains(got, "{{") {
				t.Errorf("%s %s: %q", lang, key, got)
			}
		}
	}
}

func TestPlural(t *testing.T) {
	c := catalog(t)
	for _, tt := range []struct {
		lang  string
		count int
		want  string
	}{
		{French, 0, "Une demande d’accès attend votre réponse."}, // French counts zero in the singular
		{French, 1, "Une demande d’accès attend votre réponse."},
		{French, 2, "2 demandes d’accès attendent votre réponse."},
		{French, 1_000_000, "1000000 demandes d’accès attendent votre réponse."},
		{English, 0, "0 requests for access await your answer."},
		{English, 1, "A request for access awaits your answer."},
		{English, 2, "2 requests for access await your answer."},
	} {
		if got := c.Printer(tt.lang).T("portal.waiting.text", "Count", tt.count); got != tt.want {
			t.Errorf("%s %d: %q, want %q", tt.lang, tt.count, got, tt.want)
		}
	}
}

func TestMissingMessageGivesItsKey(t *testing.T) {
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(old)
	p := catalog(t).Printer("fr")
	for range 3 {
		if got := p.T("no.such.message"); got != "no.such.message" {
			t.Errorf("got %q", got)
		}
	}
	if n := strings.Count(log.String(), "no.such.message"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	if p.Has("no.such.message") || !p.Has("guide.login.email") {
		t.Error("Has is wrong")
	}
}

func TestGuideSentencesStay(t *testing.T) {
	p := catalog(t).Printer("fr")
	for key, want := range map[string]string{
		"guide.welcome.known":    "Vous avez déjà un identifiant à l'Opcommerce ?",
		"guide.menu.tools":       "Liste des outils de l'Opcommerce",
		"guide.password.rule":    `Votre mot de passe doit contenir minimum 8 caractères : majuscules, minuscules, chiffres et caractères spéciaux (!@#$%^&*()_[]:;<>?~|}\,/-)`,
		"guide.sent.to":          "Un message de validation a été envoyé sur votre email :",
		"guide.sent.click":       "Veuillez cliquer sur le lien d'activation contenu dans ce mail pour vous connecter à votre espace Web Services Entreprises.",
		"guide.validated.now":    "Vous pouvez maintenant vous connecter à votre espace Web Services Entreprises :",
		"guide.activated.open":   "Vous pouvez accéder au portail !",
		"guide.request.sent_one": "Une demande d'accès a été envoyée à l'administrateur de cette entreprise.",
	} {
		got := p.T(key, "ToOperator", p.To("l'Opcommerce"), "OfOperator", p.Of("l'Opcommerce"), "Portal", "Web Services Entreprises")
		if got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	c := catalog(t)
	at := time.Date(2026, 12, 3, 13, 5, 0, 0, time.UTC) // 14:05 in Paris
	for _, tt := range []struct{ got, want string }{
		{c.Printer("fr").Date(at), "jeudi 3 décembre 2026"},
		{c.Printer("en").Date(at), "Thursday 3 December 2026"},
		{c.Printer("fr").DateTime(at), "jeudi 3 décembre à 14\u00a0h\u00a005"},
		{c.Printer("en").DateTime(at), "Thursday 3 December at 14:05"},
		{c.Printer("fr").Date(time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)), "vendredi 1er janvier 2027"},
		{c.Printer("en").Day(at), "Thursday 3 December"},
		{c.Printer("fr").Date(time.Time{}), ""},
		{c.Printer("fr").DateTime(time.Time{}), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

func TestArticles(t *testing.T) {
	c := catalog(t)
	for _, tt := range []struct{ name, to, of, plain, english string }{
		{"l'Opcommerce", "à l'Opcommerce", "de l'Opcommerce", "l'Opcommerce", "Opcommerce"},
		{"L’Opcommerce", "à l’Opcommerce", "de l’Opcommerce", "L’Opcommerce", "Opcommerce"},
		{"le Réseau", "au Réseau", "du Réseau", "le Réseau", "Réseau"},
		{"la Fédération", "à la Fédération", "de la Fédération", "la Fédération", "Fédération"},
		{"les Chambres", "aux Chambres", "des Chambres", "les Chambres", "Chambres"},
		{"Uniformation", "à Uniformation", "d'Uniformation", "Uniformation", "Uniformation"},
		{"Constructys", "à Constructys", "de Constructys", "Constructys", "Constructys"},
		{"", "à ", "de ", "", ""},
	} {
		fr, en := c.Printer("fr"), c.Printer("en")
		for _, x := range []struct{ got, want string }{
			{fr.To(tt.name), tt.to},
			{fr.Of(tt.name), tt.of},
			{fr.Name(tt.name), tt.plain},
			{en.To(tt.name), tt.english},
			{en.Of(tt.name), tt.english},
			{en.Name(tt.name), tt.english},
		} {
			if x.got != x.want {
				t.Errorf("%q: %q, want %q", tt.name, x.got, x.want)
			}
		}
	}
	if got := Capital("état"); got != "État" {
		t.Errorf("Capital: %q", got)
	}
}

func TestOfPerson(t *testing.T) {
	c := catalog(t)
	for name, want := range map[string]string{
		"Paul Besson": "de Paul Besson", "Anna Keller": "d’Anna Keller", "Émile Zola": "d’Émile Zola", "Inès Le Goff": "d’Inès Le Goff", "Œdipe": "d’Œdipe",
		"Yves Martin": "d’Yves Martin", "Yann Martin": "de Yann Martin", "Yaël": "de Yaël", "Y": "de Y",
		"Hélène Petit": "d’Hélène Petit", "Henri Petit": "d’Henri Petit", "Hans Keller": "de Hans Keller", "Hassan B.": "de Hassan B.",
		"Le Van Minh": "de Le Van Minh", "La Toya": "de La Toya", "": "de ",
	} {
		if got := c.Printer("fr").OfPerson(name); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if got := c.Printer("fr").T("portal.remove.title", "Name", name); !strings.Contains(got, " "+want+"\u202f?") {
			t.Errorf("%q does not say %q", got, want)
		}
		if got := c.Printer("en").OfPerson(name); got != name {
			t.Errorf("in English %q", got)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct{ header, fallback, want string }{
		{"", "fr", "fr"},
		{"", "en", "en"},
		{"", "xx", "fr"},
		{"fr-CA,fr;q=0.9,en;q=0.8", "en", "fr"},
		{"en-GB,en;q=0.9,fr;q=0.1", "fr", "en"},
		{"de,en;q=0.5", "fr", "en"},
		{"en;q=0,fr;q=0.1", "en", "fr"},
		{"ja", "en", "en"},
		{"*", "en", "en"},
		{"not a header;;;q=", "en", "en"},
		{strings.Repeat("en,", 1000), "fr", "fr"},
	} {
		if got := Match(tt.header, tt.fallback); got != tt.want {
			t.Errorf("%.30q %q: %q, want %q", tt.header, tt.fallback, got, tt.want)
		}
	}
}

func TestPrinterOfAnythingElseIsFrench(t *testing.T) {
	c := catalog(t)
	for lang, want := range map[string]string{"fr": "fr", "en": "en", "": "fr", "de": "fr"} {
		if got := c.Printer(lang).Lang(); got != want {
			t.Errorf("%q: %q", lang, got)
		}
	}
}
