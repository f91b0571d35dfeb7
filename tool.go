package portique

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Audience says for whom a tool is.
type Audience string

// The audiences. Declarants open contribution tools only.
const (
	AudienceAll           Audience = "all"
	AudienceContributions Audience = "contributions"
)

// PortalClientID is the built-in client by which the portal signs people in.
const PortalClientID = "portal"

// Levels are the ways of signing in that a tool may ask for at least (`acr`), the
// weakest first: by a password, with a second factor, by a passkey that verified
// its owner.
var Levels = []string{"portique:1", "portique:2", "portique:3"}

// Claims are what a tool may be told of a person (OpenID Connect Core 5.1), and
// of the company that the person acts for.
var Claims = []string{"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
	"email", "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified", "address", "updated_at", "company"}

// Tool is a web service of the operator: an OpenID Connect client shown in the
// list of tools. SecretHash is the SHA-256 of a random 256-bit secret: such a
// secret needs no slow hash.
type Tool struct {
	ID             string
	Name           string
	NameEN         string // for people who read English; "" for none
	Description    string
	DescriptionEN  string
	URL            string
	RedirectURIs   []string
	PostLogoutURIs []string
	Audience       Audience
	AuthMethod     string // client_secret_basic, client_secret_post, private_key_jwt, none
	SecretHash     []byte
	PKCEOptional   bool
	Algorithm      string // ES256, RS256
	CreatedAt      time.Time
	DisabledAt     time.Time

	BackchannelLogoutURI string   // told when a session that entered it ends; "" for not
	JWKS                 string   // its public keys (RFC 7517), for private_key_jwt
	JWKSURI              string   // where its keys are fetched from time to time; "" for never
	MinACR               string   // the level of sign-in it asks for; "" for any
	Consent              bool     // the person is asked before it is told anything
	Pairwise             bool     // knows people by names of its own (Core 8.1)
	UserinfoSigned       bool     // userinfo answers it by a signed JWT
	Device               bool     // may be entered from a device without a browser (RFC 8628)
	Claims               []string // those it may have; empty for all that its scopes release
}

// NameIn is the tool's name for people who read a language.
func (t *Tool) NameIn(lang string) string { return in(lang, t.Name, t.NameEN) }

// DescriptionIn is the line about the tool for people who read a language.
func (t *Tool) DescriptionIn(lang string) string { return in(lang, t.Description, t.DescriptionEN) }

// in is the English text for who reads English; the one that exists when there
// is only one.
func in(lang, text, english string) string {
	if lang == "en" {
		return cmp.Or(english, text)
	}
	return cmp.Or(text, english)
}

// ByNameIn orders tools by their names in a language, whatever their capitals
// and accents.
func ByNameIn(lang string) func(a, b *Tool) int {
	return func(a, b *Tool) int {
		return cmp.Or(strings.Compare(sorted(a.NameIn(lang)), sorted(b.NameIn(lang))), strings.Compare(a.ID, b.ID))
	}
}

func sorted(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(name)))
}

// Public says whether the tool has no secret.
func (t *Tool) Public() bool { return t.AuthMethod == "none" }

// HasSecret says whether the tool proves itself by a secret.
func (t *Tool) HasSecret() bool {
	return t.AuthMethod == "client_secret_basic" || t.AuthMethod == "client_secret_post"
}

// MayHave says whether a claim may be told to the tool at all. What says how the
// person signed in is for every tool.
func (t *Tool) MayHave(claim string) bool {
	return len(t.Claims) == 0 || slices.Contains(t.Claims, claim) || !slices.Contains(Claims, claim)
}

// Sector is what a tool that is pairwise shares its names of people with: the
// host of its redirect addresses (Core 8.1).
func (t *Tool) Sector() string {
	if len(t.RedirectURIs) == 0 {
		return ""
	}
	return hostOf(t.RedirectURIs[0])
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

var toolID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Check tells what is wrong with a tool before it is registered.
func (t *Tool) Check() error {
	var f FieldErrors
	if !toolID.MatchString(t.ID) || t.ID == PortalClientID {
		f.Add("id", "tool.id")
	}
	if t.Name = CleanText(t.Name); t.Name == "" || len([]rune(t.Name)) > 100 {
		f.Add("name", "tool.name")
	}
	if t.NameEN = CleanText(t.NameEN); len([]rune(t.NameEN)) > 100 {
		f.Add("name_en", "tool.name_en")
	}
	t.Description, t.DescriptionEN = CleanText(t.Description), CleanText(t.DescriptionEN)
	if checkURI(t.URL) != nil {
		f.Add("url", "tool.url", "URL", t.URL)
	}
	if len(t.RedirectURIs) == 0 && (!t.Device || t.Pairwise) { // a device alone comes back to nowhere; a pairwise name needs a host
		f.Add("redirect_uri", "tool.redirect_missing")
	}
	for _, u := range t.RedirectURIs {
		if checkURI(u) != nil {
			f.Add("redirect_uri", "tool.redirect", "URL", u)
		}
	}
	for _, u := range t.PostLogoutURIs {
		if checkURI(u) != nil {
			f.Add("post_logout_uri", "tool.redirect", "URL", u)
		}
	}
	if t.Audience != AudienceAll && t.Audience != AudienceContributions {
		f.Add("audience", "tool.audience")
	}
	switch t.AuthMethod {
	case "client_secret_basic", "client_secret_post":
	case "private_key_jwt":
		if t.JWKS == "" && t.JWKSURI == "" {
			f.Add("jwks", "tool.jwks_missing")
		}
	case "none":
		if t.PKCEOptional {
			f.Add("no_pkce", "tool.public_pkce")
		}
	default:
		f.Add("auth_method", "tool.auth_method")
	}
	if t.Algorithm != "ES256" && t.Algorithm != "RS256" {
		f.Add("alg", "tool.algorithm")
	}
	for field, u := range map[string]string{"backchannel_logout_uri": t.BackchannelLogoutURI, "jwks_uri": t.JWKSURI} {
		if u != "" && checkURI(u) != nil {
			f.Add(field, "tool.redirect", "URL", u)
		}
	}
	if t.MinACR != "" && !slices.Contains(Levels, t.MinACR) {
		f.Add("min_acr", "tool.min_acr")
	}
	for _, claim := range t.Claims {
		if !slices.Contains(Claims, claim) {
			f.Add("claims", "tool.claim", "Claim", claim)
		}
	}
	if t.Pairwise && slices.ContainsFunc(t.RedirectURIs, func(u string) bool { return hostOf(u) != t.Sector() }) {
		f.Add("redirect_uri", "tool.pairwise_hosts")
	}
	return f.Err()
}

// checkURI: https, or http on loopback only (RFC 9700 2.6), no fragment
// (RFC 6749 3.1.2), no user information.
func checkURI(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return err
	}
	if u.Host == "" || u.Fragment != "" || strings.Contains(s, "#") || u.User != nil || strings.ContainsAny(s, " \t\r\n*") {
		return invalid("url", "tool.url", "URL", s)
	}
	if u.Scheme == "https" || u.Scheme == "http" && Loopback(u.Hostname()) {
		return nil
	}
	return invalid("url", "tool.url", "URL", s)
}

// Loopback says whether a host name of a URL is this machine.
func Loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" ||
		strings.HasSuffix(host, ".localhost")
}

// ErrToolExists: a tool's id is its client id, for good.
var ErrToolExists = &Error{Kind: Conflict, Key: "tool.exists", Field: "id"}
