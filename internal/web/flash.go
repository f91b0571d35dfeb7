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

// flash is a message that follows a redirect: the key of a sentence and its
// arguments. It travels in a sealed cookie and lives for one page.
type flash struct {
	Key  string         `json:"k"`
	Args map[string]any `json:"a,omitempty"`
}

func (v *visit) flashCookie() session.Cookie {
	if v.door == portique.DoorAuth {
		return session.AuthFlash
	}
	return session.PortalFlash
}

// tell leaves a message for the next page.
func (v *visit) tell(key string, args ...any) {
	f := flash{Key: key, Args: map[string]any{}}
	for i := 0; i+1 < len(args); i += 2 {
		f.Args[args[i].(string)] = args[i+1]
	}
	b, err := json.Marshal(f)
	if err != nil {
		return // arguments are ours: text and numbers
	}
	sealed := v.h.Keys.Seal("flash", string(v.door), b)
	v.h.Cookies.Set(v.w, v.flashCookie(), base64.RawURLEncoding.EncodeToString(sealed), time.Minute)
}

// take reads the message left for this page and forgets it.
func (v *visit) take() (flash, bool) {
	var f flash
	value := v.h.Cookies.Read(v.r, v.flashCookie())
	if value == "" || v.r.Method != http.MethodGet {
		return f, false
	}
	v.h.Cookies.Clear(v.w, v.flashCookie())
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return f, false
	}
	b, err := v.h.Keys.Open("flash", string(v.door), sealed)
	if err != nil || json.Unmarshal(b, &f) != nil {
		return flash{}, false
	}
	return f, true
}

func (v *visit) flash() *template.Notice {
	f, ok := v.take()
	if !ok || !v.p.Has(f.Key) {
		return nil
	}
	var args []any
	for name, value := range f.Args {
		if n, isNumber := value.(float64); isNumber {
			value = int(n)
		}
		args = append(args, name, value)
	}
	kind := template.Good
	if f.Key == "auth.flash.unvalidated" || f.Key == "auth.flash.no_sign_up" {
		kind = template.Caution
	}
	return &template.Notice{Kind: kind, Text: v.p.T(f.Key, args...)}
}
