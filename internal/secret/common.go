package secret

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the list
	"errors"
	"slices"
	"sort"
)

// commonFile is written by scripts/common-passwords; COMMON_PASSWORDS.md beside
// it says from what and under which licences.
//
//go:embed common_passwords.bin
var commonFile string

// A list is its magic, the SHA-256 of what follows, and the first five bytes of
// the SHA-256 of each word, in order. Five bytes: among 100,000 words, one word
// in ten million is taken for a listed one.
const (
	commonMagic = "portique common passwords 1\n"
	commonSize  = 5
)

// CommonPasswords is the list of common passwords that comes with the program.
type CommonPasswords struct{ hashes string }

// LoadCommonPasswords reads the list. A list that is damaged or empty is an
// error: without one, every password would pass.
func LoadCommonPasswords() (*CommonPasswords, error) { return readCommon(commonFile) }

func readCommon(file string) (*CommonPasswords, error) {
	head := len(commonMagic) + sha256.Size
	if len(file) <= head || file[:len(commonMagic)] != commonMagic {
		return nil, errors.New("the list of common passwords is not one")
	}
	body := file[head:]
	if sum := sha256.Sum256([]byte(body)); file[len(commonMagic):head] != string(sum[:]) || len(body)%commonSize != 0 {
		return nil, errors.New("the list of common passwords is damaged")
	}
	return &CommonPasswords{body}, nil
}

// Has says whether a word, as portique.CommonForms writes it, is on the list.
func (c *CommonPasswords) Has(word string) bool {
	h := commonHash(word)
	n := len(c.hashes) / commonSize
	at := func(i int) string { return c.hashes[i*commonSize : (i+1)*commonSize] }
	i := sort.Search(n, func(i int) bool { return at(i) >= h })
	return i < n && at(i) == h
}

func commonHash(word string) string {
	sum := sha256.Sum256([]byte(word))
	return string(sum[:commonSize])
}

// EncodeCommonPasswords makes the file of a list of words.
func EncodeCommonPasswords(words []string) []byte {
	hashes := make([]string, len(words))
	for i, w := range words {
		hashes[i] = commonHash(w)
	}
	slices.Sort(hashes)
	var body bytes.Buffer
	for _, h := range slices.Compact(hashes) {
		body.WriteString(h)
	}
	sum := sha256.Sum256(body.Bytes())
	return slices.Concat([]byte(commonMagic), sum[:], body.Bytes())
}
