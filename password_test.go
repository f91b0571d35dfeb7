package portique_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"portique"
)

// unlisted is a policy alone: no word is common, nobody has a name.
func unlisted(policy portique.PasswordPolicy) portique.PasswordRule {
	return portique.PasswordRule{Policy: policy, Common: func(string) bool { return false }}
}

// missed names what a password misses, without the field.
func missed(rule portique.PasswordRule, typed string, owner portique.PasswordOwner) string {
	return strings.NewReplacer("password password.", "", ",", "").Replace(keyOf(portique.CheckPassword(rule, typed, owner)))
}

func TestCheckPassword(t *testing.T) {
	long := strings.Repeat("Kf3!Rze9", 31) + "Wn5?bdmo" // 256 characters
	for name, cases := range map[string]map[string]string{
		"guide PWD-01 exactly the guide's rule, every unmet part named": {
			"Kfzwe1!x":            "",
			"Kfzw1!x":             "short",
			"kfzwe1!x":            "upper",
			"KFZWE1!X":            "lower",
			"Kfzwexr!":            "digit",
			"Kfzwexr1":            "special",
			"kfx":                 "short upper digit special common", // three different characters, however many
			"kfxw":                "short upper digit special",
			"KFXW":                "short lower digit special",
			"7913":                "short upper lower special",
			"":                    "missing",
			"        ":            "upper lower digit special_other common",
			"Kfzwex1§":            "special_other", // allowed, but not one of the guide's 25
			"Kfzwex1 ":            "special_other",
			"Kfzwex1'":            "special_other",
			`Kfzwex1"`:            "special_other",
			"Kfzwex1.":            "special_other",
			" Ab1! c ":            "", // spaces count, at the ends too
			"Éàcwef1!":            "", // accents have a case
			"e\u0301A1!xaza":      "", // e with its accent apart is one character
			"e\u0301A1!xaz":       "short",
			"Aa1!😀😀😀😀":            "",
			"Aa1!😀😀😀":             "short",
			"ПАРОЛЬпа1!":          "",
			long:                  "",
			long + "x":            "long",
			long[:255] + "é":      "", // characters, not bytes
			long[:255] + "éé":     "long",
			"\x00Kfzwef1!":        "",
			"Kfzwefg1\u200b!\xff": "",
		},
		"cnil PWD-02 50 bits, and one character less": {
			"8102745391746205":         "",     // 16 digits: 53 bits
			"810274539174620":          "weak", // 15: 49.8
			"kfhwuzrmbqa":              "",     // 11 lower-case letters: 51.7
			"kfhwuzrmbq":               "weak", // 10: 47
			"kFh3uZr9b":                "",     // 9 letters and digits: 53.6
			"kFh3uZr9":                 "weak", // 8: 47.6
			"kFh3-Zr9":                 "",     // 8 of four classes: 51.5
			"kFh3-Zr":                  "short",
			"        ":                 "common", // 8 of the 100 other characters, but one and the same
			"":                         "missing",
			strings.Repeat("a", 257):   "long",
			"correct horse batterie s": "",
		},
		"anssi": {
			"kFh3-Zr9kWu3":             "",
			"kFh3-Zr9kWu":              "short",
			"kfh3-zr9kwu3":             "upper",
			"kfhzrtbnkfhe":             "upper digit special",
			"kfhzrtbnkfhekwuzrtbn":     "", // 20 need no classes
			"kfhzrtbnkfhekwuzrtb":      "upper digit special",
			"KFHW":                     "short lower digit special",
			strings.Repeat("é", 257):   "long",
			strings.Repeat("kéro", 64): "",
			strings.Repeat("1234", 5):  "common",
			strings.Repeat("12345", 3): "upper lower special common",
		},
		"nist": {
			"quinze lettres.":       "",
			"quinze lettres":        "short",
			strings.Repeat("😀", 15): "common",
			"un chat😀 sur 😀 toit":   "",
			strings.Repeat("😀", 14): "short common",
			"":                      "missing",
		},
	} {
		policy, _, _ := strings.Cut(name, " ")
		t.Run(name, func(t *testing.T) {
			for typed, want := range cases {
				if got := missed(unlisted(portique.PasswordPolicy(policy)), typed, portique.PasswordOwner{}); got != want {
					t.Errorf("%.40q: missed %q, want %q", typed, got, want)
				}
			}
		})
	}
}

// PWD-01: each of the guide's 25 characters counts as special, and no other of the keyboard does.
// Who typed a sign that the guide does not count is told which.
func TestSignsThatDoNotCount(t *testing.T) {
	for typed, want := range map[string]string{
		"Kfzwex1+":              "special_other Signs=+ Space=false",
		"Kfz=wex1+=":            "special_other Signs==\u00a0+ Space=false",
		"Kfz wex1":              "special_other Signs= Space=true",
		"Kfz wex1.":             "special_other Signs=. Space=true",
		"Kfz\u00a0wex1":         "special_other Signs= Space=true",
		"Kf1\"'`+=.€§":          "special_other Signs=\"\u00a0'\u00a0`\u00a0+\u00a0= Space=false", // five are enough to understand
		"Kfzwex1+!":             "",                                                               // nothing is missing
		"Kfzwexr1":              "special",
		"Kfzwe漢字1":              "special", // letters of a script without case are no signs
		"Kfzwexr1\u200b":        "special",
		"kfh zrtbnkfhekwuzrtbn": "upper digit special_other Signs= Space=true",
	} {
		var faults portique.FieldErrors
		errors.As(portique.CheckPassword(unlisted(portique.PolicyGuide), typed, portique.PasswordOwner{}), &faults)
		var got []string
		for _, f := range faults {
			got = append(got, strings.TrimPrefix(f.Key, "password."))
			if f.Key == "password.special_other" {
				got = append(got, fmt.Sprintf("%v=%v %v=%v", f.Args...))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func TestGuideSpecials(t *testing.T) {
	const listed = `!@#$%^&*()_[]:;<>?~|}\,/-`
	if portique.GuideSpecials != listed || len(listed) != 25 {
		t.Errorf("the guide's characters are %q", portique.GuideSpecials)
	}
	for c := ' '; c <= '~'; c++ {
		err := portique.CheckPassword(unlisted(portique.PolicyGuide), fmt.Sprintf("Kfzwe1x%c", c), portique.PasswordOwner{})
		if (err == nil) != strings.ContainsRune(listed, c) {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// PWD-03: spaces, accents, signs of every kind and all of ASCII are accepted, at the ends too.
func TestAnyCharacterIsAccepted(t *testing.T) {
	ascii := "\t"
	for c := ' '; c <= '~'; c++ {
		ascii += string(c)
	}
	for _, typed := range []string{ascii, " Trois Pommes-31 cuites ", "Été à Orléans, n° 31 !", "Trois😀Pommes-31-cuites", "\u00a0Trois-Pommes 31 cuites\u202f"} {
		for _, policy := range []portique.PasswordPolicy{portique.PolicyGuide, portique.PolicyCNIL, portique.PolicyANSSI, portique.PolicyNIST} {
			if got := missed(unlisted(policy), typed, portique.PasswordOwner{}); got != "" {
				t.Errorf("%s, %q: missed %q", policy, typed, got)
			}
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
