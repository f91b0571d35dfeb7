package web

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"portique"
	"portique/internal/web/template"
)

// How much of a list is on one page.
const (
	rowsShown     = 50 // companies, people
	requestsShown = 10 // requests that wait
	choicesShown  = 20 // companies to open a tool for
	sectionsShown = 10 // companies with their tools
)

// find keeps what a reader looks for (?q=) of a list and cuts it into pages
// (?page=) of a size. A row is found by every word typed, whatever the accents
// and capitals, and by the digits of a SIREN however they are grouped. Shown
// says that the whole list is longer than a page.
func find[T any](v *visit, path string, list []T, size int, text func(T) string) ([]T, template.Finder) {
	query := v.r.URL.Query()
	f := template.Finder{Path: path, Shown: len(list) > size, Keep: url.Values{}}
	v.list = v.list || f.Shown
	// Another site's page looks for nothing: the size of the answer would tell it
	// what there is.
	if f.Shown && !fromElsewhere(v.r) {
		f.Query = portique.CleanText(strings.ToValidUTF8(query.Get("q"), ""))
		f.Query = strings.ToValidUTF8(f.Query[:min(len(f.Query), 200)], "")
	}
	found := list
	if words := searched(f.Query); len(words) > 0 {
		found = nil
		fold := folder()
		for _, row := range list {
			if folded := fold(text(row)); containsAll(folded, words) {
				found = append(found, row)
			}
		}
	}
	f.Found = len(found)
	f.Pages = max(1, (len(found)+size-1)/size)
	page, err := strconv.Atoi(query.Get("page"))
	if err != nil {
		page = 1
	}
	f.Page = min(max(page, 1), f.Pages)
	return found[(f.Page-1)*size : min(f.Page*size, len(found))], f
}

// searched are the words of a query; one of digits only, spaces among them, is
// one word.
func searched(query string) []string {
	if digits := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '.' || r == '-' {
			return -1
		}
		return r
	}, query); digits != "" && strings.Trim(digits, "0123456789") == "" {
		return []string{digits}
	}
	return strings.Fields(folder()(query))
}

func containsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// folder makes a function that leaves out capitals and accents.
func folder() func(string) string {
	plain := transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
	return func(s string) string {
		if folded, _, err := transform.String(plain, s); err == nil { // always: the chain takes any text
			s = folded
		}
		return strings.ToLower(strings.ReplaceAll(s, "’", "'"))
	}
}
