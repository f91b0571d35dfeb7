package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestFormActionFollowsRedirects proves in a real browser why a sign-in page names the origin that its answer leads to (decision 0008):
// with 'self' alone the browser posts the form and then refuses to follow the redirect to the tool; with the origin named it arrives.
func TestFormActionFollowsRedirects(t *testing.T) {
	tool := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!doctype html><html lang="fr"><title>Outil</title><main data-page="tool"><h1>Arrivée</h1></main></html>`)
	}))
	t.Cleanup(tool.Close)
	auth := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, tool.URL+"/callback", http.StatusSeeOther)
			return
		}
		formAction := "'self'"
		if r.URL.Path == "/named" {
			formAction += " " + tool.URL
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action "+formAction)
		fmt.Fprint(w, `<!doctype html><html lang="fr"><title>Connexion</title><main data-page="login"><h1>Connexion</h1>
			<form method="post" action="/login"><button>Se connecter</button></form></main></html>`)
	}))
	t.Cleanup(auth.Close)
	c := (&App{Portal: auth.URL, Auth: auth.URL}).Chrome(t)

	c.Open("/named")
	c.Press("Se connecter")
	c.At("tool")

	c.Open("/self")
	c.Press("Se connecter")
	for deadline := time.Now().Add(20 * time.Second); !c.forgive("form-action"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("with 'self' alone the browser went on to %s", c.Location())
		}
	}
	if c.Has("Arrivée") {
		t.Error("the browser followed a redirect that form-action does not allow")
	}
}
