package portique

import (
	"crypto/rand"
	"math"
	"math/big"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// CompanyStatus is the state the operator's member file gives a company.
type CompanyStatus string

// The states of a company.
const (
	CompanyActive CompanyStatus = "active"
	CompanyClosed CompanyStatus = "closed"
	CompanyMerged CompanyStatus = "merged"
)

// Company is a member of the operator. Its member code is kept only as a keyed
// hash: CodeHash proves a typed code without telling it.
type Company struct {
	SIREN        SIREN
	Name         string
	Status       CompanyStatus
	CodeHash     []byte
	ContactEmail string
	Street       string
	Postcode     string
	City         string
	Sector       string
	Successor    SIREN
	ImportedAt   time.Time
}

// CanonicalMemberCode is the form in which member codes are compared and
// hashed: without case, spaces, dashes or invisible characters, and with the
// look-alikes of one character made one (Unicode NFKC: full-width letters and
// digits, composed accents; marks that compose with nothing go). The letter O
// and the digit 0, I and 1 stay what they are: operators' codes may hold both,
// and NewMemberCode uses neither. It is empty when nothing usable was typed.
// See docs/words.md.
func CanonicalMemberCode(typed string) string {
	code := strings.ToValidUTF8(typed, string(unicode.ReplacementChar))
	for range 4 { // once is enough for any code; what is taken out may bring together what composes
		before := code
		code = strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf, unicode.M) {
				return -1
			}
			return unicode.ToUpper(r)
		}, norm.NFKC.String(code))
		if code == before {
			return code
		}
	}
	return "" // nobody's code
}

// CodeBits is how much a canonical member code can hold at most, in bits: its
// length × log2 of the characters it seems to draw from, 10 digits, 26
// letters, 30 others. The company's own SIREN counts for nothing, being public,
// nor does one character repeated. What it cannot see is how codes are drawn.
func CodeBits(siren SIREN, code string) float64 {
	code = strings.ReplaceAll(code, string(siren), "")
	if code == "" || strings.Contains(string(siren), code) {
		return 0
	}
	var first rune
	length, same := 0, true
	var digit, letter, other int
	for i, r := range code {
		switch {
		case r >= '0' && r <= '9':
			digit = 10
		case r >= 'A' && r <= 'Z':
			letter = 26
		default:
			other = 30
		}
		if i == 0 {
			first = r
		}
		same = same && r == first
		length++
	}
	if same {
		length = 1
	}
	return float64(length) * math.Log2(float64(digit+letter+other))
}

// memberCodeLetters leaves out what is misread: 0 O 1 I L.
const memberCodeLetters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

// NewMemberCode draws a code of 10 characters among 31 (49 bits).
func NewMemberCode() string { return draw(memberCodeLetters, 10) }

// draw makes a code of n letters, each as likely as any other.
func draw(letters string, n int) string {
	code := make([]byte, n)
	for i := range code {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			panic(err) // the system's randomness never fails on a supported platform
		}
		code[i] = letters[k.Int64()]
	}
	return string(code)
}
