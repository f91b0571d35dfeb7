package web

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"portique"
)

// Only a long list travels compressed, and not when another site's page asked for it.
func TestWriteCompresses(t *testing.T) {
	page := func(size int) templ.Component {
		return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("a", size))
			return err
		})
	}
	for name, c := range map[string]struct {
		size            int
		list            bool
		accept, from    string
		packed, variant bool
	}{
		"a long list":                     {longPage + 1, true, "gzip", "", true, true},
		"a long list of our own page":     {longPage + 1, true, "gzip", "same-origin", true, true},
		"a long list asked elsewhere":     {longPage + 1, true, "gzip", "cross-site", false, true},
		"a long list for an old program":  {longPage + 1, true, "", "", false, true},
		"a short list":                    {longPage, true, "gzip", "", false, false},
		"another page, made long by whom": {longPage * 4, false, "gzip", "", false, false},
	} {
		r := httptest.NewRequest("GET", "/companies", nil)
		r.Header.Set("Accept-Encoding", c.accept)
		r.Header.Set("Sec-Fetch-Site", c.from)
		w := httptest.NewRecorder()
		if err := Write(w, r, http.StatusOK, page(c.size), Sending{List: c.list}); err != nil {
			t.Fatal(err)
		}
		if packed, variant := w.Header().Get("Content-Encoding") == "gzip", w.Header().Get("Vary") != ""; packed != c.packed || variant != c.variant || packed != (w.Body.Len() < c.size) {
			t.Errorf("%s: %d bytes, %v", name, w.Body.Len(), w.Header())
		}
	}
}

// An address that somebody made long does not make the page long.
func TestLongAddressIsNotReflected(t *testing.T) {
	s := newSite(t)
	_, page, _ := s.send("GET", "/login?x="+strings.Repeat("a", 5000), "", "")
	if strings.Contains(page, strings.Repeat("a", 1000)) {
		t.Error("the address is in the page")
	}
}

// A field left empty is no guess, however often.
func TestEmptySignInCountsNowhere(t *testing.T) {
	s := newSite(t)
	for range 40 {
		if code, _, _ := s.send("POST", "/login", form, url.Values{"email": {"jeanne@martin.example"}, "password": {""}}.Encode()); code != http.StatusUnprocessableEntity {
			t.Fatalf("answered %d", code)
		}
	}
	for i := range 5 { // and the five tries are all there
		if code, _, _ := s.send("POST", "/login", form, url.Values{"email": {"jeanne@martin.example"}, "password": {"Pas!CeluiLa9"}}.Encode()); code != http.StatusUnprocessableEntity {
			t.Fatalf("try %d: answered %d", i+1, code)
		}
	}
}

// Who is signed out is told so in a word: the script says it on the page that is open.
func TestKeepingNothing(t *testing.T) {
	s := newSite(t)
	s.door = portique.DoorPortal
	if code, page, _ := s.send("POST", "/session/keep", "", ""); code != http.StatusUnauthorized || page != "" {
		t.Errorf("signed out: %d %q", code, page)
	}
	if code, _, _ := s.send("GET", "/session/keep", "", ""); code != http.StatusNotFound && code != http.StatusMethodNotAllowed {
		t.Errorf("by GET: %d", code)
	}
}
