package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"portique"
)

// keep does as a browser with the cookies of an answer.
func (s *site) keep(header http.Header) {
	for _, c := range (&http.Response{Header: header}).Cookies() {
		s.jar = []*http.Cookie{c}
	}
}

// That a link was asked for before is known by what this browser did, never by the address of the page nor by an address proved here
// otherwise; the form for another address is empty.
func TestForgottenPasswordAskedAgain(t *testing.T) {
	const email = "jeanne@martin.example"
	s := newSite(t)
	says := func(what, path string, sent, again, filled bool) {
		t.Helper()
		_, page, _ := s.send("GET", path, "", "")
		gotSent, gotAgain := strings.Contains(page, "Demander un nouveau lien"), strings.Contains(page, "Votre demande est refaite")
		if gotFilled := strings.Contains(page, `value="`+email+`"`) && !gotSent; gotSent != sent || gotAgain != again || gotFilled != filled {
			t.Errorf("%s: sent %v, again %v, filled %v", what, gotSent, gotAgain, gotFilled)
		}
	}
	ask := func(email string) {
		t.Helper()
		code, _, header := s.send("POST", "/password/forgot", form, url.Values{"email": {email}}.Encode())
		if to := header.Get("Location"); code != http.StatusSeeOther || to != "/password/forgot?sent" {
			t.Fatalf("%d to %s", code, to)
		}
		s.keep(header)
	}

	says("nothing asked", "/password/forgot?sent=again", false, false, false)
	w := httptest.NewRecorder()
	s.h.visit(w, httptest.NewRequest("POST", "/register/code", nil), portique.DoorAuth).giveAddress(email) // validated by code
	s.keep(w.Header())
	says("proved, nothing asked", "/password/forgot?sent=again", false, false, true)
	ask(email)
	says("asked for the first time", "/password/forgot?sent=again", true, false, false)
	says("another address", "/password/forgot?other", false, false, false)
	says("the form", "/password/forgot", false, false, true)
	ask(" " + strings.ToUpper(email))
	says("asked again", "/password/forgot?sent", true, true, false)
	ask("luc@durand.example")
	says("for another", "/password/forgot?sent", true, false, false)
	ask(email)
	says("and the first one", "/password/forgot?sent", true, false, false)
}

// The address kept for the sign-in form ends with the session.
func TestSignOutForgetsTheAddress(t *testing.T) {
	s := newSite(t)
	w := httptest.NewRecorder()
	s.h.visit(w, httptest.NewRequest("POST", "/register/code", nil), portique.DoorAuth).giveAddress("jeanne@martin.example")
	s.keep(w.Header())
	s.door = portique.DoorPortal
	_, _, header := s.send("POST", "/session/end", form, "")
	cleared := false
	for _, c := range (&http.Response{Header: header}).Cookies() {
		cleared = cleared || c.Name == "portique_address" && c.MaxAge < 0
	}
	if !cleared {
		t.Errorf("it stays: %v", header)
	}
}
