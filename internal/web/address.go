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
	At    int64  `json:"t"`           // seconds
	Asked int    `json:"a,omitempty"` // how often a new password was asked for it
}

// giveAddress keeps an address that was proved for the pages that ask for it next.
func (v *visit) giveAddress(email string) { v.keepAddress(givenAddress{Email: email}) }

// askedFor keeps an address that a new password was asked for.
func (v *visit) askedFor(email string) {
	a := givenAddress{Email: email, Asked: 1}
	if before := v.given(); before.Email == email {
		a.Asked = before.Asked + 1
	}
	v.keepAddress(a)
}

func (v *visit) keepAddress(a givenAddress) {
	a.At = v.h.Now().Unix()
	b, err := json.Marshal(a)
	if err != nil {
		return // text always marshals
	}
	sealed := base64.RawURLEncoding.EncodeToString(v.h.Keys.Seal("address", "auth", b))
	v.h.Cookies.Set(v.w, session.Address, sealed, addressLife)
}

// given is what is kept in this browser; its address is "" without.
func (v *visit) given() givenAddress {
	value := v.h.Cookies.Read(v.r, session.Address)
	if value == "" {
		return givenAddress{}
	}
	var a givenAddress
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err == nil {
		sealed, err = v.h.Keys.Open("address", "auth", sealed)
	}
	if err != nil || json.Unmarshal(sealed, &a) != nil || v.h.Now().Unix()-a.At > int64(addressLife/time.Second) {
		v.h.Cookies.Clear(v.w, session.Address)
		return givenAddress{}
	}
	return a
}

// addressTyped is a form's field filled with the address kept, as if it were typed.
func (v *visit) addressTyped() map[string][]string {
	if v.r.Method != http.MethodGet {
		return nil
	}
	if email := v.given().Email; email != "" {
		return map[string][]string{"email": {email}}
	}
	return nil
}
