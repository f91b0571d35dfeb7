package web

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// passLife is how long the address of a mailed link's page opens that page
// again, by a reload or a change of language. The form on it works as long as
// the link does.
const passLife = 15 * time.Minute

// maxToken is the longest token looked at, in bytes: ours have 43.
const maxToken = 200

// linkPaths are the pages behind mailed links, whose address or form holds a
// token.
var linkPaths = []string{"/validate", "/validate/not-me", "/password/reset"}

// contestOpened is what the link of a first claim's notice moves to. The token of
// that link is the end of its path.
const contestOpened = "/contest/opened"

func (v *visit) behindLink() bool {
	return slices.Contains(linkPaths, v.r.URL.Path) || strings.HasPrefix(v.r.URL.Path, "/contest/")
}

// linkToken is the token that a link or a form of ours carries.
func (v *visit) linkToken() string {
	if token := v.r.PathValue("token"); token != "" && v.r.URL.Path != contestOpened {
		return token
	}
	if v.r.Method == http.MethodPost {
		return v.form("token")
	}
	return v.r.URL.Query().Get("token")
}

// concealLink keeps the address of a mailed link's page from every other page
// (docs/decisions/0011-tokens-in-addresses.md).
func (v *visit) concealLink() {
	if v.behindLink() {
		v.w.Header().Set("Referrer-Policy", "no-referrer")
	}
}

// referrer is the policy that the page itself must put in the place of
// no-referrer: under it a form's Origin is null, which we take only from a
// browser that says by Sec-Fetch-Site that the form is ours. One that does not
// send it keeps its Origin.
func (v *visit) referrer() string {
	if v.behindLink() && v.r.Header.Get("Sec-Fetch-Site") == "" {
		return "same-origin"
	}
	return ""
}

var errPassOld = errors.New("the page was opened too long ago")

// mailedToken reads the token of the page's address. A token as mailed is
// answered by a redirect (moved) to an address that stands for it for passLife;
// errPassOld once that is over. Neither changes anything.
func (v *visit) mailedToken() (token string, moved bool, err error) {
	if token := v.linkToken(); token != "" && len(token) <= maxToken {
		return "", true, v.redirect(v.passAddress(token))
	}
	sealed, err := base64.RawURLEncoding.DecodeString(v.r.URL.Query().Get("opened"))
	if err != nil {
		return "", false, nil
	}
	b, err := v.h.Keys.Open("mailed-link", v.r.URL.Path, sealed)
	if err != nil || len(b) < 8 {
		return "", false, nil
	}
	if v.h.Now().Unix() >= int64(binary.BigEndian.Uint64(b)) {
		return "", false, errPassOld
	}
	return string(b[8:]), false, nil
}

// passAddress is the address that stands for a token from now on: sealed, so
// that it is no token, for one page and passLife.
func (v *visit) passAddress(token string) string {
	path := v.r.URL.Path
	switch {
	case path == "/validate/not-me":
		path = "/validate"
	case strings.HasPrefix(path, "/contest/"):
		path = contestOpened
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(v.h.Now().Add(passLife).Unix()))
	sealed := v.h.Keys.Seal("mailed-link", path, append(b, token...))
	return path + "?" + url.Values{"opened": {base64.RawURLEncoding.EncodeToString(sealed)}}.Encode()
}
