package i18n

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The checks below read every sentence as a proof-reader would. Each is a
// function that says what is wrong, so that TestChecksCatch can show that it
// does say it.

var action = regexp.MustCompile(`\{\{[^}]*\}\}|\{[a-z]+\}`)

// sentences gives every message, each plural form apart, and every letter, by
// key and form or by file. Arguments are left as they stand.
func sentences(t *testing.T, lang string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for key, forms := range texts(t, lang) {
		for form, text := range forms {
			if len(forms) > 1 {
				form = key + " " + form
			} else {
				form = key
			}
			all[form] = text
		}
	}
	letters, err := filepath.Glob("../mail/letter/*." + lang + ".txt")
	if err != nil || len(letters) == 0 {
		t.Fatalf("no letters: %v", err)
	}
	for _, path := range letters {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(path)] = prose(string(raw))
	}
	return all
}

var (
	button  = regexp.MustCompile(`\{\{button "([^"]*)"[^}]*\}\}`)
	command = regexp.MustCompile(`[«“][ \x{00a0}]?portique [^»”]*[»”]`)
)

// prose leaves of a letter what people read, without the words of commands.
func prose(letter string) string {
	letter = button.ReplaceAllString(strings.TrimPrefix(letter, "Subject: "), "$1")
	return command.ReplaceAllString(action.ReplaceAllString(letter, " "), " ")
}

// kept is for the user guide's own sentences, which stay as published.
func kept(key string) bool { return strings.HasPrefix(key, "guide.") }

var wrongSigns = map[string]*regexp.Regexp{
	French: regexp.MustCompile(`.?(?:[^\x{202f}][;!?]|[^\x{00a0}]:|«[^\x{00a0}]|[^\x{00a0}]»|'|"|\.\.\.|  |^[;:!?»])`),
	// English puts no space before a sign; a plural possessive ends with its apostrophe.
	English: regexp.MustCompile(`.?(?:\s[;:!?,.]|[«»'"]|\.\.\.|  )`),
}

// wrongSign gives the first sign that is not set by the house rule, with what
// stands before it. In French a narrow no-break space (U+202F) comes before
// ; ! and ?, a full one (U+00A0) before : and inside « »; apostrophes are curly.
func wrongSign(lang, text string) string {
	return wrongSigns[lang].FindString(action.ReplaceAllString(text, "x"))
}

func TestTypography(t *testing.T) {
	for _, lang := range []string{French, English} {
		for key, text := range sentences(t, lang) {
			if kept(key) || strings.HasSuffix(key, ".txt") {
				continue // the signs of letters are set when they are written; internal/mail looks at them
			}
			if wrong := wrongSign(lang, text); wrong != "" {
				t.Errorf("%s %s: %q in %q", lang, key, wrong, text)
			}
		}
	}
}

// Words that are of the other language only. A sentence may quote those of allowed.
var otherLanguage = map[string][]string{
	French: strings.Fields(`the your you please account password company companies with this that these and from have has been was were
		not sign user users letter request requests access link email emails mail tool tools role administrator they their who what
		when which will can must open opened close choose enter again back see wait`),
	English: strings.Fields(`le la les des du une un vous votre vos nous notre est sont pour avec sur dans et ou que qui ce cette ces
		mot passe compte entreprise entreprises adresse demande demandes courriel lien outil outils utilisateur administrateur
		connecter connexion ne pas plus`),
}

var allowed = map[string][]string{
	"validation.fr.txt": {"email"}, // it names the guide's link, "Renvoyer à nouveau l'email"
}

// word is one without its article: "l’access" is two.
var word = regexp.MustCompile(`[\pL]+(?:[-‑][\pL]+)*`)

// strangers gives the words of a sentence that are of the other language.
func strangers(lang, text string) (found []string) {
	for _, w := range word.FindAllString(strings.ToLower(action.ReplaceAllString(text, " ")), -1) {
		if slices.Contains(otherLanguage[lang], w) || lang == English && strings.ContainsAny(w, "éèêëàâçùûîïôœ") {
			found = append(found, w)
		}
	}
	return found
}

func TestLanguagesDoNotMix(t *testing.T) {
	for _, lang := range []string{French, English} {
		for key, text := range sentences(t, lang) {
			for _, w := range strangers(lang, text) {
				if !kept(key) && !slices.Contains(allowed[key], w) {
					t.Errorf("%s %s: %q in %q", lang, key, w, text)
				}
			}
		}
	}
}

