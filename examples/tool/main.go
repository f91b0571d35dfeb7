// Command tool is a small web service that Portique opens: it signs people in by
// OpenID Connect, says for which company they act, and is told when they leave.
// docs/tools.md explains each step.
//
//	ISSUER=http://localhost:8081 CLIENT_ID=paie CLIENT_SECRET=… URL=http://localhost:9000 go run ./examples/tool
package main

import (
	"context"
	"crypto/rand"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// person is what an ID token tells us.
type person struct {
	Session string `json:"sid"`
	Subject string `json:"sub"`
	Nonce   string `json:"nonce"`
	Email   string `json:"email"`
	Name    string `json:"name"`
	Company struct {
		SIREN string `json:"siren"`
		Name  string `json:"name"`
		Role  string `json:"role"`
	} `json:"company"`
}

// attempt is a sign-in that has begun in a browser.
type attempt struct{ state, nonce, verifier string }

type tool struct {
	config   oauth2.Config
	provider *oidc.Provider
	secure   bool // cookies on https only

	mu       sync.Mutex
	attempts map[string]attempt // by the browser's cookie
	sessions map[string]person  // by our session's cookie
}

func main() {
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, os.Getenv("ISSUER")) // reads the discovery document
	if err != nil {
		log.Fatal(err)
	}
	base, err := url.Parse(os.Getenv("URL"))
	if err != nil || base.Host == "" {
		log.Fatal("URL is our own address, for example http://localhost:9000")
	}
	t := &tool{provider: provider, secure: base.Scheme == "https", attempts: map[string]attempt{}, sessions: map[string]person{},
		config: oauth2.Config{ClientID: os.Getenv("CLIENT_ID"), ClientSecret: os.Getenv("CLIENT_SECRET"), Endpoint: provider.Endpoint(),
			RedirectURL: base.String() + "/callback", Scopes: []string{"openid", "profile", "email", "company"}}}
	http.HandleFunc("GET /{$}", t.home)
	http.HandleFunc("GET /callback", t.callback)
	http.HandleFunc("POST /signed-out", t.signedOut)
	log.Print("serving ", base)
	log.Fatal((&http.Server{Addr: base.Host, ReadHeaderTimeout: 10 * time.Second}).ListenAndServe())
}

// home greets whoever is signed in, and sends everybody else to sign in.
func (t *tool) home(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	who, in := t.sessions[cookie(r, "session")]
	t.mu.Unlock()
	if in && (r.URL.Query().Get("company_hint") == "" || r.URL.Query().Get("company_hint") == who.Company.SIREN) {
		if err := page.Execute(w, who); err != nil {
			log.Print(err)
		}
		return
	}
	one, browser := attempt{rand.Text(), rand.Text(), oauth2.GenerateVerifier()}, rand.Text()
	t.mu.Lock()
	t.attempts[browser] = one
	t.mu.Unlock()
	t.set(w, "attempt", browser, 600)
	options := []oauth2.AuthCodeOption{oidc.Nonce(one.nonce), oauth2.S256ChallengeOption(one.verifier)}
	if hint := r.URL.Query().Get("company_hint"); hint != "" { // the portal's tile says for which company
		options = append(options, oauth2.SetAuthURLParam("company_hint", hint))
	}
	http.Redirect(w, r, t.config.AuthCodeURL(one.state, options...), http.StatusSeeOther)
}

// callback turns the code into a session of ours.
func (t *tool) callback(w http.ResponseWriter, r *http.Request) {
	browser := cookie(r, "attempt")
	t.mu.Lock()
	one, begun := t.attempts[browser]
	delete(t.attempts, browser)
	t.mu.Unlock()
	if !begun || r.FormValue("state") != one.state {
		http.Error(w, "This sign-in was not begun here. Open the tool again.", http.StatusBadRequest)
		return
	}
	if refused := r.FormValue("error"); refused != "" {
		http.Error(w, "The sign-in did not end: "+refused, http.StatusForbidden)
		return
	}
	token, err := t.config.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(one.verifier))
	if err != nil {
		http.Error(w, "The code was refused.", http.StatusBadGateway)
		log.Print(err) // error and error_description say why
		return
	}
	raw, _ := token.Extra("id_token").(string)
	verified, err := t.provider.Verifier(&oidc.Config{ClientID: t.config.ClientID}).Verify(r.Context(), raw)
	var who person
	if err == nil {
		err = verified.Claims(&who)
	}
	if err != nil || who.Nonce != one.nonce {
		http.Error(w, "The ID token is not for us.", http.StatusBadGateway)
		return
	}
	info, err := t.provider.UserInfo(r.Context(), t.config.TokenSource(r.Context(), token)) // name and address
	if err != nil || info.Subject != verified.Subject || info.Claims(&who) != nil {
		http.Error(w, "userinfo did not answer.", http.StatusBadGateway)
		return
	}
	session := rand.Text()
	t.mu.Lock()
	t.sessions[session] = who
	t.mu.Unlock()
	t.set(w, "session", session, 0)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// signedOut ends our sessions when the person's at the sign-in host has ended
// (OpenID Connect Back-Channel Logout 1.0).
func (t *tool) signedOut(w http.ResponseWriter, r *http.Request) {
	token, err := t.provider.Verifier(&oidc.Config{ClientID: t.config.ClientID}).Verify(r.Context(), r.PostFormValue("logout_token"))
	var c struct {
		Session string         `json:"sid"`
		Events  map[string]any `json:"events"`
		Nonce   string         `json:"nonce"`
	}
	if err != nil || token.Claims(&c) != nil || c.Nonce != "" || c.Events["http://schemas.openid.net/event/backchannel-logout"] == nil {
		http.Error(w, "no logout token", http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, who := range t.sessions {
		if who.Session == c.Session {
			delete(t.sessions, key)
		}
	}
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func (t *tool) set(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: t.secure, SameSite: http.SameSiteLaxMode})
}

var page = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en"><title>A tool</title><main data-page="tool">
<h1>{{.Name}}</h1><p>{{.Email}}, {{.Company.Role}} of {{.Company.Name}} (SIREN {{.Company.SIREN}})</p></main></html>
`))
