package session

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Cookie names one of our cookies. Cookies ignore ports, so each door has its
// own names.
type Cookie string

// The cookies. Auth and Portal hold a session, Browser binds a pending
// authorization to the browser that began it, SignUp finds the sign-up of this
// browser, Known tells a browser in which people signed in before, SignIn
// carries the portal's own sign-in in progress, Kept a form that met the end of
// its session, Address the address that somebody just proved or gave here, Flash the message for the next page, Language the language chosen
// at that door.
const (
	Auth           Cookie = "portique_auth"
	Browser        Cookie = "portique_browser"
	SignUp         Cookie = "portique_signup"
	Known          Cookie = "portique_known"
	Kept           Cookie = "portique_kept"
	Address        Cookie = "portique_address"
	AuthLanguage   Cookie = "portique_auth_lang"
	Portal         Cookie = "portique_portal"
	SignIn         Cookie = "portique_signin"
	AuthFlash      Cookie = "portique_auth_flash"
	PortalFlash    Cookie = "portique_portal_flash"
	PortalLanguage Cookie = "portique_portal_lang"
)

// Cookies writes and reads cookies: HttpOnly, Lax, the whole host, and on
// HTTPS Secure with the __Host- prefix, so that a sibling host cannot plant
// one.
type Cookies struct{ Secure bool }

// Name is the cookie's name on the wire.
func (c Cookies) Name(k Cookie) string {
	if c.Secure {
		return "__Host-" + string(k)
	}
	return string(k)
}

// Read returns the cookie's value, or "" when it is absent, too long or sent
// twice: a browser never sends one name twice for one host and path.
func (c Cookies) Read(r *http.Request, k Cookie) string {
	found := r.CookiesNamed(c.Name(k))
	if len(found) != 1 || len(found[0].Value) > 3000 {
		return ""
	}
	return found[0].Value
}

// Set writes a cookie for maxAge, or until the browser closes when it is 0.
func (c Cookies) Set(w http.ResponseWriter, k Cookie, value string, maxAge time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: c.Name(k), Value: value, Path: "/", HttpOnly: true, Secure: c.Secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(maxAge / time.Second)})
}

// Clear removes a cookie.
func (c Cookies) Clear(w http.ResponseWriter, k Cookie) {
	http.SetCookie(w, &http.Cookie{Name: c.Name(k), Path: "/", HttpOnly: true, Secure: c.Secure,
		SameSite: http.SameSiteLaxMode, MaxAge: -1})
}

// split reads "id.secret"; the id is one of ours or nothing.
func split(value string) (id, secret string, ok bool) {
	id, secret, ok = strings.Cut(value, ".")
	return id, secret, ok && uuid.Validate(id) == nil && len(id) == 36 && secret != ""
}
