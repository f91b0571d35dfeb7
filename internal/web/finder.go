package web

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"portique/internal/web/template"
)

// How much of a list is on one page.
const (
	rowsShown     = 50 // companies, people
	choicesShown  = 20 // companies to open a tool for
	sectionsShown = 10 // companies with their tools
)

// find keeps what a reader looks for (?q=) of a list and cuts it into pages
// (?page=) of a size. A row is found by every word typed, whatever the accents
// and capitals, and by the digits of a SIREN however they are grouped. Shown
// says that the whole list is longer than a page.
func find[T any](v *visit, path string, list []T, size int, text func(T) string) ([]T, template.Finder) {
	query := v.r.URL.Query()
	f := template.Finder{Path: path, Query: strings.TrimSpace(query.Get("q")), Shown: len(list) > size, Keep: url.Values{}}
	if !f.Shown {
		f.Query = ""
	} else if len(f.Query) > 200 {
		f.Query = strings.ToValidUTF8(f.Query[:200], "")
	}
	found := list
	if words := searched(f.Query); len(words) > 0 {
		found = nil
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
	return strings.Fields(fold(query))
}

func containsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// fold leaves out capitals and accents.
func fold(s string) string {
	s, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s)
	if err != nil {
		return strings.ToLower(s) // never: the chain takes any text
	}
	return strings.ToLower(strings.ReplaceAll(s, "’", "'"))
}
