package secret

import (
	"crypto/sha256"
	"errors"
	"testing"

	"portique"
)

// PWD-06: the list that comes with the program knows what people here try, in whatever dress, and nothing else.
func TestCommonPasswords(t *testing.T) {
	list, err := LoadCommonPasswords()
	if err != nil {
		t.Fatal(err)
	}
	common := func(typed string) bool {
		var faults portique.FieldErrors
		rule := portique.PasswordRule{Policy: portique.PolicyCNIL, Common: list.Has}
		errors.As(portique.CheckPassword(rule, typed, portique.PasswordOwner{}), &faults)
		for _, f := range faults {
			if f.Key == "password.common" {
				return true
			}
		}
		return false
	}
	for _, typed := range []string{
		"123456", "password", "12345678", "qwerty", "123456789", "111111", "dragon", "123123", "abc123", "letmein", "trustno1", "iloveyou", // the head of every list
		"Azerty123!", "Motdepasse1!", "Bonjour2024!", "P@ssw0rd1", "Soleil123!", "Marseille13!", "Jetaime31!", "Doudou-2026", "Nicolas75!",
		"Chocolat!99", "Été2026!!", "Printemps2026!", "Janvier-2026", "Bienvenue1!", "Changeme1!", "Admin123!", "Test1234!", "Welcome2026!",
		"1qaz2wsx", "1Qaz2wsx!", "Azertyuiop1!", "4zertyu!1", "Monmotdepasse1!", "Licorne-42", "Comptabilité26!", "Mdp2026!!", "Abc-2026!", "123456Aa!",
		"passwordpassword", "motdepassemotdepasse", "Entreprise!26", "Formation2026!",
	} {
		if !common(typed) {
			t.Errorf("%q is accepted", typed)
		}
	}
	for _, typed := range []string{
		"Quatre!Moutons7", "Soleil-Lune26", "Ancien!Tapis7", "Cerisier!Nuage-4821", "Pas!CeluiLa9", "un chat gris dort sur le toit", "cheval agrafe pile correcte",
		"kFh3-Zr9", "9f3c1e77b0d24a68", "8102745391746205", "vT}8&mQx~2Lz", "Xw7-pkRt-22bd-Lq", "kfhwuzrmbqa",
	} {
		if common(typed) {
			t.Errorf("%q is refused", typed)
		}
	}
	if n := len(list.hashes) / commonSize; n < 70_000 || n > 100_000 {
		t.Errorf("%d forms", n)
	}
}

// PWD-07: a list that cannot be read is an error, never a list that accepts everything.
func TestBrokenListIsRefused(t *testing.T) {
	good := string(EncodeCommonPasswords([]string{"azerty", "soieii", "azerty"}))
	list, err := readCommon(good)
	if err != nil || !list.Has("azerty") || !list.Has("soieii") || list.Has("iune") || list.Has("") || len(list.hashes) != 2*commonSize {
		t.Fatalf("%v, %v", list, err)
	}
	head := len(commonMagic) + sha256.Size
	for name, file := range map[string]string{
		"nothing": "", "a head alone": good[:head], "another kind": "x" + good[1:], "cut": good[:len(good)-1], "a word less": good[:len(good)-commonSize],
		"a bit changed": good[:head] + string(good[head]^1) + good[head+1:], "more": good + "x", "an empty list": string(EncodeCommonPasswords(nil)),
	} {
		if _, err := readCommon(file); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
