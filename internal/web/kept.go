package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"portique"
	"portique/internal/session"
	"portique/internal/web/template"
)

// keptLife is how long a form that met the end of its session waits for its
// person to sign in again.
const keptLife = time.Hour

// maxKept is the longest sealed form, in bytes: browsers take cookies of 4 kB.
const maxKept = 2900

// keptForm is what somebody sent when their session had just run out (SES-05).
// It travels in a sealed cookie, is shown to the same person only, on the page
// it came from, and is never sent by itself.
type keptForm struct {
	Account string              `json:"a"`
	Path    string              `json:"p"` // where it was sent
	Page    string              `json:"g"` // where it is shown
	Values  map[string][]string `json:"v"`
	At      int64               `json:"t"` // seconds
}

// keepForm keeps the fields of a route's form for after the next sign-in, when the
// page has one and the session ended by time.
func (v *visit) keepForm(route Route) {
	page := v.returnPath()
	if page == "" || v.door != portique.DoorPortal || len(route.Fields) == 0 {
		return
	}
	account, err := v.h.Sessions.Lapsed(v.r.Context(), v.door, v.h.Cookies.Read(v.r, session.Portal))
	if err != nil {
		return // nobody's form
	}
	b, err := json.Marshal(keptForm{Account: account, Path: v.r.URL.Path, Page: page, Values: v.values(route.Fields...), At: v.h.Now().Unix()})
	if err != nil {
		return // text always marshals
	}
	if sealed := base64.RawURLEncoding.EncodeToString(v.h.Keys.Seal("kept-form", "portal", b)); len(sealed) <= maxKept {
		v.h.Cookies.Set(v.w, session.Kept, sealed, keptLife)
	}
}

// keptForm takes back what this person sent from this page when their session had
// run out: the values, and where they were sent. Nothing when there is none.
func (v *visit) keptForm() (form template.Form, path string, found bool) {
	value := v.h.Cookies.Read(v.r, session.Kept)
	if value == "" || v.current == nil || v.r.Method != http.MethodGet {
		return form, "", false
	}
	var k keptForm
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err == nil {
		sealed, err = v.h.Keys.Open("kept-form", "portal", sealed)
	}
	if err != nil || json.Unmarshal(sealed, &k) != nil {
		v.h.Cookies.Clear(v.w, session.Kept)
		return form, "", false
	}
	if k.Page != v.r.URL.Path {
		return form, "", false // another page of theirs: it waits
	}
	v.h.Cookies.Clear(v.w, session.Kept)
	if k.Account != v.current.Account.ID || v.h.Now().Unix()-k.At > int64(keptLife/time.Second) {
		return form, "", false
	}
	return template.Form{Values: k.Values}, k.Path, true
}

// keptNotice says that what was typed is back, not sent.
func (v *visit) keptNotice(found bool) *template.Notice {
	if !found {
		return nil
	}
	return v.say(template.Info, "portal.kept")
}
