// Common-passwords writes internal/secret/common_passwords.bin, the list of
// common French and English passwords, from two published packages:
//
//	npm pack @zxcvbn-ts/language-common@4.1.3 @zxcvbn-ts/language-fr@4.1.2
//	go run ./scripts/common-passwords zxcvbn-ts-language-common-4.1.3.tgz zxcvbn-ts-language-fr-4.1.2.tgz
//
// Run it from the root of the repository, after a change of
// portique.CommonForms or of the words below. It is the same file for the same
// input. internal/secret/COMMON_PASSWORDS.md gives the licences of the data.
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"portique"
	"portique/internal/secret"
)

const target = "internal/secret/common_passwords.bin"

// sources are the two packages, in the order of the arguments.
var sources = []struct {
	sum   string // SHA-256 of the archive
	files []string
}{
	{"bf3027c16c069d7877e25dc8751bc819e10e479afcc5ee1a323eb2ab73129ca9", []string{"passwords.json"}},
	{"0102842dd0fcd3501807c37e14a37de9614a34d71f5dcfc23e80f67a6b0fbe16", []string{"commonWords.json", "firstnames.json", "lastnames.json"}},
}

// ours are words that the packages lack and that people here do use. Words of
// three letters count only from this list: among all of them too many random
// passwords would be refused.
var ours = strings.Fields(`mdp ete mai abc aze qsd wxc aqw qwe asd zxc pwd cse rh123
	azertyu azertyui qwertyu azer1234 motdepasse monmotdepasse lemotdepasse nouveaumotdepasse changezmoi changemoi changeme
	bonjour bonsoir coucou salut bienvenue printemps automne hiver fevrier aout decembre
	azertyuiop administrateur utilisateur identifiant connexion entreprise formation cotisation comptabilite secretariat direction
	jetaime monamour mamour doudou loulou choupette marseille psg om13 allezlesbleus vivelafrance liberte egalite fraternite`)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(archives []string) error {
	if len(archives) != len(sources) {
		return errors.New("give the two archives: language-common, then language-fr")
	}
	var words []string
	kept := map[string]bool{}
	keep := func(word string, shortest int) {
		for _, form := range portique.CommonForms(word) {
			if utf8.RuneCountInString(form) >= shortest && !kept[form] {
				kept[form] = true
				words = append(words, form)
			}
		}
	}
	for _, w := range ours {
		keep(w, 3)
	}
	var passwords []string
	for i, source := range sources {
		lists, err := read(archives[i], source.sum, source.files)
		if err != nil {
			return err
		}
		if i == 0 {
			passwords = lists
		}
		for _, w := range lists {
			keep(w, 4)
		}
	}
	file := secret.EncodeCommonPasswords(words)
	if err := check(passwords[:3000], kept); err != nil {
		return err
	}
	fmt.Printf("%d forms, %d bytes\n", len(words), len(file))
	return os.WriteFile(target, file, 0o644)
}

// check tries the commonest passwords as they are and dressed up for the
// guide's rule: each must be refused as common.
func check(top []string, kept map[string]bool) error {
	rule := portique.PasswordRule{Policy: portique.PolicyGuide, Common: func(w string) bool { return kept[w] }}
	for _, w := range top {
		if utf8.RuneCountInString(w) < 4 {
			continue
		}
		tries := []string{w, w + "!!"}
		if !strings.ContainsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) }) {
			tries = append(tries, strings.ToUpper(w[:1])+w[1:]+"2024!")
		}
		for _, typed := range tries {
			var faults portique.FieldErrors
			errors.As(portique.CheckPassword(rule, typed, portique.PasswordOwner{}), &faults)
			if len(faults) == 0 || faults[len(faults)-1].Key != "password.common" {
				return fmt.Errorf("%q is not refused", typed)
			}
		}
	}
	return nil
}

// read returns the words of some lists of an archive whose sum is known.
func read(archive, sum string, files []string) (words []string, err error) {
	b, err := os.ReadFile(archive)
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("%s is not the published archive", archive)
	}
	unzipped, err := gzip.NewReader(strings.NewReader(string(b)))
	if err != nil {
		return nil, err
	}
	for entries := tar.NewReader(unzipped); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			if entry.Name != "package/src/"+name {
				continue
			}
			var list []string
			if err := json.NewDecoder(entries).Decode(&list); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			words = append(words, list...)
		}
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("%s holds none of %v", archive, files)
	}
	return words, nil
}
