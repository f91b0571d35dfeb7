package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/store/storetest"
)

// PWD-16 the address of a mailed link's page holds no token: what stands for it opens that page, for a quarter of an hour.
func TestMailedToken(t *testing.T) {
	late := time.Duration(0)
	s := newSite(t, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(late) } })
	person := storetest.Account(t, s.db, "jeanne@martin.example")
	if err := s.h.Accounts.Forgot(t.Context(), portique.Actor{Language: "fr"}, person.Email); err != nil {
		t.Fatal(err)
	}
	if err := s.h.Accounts.AnswerResets(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := s.send("POST", "/register", form, filledFor("luc@martin.example").Encode()); code != 303 {
		t.Fatal(code)
	}
	token := map[string]string{}
	for _, l := range storetest.Outbox(t, s.db, "") {
		u, err := url.Parse(l.Secret["link"])
		if err != nil {
			t.Fatal(err)
		}
		token[u.Path] = u.Query().Get("token")
	}
	other := map[string]string{"/validate": "/password/reset", "/password/reset": "/validate"}
	for path, page := range other {
		late = 0
		open := func(address string) (int, string) {
			t.Helper()
			code, body, header := s.send("GET", address, "", "")
			if header.Get("Referrer-Policy") != "no-referrer" || header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", address, header)
			}
			if code == 303 {
				return code, header.Get("Location")
			}
			return code, body
		}
		_, moved := open(path + "?token=" + token[path])
		if !strings.HasPrefix(moved, path+"?opened=") || strings.Contains(moved, token[path][:8]) {
			t.Fatalf("the link leads to %s", moved)
		}
		for range 2 { // and a reload; no cookie is needed
			if code, body := open(moved); code != 200 || !strings.Contains(body, `name="token" value="`+token[path]) {
				t.Errorf("%s: %d", path, code)
			}
		}
		// The form still works, and the language switch of its refusal leads back here.
		_, body, _ := s.send("POST", path, form, url.Values{"token": {token[path]}, "password": {"court"}}.Encode())
		_, back, _ := strings.Cut(body, `name="return" value="`)
		back, _, _ = strings.Cut(back, `"`)
		if code, body := open(back); code != 200 || strings.Contains(back, "token") || !strings.Contains(body, token[path]) {
			t.Errorf("after a refusal the language leads to %s: %d", back, code)
		}
		sealed := strings.TrimPrefix(moved, path+"?opened=")
		first := "A"
		if sealed[0] == 'A' {
			first = "B"
		}
		for name, address := range map[string]string{
			"another page":        page + "?opened=" + sealed,
			"altered":             path + "?opened=" + first + sealed[1:],
			"cut":                 path + "?opened=" + sealed[:len(sealed)-4],
			"nothing":             path + "?opened=",
			"as the token itself": path + "?opened=" + token[path],
		} {
			if code, body := open(address); strings.Contains(body, `name="token" value="`+token[path]) || code == 303 {
				t.Errorf("%s: %d", name, code)
			}
		}
		late = passLife - time.Minute // this test takes a while too
		if code, body := open(moved); code != 200 || !strings.Contains(body, token[path]) {
			t.Errorf("%s, just in time: %d", path, code)
		}
		late = passLife + time.Second
		if code, body := open(moved); code != 200 || strings.Contains(body, token[path]) || !strings.Contains(body, "Ouvrez à nouveau le lien") {
			t.Errorf("%s, too late: %d", path, code)
		}
	}
	// A browser that cannot say by Sec-Fetch-Site where a form comes from keeps its Origin.
	late = 0
	_, _, header := s.send("GET", "/validate?token="+token["/validate"], "", "")
	if _, body, _ := s.send("GET", header.Get("Location"), "", ""); !strings.Contains(body, `<meta name="referrer" content="same-origin">`) {
		t.Error("an older browser's form would say nothing of where it comes from")
	}
}

func filledFor(email string) url.Values {
	v := filled()
	v.Set("email", email)
	v.Set("email_confirmation", email)
	return v
}
