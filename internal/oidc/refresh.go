package oidc

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
)

// RefreshGrace is how long a used refresh token still gets the same successor:
// for a client that lost the answer. RefreshLife is how long a grant may be
// refreshed at all, from its sign-in.
const (
	RefreshGrace = 10 * time.Second
	RefreshLife  = session.Absolute
)

// refresh exchanges a refresh token for its successor (RFC 6749 6, RFC 9700
// 4.14.2): once. A second use after the grace ends the whole family, access
// tokens included. By a tool in a browser it counts as a use of the
// session that it stands on.
func (p *Provider) refresh(t *tokenRequest) (*tokenAnswer, error) {
	sent := t.v.Get("refresh_token")
	if sent == "" {
		return nil, refuse("invalid_request", "refresh_token is missing")
	}
	old, err := t.tx.RefreshToken(secret.Key(sent))
	if errors.Is(err, store.ErrNoRefreshToken) {
		return nil, refuse("invalid_grant", "the refresh token is unknown")
	}
	if err != nil {
		return nil, err
	}
	g, err := t.tx.Grant(old.GrantID)
	if err != nil {
		return nil, err
	}
	now := t.tx.Now()
	switch {
	case g.ClientID != t.client.ID:
		return nil, refuse("invalid_grant", "the refresh token was given to another client")
	case !g.RevokedAt.IsZero():
		return nil, refuse("invalid_grant", "the refresh token was revoked")
	case !now.Before(g.CreatedAt.Add(RefreshLife)):
		return nil, refuse("invalid_grant", "the refresh token is too old: sign in again")
	case g.DPoPKey != t.dpopKey:
		return nil, refuse("invalid_grant", "the refresh token is bound to a key: send a DPoP proof by the one it was given for, or none")
	}
	s, err := p.stand(t.tx, g)
	if err != nil && missing(err) {
		return nil, refuse("invalid_grant", "the access behind the refresh token has ended")
	}
	if err != nil {
		return nil, err
	}
	if !old.UsedAt.IsZero() && now.Sub(old.UsedAt) > RefreshGrace {
		if err := t.replayed(portique.ActionRefreshReplayed, g, s); err != nil {
			return nil, err
		}
		return nil, refuse("invalid_grant", "the refresh token was used before: what it gave has ended")
	}
	q := &request{}
	if err := json.Unmarshal([]byte(g.Request), q); err != nil {
		return nil, err
	}
	scope, refused := narrowed(q.Scope, t.v.Get("scope"))
	if refused != nil {
		return nil, refused
	}
	next, err := p.successor(t.tx, old, g)
	if err != nil {
		return nil, err
	}
	// A tool in a browser is a use of the session there; a device elsewhere is not.
	touch, id := t.tx.TouchSession, g.SessionID
	if q.RedirectURI == "" {
		touch, id = t.tx.TouchGrant, g.ID
	}
	if err := touch(id); err != nil {
		return nil, err
	}
	a, err := p.issue(t, g, s, q, scope)
	if err != nil {
		return nil, err
	}
	a.RefreshToken = next
	return a, nil
}

// successor is the refresh token that follows another: made at its first use,
// the same one after that.
func (p *Provider) successor(tx *store.Tx, old *store.RefreshToken, g *store.Grant) (string, error) {
	if !old.UsedAt.IsZero() {
		next, err := p.secrets.Open("refresh-token", g.ID, old.Successor)
		if err != nil {
			return "", err
		}
		row, err := tx.RefreshToken(secret.Key(string(next)))
		if err == nil && !row.UsedAt.IsZero() { // the answer was not lost: nothing more comes of the old one
			return "", refuse("invalid_grant", "the refresh token was used before, and its successor too")
		}
		return string(next), err
	}
	next := secret.TimedToken(tx.Now())
	old.UsedAt, old.Successor = tx.Now(), p.secrets.Seal("refresh-token", g.ID, []byte(next))
	if err := tx.UseRefreshToken(old); err != nil {
		return "", err
	}
	return next, tx.InsertRefreshToken(&store.RefreshToken{Hash: secret.Key(next), GrantID: g.ID, CreatedAt: tx.Now()})
}

// narrowed is the scope that a refresh asks for: all that was granted, or a part
// of it, never more (RFC 6749 6).
func narrowed(granted, asked string) (string, *refusal) {
	if asked == "" {
		return granted, nil
	}
	has := scopesOf(granted)
	for _, scope := range scopesOf(asked) {
		if !slices.Contains(has, scope) {
			return "", refuse("invalid_scope", "scope asks for more than was granted: "+granted)
		}
	}
	wanted := scopesOf(asked)
	return strings.Join(slices.DeleteFunc(has, func(scope string) bool { return !slices.Contains(wanted, scope) }), " "), nil
}
