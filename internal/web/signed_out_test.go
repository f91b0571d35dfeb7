package web

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/store/storetest"
)

// The page that says which tools stay open names them for a quarter of an hour, reloads included; whoever finds its address later, in
// a history say, reads that a session was closed and no more. A stranger's address names nothing.
func TestSignedOutNamesToolsForAWhile(t *testing.T) {
	watch := storetest.NewWatch()
	s := newSite(t, func(o *Options) { o.Now = watch.Now })
	paie := &portique.Tool{ID: "paie", Name: "Bulletins de paie", URL: "https://paie.example/", RedirectURIs: []string{"https://paie.example/cb"},
		Audience: portique.AudienceAll, AuthMethod: "client_secret_basic", Algorithm: "ES256"}
	other := *paie
	other.ID, other.Name, other.URL = "stages", "Stages", "https://stages.example/"
	third := *paie
	third.ID, third.Name, third.URL = "conges", "Congés", "https://conges.example/"
	for _, one := range []*portique.Tool{paie, &other, &third} {
		if _, err := s.h.Tools.Add(t.Context(), portique.Actor{}, one, ""); err != nil {
			t.Fatal(err)
		}
	}
	w := httptest.NewRecorder()
	s.h.OAuthSignedOut(w, httptest.NewRequest("GET", "/oauth/logout?id_token_hint=x", nil), true, []*portique.Tool{&other}, []*portique.Tool{paie})
	address := w.Header().Get("Location")
	sealed, found := strings.CutPrefix(address, "/signed-out?of=")
	if w.Code != 303 || !found || strings.Contains(address, "paie") {
		t.Fatalf("%d to %s", w.Code, address)
	}
	first := "A"
	if sealed[0] == 'A' {
		first = "B"
	}
	for _, c := range []struct {
		name, address string
		after         time.Duration // since the line before
		closed, named bool
	}{
		{"at once", address, 0, true, true},
		{"altered", "/signed-out?of=" + first + sealed[1:], 0, false, false},
		{"cut", "/signed-out?of=" + sealed[:len(sealed)-4], 0, false, false},
		{"nothing", "/signed-out", 0, false, false},
		{"read again", address, passLife - time.Second, true, true},
		{"to the second", address, time.Second, true, true},
		{"a second too late", address, time.Second, true, false},
		{"the next day", address, 24 * time.Hour, true, false},
	} {
		watch.Forward(c.after)
		code, page, header := s.send("GET", c.address, "", "")
		if code != 200 || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %v", c.name, code, header)
		}
		if closed := !strings.Contains(page, "Aucune session n’était ouverte"); closed != c.closed {
			t.Errorf("%s: says that a session was closed: %v", c.name, closed)
		}
		if named := strings.Contains(page, paie.Name) && strings.Contains(page, paie.URL); named != c.named {
			t.Errorf("%s: names the tool that stays open: %v", c.name, named)
		}
		if named := strings.Contains(page, "s’il était ouvert\u00a0: "+other.Name); named != c.named {
			t.Errorf("%s: names the tool that closes too: %v", c.name, named)
		}
		if strings.Contains(page, "Congés") {
			t.Errorf("%s: names a tool that was not entered", c.name)
		}
	}
}
