package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"portique/internal/secret"
	"portique/internal/store"
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
	var body bytes.Buffer
	err := p.db.View(r.Context(), func(tx *store.Tx) error {
		claims, err := p.claimsOf(tx, token)
		if err != nil {
			return err
		}
		body.Reset()
		return json.NewEncoder(&body).Encode(claims)
	})
	switch {
	case err != nil && missing(err):
		refuseBearer(w, errInvalidToken)
	case err != nil:
		p.fail(w, r, err)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = body.WriteTo(w) // the reader went away
	}
}

// claimsOf are the claims that an access token opens while it still does: not
// too old, its grant not revoked, session, account, tool and access alive. A
// missing error otherwise. The engine has no part in it.
func (p *Provider) claimsOf(tx *store.Tx, token string) (map[string]any, error) {
	opened, err := tx.Opened(secret.Hash(token))
	if err != nil {
		return nil, err
	}
	if !tx.Now().Before(opened.ExpiresAt) || !opened.RevokedAt.IsZero() {
		return nil, store.ErrNoAccessToken
	}
	s, err := standsOn(opened.Standing, tx.Now())
	if err != nil {
		return nil, err
	}
	q := &request{}
	if err := json.Unmarshal([]byte(opened.Request), q); err != nil {
		return nil, err
	}
	return userinfoClaims(tx, s, q)
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
