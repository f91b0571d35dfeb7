package portique

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// AccountStatus is the state of an account. Unvalidated is that of a sign-up
// whose address is not proved yet: it is no account and holds nothing.
type AccountStatus string

// The states of an account.
const (
	AccountUnvalidated AccountStatus = "unvalidated"
	AccountActive      AccountStatus = "active"
	AccountDisabled    AccountStatus = "disabled"
)

// Account is one person, one e-mail address, one set of credentials. An
// account exists only once its address is validated.
type Account struct {
	ID                string
	Email             string
	PasswordHash      string
	FirstName         string
	LastName          string
	ContributionsOnly bool
	Language          string // "" until chosen
	Status            AccountStatus
	CreatedAt         time.Time
	LastSignInAt      time.Time
}

// Name is the person's name, first name first.
func (a *Account) Name() string { return a.FirstName + " " + a.LastName }

// The lives of one-time values (product.md 5).
const (
	ValidationLinkLife = 24 * time.Hour
	TypedCodeLife      = 15 * time.Minute
	TypedCodeTries     = 5  // wrong tries per code
	SignUpCodeTries    = 10 // wrong tries per sign-up, never refilled by resending
	SignUpPurgedAfter  = 7 * 24 * time.Hour
)

// SignUp is one request for an account: its own password, link, code and
// browser. The first validated becomes the account, the others die. Taken is
// true when the address already had an account: it looks like any other, but
// nothing can validate it.
type SignUp struct {
	ID                string
	Email             string
	PasswordHash      string
	FirstName         string
	LastName          string
	ContributionsOnly bool
	Language          string
	Taken             bool
	BrowserHash       []byte
	LinkHash          []byte
	LinkExpiresAt     time.Time
	CodeHash          []byte
	CodeExpiresAt     time.Time
	CodeTries         int // wrong tries of the present code
	Tries             int // wrong tries of all codes
	DisownTries       int // wrong tries of the code of "this was not me"
	DisownHash        []byte
	CreatedAt         time.Time
	EndedAt           time.Time // zero while open
	AccountID         string    // the account it became
}

// LetterAt is when its newest letter leaves: at once, or later when many went to
// that address already.
func (s *SignUp) LetterAt() time.Time { return s.LinkExpiresAt.Add(-ValidationLinkLife) }

// Validated says whether this sign-up became an account.
func (s *SignUp) Validated() bool { return s.AccountID != "" }

// CheckLink refuses a link that is spent or too old.
func (s *SignUp) CheckLink(now time.Time) error {
	switch {
	case s.Validated():
		return ErrAlreadyValidated
	case !s.EndedAt.IsZero(), s.Taken:
		return ErrLinkUnknown
	case !now.Before(s.LinkExpiresAt):
		return ErrLinkExpired
	}
	return nil
}

// CheckCodeTry refuses a try of the typed code once its budgets are spent or
// the code is too old, before it is compared.
func (s *SignUp) CheckCodeTry(now time.Time) error {
	switch {
	case s.Validated():
		return ErrAlreadyValidated
	case !s.EndedAt.IsZero():
		return ErrSignUpUnknown
	case s.Tries >= SignUpCodeTries:
		return invalid("code", "signup.code_budget")
	case s.CodeTries >= TypedCodeTries:
		return invalid("code", "signup.code_tries")
	case !now.Before(s.CodeExpiresAt):
		return invalid("code", "signup.code_expired")
	}
	return nil
}

// What signing up and validating refuse.
var (
	ErrAlreadyValidated = &Error{Kind: Invalid, Key: "signup.already_validated"}
	ErrLinkUnknown      = &Error{Kind: Invalid, Key: "signup.link_unknown"}
	ErrLinkExpired      = &Error{Kind: Invalid, Key: "signup.link_expired"}
	ErrSignUpUnknown    = &Error{Kind: NotFound, Key: "signup.unknown"}
	ErrWrongCode        = &Error{Kind: Invalid, Key: "signup.code_wrong", Field: "code"}
	ErrDisownCode       = &Error{Kind: Invalid, Key: "signup.code_disown", Field: "code"} // typed where the other code validates
	ErrWrongPassword    = &Error{Kind: Invalid, Key: "signup.password_wrong", Field: "password"}
	ErrSignIn           = &Error{Kind: Invalid, Key: "login.refused"}
	ErrEmailTaken       = &Error{Kind: Conflict, Key: "account.email_taken", Field: "email"}
	ErrAccountUnknown   = &Error{Kind: NotFound, Key: "account.unknown"}
	ErrOnlyAdmin        = &Error{Kind: Conflict, Key: "account.only_administrator"}
)

