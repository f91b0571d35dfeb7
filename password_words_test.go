package portique_test

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"portique"
)

// listed is a short list of common passwords, kept as the real one is.
func listed(words ...string) func(string) bool {
	list := map[string]bool{}
	for _, w := range words {
		for _, form := range portique.CommonForms(w) {
			list[form] = true
		}
	}
	return func(word string) bool { return list[word] }
}

var few = listed("azerty", "motdepasse", "bonjour", "soleil", "password", "123456", "abc123", "été", "cœur", "jetaime", "quatre", "moutons", "lune")

// PWD-06: a common word is refused in whatever dress; two words, long phrases and random passwords pass.
func TestCommonPassword(t *testing.T) {
	for typed, common := range map[string]bool{
		"Azerty123!": true, "Motdepasse1!": true, "Bonjour2024!": true, "P@ssw0rd1": true, "Soleil123!": true, "Soleil-2026": true,
		"!!AZERTY!!9a": true, "2024Soleil!": true, "50l3il!A1": false, // three signs of six: no word any more
		"Pa$$w0rd-77": true, "4zerty!1A": true, "S0leil_75": true, "Mot-de-passe 1": true, "Mot de Passe 2026 !": true, "Je t'aime 31!": true,
		"Été2026!!": true, "E\u0301te\u03012026!!": true, "Ｂｏｎｊｏｕｒ1!": true, "BONJÔUR-31": true, "Cœur-2026!": true, "Coeur-2026!": true,
		"AzertyAzerty1!": true, "Azerty1!Azerty1!": true, "Bonjour1!A": true, "1a-Bonjour!": true, "Soleil81027453917462!": true,
		"123456Aa!": true, "Abc123!!": true, "123456": true, "Abcdefgh1!": true, "Qsdfghjklm1!": true, "Azertyuiop-1": true, "Poiuytreza1!": true,
		"Wxcvbn,1A": true, "1234567890123456": true, "9876543210987654": true, "1111-2222": true, "Aaaaaaa1!": true, "Zzzzzzzzz12!": true,
		"azertyqsdfghwxcvbn": true, "        ": true,
		portique.PasswordExample: true, "velo nuage 2026!": true, // everybody reads it

		"Quatre!Moutons7": false, "Soleil-Lune-31": false, "Ancien!Tapis7": false, "Quatre moutons sous la lune": false, "soleilmoutons": false,
		"kFh3-Zr9": false, "8102745391746205": false, "9f3c1e77b0d24a68": false, "G7#kQ92!x": false, "Ab1!c?4é": false, "Soleilo-31!": false,
		"Ensoleillé-31": false, "пароль-ПАРОЛЬ-1": false, "日本語のパスワード": false,
	} {
		rule := portique.PasswordRule{Policy: portique.PolicyCNIL, Common: few}
		if got := strings.Contains(missed(rule, typed, portique.PasswordOwner{}), "common"); got != common {
			t.Errorf("%q: common = %v", typed, got)
		}
	}
}

// PWD-07: without a list no password is accepted.
func TestNoListAcceptsNothing(t *testing.T) {
	if got := missed(portique.PasswordRule{Policy: portique.PolicyGuide}, "Quatre!Moutons7", portique.PasswordOwner{}); got != "common" {
		t.Errorf("missed %q", got)
	}
}

// PWD-06: nor is a password made of what everybody knows of its owner or of the site.
func TestOwnWords(t *testing.T) {
	rule := unlisted(portique.PolicyCNIL)
	rule.Site = []string{"l'Opcommerce", "Web Services Entreprises"}
	owner := portique.PasswordOwner{FirstName: "Anne-Lise", LastName: "Le Goff", Email: "jm.dupond75@boutique-duparc.co.example"}
	for typed, want := range map[string]string{
		"Anne-2026!!": "own_name", "AnneLise-31": "own_name", "Legoff2026!": "own_name", "LE GOFF 2026!": "own_name", "2026-Goff-Anne": "own_name",
		"G0ff-L1se-31": "own_name", "A.Goff-1975!": "own_name", "Goff81027453917462": "own_name",
		"Dupond75!!": "own_address", "jm.dupond75@boutique": "own_address", "Duparc-2026": "own_address", "Boutique!31": "own_address",
		"Opcommerce-1": "site_name", "Opc0mmerce!31": "site_name", "Webservices31!": "site_name", "Entreprises-31": "site_name", "Portique-2026!": "site_name",
		"Dupond-Goff-31": "own_name", // the first reason is enough

		"Anne mange trois pommes": "", "Goff!Moutons7": "", "Portique rouge 31": "", "Quatre!Moutons7": "", "kFh3-Zr9": "", "8102745391746205": "",
	} {
		if got := missed(rule, typed, owner); got != want {
			t.Errorf("%q: missed %q, want %q", typed, got, want)
		}
	}
	// Names of three letters are in too many words, and an owner may be unknown.
	short := portique.PasswordOwner{FirstName: "Luc", LastName: "Roy", Email: "luc@roy.example"}
	for typed, owner := range map[string]portique.PasswordOwner{"Royaux-2026": short, "Quatre!Moutons7": {}, "Deux!Lucioles": {Email: "@"}} {
		if got := missed(unlisted(portique.PolicyCNIL), typed, owner); got != "" {
			t.Errorf("%q: missed %q", typed, got)
		}
	}
	if got := missed(unlisted(portique.PolicyCNIL), "LucRoy-2026!", short); got != "own_name" {
		t.Errorf("both together: missed %q", got)
	}
	rule.Common = few
	if got := missed(rule, "Soleil-2026!", portique.PasswordOwner{LastName: "Soleil"}); got != "own_name" {
		t.Errorf("a name that is a common word has one reason: missed %q", got)
	}
}

// Whatever is typed and whoever types it: no panic, and the same answer however accents are keyed in.
func FuzzCheckPassword(f *testing.F) {
	for _, typed := range []string{"", "Azerty123!", "Quatre!Moutons7", "E\u0301te\u03012026!!", "\xff\x00", "ﬁ\u200b", "İIıi1!", "각각\u0301", strings.Repeat("aé", 200)} {
		f.Add("guide", typed, "Jeanne", "Le Goff", "jeanne@xn--caf-dma.example")
	}
	f.Fuzz(func(t *testing.T, policy, typed, first, last, email string) {
		rule := portique.PasswordRule{Policy: portique.PasswordPolicy(policy), Common: few, Site: []string{"l'Opcommerce", last}}
		owner := portique.PasswordOwner{FirstName: first, LastName: last, Email: email}
		want := missed(rule, typed, owner)
		for _, again := range []string{norm.NFC.String(typed), norm.NFD.String(typed)} {
			if got := missed(rule, again, owner); got != want {
				t.Errorf("%q: missed %q; typed as %q: %q", typed, want, again, got)
			}
		}
	})
}
