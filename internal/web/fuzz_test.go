package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"portique"
)

// Wherever a page says to come back to, the browser stays on the host: judged by net/url, and by what browsers do with what it lets
// through (they drop tabs and line ends, and read a backslash as a slash).
func FuzzSafeReturn(f *testing.F) {
	for _, to := range []string{"/", "/tools?siren=552100554#x", "//evil.example", "/\\evil.example", "/\t/evil.example", "/%2f/evil.example", "https://evil.example", "/a//b", "/..//evil.example",
		"/.//evil.example", "/%2e%2e//evil.example", "/./\\evil.example", "\x00/x", "/é", "/\u2028/x", "/a?b=//c", "/a/../..//evil.example"} {
		f.Add(to)
	}
	host := &url.URL{Scheme: "https", Host: "ws.opco.example", Path: "/language"}
	f.Fuzz(func(t *testing.T, to string) {
		got := safeReturn(to, "/fallback")
		if got != to && got != "/fallback" {
			t.Fatalf("%q became %q", to, got)
		}
		asBrowsers := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(got)
		for _, form := range []string{got, asBrowsers} {
			u, err := host.Parse(form)
			if err != nil || u.Host != host.Host || u.Scheme != host.Scheme || u.User != nil {
				t.Fatalf("%q leads to %v, %v", to, u, err)
			}
		}
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(asBrowsers, "//") || strings.ContainsAny(got, "\r\n\x00") {
			t.Fatalf("%q leads to %q", to, got)
		}
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest(http.MethodGet, "/language", nil), got, http.StatusSeeOther)
		location := w.Header().Get("Location")
		if u, err := host.Parse(location); err != nil || u.Host != host.Host || strings.HasPrefix(location, "//") || strings.ContainsAny(location, "\r\n") {
			t.Fatalf("%q is sent as %q", to, location)
		}
	})
}

// Whatever is posted is refused in words or read: a field is what was posted under its name once, cut at the limit, and never comes
// from the address.
func FuzzForm(f *testing.F) {
	const media = "application/x-www-form-urlencoded"
	for _, body := range []string{"", "email=a%40x.example&password=x", "email=a&email=b", "email", "=", "%zz=1", "email=%00%0d%0a", "email=\xff", "a;b=c", "email=" + strings.Repeat("é", 6000), "email=x" + strings.Repeat("é", 6000),
		strings.Repeat("x=1&", 1000), "email[]=1", "email=%F0%9F%98%80"} {
		f.Add(media, body, "")
	}
	f.Add("Application/X-WWW-Form-URLencoded; charset=UTF-8", "email=a", "email=b")
	f.Add("application/json", `{"email":"a"}`, "")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na\r\n--x--", "")
	f.Fuzz(func(t *testing.T, media, body, query string) {
		r := httptest.NewRequest(http.MethodPost, "/register", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header["Content-Type"] = []string{media}
		v := &visit{w: httptest.NewRecorder(), r: r, door: portique.DoorAuth}
		if err := v.parseForm(); err != nil {
			if !slices.Contains([]error{errTooBig, errMediaType, errBadForm}, err) {
				t.Fatalf("%v", err)
			}
			return
		}
		want, _ := url.ParseQuery(body)
		if mime, _, _ := strings.Cut(media, ";"); !strings.EqualFold(strings.TrimSpace(mime), "application/x-www-form-urlencoded") {
			want = nil // nothing was posted
		}
		names := []string{"email", "x", "a", ""}
		for name, posted := range want {
			if len(posted) > 1 && name != "tool" {
				t.Fatalf("%q came %d times and was read", name, len(posted))
			}
			names = append(names, name)
		}
		values := v.values(names...)
		for _, name := range names {
			got := v.form(name)
			if !strings.HasPrefix(want.Get(name), got) || len(got) < min(len(want.Get(name)), maxField-utf8.UTFMax) || len(got) > maxField {
				t.Fatalf("%q: posted %q, read %q", name, want.Get(name), got)
			}
			if utf8.ValidString(want.Get(name)) && !utf8.ValidString(got) {
				t.Fatalf("%q was cut within a character", name)
			}
			if !slices.Equal(values[name], want[name]) {
				t.Fatalf("%q: posted %q, comes back %q", name, want[name], values[name])
			}
			_ = v.checked(name)
		}
		_ = v.returnPath()
	})
}
