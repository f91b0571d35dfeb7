package portique_test

import (
	"errors"
	"strings"
	"testing"

	"portique"
)

// keyOf names what was refused: "field key", the key alone without a field, "" when nothing was.
func keyOf(err error) string {
	var many portique.FieldErrors
	if errors.As(err, &many) {
		var keys []string
		for _, e := range many {
			keys = append(keys, e.Field+" "+e.Key)
		}
		return strings.Join(keys, ", ")
	}
	var e *portique.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		return err.Error()
	case e.Field == "":
		return e.Key
	}
	return e.Field + " " + e.Key
}

// CLM-09: one company, whatever way its number is typed, or a refusal before any look-up.
func TestParseSIREN(t *testing.T) {
	for typed, want := range map[string]string{
		"552100554":                         "552100554",
		"552 100 554":                       "552100554",
		" 552.100.554 ":                     "552100554",
		"552-100-554":                       "552100554",
		"552\u00a0100\u202f554\t\r\n":       "552100554", // no-break and narrow spaces, as pasted from a page
		"\ufeff552100554\u200b":             "552100554",
		"552\u2003100\u2009554\u200e\u00ad": "552100554", // wide, thin, and what cannot be seen
		"552–100—554":                       "552100554",
		"５５２１００５５４":                         "552100554", // full width
		"552　100　554":                       "552100554", // with ideographic spaces
		"552 100 554 00025":                 "552100554", // a SIRET, whose own key does not matter
		"732829320 00074":                   "732829320",

		"":                          "siren siren.missing",
		" . ":                       "siren siren.missing",
		"55210055":                  "siren siren.length",
		"5521005540":                "siren siren.length",
		"5521005540002":             "siren siren.length",
		"552100554000250":           "siren siren.length",
		"552100555":                 "siren siren.key",
		"525100554":                 "siren siren.key", // two digits exchanged
		"552 100 555 00025":         "siren siren.key",
		"FR 40 552100554":           "siren siren.characters",
		"55210O554":                 "siren siren.characters",
		"552100554; DROP TABLE":     "siren siren.characters",
		"٥٥٢١٠٠٥٥٤":                 "siren siren.characters", // Arabic digits are nobody's keyboard here
		"552100554\x00":             "siren siren.characters",
		"\xff552100554":             "siren siren.characters",
		strings.Repeat("5", 10_000): "siren siren.length",
		strings.Repeat(" ", 10_000): "siren siren.length",
	} {
		got, err := portique.ParseSIREN(typed)
		if s := string(got) + keyOf(err); s != want {
			t.Errorf("%.40q: %q, want %q", typed, s, want)
		}
	}
	if got := portique.SIREN("552100554").Grouped(); got != "552\u00a0100\u00a0554" {
		t.Errorf("grouped: %q", got)
	}
}

func TestParseEmail(t *testing.T) {
	long := strings.Repeat("a", 64)
	for typed, want := range map[string]string{
		"marie@martin.example":               "marie@martin.example",
		"  Marie@Martin.EXAMPLE\u00a0\r\n":   "marie@martin.example",
		"\u200bmarie@martin.example\ufeff":   "marie@martin.example",
		"marie+opco@martin.example":          "marie+opco@martin.example",
		"o'neil_x-1@sub.martin.example":      "o'neil_x-1@sub.martin.example",
		"marie@Café.example":                 "marie@xn--caf-dma.example",
		"marie@cafe\u0301.example":           "marie@xn--caf-dma.example",
		"marie@xn--caf-dma.example":          "marie@xn--caf-dma.example",
		long + "@martin.example":             long + "@martin.example",
		"marie@" + long[:63] + ".example":    "marie@" + long[:63] + ".example",
		"":                                   "mail email.missing",
		" \t ":                               "mail email.missing",
		"marie":                              "mail email.form",
		"@martin.example":                    "mail email.form",
		"marie@":                             "mail email.form",
		"marie@localhost":                    "mail email.form",
		"marie@martin.example.":              "mail email.form",
		"marie@martin..example":              "mail email.form",
		"marie@.martin.example":              "mail email.form",
		"marie@-martin.example":              "mail email.form",
		"marie@mar_tin.example":              "mail email.form",
		"marie@[127.0.0.1]":                  "mail email.form",
		"marie@" + long + ".example":         "mail email.form",
		".marie@martin.example":              "mail email.form",
		"marie.@martin.example":              "mail email.form",
		"ma..rie@martin.example":             "mail email.form",
		long + "a@martin.example":            "mail email.form",
		strings.Repeat("a.", 5000) + "@x.fr": "mail email.form",
		"rené@martin.example":                "mail email.ascii",
		"ｍarie@martin.example":               "mail email.ascii",

		// What would make a letter have two recipients, or another one (REG-15).
		"Marie <marie@martin.example>":             "mail email.form",
		"<marie@martin.example>":                   "mail email.form",
		"marie@martin.example (Marie)":             "mail email.form",
		"marie(comment)@martin.example":            "mail email.form",
		`"marie"@martin.example`:                   "mail email.form",
		`"a@x.example, b"@martin.example`:          "mail email.form",
		"marie@martin.example,eve@evil.example":    "mail email.form",
		"marie@martin.example;eve@evil.example":    "mail email.form",
		"marie@martin.example eve@evil.example":    "mail email.form",
		"marie,eve@evil.example":                   "mail email.form",
		"marie eve@evil.example":                   "mail email.form",
		"marie@martin.example@evil.example":        "mail email.form",
		"marie@martin.example\r\nBcc: eve":         "mail email.form",
		"marie\r\n@martin.example":                 "mail email.form",
		"marie@martin.example\nRCPT TO:<e@v.l>":    "mail email.form",
		"marie\x00@martin.example":                 "mail email.form",
		"marie@martin.example\x00":                 "mail email.form",
		"marie@martin\x00.example":                 "mail email.form",
		"marie@martin.example\xff":                 "mail email.form",
		"marie@martin.example\ufffd":               "mail email.form",
		"marie@martin.example\u202e":               "mail email.form",
		"marie\\@martin.example":                   "mail email.form",
		"marie@martin.example>":                    "mail email.form",
		"marie@martin.example/../":                 "mail email.form",
		"mailto:marie@martin.example":              "mail email.form",
		"=?utf-8?q?marie=40evil.example?=":         "mail email.form",
		"marie@martin.example\u0085\u2028x@e.vi.l": "mail email.form",
	} {
		got, err := portique.ParseEmail("mail", typed)
		if s := got + keyOf(err); s != want {
			t.Errorf("%.60q: %q, want %q", typed, s, want)
		}
	}
}

