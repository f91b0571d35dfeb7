package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// verifier is the form of a code_verifier (RFC 7636 4.1).
var verifier = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// redeem exchanges a code (RFC 6749 4.1.3), once: a second use ends what the
// first gave (4.1.2). A code that came with anything wrong is spent.
func (p *Provider) redeem(t *tokenRequest) (*tokenAnswer, error) {
	code := t.v.Get("code")
	if code == "" {
		return nil, refuse("invalid_request", "code is missing")
	}
	g, err := t.tx.GrantByCode(secret.Key(code))
	if errors.Is(err, store.ErrNoGrant) {
		return nil, refuse("invalid_grant", "the code is unknown")
	}
	if err != nil {
		return nil, err
	}
	if !g.RevokedAt.IsZero() {
		return nil, refuse("invalid_grant", "the code is no longer valid")
	}
	if !g.CodeRedeemedAt.IsZero() && g.ClientID != t.client.ID {
		return nil, refuse("invalid_grant", "the code was given to another client")
	}
	// What ends the access at this moment comes before, or after: then it finds
	// that the tool was entered, and has it told.
	if err := t.tx.HoldStanding(g); err != nil {
		return nil, err
	}
	s, err := p.stand(t.tx, g)
	if err != nil && !missing(err) {
		return nil, err
	}
	if !g.CodeRedeemedAt.IsZero() {
		if err := t.replayed(portique.ActionCodeReplayed, g, s); err != nil {
			return nil, err
		}
		return nil, refuse("invalid_grant", "the code was used before: what it gave has ended")
	}
	q := &request{}
	if err := json.Unmarshal([]byte(g.Request), q); err != nil {
		return nil, err
	}
	if why := t.unredeemable(g, s, q); why != "" {
		if err := revoke(t.tx, g); err != nil {
			return nil, err
		}
		return nil, refuse("invalid_grant", why)
	}
	g.CodeRedeemedAt, g.DPoPKey = t.tx.Now(), t.dpopKey
	if err := t.tx.MarkGrant(g); err != nil {
		return nil, err
	}
	return p.issueFirst(t, g, s, q)
}

// issueFirst gives the first tokens of a grant: with a refresh token if the scope
// asks for one.
func (p *Provider) issueFirst(t *tokenRequest, g *store.Grant, s *standing, q *request) (*tokenAnswer, error) {
	a, err := p.issue(t, g, s, q, q.Scope)
	if err != nil || !hasScope(q.Scope, "offline_access") || t.client.ID == portique.PortalClientID {
		return a, err
	}
	a.RefreshToken = secret.TimedToken(t.tx.Now())
	return a, t.tx.InsertRefreshToken(&store.RefreshToken{Hash: secret.Key(a.RefreshToken), GrantID: g.ID, CreatedAt: t.tx.Now()})
}

// unredeemable says why a code may not be redeemed so, "" when it may.
func (t *tokenRequest) unredeemable(g *store.Grant, s *standing, q *request) string {
	proof := t.v.Get("code_verifier")
	sum := sha256.Sum256([]byte(proof))
	switch {
	case g.ClientID != t.client.ID:
		return "the code was given to another client"
	case !t.tx.Now().Before(g.CodeExpiresAt):
		return "the code is too old: it lives 60 seconds"
	case s == nil:
		return "the access behind the code has ended"
	case t.v.Get("redirect_uri") != q.RedirectURI:
		return "redirect_uri is not the one of the authorization request"
	case q.Challenge == "" && proof != "":
		return "code_verifier came for a request without code_challenge"
	case q.Challenge != "" && proof == "":
		return "code_verifier is missing"
	case q.Challenge != "" && (!verifier.MatchString(proof) || !secret.Equal([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(q.Challenge))):
		return "code_verifier does not match code_challenge"
	case q.DPoPKey != "" && q.DPoPKey != t.dpopKey:
		return "the DPoP proof is not by the key that the authorization request names"
	}
	return ""
}