// ParseEmail reads one plain address and gives the form in which it is kept
// and compared: lower case, without surrounding spaces, the domain in its
// ASCII form (IDNA). Display names, comments, lists, quoted local parts and
// line breaks are refused, so that a letter has exactly one recipient. The
// error is for the field given.
func ParseEmail(field, typed string) (string, error) {
	s := norm.NFC.String(strings.TrimFunc(typed, func(r rune) bool {
		return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff'
	}))
	if s == "" {
		return "", invalid(field, "email.missing")
	}
	at := strings.IndexByte(s, '@')
	if at < 1 || strings.Count(s, "@") != 1 || len(s) > 254 || !utf8.ValidString(s) {
		return "", invalid(field, "email.form")
	}
	local, domain := strings.ToLower(s[:at]), s[at+1:]
	if len(local) > 64 || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return "", invalid(field, "email.form")
	}
	for _, r := range local {
		if r > unicode.MaxASCII {
			return "", invalid(field, "email.ascii")
		}
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+/=?^_`{|}~.-", r)) {
			return "", invalid(field, "email.form")
		}
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !strings.Contains(ascii, ".") || len(ascii) > 253 || strings.HasSuffix(ascii, ".") {
		return "", invalid(field, "email.form")
	}
	top := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if !strings.ContainsFunc(top, func(r rune) bool { return r >= 'a' && r <= 'z' }) { // a network address is nobody's mailbox here
		return "", invalid(field, "email.form")
	}
	for _, label := range strings.Split(ascii, ".") {
		if label == "" || len(label) > 63 {
			return "", invalid(field, "email.form")
		}
		for _, r := range label {
			if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') {
				return "", invalid(field, "email.form")
			}
		}
	}
	return local + "@" + ascii, nil
}

// TypedDigits keeps the digits of a code that was typed or pasted; "" when there
// is anything else but spaces and separators, or too many.
func TypedDigits(typed string) string {
	var b strings.Builder
	for _, r := range typed {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.IsSpace(r), r == '-', r == '.', r == '\u200b':
		default:
			return ""
		}
		if b.Len() > 12 {
			return ""
		}
	}
	return b.String()
}

// CleanText makes one line of what a person typed: composed characters (NFC),
// single spaces, no control or invisible direction characters.
func CleanText(s string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFC.String(s) {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
		default:
			if space {
				b.WriteByte(' ')
				space = false
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Isolate keeps a text of another direction (Hebrew, Arabic) from turning the
// sentence around it: it puts the text between isolates (UAX 9). Other text
// stays as it is.
func Isolate(s string) string {
	turns := strings.ContainsFunc(s, func(r rune) bool {
		p, _ := bidi.LookupRune(r)
		return p.Class() == bidi.R || p.Class() == bidi.AL
	})
	if !turns {
		return s
	}
	return "\u2068" + s + "\u2069"
}

// MaxNameLength is the longest first or last name, in characters.
const MaxNameLength = 80

var joinedDot = regexp.MustCompile(`\.([\pL\pN])`)

// ParseName reads a first or last name. A dot is followed by a space, as one
// writes initials: mail programs make a link of "www.shop.example", and a name
// of their own choosing is what strangers get into our letters.
func ParseName(field, typed string) (string, error) {
	name := joinedDot.ReplaceAllString(CleanText(typed), ". $1")
	switch {
	case name == "":
		return "", invalid(field, "name.missing."+field)
	case len([]rune(name)) > MaxNameLength:
		return "", invalid(field, "name.long", "Max", MaxNameLength)
	case !strings.ContainsFunc(name, unicode.IsLetter), strings.ContainsAny(name, "<>@/\\{}[]"), strings.Contains(name, "://"):
		return "", invalid(field, "name.characters")
	}
	return name, nil
}