func TestCleanText(t *testing.T) {
	for typed, want := range map[string]string{
		"":                               "",
		" \t\r\n\u00a0":                  "",
		"  Jeanne \t\n d'Arc ":           "Jeanne d'Arc",
		"e\u0301te\u0301":                "été",
		"a\x00b\x1bc\u0085d":             "abc d", // NEL is a space
		"\u202eevil\u202c\u2066x\u2069":  "evilx",
		"a\u200bb\ufeffc\u00add\u200de":  "abcde",
		"ligne\u2028deux\u2029trois":     "ligne deux trois",
		"\xffoctet\xfe":                  "octet",
		"<b>gras</b> & \"guillemets\" 😀": "<b>gras</b> & \"guillemets\" 😀",
	} {
		if got := portique.CleanText(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
		if got := portique.CleanText(portique.CleanText(typed)); got != want {
			t.Errorf("%q cleaned twice: %q", typed, got)
		}
	}
}

// A name of another direction stays in its place; any other is left alone.
func TestIsolate(t *testing.T) {
	for s, want := range map[string]string{
		"":           "",
		"Zoé (1) 李":  "Zoé (1) 李",
		"דנה כהן":    "\u2068דנה כהן\u2069",
		"Dr ليلى 12": "\u2068Dr ليلى 12\u2069",
	} {
		if got := portique.Isolate(s); got != want {
			t.Errorf("%q: %q", s, got)
		}
	}
}

func TestParseName(t *testing.T) {
	for typed, want := range map[string]string{
		"Jeanne":                        "Jeanne",
		"  Anne-Marie  O’Neil ":         "Anne-Marie O’Neil",
		"D'Artagnan, dit « Charles »":   "D'Artagnan, dit « Charles »",
		"Ze\u0301lie":                   "Zélie",
		"李":                             "李",
		"\u202eeinaJ":                   "einaJ",
		"Jeanne\r\nBcc: x":              "Jeanne Bcc: x", // one line, whatever was sent
		strings.Repeat("é", 80):         strings.Repeat("é", 80),
		"":                              "last_name name.missing.last_name",
		"\u200b \t":                     "last_name name.missing.last_name",
		strings.Repeat("é", 81):         "last_name name.long",
		strings.Repeat("Jeanne", 2000):  "last_name name.long",
		"1234":                          "last_name name.characters",
		"-":                             "last_name name.characters",
		"<script>alert(1)</script>":     "last_name name.characters",
		"https://evil.example":          "last_name name.characters",
		"Gagnez sur www.x.example/prix": "last_name name.characters",
		"Gagnez www.x.example":          "Gagnez www. x. example", // no mail program makes a link of it
		"J.-P. M.Martin Jr.":            "J.-P. M. Martin Jr.",
		"marie@martin.example":          "last_name name.characters",
		"{{.Password}}":                 "last_name name.characters",
		`C:\x`:                          "last_name name.characters",
	} {
		got, err := portique.ParseName("last_name", typed)
		if s := got + keyOf(err); s != want {
			t.Errorf("%.40q: %q, want %q", typed, s, want)
		}
	}
}

// CLM-10: one code, whatever way it is typed; what it does not do is take O for 0.
func TestCanonicalMemberCode(t *testing.T) {
	for typed, want := range map[string]string{
		"12345678":                         "12345678",
		" ab-cd ef\u00a0gh\t":              "ABCDEFGH",
		"AB\u2010CD\u2011EF\u2012GH\u2013": "ABCDEFGH",
		"\ufeffé1\u200b":                   "É1",
		"O0l1":                             "O0L1", // look-alikes stay what they are
		"AB_CD":                            "AB_CD",
		"Ｋ７ｑｍ　２Ｚ－９":                        "K7QM2Z9", // full width
		"e\u0301t\u00e9":                   "ÉTÉ",     // composed or not
		"AB\u2014CD\u00ad\u200e\u2028EF":   "ABCDEF",
		"\u0301AB\u02dd":                   "AB",
		"\xffAB":                           "\ufffdAB",
		" - ":                              "",
		"":                                 "",
	} {
		if got := portique.CanonicalMemberCode(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
	seen := map[string]bool{}
	for range 500 {
		code := portique.NewMemberCode()
		if len(code) != 10 || strings.ContainsAny(code, "01ILO") || portique.CanonicalMemberCode(code) != code || seen[code] {
			t.Fatalf("a new code: %q", code)
		}
		seen[code] = true
	}
}
