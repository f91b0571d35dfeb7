package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"portique"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/web/template"
)

// signInClient is the portal as a client of the sign-in host: standard OpenID
// Connect, as any tool, over a connection that stays in this process.
type signInClient struct {
	mu       sync.Mutex
	config   *oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func (h *Handler) client(ctx context.Context) (*oauth2.Config, *oidc.IDTokenVerifier, error) {
	c := &h.signIn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.config == nil {
		// The provider keeps this context for fetching keys later.
		provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), h.AuthClient), h.AuthURL)
		if err != nil {
			return nil, nil, err
		}
		c.config = &oauth2.Config{ClientID: portique.PortalClientID, ClientSecret: h.ClientSecret, Endpoint: provider.Endpoint(),
			RedirectURL: h.PortalURL + "/session/callback", Scopes: []string{oidc.ScopeOpenID}}
		c.verifier = provider.VerifierContext(oidc.ClientContext(context.WithoutCancel(ctx), h.AuthClient),
			&oidc.Config{ClientID: portique.PortalClientID, Now: h.Now})
	}
	return c.config, c.verifier, nil
}

// attempt is a sign-in that has begun. Several may be under way in one
// browser, one per tab.
type attempt struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Return   string `json:"r"`
	At       int64  `json:"t"` // milliseconds
}

const maxAttempts = 4

func (v *visit) attempts() []attempt {
	sealed, err := base64.RawURLEncoding.DecodeString(v.h.Cookies.Read(v.r, session.SignIn))
	if err != nil {
		return nil
	}
	b, err := v.h.Keys.Open("sign-in", "portal", sealed)
	if err != nil {
		return nil
	}
	var list, fresh []attempt
	if json.Unmarshal(b, &list) != nil {
		return nil
	}
	for _, a := range list {
		if v.h.Now().Sub(time.UnixMilli(a.At)) < session.AuthorizationLife {
			fresh = append(fresh, a)
		}
	}
	return fresh
}

func (v *visit) keep(list []attempt) error {
	if len(list) == 0 {
		v.h.Cookies.Clear(v.w, session.SignIn)
		return nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	sealed := v.h.Keys.Seal("sign-in", "portal", b)
	v.h.Cookies.Set(v.w, session.SignIn, base64.RawURLEncoding.EncodeToString(sealed), session.AuthorizationLife)
	return nil
}

// startSession leads to the sign-in host, and back to the page wanted.
func (v *visit) startSession() error {
	back := safeReturn(v.r.URL.Query().Get("return"), "/")
	if len(back) > 300 {
		back = "/" // the cookie stays small
	}
	if v.current != nil {
		return v.redirect(back)
	}
	config, _, err := v.h.client(v.r.Context())
	if err != nil {
		return err
	}
	a := attempt{State: secret.Token(), Nonce: secret.Token(), Verifier: oauth2.GenerateVerifier(), Return: back, At: v.h.Now().UnixMilli()}
	list := append(v.attempts(), a)
	if err := v.keep(list[max(0, len(list)-maxAttempts):]); err != nil {
		return err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if l := v.chosen(); l != "" {
		options = append(options, oauth2.SetAuthURLParam("ui_locales", l))
	}
	return v.redirect(config.AuthCodeURL(a.State, options...))
}

// sessionCallback takes the code that the sign-in host gave and opens the
// portal's session under the one there.
func (v *visit) sessionCallback() error {
	query := v.r.URL.Query()
	var mine *attempt
	var others []attempt
	for _, a := range v.attempts() {
		if mine == nil && secret.Equal([]byte(a.State), []byte(query.Get("state"))) {
			mine = &a
		} else {
			others = append(others, a)
		}
	}
	if mine == nil || query.Get("error") != "" {
		if v.current != nil {
			return v.redirect("/")
		}
		return v.signInBroken()
	}
	if err := v.keep(others); err != nil {
		return err
	}
	config, verifier, err := v.h.client(v.r.Context())
	if err != nil {
		return err
	}
	token, err := config.Exchange(oidc.ClientContext(v.r.Context(), v.h.AuthClient), query.Get("code"), oauth2.VerifierOption(mine.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		switch {
		case errors.As(err, &refused) && refused.Response.StatusCode < 500:
			return v.signInBroken()
		case errors.As(err, &refused) && refused.Response.StatusCode == http.StatusServiceUnavailable:
			return &portique.Error{Kind: portique.Unavailable, Key: "error.busy", Cause: err}
		}
		return err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := verifier.Verify(v.r.Context(), raw)
	if err != nil {
		return err
	}
	var claims struct {
		SID string `json:"sid"`
	}
	if err := id.Claims(&claims); err != nil {
		return err
	}
	if id.Nonce != mine.Nonce {
		return v.signInBroken()
	}
	cookie, err := v.h.Sessions.OpenPortal(v.r.Context(), v.actor(), claims.SID, raw, v.r.UserAgent())
	if err != nil {
		return err
	}
	v.h.Cookies.Set(v.w, session.Portal, cookie, 0)
	return v.redirect(mine.Return)
}

// signInBroken: the answer does not belong to a sign-in of this browser, or
// was used already. Starting again is one press, never automatic, so that a
// browser without cookies does not go round in circles.
func (v *visit) signInBroken() error {
	page := template.NewErrorPage(v.page(), http.StatusBadRequest, v.number())
	page.Title = v.p.T("portal.sign_in.broken")
	page.Sentence = v.p.T("portal.sign_in.broken_text")
	page.WhatToDo = v.p.T("portal.sign_in.broken_act")
	page.ActionURL, page.ActionText = "/session/start", v.p.T("guide.welcome.sign_in")
	return v.render(http.StatusBadRequest, template.Error(page))
}

// endSession ends the sign-in with everything under it, the portal's session
// too, in one transaction: a process that dies before the next answer leaves
// nobody signed in. The sign-in host then says which tools stay open.
func (v *visit) endSession() error {
	to := v.h.AuthURL + "/oauth/logout?client_id=" + portique.PortalClientID
	if v.current != nil {
		if err := v.h.Sessions.SignOut(v.r.Context(), v.actor(), v.current.ParentID); err != nil {
			return err
		}
		to += "&id_token_hint=" + v.current.IDToken
	}
	v.h.Cookies.Clear(v.w, session.Portal)
	if v.h.Cookies.Read(v.r, session.Address) != "" { // on one machine, where doors share cookies; elsewhere the sign-in host clears it
		v.h.Cookies.Clear(v.w, session.Address)
	}
	return v.redirect(to)
}
