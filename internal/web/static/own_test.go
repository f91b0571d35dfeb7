package static

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOwnFiles(t *testing.T) {
	const logo, theme = `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, ":root{--radius:0}"
	own := NewOwn([]byte(logo), []byte(theme))
	ask := func(path string) (*http.Response, string) {
		w := httptest.NewRecorder()
		own.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		body, _ := io.ReadAll(w.Result().Body)
		return w.Result(), string(body)
	}
	for _, f := range []struct{ url, kind, content string }{
		{own.LogoURL(), "image/svg+xml", logo},
		{own.ThemeURL(), "text/css; charset=utf-8", theme},
		{URL("portique.css"), "text/css; charset=utf-8", string(assets["portique.css"].content)},
	} {
		r, body := ask(f.url)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != f.kind || body != f.content || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", f.url, r.StatusCode, r.Header)
		}
		// What opens by itself as a document of ours runs nothing.
		policy := r.Header.Get("Content-Security-Policy")
		if strings.HasSuffix(f.url, logoName) && (!strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") || strings.Contains(policy, "script-src")) {
			t.Errorf("%s: policy %q", f.url, policy)
		}
	}
	if other := NewOwn([]byte(logo+" "), nil); other.LogoURL() == own.LogoURL() || other.ThemeURL() != "" {
		t.Errorf("another logo: %q, no style sheet: %q", other.LogoURL(), other.ThemeURL())
	}
	var none *Own
	if none.LogoURL()+none.ThemeURL() != "" {
		t.Error("nothing has an address")
	}
	if r := get(t, "GET", own.LogoURL()); r.StatusCode != 404 {
		t.Errorf("an installation without a logo: %d", r.StatusCode)
	}
}
