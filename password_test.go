package portique_test

import (
	"fmt"
	"strings"
	"testing"

	"portique"
)

func TestCheckPassword(t *testing.T) {
	long := strings.Repeat("Aa1!", 64) // 256 characters
	for policy, cases := range map[portique.PasswordPolicy]map[string]string{
		portique.PolicyGuide: {
			"Abcde1!x":            "",
			"Abcd1!x":             "short",
			"abcde1!x":            "upper",
			"ABCDE1!X":            "lower",
			"Abcdefg!":            "digit",
			"Abcdefg1":            "special",
			"abc":                 "short upper digit special",
			"":                    "missing",
			"        ":            "upper lower digit special",
			"Abcdef1§":            "special", // allowed, but not one of the guide's 25
			"Abcdef1 ":            "special",
			"Abcdef1'":            "special",
			`Abcdef1"`:            "special",
			"Abcdef1.":            "special",
			" Ab1! c ":            "", // spaces count, at the ends too
			"Éàcdef1!":            "", // accents have a case
			"e\u0301A1!aaaa":      "", // e with its accent apart is one character
			"e\u0301A1!aaa":       "short",
			"Aa1!😀😀😀😀":            "",
			"Aa1!😀😀😀":             "short",
			"ПАРОЛЬпа1!":          "",
			long:                  "",
			long + "x":            "long",
			long[:255] + "é":      "", // characters, not bytes
			long[:255] + "éé":     "long",
			"\x00Abcdef1!":        "",
			"Abcdefg1\u200b!\xff": "",
		},
		portique.PolicyCNIL: {
			"8102745391746205":         "",     // 16 digits: 53 bits
			"810274539174620":          "weak", // 15: 49.8
			"kfhwuzrmbqa":              "",     // 11 lower-case letters: 51.7
			"kfhwuzrmbq":               "weak", // 10: 47
			"kFh3uZr9b":                "",     // 9 letters and digits: 53.6
			"kFh3uZr9":                 "weak", // 8: 47.6
			"kFh3-Zr9":                 "",     // 8 of four classes: 51.5
			"kFh3-Zr":                  "short",
			"        ":                 "", // 8 of the 100 other characters; the next issue's blocklist sees to it
			"":                         "missing",
			strings.Repeat("a", 257):   "long",
			"correct horse batterie s": "",
		},
		portique.PolicyANSSI: {
			"kFh3-Zr9kFh3":             "",
			"kFh3-Zr9kFh":              "short",
			"kfh3-zr9kfh3":             "upper",
			"kfhzrtbnkfhe":             "upper digit special",
			"kfhzrtbnkfhekfhzrtbn":     "", // 20 need no classes
			"kfhzrtbnkfhekfhzrtb":      "upper digit special",
			"KFH":                      "short lower digit special",
			strings.Repeat("é", 257):   "long",
			strings.Repeat("é", 256):   "",
			strings.Repeat("1234", 5):  "",
			strings.Repeat("12345", 3): "upper lower special",
		},
		portique.PolicyNIST: {
			"quinze lettres.":       "",
			"quinze lettres":        "short",
			strings.Repeat("😀", 15): "",
			strings.Repeat("😀", 14): "short",
			"":                      "missing",
		},
	} {
		for typed, want := range cases {
			got := strings.ReplaceAll(strings.ReplaceAll(keyOf(portique.CheckPassword(policy, typed)), "password password.", ""), ",", "")
			if got != want {
				t.Errorf("%s, %.40q: missed %q, want %q", policy, typed, got, want)
			}
		}
	}
}

// Each of the guide's 25 characters counts as special, and no other of the keyboard does.
func TestGuideSpecials(t *testing.T) {
	const listed = `!@#$%^&*()_[]:;<>?~|}\,/-`
	if portique.GuideSpecials != listed || len(listed) != 25 {
		t.Errorf("the guide's characters are %q", portique.GuideSpecials)
	}
	for c := ' '; c <= '~'; c++ {
		err := portique.CheckPassword(portique.PolicyGuide, fmt.Sprintf("Abcde1x%c", c))
		if (err == nil) != strings.ContainsRune(listed, c) {
			t.Errorf("%q: %v", c, err)
		}
	}
}

func TestNormalPassword(t *testing.T) {
	for typed, want := range map[string]string{
		"e\u0301": "é",
		" É ":     " É ",    // nothing trimmed, no case changed
		"ﬁ":       "ﬁ",      // nor folded: NFC, not NFKC
		"\u212b":  "\u00c5", // Ångström, the letter
	} {
		if got := portique.NormalPassword(typed); got != want {
			t.Errorf("%q: %q", typed, got)
		}
	}
}
