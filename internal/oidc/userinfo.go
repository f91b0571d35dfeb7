package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"portique"
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
	media := "application/json"
	answer := func(tx *store.Tx, dpopKey string) error {
		claims, t, err := p.claimsOf(tx, token.value, dpopKey)
		if err != nil {
			return err
		}
		body.Reset()
		if !t.UserinfoSigned {
			return json.NewEncoder(&body).Encode(claims)
		}
		media = "application/jwt"
		claims["iss"], claims["aud"] = p.issuer, t.ID
		signed, err := p.keys.sign(t.Algorithm, "JWT", tx.Now(), claims)
		body.WriteString(signed)
		return err
	}
	err := p.keys.fresh(r.Context())
	if err == nil && token.bound {
		// A stranger's proof is not worth a row: only a token that is one has it noted.
		err = p.db.View(r.Context(), func(tx *store.Tx) error {
			_, err := tx.AccessToken(secret.Key(token.value))
			return err
		})
	}
	switch {
	case err != nil:
	case token.bound:
		_, err = p.fly(r.Context(), func(f *flight) error {
			key, err := p.proofOf(f.tx, r, token.value)
			if err == nil && key == "" {
				err = errProof("the DPoP header is missing")
			}
			if err == nil {
				err = answer(f.tx, key)
			}
			if errors.As(err, &refused) {
				return nil // the proof was used all the same
			}
			return err
		})
	default:
		err = p.db.View(r.Context(), func(tx *store.Tx) error { return answer(tx, "") })
	}
	var need *needKey
	switch {
	case err == nil && refused != nil:
		refuseBearer(w, refused)
	case err != nil && missing(err):
		refuseBearer(w, errInvalidToken)
	case errors.As(err, &need):
		p.fail(w, r, errors.Join(err, p.keys.ensure(r.Context(), need.algorithm)))
	case err != nil:
		p.fail(w, r, err)
	default:
		w.Header().Set("Content-Type", media)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = body.WriteTo(w) // the reader went away
	}
}

// claimsOf are the claims that an access token opens while it still does, and
// its tool. A missing error otherwise.
func (p *Provider) claimsOf(tx *store.Tx, token, dpopKey string) (map[string]any, *portique.Tool, error) {
	o, s, q, err := opened(tx, secret.Key(token))
	if err != nil {
		return nil, nil, err
	}
	if o.DPoPKey != dpopKey { // bound to a key, and shown without it or with another
		return nil, nil, store.ErrNoAccessToken
	}
	claims, err := p.userinfoClaims(tx, s, q, scopeOf(o, q))
	return claims, s.tool, err
}

// opened is an access token with what it stands on, while it counts: not too
// old, its grant not revoked, session, account, tool and access alive. A missing
// error otherwise.
func opened(tx *store.Tx, hash []byte) (*store.Opened, *standing, *request, error) {
	o, err := tx.Opened(hash)
	if err != nil {
		return nil, nil, nil, err
	}
	if !tx.Now().Before(o.ExpiresAt) || !o.RevokedAt.IsZero() {
		return nil, nil, nil, store.ErrNoAccessToken
	}
	s, err := standsOn(o.Standing, tx.Now())
	if err != nil {
		return nil, nil, nil, err
	}
	q := &request{}
	return o, s, q, json.Unmarshal([]byte(o.GrantedFor), q)
}

// scopeOf is what an access token opens: all that was granted, or the part that
// a refresh asked for.
func scopeOf(o *store.Opened, q *request) string {
	if o.Scope != "" {
		return o.Scope
	}
	return q.Scope
}

var (
	errInvalidToken = &refusal{http.StatusUnauthorized, "invalid_token", "the access token is unknown, too old, or what it opened has ended"}
	errNoToken      = &refusal{status: http.StatusUnauthorized}
)

// presented is an access token as it was shown; bound with a proof of a key.
type presented struct {
	value string
	bound bool
}

// bearer reads an access token (RFC 6750 2, RFC 9449 7.1).
func bearer(w http.ResponseWriter, r *http.Request) (presented, *refusal) {
	var tokens []string
	bound := false
	for _, h := range r.Header["Authorization"] {
		scheme, token, _ := strings.Cut(h, " ")
		bound = strings.EqualFold(scheme, "DPoP")
		if !bound && !strings.EqualFold(scheme, "Bearer") {
			return presented{}, errNoToken
		}
		tokens = append(tokens, strings.TrimSpace(token))
	}
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		v, err := readForm(w, r)
		switch {
		case errors.Is(err, errMediaType) && len(tokens) == 1: // a body that is no form says nothing
		case err != nil:
			return presented{}, refuse("invalid_request", "the body is not a form")
		default:
			tokens = append(tokens, v["access_token"]...)
		}
	}
	switch {
	case len(tokens) == 0:
		return presented{}, errNoToken
	case len(tokens) > 1:
		return presented{}, refuse("invalid_request", "the access token was sent more than once")
	case strings.ContainsAny(tokens[0], ". \t") || tokens[0] == "":
		return presented{}, errInvalidToken // ours have no dot: this is a JWT, perhaps an ID token
	}
	return presented{tokens[0], bound}, nil
}

// refuseBearer answers by RFC 6750 3: without a token, no error is named.
func refuseBearer(w http.ResponseWriter, e *refusal) {
	if e == errNoToken {
		scheme := "Bearer"
		if e.code == "invalid_dpop_proof" {
			scheme = "DPoP"
		}
		w.Header().Set("WWW-Authenticate", scheme+` realm="oauth", DPoP algs="ES256 RS256 PS256 EdDSA"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	scheme := "Bearer"
	if e.code == "invalid_dpop_proof" {
		scheme = "DPoP"
	}
	w.Header().Set("WWW-Authenticate", scheme+` realm="oauth", error="`+e.code+`", error_description="`+describe(e.description)+`"`)
	writeRefusal(w, e)
}
