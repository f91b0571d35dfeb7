package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"portique"
	"portique/internal/web/template"
)

// The pages that the OpenID door shows. It decides when; these only draw.

// OAuthError shows a refusal that no tool may be told of.
func (h *Handler) OAuthError(w http.ResponseWriter, r *http.Request, code int, key string, args ...any) {
	v := h.visit(w, r, portique.DoorAuth)
	page := template.NewErrorPage(v.page(), code, v.number())
	if code == http.StatusUnauthorized {
		page.ActionURL, page.ActionText = h.PortalURL+"/", v.p.T("error.home")
	}
	if v.p.Has(key) {
		page.Sentence = v.p.T(key, args...)
	}
	if v.p.Has(key + "_act") {
		page.WhatToDo = v.p.T(key+"_act", args...)
	}
	_ = v.render(code, template.Error(page))
}

// OAuthFormPost carries an answer to a tool by a form.
func (h *Handler) OAuthFormPost(w http.ResponseWriter, r *http.Request, action string, fields map[string]string) {
	v := h.visit(w, r, portique.DoorAuth)
	v.formTo = append(v.formTo, originOf(action))
	page := template.FormPostPage{Page: v.page(), ToolName: hostOf(action), Action: action, Fields: hidden(fields)}
	_ = v.render(http.StatusOK, template.FormPost(page))
}

// OAuthLogoutConfirm asks before signing out.
func (h *Handler) OAuthLogoutConfirm(w http.ResponseWriter, r *http.Request, fields map[string]string) {
	v := h.visit(w, r, portique.DoorAuth)
	page := template.LogoutPage{Page: v.page(), Hidden: hidden(fields)}
	if v.current != nil {
		page.Email = v.current.Account.Email
	}
	if to := fields["post_logout_redirect_uri"]; to != "" {
		v.formTo = append(v.formTo, originOf(to))
	}
	_ = v.render(http.StatusOK, template.Logout(page))
}

// OAuthSignedOut says what was closed and which tools stay open.
//
// It is a page of its own, so that reading it again or in the other language
// says the same, and no ID token stays in the address.
func (h *Handler) OAuthSignedOut(w http.ResponseWriter, r *http.Request, wasOpen bool, closing, stillOpen []*portique.Tool) {
	v := h.visit(w, r, portique.DoorAuth)
	closed := signOut{WasOpen: wasOpen, At: h.Now().Unix()}
	for _, t := range stillOpen {
		closed.Tools = append(closed.Tools, t.ID)
	}
	for _, t := range closing {
		closed.Closing = append(closed.Closing, t.ID)
	}
	b, err := json.Marshal(closed)
	if err != nil {
		h.Log.ErrorContext(r.Context(), "signed-out page", "error", err) // a list of text always marshals
	}
	_ = v.redirect("/signed-out?of=" + base64.RawURLEncoding.EncodeToString(h.Keys.Seal("signed-out", "auth", b)))
}

// signOut is what a sign-out closed and left open. It is sealed in the address
// of its page: nobody else can make one.
type signOut struct {
	WasOpen bool     `json:"o"`
	Tools   []string `json:"t,omitempty"`
	Closing []string `json:"c,omitempty"`
	At      int64    `json:"a"` // seconds
}

func (v *visit) signedOut() error {
	if v.current != nil { // signed in again since, or another person's page
		return v.redirect(v.h.PortalURL + "/")
	}
	var closed signOut
	if sealed, err := base64.RawURLEncoding.DecodeString(v.r.URL.Query().Get("of")); err == nil {
		if b, err := v.h.Keys.Open("signed-out", "auth", sealed); err == nil {
			_ = json.Unmarshal(b, &closed) // ours
		}
	}
	if v.h.Now().Sub(time.Unix(closed.At, 0)) > passLife {
		closed.Tools, closed.Closing = nil, nil // whose they were has gone
	}
	page := template.SignedOutPage{Page: v.page(), WasOpen: closed.WasOpen}
	tools, err := v.h.Tools.List(v.r.Context())
	if err != nil {
		return err
	}
	slices.SortFunc(tools, portique.ByNameIn(v.p.Lang()))
	for _, t := range tools {
		if slices.Contains(closed.Tools, t.ID) {
			page.StillOpen = append(page.StillOpen, template.ToolLink{Name: t.NameIn(v.p.Lang()), URL: t.URL})
		}
		if slices.Contains(closed.Closing, t.ID) {
			page.Closing = append(page.Closing, t.NameIn(v.p.Lang()))
		}
	}
	return v.render(http.StatusOK, template.SignedOut(page))
}

func hidden(fields map[string]string) []template.Hidden {
	list := make([]template.Hidden, 0, len(fields))
	for name, value := range fields {
		list = append(list, template.Hidden{Name: name, Value: value})
	}
	slices.SortFunc(list, func(a, b template.Hidden) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// hostOf names a tool to a person when only its address is at hand.
func hostOf(address string) string {
	_, host, _ := strings.Cut(originOf(address), "://")
	return host
}

// Refuse answers a request that never reached a page: another site's form, an
// unreadable one.
func (h *Handler) Refuse(door portique.Door, code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := h.visit(w, r, door)
		_ = v.render(code, template.Error(template.NewErrorPage(v.page(), code, v.number())))
	})
}
