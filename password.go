package portique

import (
	"math"
	"strings"
	"unicode"

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

// CheckPassword returns every part of the policy that the password misses, as
// faults of the field "password".
func CheckPassword(policy PasswordPolicy, typed string) error {
	var upper, lower, digit, special, other bool
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
		}
	}
	var f FieldErrors
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
			if !c.has {
				f.Add("password", c.key)
			}
		}
	}
	switch policy {
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
	return f.Err()
}
