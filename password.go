package portique

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// PasswordPolicy is the rule a new password must meet.
type PasswordPolicy string

// The policies: the guide's own rule, the graded rule of CNIL 2022-100 (50
// bits), ANSSI PG-078 (12 characters of every class), NIST SP 800-63B-4 (15
// characters, no composition).
const (
	PolicyGuide PasswordPolicy = "guide"
	PolicyCNIL  PasswordPolicy = "cnil"
	PolicyANSSI PasswordPolicy = "anssi"
	PolicyNIST  PasswordPolicy = "nist"
)

// GuideSpecials are the 25 characters that the guide counts as special.
const GuideSpecials = `!@#$%^&*()_[]:;<>?~|}\,/-`

const (
	passwordMax  = 256 // code points; longer is refused, never cut
	cnilBits     = 50
	anssiMin     = 12
	nistMin      = 15
	passwordMin  = 8
	classLetters = 26
	classDigits  = 10
	classOthers  = 100 // characters outside ASCII and the guide's list
)

// NormalPassword is the form in which a password is set and verified: NFC, so
// that the same keys on two systems give the same password. Nothing else is
// altered.
func NormalPassword(typed string) string { return norm.NFC.String(typed) }

// PasswordRule is everything a new password must meet.
type PasswordRule struct {
	Policy PasswordPolicy
	// Common says whether a word, in the form CommonForms gives, is on the list
	// of common ones. Without a list every password is refused.
	Common func(word string) bool
	Site   []string // what the site is called: operator, portal
}

// PasswordOwner is who will use the password, as far as is known.
type PasswordOwner struct{ FirstName, LastName, Email string }

// PasswordExample shows the shape of a good password on the pages that ask for a
// new one; like any password that everybody reads, it is refused itself.
const PasswordExample = "Vélo-Nuage-27"

// CheckPassword returns everything that the password misses, as faults of the
// field "password": the policy's form first, then whether it is the owner's or
// the site's name, or else a common word, with nothing but decoration around it.
func CheckPassword(rule PasswordRule, typed string, owner PasswordOwner) error {
	f := rule.Policy.check(typed)
	if n := utf8.RuneCountInString(NormalPassword(typed)); n == 0 || n > passwordMax {
		return f.Err()
	}
	listed := func(word string) bool {
		return rule.Common(word) || slices.Contains(CommonForms(PasswordExample), word)
	}
	if key := namedAfter(typed, owner, rule.Site); key != "" {
		f.Add("password", key)
	} else if rule.Common == nil || commonPassword(typed, listed) {
		f.Add("password", "password.common")
	}
	return f.Err()
}

// check returns every part of the policy's form that the password misses.
func (p PasswordPolicy) check(typed string) (f FieldErrors) {
	var upper, lower, digit, special, other, space bool
	var uncounted []string // signs that make no special character
	n := 0
	for _, r := range NormalPassword(typed) {
		n++
		switch {
		case unicode.IsUpper(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		case unicode.IsDigit(r):
			digit = true
		case strings.ContainsRune(GuideSpecials, r):
			special = true
		default:
			other = true
			space = space || r == ' ' || r == '\u00a0'
			if sign := string(r); (unicode.IsPunct(r) || unicode.IsSymbol(r)) && !slices.Contains(uncounted, sign) {
				uncounted = append(uncounted, sign)
			}
		}
	}
	if n == 0 {
		f.Add("password", "password.missing")
		return f
	}
	if n > passwordMax {
		f.Add("password", "password.long", "Max", passwordMax)
		return f
	}
	short := func(minimum int) {
		if n < minimum {
			f.Add("password", "password.short", "Min", minimum, "Length", n)
		}
	}
	classes := func() {
		for _, c := range []struct {
			has bool
			key string
		}{{upper, "password.upper"}, {lower, "password.lower"}, {digit, "password.digit"}, {special, "password.special"}} {
			switch {
			case c.has:
			case c.key == "password.special" && (space || len(uncounted) > 0): // who typed one wonders why it is asked for
				f.Add("password", "password.special_other", "Signs", strings.Join(uncounted[:min(len(uncounted), 5)], "\u00a0"), "Space", space)
			default:
				f.Add("password", c.key)
			}
		}
	}
	switch p {
	case PolicyCNIL:
		short(passwordMin)
		size := 0
		for _, c := range []struct {
			has  bool
			size int
		}{{upper, classLetters}, {lower, classLetters}, {digit, classDigits}, {special, len(GuideSpecials)}, {other, classOthers}} {
			if c.has {
				size += c.size
			}
		}
		if n >= passwordMin && float64(n)*math.Log2(float64(size)) < cnilBits {
			f.Add("password", "password.weak")
		}
	case PolicyANSSI:
		short(anssiMin)
		if n < 20 { // long enough needs no classes (ANSSI PG-078)
			classes()
		}
	case PolicyNIST:
		short(nistMin)
	default:
		short(passwordMin)
		classes()
	}
	return f
}
