package oidc

import (
	"errors"
	"net/http"
	"strings"
)

// userinfo tells who the person is (Core 5.3). The access token comes in the
// Authorization header or, by POST, in the form; never in the address. What it
// stands on is checked at each call, so that an access that ended tells no
// more.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	token, refused := bearer(w, r)
	if refused != nil {
		refuseBearer(w, refused)
		return
	}
	header := http.Header{"Authorization": {"Bearer " + token}}
	var a *answer
	_, err := p.fly(r.Context(), p.db.View, func(f *flight) error {
		a = p.ask(r.Context(), f, http.MethodGet, pathUserinfo, header, nil)
		return nil
	})
	switch {
	case err != nil:
		p.fail(w, r, err)
	case a.status != http.StatusOK:
		refuseBearer(w, errInvalidToken)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = a.body.WriteTo(w) // the reader went away
	}
}

var (
	errInvalidToken = &refusal{http.StatusUnauthorized, "invalid_token", "the access token is unknown, too old, or what it opened has ended"}
	errNoToken      = &refusal{status: http.StatusUnauthorized}
)

// bearer reads an access token (RFC 6750 2).
func bearer(w http.ResponseWriter, r *http.Request) (string, *refusal) {
	var tokens []string
	for _, h := range r.Header["Authorization"] {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", errNoToken
		}
		tokens = append(tokens, strings.TrimSpace(token))
	}
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		v, err := readForm(w, r)
		switch {
		case errors.Is(err, errMediaType) && len(tokens) == 1: // a body that is no form says nothing
		case err != nil:
			return "", refuse("invalid_request", "the body is not a form")
		default:
			tokens = append(tokens, v["access_token"]...)
		}
	}
	switch {
	case len(tokens) == 0:
		return "", errNoToken
	case len(tokens) > 1:
		return "", refuse("invalid_request", "the access token was sent more than once")
	case strings.ContainsAny(tokens[0], ". \t") || tokens[0] == "":
		return "", errInvalidToken // ours have no dot: this is a JWT, perhaps an ID token
	}
	return tokens[0], nil
}

// refuseBearer answers by RFC 6750 3: without a token, no error is named.
func refuseBearer(w http.ResponseWriter, e *refusal) {
	if e == errNoToken {
		w.Header().Set("WWW-Authenticate", `Bearer realm="oauth"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="oauth", error="`+e.code+`", error_description="`+describe(e.description)+`"`)
	writeRefusal(w, e)
}