// never is what no page and no letter says: words of our trade, words that
// scold, and an exclamation mark.
var never = regexp.MustCompile(`(?i)\b(?:tenants?|realms?|grants?|identity providers?|fournisseurs? d['’]identité|tokens?|jetons?|claims?|` +
	`in?valides?|invalids?|incorrecte?s?|illegal|illégale?s?|interdite?s?|forbidden|oops|oups)\b|!`)

func TestWordsNeverSaid(t *testing.T) {
	for _, lang := range []string{French, English} {
		for key, text := range sentences(t, lang) {
			if kept(key) || strings.HasPrefix(key, "request_accepted.") { // "Vous pouvez accéder au portail !" is the guide's
				continue
			}
			if bad := never.FindString(action.ReplaceAllString(text, " ")); bad != "" {
				t.Errorf("%s %s: %q in %q", lang, key, bad, text)
			}
		}
	}
}

// oneWord is what a page or a letter calls otherwise than the rest does: an
// address is an adresse e-mail (email address), what goes to it a courriel
// (email), a slip is offered with "Vouliez-vous écrire", access is given.
var oneWord = map[string]*regexp.Regexp{
	French:  regexp.MustCompile(`(?i)\b(?:messages?|e?mails?|e[-\x{2011}]mails?|avez-vous voulu|vouliez-vous dire|activ(?:ez|er))\b`),
	English: regexp.MustCompile(`(?i)\b(?:messages?|e[-\x{2011}]mails?|mails|did you want|activate)\b`),
}

// other gives the first word of a sentence that is another's here.
func other(lang, text string) string {
	text = strings.NewReplacer("adresse e-mail", "", "adresses e-mail", "").Replace(action.ReplaceAllString(text, " "))
	return oneWord[lang].FindString(text)
}

func TestOneWordForOneThing(t *testing.T) {
	for _, lang := range []string{French, English} {
		for key, text := range sentences(t, lang) {
			if found := other(lang, text); found != "" && !kept(key) && !slices.Contains(allowed[key], found) {
				t.Errorf("%s %s: %q in %q", lang, key, found, text)
			}
		}
	}
}

// familiar is how one speaks to a friend; we say "vous".
var familiar = regexp.MustCompile(`(?i)(?:^|[^\pL])(tu|te|toi|ton|ta|tes|t[’'][a-zéèêà]+)(?:$|[^\pL])`)

func TestVous(t *testing.T) {
	for key, text := range sentences(t, French) {
		if found := familiar.FindString(text); found != "" {
			t.Errorf("%s: %q in %q", key, found, text)
		}
	}
}

var counted = map[string]*regexp.Regexp{
	French:  regexp.MustCompile(`(?:^|\D)[01][ \x{00a0}\x{202f}]([\pL-]{2,}[sx])(?:$|[^\pL])`),
	English: regexp.MustCompile(`(?:^|\D)1 ([\pL-]{3,}s)(?:$|[^\pL])`),
}

// disagreement gives the plural noun of one, "1 demandes", in French of none
// too: it counts zero in the singular.
func disagreement(lang, text string) string {
	m := counted[lang].FindStringSubmatch(text)
	if m == nil || m[1] == "fois" || m[1] == "mois" {
		return ""
	}
	return m[1]
}

// Of no message may the number and the noun disagree, whatever the count, and
// no message may count without both forms.
func TestCounts(t *testing.T) {
	c := catalog(t)
	for _, lang := range []string{French, English} {
		p := c.Printer(lang)
		for key, forms := range texts(t, lang) {
			if len(forms) == 1 {
				if strings.Contains(strings.ReplaceAll(forms["other"], "({{.Count}})", ""), ".Count") { // alone between brackets no noun follows it
					t.Errorf("%s %s counts without a plural", lang, key)
				}
				continue
			}
			for _, count := range []int{0, 1, 2, 21} {
				args := []any{"Count", count}
				for _, name := range names(forms) {
					if name != "Count" {
						args = append(args, name, "X")
					}
				}
				got := p.T(key, args...)
				if bad := disagreement(lang, got); bad != "" {
					t.Errorf("%s %s %d: %q in %q", lang, key, count, bad, got)
				}
				// one form is for one (in French for none too), the other for the rest
				form := "other"
				if count == 1 || count == 0 && lang == French {
					form = "one"
				}
				if want := strings.ReplaceAll(forms[form], "{{.Count}}", fmt.Sprint(count)); action.ReplaceAllString(want, "X") != got {
					t.Errorf("%s %s %d: %q, want %q", lang, key, count, got, want)
				}
			}
		}
	}
}

