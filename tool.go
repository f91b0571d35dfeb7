package portique

import (
	"net/url"
	"regexp"
	"strings"
	"time"
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

// Tool is a web service of the operator: an OpenID Connect client shown in the
// list of tools. SecretHash is the SHA-256 of a random 256-bit secret: such a
// secret needs no slow hash.
type Tool struct {
	ID             string
	Name           string
	Description    string
	URL            string
	RedirectURIs   []string
	PostLogoutURIs []string
	Audience       Audience
	AuthMethod     string // client_secret_basic, client_secret_post, none
	SecretHash     []byte
	PKCEOptional   bool
	Algorithm      string // ES256, RS256
	CreatedAt      time.Time
	DisabledAt     time.Time
}

// Public says whether the tool has no secret.
func (t *Tool) Public() bool { return t.AuthMethod == "none" }

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
	if checkURI(t.URL) != nil {
		f.Add("url", "tool.url", "URL", t.URL)
	}
	if len(t.RedirectURIs) == 0 {
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
