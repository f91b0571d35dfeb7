package portique

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// One word, however it is capitalised, accented, spelt with digits, repeated
// or surrounded by digits and signs, is what guessers try first. Two words that
// are not a listed expression pass. docs/decisions/0009 has the reasons.
const (
	commonMin     = 3  // letters of the shortest word looked up
	commonMax     = 40 // of the longest: longer is a sentence
	commonNear    = 4  // signs beside the letters that may stand for letters ("4zerty")
	commonAlone   = 5  // letters of a word that a stray letter or two do not save ("Bonjour1!A")
	ownWordMin    = 4  // of a name that is looked for; shorter ones are in too many words
	ownWordLeft   = 4  // other letters that make a password more than a name
	ownWordMax    = 64
	fewCharacters = 3 // different ones: "aaaa1111!"
)

// keyboard holds the runs of keys, there and back, that fingers fall on:
// alphabet, digits, the rows of the French and the English keyboard, and their
// columns.
var keyboard = func() (rows []string) {
	for _, row := range []string{"abcdefghijklmnopqrstuvwxyz", "1234567890", "azertyuiopqsdfghjklmwxcvbn", "qwertyuiopasdfghjklzxcvbnm",
		"aqwzsxedcrfvtgbyhnujm", "qazwsxedcrfvtgbyhnujm"} {
		back := []byte(row)
		slices.Reverse(back)
		rows = append(rows, row+row, string(back)+string(back))
	}
	return rows
}()

// lookalikes are the signs written for letters. A sign that stands for two
// letters makes those two one: i and l are the same letter here.
var lookalikes = map[rune]rune{'@': 'a', '4': 'a', '8': 'b', '3': 'e', '€': 'e', '6': 'g', '9': 'g', '1': 'i', '!': 'i', '|': 'i', 'l': 'i',
	'0': 'o', '5': 's', '$': 's', '7': 't', '+': 't', '2': 'z'}

var ligatures = strings.NewReplacer("œ", "oe", "æ", "ae", "ß", "ss", "ø", "o", "ł", "l", "đ", "d", "ı", "i")

// unadorned is a text in lower case, without accents, full widths or ligatures.
func unadorned(s string) []rune {
	var out []rune
	for _, r := range ligatures.Replace(strings.ToLower(norm.NFKD.String(s))) {
		if !unicode.Is(unicode.Mn, r) {
			out = append(out, r)
		}
	}
	return out
}

// lettersOf is an unadorned text as letters only: lookalikes become what they
// stand for, separators go.
func lettersOf(s []rune) []rune {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if l, ok := lookalikes[r]; ok {
			out = append(out, l)
		} else if unicode.IsLetter(r) || unicode.IsDigit(r) {
			out = append(out, r)
		}
	}
	return out
}

// CommonForms gives the forms in which a word of a list of common passwords is
// kept, for CheckPassword to find: as letters, whole, and without the digits
// and signs around it when at least five letters are left.
func CommonForms(word string) []string {
	s := unadorned(word)
	var forms []string
	if whole := lettersOf(s); len(whole) >= commonMin && len(whole) <= commonMax {
		forms = append(forms, string(whole))
	}
	first, end := letterSpan(s)
	if core := lettersOf(s[first:end]); end-first < len(s) && len(core) >= 5 && len(core) <= commonMax {
		forms = append(forms, string(core))
	}
	return forms
}

// letterSpan returns where the first letter of s is and where the last one
// ends; twice zero without a letter.
func letterSpan(s []rune) (first, end int) {
	first = -1
	for i, r := range s {
		if unicode.IsLetter(r) {
			if first < 0 {
				first = i
			}
			end = i + 1
		}
	}
	return max(first, 0), end
}

// commonPassword says whether a password is one common word, one run of keys
// or one repetition, whatever is around it.
func commonPassword(typed string, listed func(word string) bool) bool {
	s := unadorned(NormalPassword(typed))
	different := map[rune]bool{}
	for _, r := range s {
		different[r] = true
	}
	if len(different) <= fewCharacters {
		return true
	}
	if bare := lettersOf(withoutSigns(s)); len(bare) == len(withoutSigns(s)) && listed(string(bare)) {
		return true
	}
	s = unit(s)
	first, end := letterSpan(s)
	if end-first < commonMin { // "123456Aa!" is its digits
		digits := slices.DeleteFunc(slices.Concat(s[:first], s[end:]), func(r rune) bool { return !unicode.IsDigit(r) })
		return commonWord(digits, listed)
	}
	if run := longestRun(s); len(run) >= commonAlone && lettersIn(s) < len(run)+commonMin && commonWord(run, listed) {
		return true
	}
	for i := max(0, first-commonNear); i <= first; i++ {
		for j := end; j <= min(len(s), end+commonNear); j++ {
			if commonWord(s[i:j], listed) {
				return true
			}
		}
	}
	return false
}

