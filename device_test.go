package portique_test

import (
	"regexp"
	"strings"
	"testing"

	"portique"
)

// A code of a device is the same however it is typed, and what cannot be one is told before any look-up.
func TestParseDeviceCode(t *testing.T) {
	for typed, want := range map[string]string{
		"BCDF-GHJK":                   "BCDFGHJK",
		"bcdfghjk":                    "BCDFGHJK",
		"  bcdf ghjk\r\n":             "BCDFGHJK",
		"b-c-d-f-g-h-j-k":             "BCDFGHJK",
		"BCDF–GHJK":                   "BCDFGHJK",
		"\u200bBCDF\u00a0—\u202fGHJK": "BCDFGHJK",
		"ｂｃｄｆ－ｇｈｊｋ":                   "BCDFGHJK",
		"":                            "user_code device.code_missing",
		" - ":                         "user_code device.code_missing",
		"BCDF-GHJ":                    "user_code device.code_form",
		"BCDF-GHJKL":                  "user_code device.code_form",
		"BCDF-GHJA":                   "user_code device.code_form", // a vowel
		"BCDF-GHJ1":                   "user_code device.code_form",
		"BCDF_GHJK":                   "user_code device.code_form",
		"BCDFGHJК":                    "user_code device.code_form", // a Cyrillic letter
		"BCDFGHJK'--":                 "user_code device.code_form",
		"\x00BCDFGHJK":                "user_code device.code_form",
		"\xffBCDFGHJ":                 "user_code device.code_form",
		strings.Repeat("BCDF", 2500):  "user_code device.code_form",
		"BCDFGHJK\u0302\ufeff":        "BCDFGHJK", // a mark that composes with nothing, and what cannot be seen
	} {
		got, err := portique.ParseDeviceCode(typed)
		if s := got + keyOf(err); s != want {
			t.Errorf("%.40q: %q, want %q", typed, s, want)
		}
	}
}

func TestNewDeviceCode(t *testing.T) {
	form, letters := regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`), map[rune]int{}
	for range 500 {
		code := portique.NewDeviceCode()
		if back, err := portique.ParseDeviceCode(portique.ShownDeviceCode(code)); !form.MatchString(portique.ShownDeviceCode(code)) || back != code || err != nil {
			t.Fatalf("%q is read as %q, %v", code, back, err)
		}
		for _, r := range code {
			letters[r]++
		}
	}
	for r, n := range letters { // 200 each
		if len(letters) != 20 || n < 100 || n > 320 {
			t.Errorf("%d letters, %q %d times", len(letters), r, n)
		}
	}
}
