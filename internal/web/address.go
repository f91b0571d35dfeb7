package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"portique/internal/session"
)

// addressLife is how long the sign-in page knows the address: about as long as
// one takes to get there, on a computer that others may use next.
const addressLife = 15 * time.Minute

// givenAddress is the address that somebody proved in this browser (a validated
// account, a new password) or asked a new password for. It travels in a sealed
// cookie, never in an address of ours, so that nobody's link can fill it in, and
// it says nothing of whether an account has it.
type givenAddress struct {
	Email string `json:"e"`
	At    int64  `json:"t"` // seconds
}

// giveAddress keeps an address for the pages that ask for it next.
func (v *visit) giveAddress(email string) {
	b, err := json.Marshal(givenAddress{Email: email, At: v.h.Now().Unix()})
	if err != nil {
		return // text always marshals
	}
	sealed := base64.RawURLEncoding.EncodeToString(v.h.Keys.Seal("address", "auth", b))
	v.h.Cookies.Set(v.w, session.Address, sealed, addressLife)
}

// address is the one kept in this browser, "" without.
func (v *visit) address() string {
	value := v.h.Cookies.Read(v.r, session.Address)
	if value == "" {
		return ""
	}
	var a givenAddress
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err == nil {
		sealed, err = v.h.Keys.Open("address", "auth", sealed)
	}
	if err != nil || json.Unmarshal(sealed, &a) != nil || v.h.Now().Unix()-a.At > int64(addressLife/time.Second) {
		v.h.Cookies.Clear(v.w, session.Address)
		return ""
	}
	return a.Email
}

// addressTyped is a form's field filled with the address kept, as if it were typed.
func (v *visit) addressTyped() map[string][]string {
	if email := v.address(); email != "" && v.r.Method == http.MethodGet {
		return map[string][]string{"email": {email}}
	}
	return nil
}