// What the sources say of keys: every string literal, and the ends that are
// glued to another ("error.page_" + status + "_text").
type usage struct{ literals, befores, afters map[string]bool }

var (
	quoted     = regexp.MustCompile("[\"`]([a-z0-9_.]+)[\"`]")
	glueBefore = regexp.MustCompile("[\"`]([a-z0-9_.]+[._])[\"`] ?\\+")
	glueAfter  = regexp.MustCompile("\\+ ?[\"`]([._][a-z0-9_.]+)[\"`]")
	number     = regexp.MustCompile(`^[0-9]+$`)
)

func (u *usage) read(source string) {
	for set, find := range map[*map[string]bool]*regexp.Regexp{&u.literals: quoted, &u.befores: glueBefore, &u.afters: glueAfter} {
		if *set == nil {
			*set = map[string]bool{}
		}
		for _, m := range find.FindAllStringSubmatch(source, -1) {
			(*set)[m[1]] = true
		}
	}
}

// uses says whether some source can ask for the key: as it stands, or glued
// from a beginning and a word or a number, with an end or without.
func (u *usage) uses(key string) bool {
	if u.literals[key] {
		return true
	}
	for end := range u.afters {
		if rest, ok := strings.CutSuffix(key, end); ok && u.uses(rest) {
			return true
		}
	}
	for beginning := range u.befores {
		if rest, ok := strings.CutPrefix(key, beginning); ok && (u.literals[rest] || number.MatchString(rest)) {
			return true
		}
	}
	return false
}

// sources reads every Go and templ file of the project that is neither a test
// nor generated.
func sources(t *testing.T) *usage {
	t.Helper()
	u := &usage{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "..") || name == "e2e" || name == "bench" || name == "gallery" { // samples are no use of a message
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".templ") || strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(name, "_templ.go") {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			u.read(string(raw))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(u.literals) < 500 {
		t.Fatalf("only %d words were read: not the whole project", len(u.literals))
	}
	return u
}

func TestEveryMessageIsUsed(t *testing.T) {
	u := sources(t)
	for _, key := range slices.Sorted(maps.Keys(texts(t, French))) {
		if !u.uses(key) {
			t.Errorf("%s: no source asks for it", key)
		}
	}
}

// asked is a key where one is asked for: printed, or carried by an error. Those
// of grants and of tokens for tools reach no page: the standard's codes answer.
var asked = regexp.MustCompile(`(?:\.(?:T|t|op|named|titled)\(|\bKey: |\binvalid\((?:"[a-z_]*"|[a-z]+), |\brefuse\(|Refusal: )"([a-z0-9_]+\.[a-z0-9_.]*[a-z0-9])"[^+]`)

func TestEveryMessageAskedForExists(t *testing.T) {
	known := texts(t, French)
	seen := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") ||
			!strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".templ") {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, m := range asked.FindAllSubmatch(raw, -1) {
			seen++
			if key := string(m[1]); known[key] == nil && !strings.HasPrefix(key, "grant.") && !strings.HasPrefix(key, "access_token.") {
				t.Errorf("%s asks for %q, which is not written", path, m[1])
			}
		}
		return err
	})
	if err != nil || seen < 200 {
		t.Errorf("%d seen: %v", seen, err)
	}
}

