package portique_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// guideFolder holds the users' guide, one page for each language, and its pictures.
const guideFolder = "docs/guide"

// The guide writes the words of the screen in bold between quotation marks, and nothing else.
var (
	boldQuotes = map[string]*regexp.Regexp{"fr": regexp.MustCompile(`\*\*«\s*([^«»]+?)\s*»\*\*`), "en": regexp.MustCompile(`\*\*“([^“”]+)”\*\*`)}
	goTemplate = regexp.MustCompile(`\{\{[^}]*\}\}`)
	sentence   = regexp.MustCompile(`[^.?!:]*(?:[.?!:]+|$)`)
)

// A guide that says other words than the screen leaves its reader lost at the worst moment.
func TestGuideQuotesTheScreen(t *testing.T) {
	for _, language := range []string{"fr", "en"} {
		screen := screenWords(t, language)
		text := readFile(t, guidePage(language))
		quotes := boldQuotes[language].FindAllStringSubmatch(text, -1)
		if len(quotes) < 50 {
			t.Errorf("%s: only %d quotations: are they still written in the same way?", language, len(quotes))
		}
		for _, q := range quotes {
			if !screen.MatchString(oneSpace(q[1])) {
				t.Errorf("%s: no message says %q any more", language, q[1])
			}
		}
		if begun := strings.Count(text, "**«") + strings.Count(text, "**“"); begun != len(quotes) {
			t.Errorf("%s: %d quotations begin and %d are whole", language, begun, len(quotes))
		}
	}
}

func TestGuidePicturesAreThere(t *testing.T) {
	picture := regexp.MustCompile(`!\[([^\]]*)\]\(([^)]*)\)`)
	shown := map[string]bool{}
	for _, language := range []string{"fr", "en"} {
		for _, m := range picture.FindAllStringSubmatch(readFile(t, guidePage(language)), -1) {
			path := filepath.Join(guideFolder, m[2])
			shown[path] = true
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %v", language, err)
			}
			if !strings.HasSuffix(path, "."+language+".png") {
				t.Errorf("%s: %s shows another language", language, path)
			}
			if m[1] == "" {
				t.Errorf("%s: %s says nothing to who cannot see it", language, path)
			}
		}
	}
	all, err := filepath.Glob(guideFolder + "/pictures/*.png")
	if err != nil || len(all) == 0 {
		t.Fatalf("no picture at all (%v): scripts/screenshots guide takes them", err)
	}
	for _, path := range all {
		if !shown[path] {
			t.Errorf("%s is in no guide", path)
		}
	}
}

func TestGuideLinksLeadToItsParts(t *testing.T) {
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	link := regexp.MustCompile(`\]\(#([^)]*)\)`)
	parts := map[string]int{}
	for _, language := range []string{"fr", "en"} {
		text := readFile(t, guidePage(language))
		anchors := map[string]bool{}
		for _, m := range heading.FindAllStringSubmatch(text, -1) {
			anchors[anchor(m[1])] = true
		}
		parts[language] = len(anchors)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if !anchors[m[1]] {
				t.Errorf("%s: no part is called #%s", language, m[1])
			}
		}
	}
	if parts["fr"] != parts["en"] {
		t.Errorf("%d parts in French, %d in English", parts["fr"], parts["en"])
	}
}

func TestGuideTypography(t *testing.T) {
	wrong := regexp.MustCompile(`[ \x{00a0}][?!;]|[ \x{202f}]:|« | »|'`)
	for i, line := range strings.Split(readFile(t, guidePage("fr")), "\n") {
		if m := wrong.FindString(line); m != "" {
			t.Errorf("line %d: %q in %q", i+1, m, line)
		}
	}
}

// screenWords matches what people read: a whole message, some whole sentences of one, the subject of a letter, a button in one.
func screenWords(t *testing.T, language string) *regexp.Regexp {
	t.Helper()
	var texts []string
	for _, path := range glob(t, "internal/i18n/message/*."+language+".json") {
		var file map[string]any
		if err := json.Unmarshal([]byte(readFile(t, path)), &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, message := range file {
			if forms, ok := message.(map[string]any); ok {
				for _, form := range forms {
					texts = append(texts, fmt.Sprint(form))
				}
				continue
			}
			texts = append(texts, fmt.Sprint(message))
		}
	}
	letterWords := regexp.MustCompile(`(?m)^Subject: (.*)$|\{\{button "([^"]*)"`)
	for _, path := range glob(t, "internal/mail/letter/*."+language+".txt") {
		for _, m := range letterWords.FindAllStringSubmatch(readFile(t, path), -1) {
			texts = append(texts, m[1]+m[2])
		}
	}
	var patterns []string
	for _, text := range texts {
		text = goTemplate.ReplaceAllString(oneSpace(text), "\x00")
		sentences := sentence.FindAllString(text, -1)
		for from := range sentences {
			for to := from + 1; to <= len(sentences); to++ {
				some := strings.TrimSpace(strings.Join(sentences[from:to], ""))
				if strings.Trim(some, "\x00 .?!:") != "" {
					patterns = append(patterns, strings.ReplaceAll(regexp.QuoteMeta(some), "\x00", ".+"))
				}
			}
		}
	}
	return regexp.MustCompile(`^(?:` + strings.Join(patterns, "|") + `)$`)
}

// anchor is the name that a heading of Markdown gets in an address.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// oneSpace makes all spaces plain and single, and apostrophes straight: the guide breaks its lines, and the published sentences keep
// the apostrophes they came with.
func oneSpace(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ReplaceAll(s, "’", "'"), unicode.IsSpace), " ")
}

func guidePage(language string) string { return filepath.Join(guideFolder, language+".md") }

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: nothing (%v)", pattern, err)
	}
	return paths
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
