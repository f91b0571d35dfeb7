package i18n

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A configured name may begin with a French article: "l'Opcommerce",
// "le Réseau", "les Chambres". French contracts it after "à" and "de"; English
// drops it and the message brings its own preposition.

// article splits a name into its French article, lower case, and the rest.
func article(name string) (string, string) {
	name = strings.TrimSpace(name)
	lower := strings.ToLower(name)
	for _, a := range []string{"l'", "l’", "le ", "la ", "les "} {
		if strings.HasPrefix(lower, a) && len(name) > len(a) {
			return a, strings.TrimSpace(name[len(a):])
		}
	}
	return "", name
}

// Name gives the name as it stands in a sentence.
func (p *Printer) Name(name string) string {
	if p.lang == French {
		return strings.TrimSpace(name)
	}
	_, rest := article(name)
	return rest
}

// To gives the name after "à" in French ("à l'X", "au X", "aux X"); in English
// the name alone.
func (p *Printer) To(name string) string {
	return p.contract(name, "à", "au", "aux")
}

// Of gives the name after "de" in French ("de l'X", "du X", "des X", "d'X"); in
// English the name alone.
func (p *Printer) Of(name string) string {
	return p.contract(name, "de", "du", "des")
}

func (p *Printer) contract(name, preposition, masculine, plural string) string {
	a, rest := article(name)
	if p.lang != French {
		return rest
	}
	switch a {
	case "le ":
		return masculine + " " + rest
	case "les ":
		return plural + " " + rest
	case "":
		if preposition == "de" && startsWithVowel(rest) {
			return "d'" + rest
		}
		return preposition + " " + rest
	}
	return preposition + " " + a + rest
}

// OfPerson gives a person's name after "de" in French ("de Paul", "d’Anna"); in
// English the name alone. A person's name has no article: "Le Goff" stays.
func (p *Printer) OfPerson(name string) string {
	switch {
	case p.lang != French:
		return name
	case elides(name):
		return "d’" + name
	}
	return "de " + name
}

// muteH begins the first names before which an h is not heard; it is before
// Hans, Hassan or Heidi.
var muteH = []string{"hé", "hect", "henr", "herm", "herv", "hippol", "hono", "horte", "hub", "hugu", "hyac"}

// elides says whether "de" loses its vowel before a person's name: before a
// vowel, a mute h, and a y that is one ("Yves", but not "Yann").
func elides(name string) bool {
	lower := strings.ToLower(strings.TrimSpace(name))
	if y, ok := strings.CutPrefix(lower, "y"); ok {
		return y != "" && !startsWithVowel(y)
	}
	if startsWithVowel(lower) {
		return true
	}
	return slices.ContainsFunc(muteH, func(h string) bool { return strings.HasPrefix(lower, h) })
}

func startsWithVowel(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return strings.ContainsRune("aàâäeéèêëiîïoôöuùûüyœæ", unicode.ToLower(r))
}

// Capital makes the first letter of a sentence upper case.
func Capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[size:]
}