// Days and hours that people read come from the printer, in words: pages and
// letters format no time but for machines.
func TestDatesAreWrittenByThePrinter(t *testing.T) {
	layout := regexp.MustCompile(`\.(?:Format|AppendFormat)\([^)]*\)`)
	for _, root := range []string{"../web", "../mail", "../access", "../account"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".templ") {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, call := range layout.FindAllString(string(raw), -1) {
				if !strings.Contains(call, "RFC") && !strings.Contains(call, "DateOnly") {
					t.Errorf("%s: %s", path, call)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// A check that finds nothing may be a check that cannot find.
func TestChecksCatch(t *testing.T) {
	for _, tt := range []struct {
		lang, text string
		wrong      bool
	}{
		{French, "Besoin d’aide\u202f?", false},
		{French, "«\u00a0Tous\u00a0»\u00a0: {{.Name}}\u202f; fin…", false},
		{French, "Besoin d’aide ?", true},
		{French, "Besoin d’aide\u00a0?", true},
		{French, "Besoin d’aide?", true},
		{French, "Une chose\u202f: ici", true},
		{French, "Une chose : ici", true},
		{French, "Une chose: ici", true},
		{French, "{{.Name}}: ici", true},
		{French, "« Tous\u00a0»", true},
		{French, "«\u00a0Tous »", true},
		{French, "fin ; suite", true},
		{French, "l'accès", true},
		{French, "fin...", true},
		{English, "Need help? The company’s “tools”: {{.Name}}.", false},
		{English, "Need help ?", true},
		{English, "the company's", true},
		{English, "two  spaces", true},
	} {
		if got := wrongSign(tt.lang, tt.text); (got != "") != tt.wrong {
			t.Errorf("signs of %s %q: %q", tt.lang, tt.text, got)
		}
	}
	for _, tt := range []struct{ lang, text, want string }{
		{French, "Votre accès à {{.company}} est ouvert", ""},
		{French, "Votre password est changé", "password"},
		{French, "Please, donnez l’access à {email}", "please access"},
		{English, "Your access to {{.vous}} is open", ""},
		{English, "Your compte is open", "compte"},
		{English, "Your accès", "accès"},
	} {
		if got := strings.Join(strangers(tt.lang, tt.text), " "); got != tt.want {
			t.Errorf("strangers of %s %q: %q", tt.lang, tt.text, got)
		}
	}
	for text, want := range map[string]string{
		"Ce code est invalide.": "invalide", "An invalid code": "invalid", "The token": "token", "Votre claim": "claim", "Bravo !": "!", "Oups": "Oups",
		"Le nom est valide, validez": "", "exclaimed": "",
	} {
		if got := never.FindString(text); got != want {
			t.Errorf("never said in %q: %q", text, got)
		}
	}
	for _, tt := range []struct{ lang, text, want string }{
		{French, "Votre adresse e-mail, puis le courriel", ""},
		{French, "Ouvrez le message", "message"},
		{French, "votre adresse e\u2011mail", "e\u2011mail"},
		{French, "Un e-mail est parti", "e-mail"},
		{French, "par mail", "mail"},
		{French, "Avez-vous voulu écrire", "Avez-vous voulu"},
		{French, "Activez l’accès, déjà activé", "Activez"},
		{English, "An email to your email address, not junk mail", ""},
		{English, "This message", "message"},
		{English, "Your E-mail", "E-mail"},
	} {
		if got := other(tt.lang, tt.text); got != tt.want {
			t.Errorf("other word of %s %q: %q", tt.lang, tt.text, got)
		}
	}
	for text, want := range map[string]bool{"Donne ton code": true, "Tu peux": true, "t’envoyer": true, "Il tend l’oreille, tout est prêt": false, "était-ce vous": false} {
		if familiar.MatchString(text) != want {
			t.Errorf("familiar in %q", text)
		}
	}
	for _, tt := range []struct {
		lang, text string
		wrong      bool
	}{
		{French, "1 demandes", true}, {French, "Les 0 administrateurs", true}, {French, "21 demandes", false}, {French, "1 demande", false}, {French, "2 demandes", false},
		{French, "1 fois", false}, {English, "1 requests", true}, {English, "0 requests", false}, {English, "21 requests", false}, {English, "1 request", false},
	} {
		if (disagreement(tt.lang, tt.text) != "") != tt.wrong {
			t.Errorf("count of %s %q", tt.lang, tt.text)
		}
	}
	u := &usage{}
	u.read(`p.t("common.help"); p.t("common.role." + r); roles := []string{"member"}; p.op("error.page_" + strconv.Itoa(n)); key + "_text"; ` + "`portal.raw`")
	for key, want := range map[string]bool{
		"common.help": true, "common.role.member": true, "error.page_404": true, "error.page_404_text": true, "portal.raw": true,
		"common.old": false, "common.role.king": false, "error.page_x": false, "error.page_404_act": false, "common.role.": true,
	} {
		if u.uses(key) != want {
			t.Errorf("%s used: %v", key, !want)
		}
	}
}
