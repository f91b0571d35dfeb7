package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestFilesAreKeptForGood(t *testing.T) {
	for name, kind := range map[string]string{
		"portique.css": "text/css; charset=utf-8",
		"portique.js":  "text/javascript; charset=utf-8",
		"mark.svg":     "image/svg+xml",
		"favicon.svg":  "image/svg+xml",
	} {
		want, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if want = lighten(name, want); bytes.Contains(want, []byte("\n ")) || bytes.Contains(want, []byte("/* ")) || bytes.Contains(want, []byte("\n// ")) {
			t.Errorf("%s: not all that only we read was left out", name)
		}
		plain := get(t, "GET", URL(name))
		body, _ := io.ReadAll(plain.Body)
		if plain.StatusCode != 200 || plain.Header.Get("Content-Type") != kind || !bytes.Equal(body, want) ||
			!strings.Contains(plain.Header.Get("Cache-Control"), "immutable") || plain.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", name, plain.StatusCode, plain.Header)
		}
		packed := get(t, "GET", URL(name), "Accept-Encoding", "br, gzip")
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(z); packed.Header.Get("Content-Encoding") != "gzip" || !bytes.Equal(body, want) {
			t.Errorf("%s: packed %v", name, packed.Header)
		}
		head := get(t, "HEAD", URL(name))
		if body, _ := io.ReadAll(head.Body); head.StatusCode != 200 || len(body) > 0 {
			t.Errorf("HEAD %s: %d", name, head.StatusCode)
		}
	}
}

func TestOtherAddresses(t *testing.T) {
	old := get(t, "GET", "/static/000000000000/portique.css")
	if old.StatusCode != 200 || old.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("another version's address: %d %v", old.StatusCode, old.Header)
	}
	for _, path := range []string{"/static/", "/static/x/", "/static/x/static.go", "/static/x/../portique.css", "/portique.css", "/static/portique.css", "/static/x/theme-zzzzzz.css", "/static/x/y/portique.css"} {
		if r := get(t, "GET", path); r.StatusCode != 404 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if r := get(t, "POST", URL("mark.svg")); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", r.StatusCode)
	}
}

func TestWhatAPageWeighs(t *testing.T) {
	if n := len(assets["portique.css"].gzip()) + len(assets["portique.js"].gzip()); n > 12_000 {
		t.Errorf("style and script are %d bytes on the wire; a page has 30,000 in all", n)
	}
}

func TestNothingFromAnotherHost(t *testing.T) {
	for name, a := range assets {
		text := strings.ReplaceAll(string(a.content), "http://www.w3.org/2000/svg", "")
		if m := regexp.MustCompile(`https?://|url\(|@import|style=`).FindString(text); m != "" {
			t.Errorf("%s holds %q", name, m)
		}
	}
}

func TestThemeCanBeRead(t *testing.T) {
	rule := regexp.MustCompile(`--(brand|on-brand|brand-wash):(#[0-9a-f]{6}|#fff)`)
	for _, s := range []string{"#0A4D68", "#000000", "#767676", "#d4351c", "#1b6b3a", "#5b2a86", "#0000ff", "#ff0000"} {
		url := Theme(s)
		if url == "" {
			t.Fatalf("%s: no theme", s)
		}
		r := get(t, "GET", url)
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != 200 || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Fatalf("%s: %d %v", s, r.StatusCode, r.Header)
		}
		found := rule.FindAllStringSubmatch(string(body), -1)
		if len(found) != 6 {
			t.Fatalf("%s: %s", s, body)
		}
		var c [6]color
		for i, m := range found {
			hex := strings.Replace(m[2], "#fff", "#ffffff", 1)
			if len(m[2]) == 7 {
				hex = m[2]
			}
			c[i], _ = parseColor(hex)
		}
		for _, pair := range []struct {
			what string
			a, b color
		}{
			{"brand on paper", c[0], white},
			{"brand on wash", c[0], color{0xf4, 0xf6, 0xf8}},
			{"brand on its wash", c[0], c[2]},
			{"text on brand", c[1], c[0]},
			{"dark: brand on paper", c[3], darkPaper},
			{"dark: brand on wash", c[3], darkWash},
			{"dark: brand on its wash", c[3], c[5]},
			{"dark: text on brand", c[4], c[3]},
		} {
			if ratio := pair.a.contrast(pair.b); ratio < 4.5 {
				t.Errorf("%s: %s is %.2f", s, pair.what, ratio)
			}
		}
	}
	for _, s := range []string{"", "red", "#12345", "#12345g", "0A4D68", "#0A4D68;}"} {
		if Theme(s) != "" {
			t.Errorf("%q has a theme", s)
		}
	}
}

func TestTakesGzip(t *testing.T) {
	for header, want := range map[string]bool{"": false, "gzip": true, "br, GZIP": true, "gzip;q=0": false, "gzip; q=0.000": false, "gzip;q=0.5": true, "deflate": false,
		"gzipped": false, "br;q=1, gzip ; q = 0": false, "*": false} {
		r := httptest.NewRequest("GET", "/", nil)
		if header != "" {
			r.Header.Set("Accept-Encoding", header)
		}
		if got := TakesGzip(r); got != want {
			t.Errorf("%q: %t", header, got)
		}
	}
}
