package portique

import (
	"crypto/rand"
	"math/big"
	"strings"
	"time"
	"unicode"
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

// CanonicalMemberCode is the form in which member codes are compared: without
// case, spaces or dashes. It is empty when nothing usable was typed.
func CanonicalMemberCode(typed string) string {
	var b strings.Builder
	for _, r := range typed {
		switch {
		case unicode.IsSpace(r), r == '-', r == '\u2010', r == '\u2011', r == '\u2012', r == '\u2013', r == '\u200b', r == '\ufeff':
		default:
			b.WriteRune(unicode.ToUpper(r))
		}
	}
	return b.String()
}

// memberCodeLetters leaves out what is misread: 0 O 1 I L.
const memberCodeLetters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

// NewMemberCode draws a code of 10 characters among 31 (49 bits).
func NewMemberCode() string {
	code := make([]byte, 10)
	for i := range code {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(memberCodeLetters))))
		if err != nil {
			panic(err) // the system's randomness never fails on a supported platform
		}
		code[i] = memberCodeLetters[n.Int64()]
	}
	return string(code)
}