// commonWord says whether a part of a password, read as letters, is one listed
// word, one run of keys, or the repetition of one.
func commonWord(part []rune, listed func(word string) bool) bool {
	word := lettersOf(part)
	if len(word) < commonMin || len(word) > commonMax {
		return false
	}
	letters := lettersIn(part)
	var keys []rune
	for _, r := range part {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			keys = append(keys, r)
		}
	}
	// With more signs than letters, with any in a word of four, or mostly
	// separators, it is no word any more: many random passwords look like one.
	signs := len(word) - letters
	if letters > 0 && (letters < commonMin || signs > letters || signs > max(0, len(word)-4) || (len(part)-len(word))*3 > letters) {
		return false
	}
	if listed(string(word)) || alongKeys(keys) {
		return true
	}
	again := unit(word)
	return len(again) < len(word) && (len(again) == 1 && len(word) > commonMin || len(again) >= commonMin && listed(string(again)))
}

func lettersIn(s []rune) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// longestRun is the longest part of s that is letters only.
func longestRun(s []rune) (longest []rune) {
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && unicode.IsLetter(s[i]) {
			continue
		}
		if i-start > len(longest) {
			longest = s[start:i]
		}
		start = i + 1
	}
	return longest
}

// withoutSigns is s without the signs around it.
func withoutSigns(s []rune) []rune {
	isSign := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for len(s) > 0 && isSign(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSign(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// unit is the part that s repeats, s itself when it repeats nothing.
func unit(s []rune) []rune {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n != 0 {
			continue
		}
		same := true
		for i := n; i < len(s) && same; i++ {
			same = s[i] == s[i-n]
		}
		if same {
			return s[:n]
		}
	}
	return s
}

// alongKeys says whether a text is made of runs of four neighbouring keys or
// more, and of nothing else.
func alongKeys(keys []rune) bool {
	const run = 4
	rest := string(keys)
	for rest != "" {
		longest := 0
		for _, row := range keyboard {
			for n := max(run, longest+1); n <= len(rest) && strings.Contains(row, rest[:n]); n++ {
				longest = n
			}
		}
		if longest == 0 {
			return false
		}
		rest = rest[longest:]
	}
	return len(keys) > 0
}

// namedAfter returns why a password is no more than a name with decoration: the
// key of its owner's name, of their address or of the site's, or the empty
// string.
func namedAfter(typed string, owner PasswordOwner, site []string) string {
	s := unadorned(NormalPassword(typed))
	var text []rune
	var letter []bool
	for _, r := range s {
		if l := lettersOf([]rune{r}); len(l) == 1 {
			text, letter = append(text, l[0]), append(letter, unicode.IsLetter(r))
		}
	}
	covered := make([]bool, len(text))
	cover := func(names ...string) (found bool) {
		for _, name := range names {
			for _, word := range ownWords(name) {
				for i := 0; i+len(word) <= len(text); i++ {
					if string(text[i:i+len(word)]) == string(word) {
						found = true
						for j := range word {
							covered[i+j] = true
						}
					}
				}
			}
		}
		return found
	}
	byName := cover(owner.FirstName, owner.LastName, owner.FirstName+owner.LastName)
	local, domain, _ := strings.Cut(owner.Email, "@")
	byAddress := cover(append(domainLabels(domain), local)...)
	bySite := cover(append([]string{"Portique"}, site...)...)
	left := 0
	for i := range text {
		if letter[i] && !covered[i] {
			left++
		}
	}
	switch {
	case left >= ownWordLeft:
	case byName:
		return "password.own_name"
	case byAddress:
		return "password.own_address"
	case bySite:
		return "password.site_name"
	}
	return ""
}

// domainLabels are the labels of a domain without its top one, as people read
// them.
func domainLabels(domain string) []string {
	labels := strings.Split(domain, ".")
	labels = labels[:len(labels)-1]
	for i, l := range labels {
		if readable, err := idna.ToUnicode(l); err == nil {
			labels[i] = readable
		}
	}
	return labels
}

// ownWords are the words of a name that a password may be made of, as letters:
// each word, each two neighbours, and all together.
func ownWords(name string) [][]rune {
	if len(name) > 4*MaxNameLength { // too long to be kept, so refused as a name
		return nil
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.Is(unicode.M, r) })
	candidates := append(words, name)
	for i := 1; i < len(words); i++ {
		candidates = append(candidates, words[i-1]+words[i])
	}
	var out [][]rune
	for _, c := range candidates {
		if w := lettersOf(unadorned(c)); len(w) >= ownWordMin && len(w) <= ownWordMax {
			out = append(out, w)
		}
	}
	return out
}
