// Command parties is a web service with tools on libraries that other people wrote: zitadel/oidc and hashicorp/cap, each with a
// secret and ES256, and with a key and RS256. A test of e2e opens NAME/login; the page at the end says what was wrong, or nothing.
//
// It is a module of its own, so that what these libraries need is no dependency of Portique's, and imports nothing of Portique's.
package main

import (
	"encoding/json"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"
	"time"
)

// settings come as JSON in the variable PARTIES.
type settings struct {
	Issuer  string
	Listen  string
	Address string            // ours, without a final slash
	Secrets map[string]string // by client id
	Key     string            // of the tools without a secret: RSA, PKCS 1, PEM
	KeyID   string            `json:"key_id"`
}

// party is one tool: login sends the browser to sign in, callback takes it back; device (or nil) is its visits as a device.
type party struct{ login, callback, device http.HandlerFunc }

// leaving is where a party's sign-out leads.
func (s *settings) leaving(id string) string { return s.Address + "/" + id + "/goodbye" }

// returning is where its sign-ins come back.
func (s *settings) returning(id string) string { return s.Address + "/" + id + "/callback" }

func main() {
	var s settings
	if err := json.Unmarshal([]byte(os.Getenv("PARTIES")), &s); err != nil {
		log.Fatal(err)
	}
	for id, begin := range map[string]func(s *settings, id, algorithm string) (*party, error){"zitadel": zitadel, "cap": hashicorp} {
		for _, algorithm := range []string{"ES256", "RS256"} {
			id := id + "-" + map[string]string{"ES256": "secret", "RS256": "key"}[algorithm]
			p, err := begin(&s, id, algorithm)
			if err != nil {
				log.Fatal(id, ": ", err)
			}
			http.HandleFunc("GET /"+id+"/login", p.login)
			http.HandleFunc("GET /"+id+"/callback", p.callback)
			if p.device != nil {
				http.HandleFunc("GET /"+id+"/device", p.device)
			}
			http.HandleFunc("GET /"+id+"/goodbye", func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("state") != "left" {
					say(w, fmt.Errorf("the sign-out came back as %s", r.URL))
					return
				}
				say(w, nil)
			})
		}
	}
	log.Fatal((&http.Server{Addr: s.Listen, ReadHeaderTimeout: 10 * time.Second}).ListenAndServe())
}

// say ends a visit: with what was wrong, or as it should.
func say(w http.ResponseWriter, err error) {
	page, words := "party", "all is well"
	if err != nil {
		page, words = "party-error", err.Error()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!doctype html><html lang="en"><title>A tool</title><main data-page="%s">%s</main></html>`, page, html.EscapeString(words))
}
