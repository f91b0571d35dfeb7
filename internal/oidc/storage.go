package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"

	"github.com/luikyv/go-oidc/pkg/goidc"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// storage is what the engine sees of the database: everything happens in the
// transaction of its flight. Codes and tokens are kept hashed. Whether
// something is too old is decided here, by the transaction's clock; the engine
// is only told "never" or "long ago".
type storage struct{ p *Provider }

const (
	never   = math.MaxInt32 // seconds since 1970
	longAgo = 1
)

// absent is an error that the engine takes for "not found" and that says why.
type absent string

func (a absent) Error() string        { return string(a) }
func (a absent) Is(target error) bool { return target == goidc.ErrNotFound }

// missing says whether a row was not there, or no longer counts.
func missing(err error) bool {
	kind := portique.KindOf(err)
	return kind == portique.NotFound || kind == portique.Unauthenticated
}

// Client looks a tool up, and makes sure that its key exists before anything
// is promised to it.
func (s storage) Client(ctx context.Context, id string) (*goidc.Client, error) {
	f := flightOf(ctx)
	if f.client == nil || f.client.ID != id {
		t, err := s.p.client(f.tx, id)
		if err != nil && missing(err) {
			return nil, absent("the client is unknown")
		}
		if err != nil {
			return nil, f.broke(err)
		}
		f.client = t
	}
	if !s.p.keys.has(f.client.Algorithm) {
		return nil, f.broke(&needKey{f.client.Algorithm})
	}
	c, ok := engineClient(f.client, f.presented)
	if !ok {
		return nil, absent("the client authenticates by another method")
	}
	return c, nil
}

// SaveClient and DeleteClient: tools are registered by the operator only.
func (storage) SaveClient(context.Context, *goidc.Client) error { return errors.ErrUnsupported }
func (storage) DeleteClient(context.Context, string) error      { return errors.ErrUnsupported }

// SaveSession keeps a pending authorization. One that ends in the request that
// began it is never written.
func (s storage) SaveSession(ctx context.Context, as *goidc.AuthnSession) error {
	f := flightOf(ctx)
	if as.Status != goidc.StatusPending {
		if !f.saved {
			return nil
		}
		f.row.FinishedAt = f.tx.Now()
	}
	engine, err := json.Marshal(as)
	if err != nil {
		return f.broke(err)
	}
	f.row.ID, f.row.Engine, f.saved = as.ID, string(engine), true
	return f.broke(f.tx.SaveAuthorization(f.row))
}

// Session gives back what was read when the request came in: its row is locked.
func (s storage) Session(ctx context.Context, id string) (*goidc.AuthnSession, error) {
	f := flightOf(ctx)
	if f.engine == nil || f.engine.ID != id {
		return nil, absent("the authorization is unknown")
	}
	return f.engine, nil
}

// readSession opens what the engine kept of a pending authorization.
func readSession(row *store.Authorization) (*goidc.AuthnSession, *request, error) {
	as, q := &goidc.AuthnSession{}, &request{}
	if err := json.Unmarshal([]byte(row.Engine), as); err != nil {
		return nil, nil, err
	}
	kept, _ := as.Store[keyRequest].(string)
	if err := json.Unmarshal([]byte(kept), q); err != nil {
		return nil, nil, err
	}
	as.ExpiresAt = never // the row's own end was looked at
	return as, q, nil
}

// The names of what is kept in the engine's store of an authorization, and goes
// over to its grant.
const (
	keyRequest    = "request"
	keySession    = "session_id"
	keyMembership = "membership_id"
)

// SaveGrant adds the grant of a new code, or saves that one was redeemed or
// revoked; what the engine keeps of it stays as it was made.
func (s storage) SaveGrant(ctx context.Context, g *goidc.Grant) error {
	f := flightOf(ctx)
	now := f.tx.Now()
	if row := f.grant; row != nil {
		if g.AuthCodeConsumedAt != 0 && row.CodeRedeemedAt.IsZero() {
			row.CodeRedeemedAt = now
		}
		if g.RevokedAt != 0 && row.RevokedAt.IsZero() {
			row.RevokedAt = now
		}
		return f.broke(f.tx.MarkGrant(row))
	}
	kept := *g
	kept.AuthCode, kept.RefreshToken = "", "" // secrets are kept hashed only
	kept.Store = nil                          // columns of the row
	engine, err := json.Marshal(&kept)
	if err != nil {
		return f.broke(err)
	}
	f.code = g.AuthCode
	text := func(key string) string { v, _ := g.Store[key].(string); return v }
	return f.broke(f.tx.InsertGrant(&store.Grant{ID: g.ID, ClientID: g.ClientID, AccountID: g.Subject, SessionID: text(keySession),
		MembershipID: text(keyMembership), CodeHash: secret.Hash(g.AuthCode), CodeExpiresAt: now.Add(CodeLife), Request: text(keyRequest), Engine: string(engine), CreatedAt: now}))
}

// GrantByAuthCode finds the grant of a code that may still be redeemed, or was
// redeemed already: the engine then refuses and revokes it (RFC 6749 4.1.2),
// and the journal says so.
func (s storage) GrantByAuthCode(ctx context.Context, code string) (*goidc.Grant, error) {
	f := flightOf(ctx)
	row, err := f.tx.GrantByCode(secret.Hash(code))
	if errors.Is(err, store.ErrNoGrant) {
		return nil, absent("the code is unknown")
	}
	if err != nil {
		return nil, f.broke(err)
	}
	if !row.RevokedAt.IsZero() {
		return nil, absent("the code is no longer valid")
	}
	f.grant = row
	g, err := readGrant(row)
	if err != nil {
		return nil, f.broke(err)
	}
	g.AuthCodeExpiresAt = never
	if !f.tx.Now().Before(row.CodeExpiresAt) {
		g.AuthCodeExpiresAt = longAgo
	}
	f.standing, err = s.p.stand(f.tx, row)
	if err != nil && !missing(err) {
		return nil, f.broke(err)
	}
	if !row.CodeRedeemedAt.IsZero() {
		e := f.actor.Event(portique.ActionCodeReplayed, row.ClientID, "")
		if f.standing != nil && f.standing.membership != nil {
			e.SIREN = f.standing.membership.SIREN
		}
		e.Reason = "grant " + row.ID
		return g, f.broke(f.tx.Audit(e))
	}
	if f.standing == nil {
		return nil, absent("the access behind the code has ended")
	}
	return g, nil
}

func readGrant(row *store.Grant) (*goidc.Grant, error) {
	g := &goidc.Grant{}
	if err := json.Unmarshal([]byte(row.Engine), g); err != nil {
		return nil, err
	}
	g.AuthCodeConsumedAt, g.RevokedAt = 0, 0
	if !row.CodeRedeemedAt.IsZero() {
		g.AuthCodeConsumedAt = int(row.CodeRedeemedAt.Unix())
	}
	if !row.RevokedAt.IsZero() {
		g.RevokedAt = int(row.RevokedAt.Unix())
	}
	return g, nil
}

// SaveToken keeps an access token by its hash.
func (s storage) SaveToken(ctx context.Context, t *goidc.Token) error {
	f := flightOf(ctx)
	f.token = t.ID
	return f.broke(f.tx.InsertAccessToken(&store.AccessToken{Hash: secret.Hash(t.ID), GrantID: t.GrantID,
		CreatedAt: f.tx.Now(), ExpiresAt: f.tx.Now().Add(TokenLife)}))
}

// Grant and Token: what an access token opens is told by userinfo, which asks
// nothing of the engine.
func (storage) Grant(context.Context, string) (*goidc.Grant, error) {
	return nil, errors.ErrUnsupported
}
func (storage) Token(context.Context, string) (*goidc.Token, error) {
	return nil, errors.ErrUnsupported
}

// signingKeys gives the engine the keys in memory.
func (s storage) signingKeys(context.Context) (goidc.JSONWebKeySet, error) {
	return goidc.JSONWebKeySet{Keys: s.p.keys.private()}, nil
}

// unredirectable and noteError keep what the engine says of its refusals. It
// redirects, or shows, nothing itself.
func (s storage) unredirectable(_ http.ResponseWriter, r *http.Request, err error) error {
	f := flightOf(r.Context())
	var known goidc.Error
	if !errors.As(err, &known) {
		_ = f.broke(err)
	}
	return nil
}

func (s storage) noteError(ctx context.Context, err error) {
	if f := flightOf(ctx); f != nil {
		f.reason = err
	}
}

// setUp keeps our reading of the request beside the engine's.
func (s storage) setUp(r *http.Request, as *goidc.AuthnSession, _ *goidc.Client) bool {
	f := flightOf(r.Context())
	kept, err := json.Marshal(f.request)
	if f.broke(err) != nil {
		return false
	}
	as.Store[keyRequest] = string(kept)
	f.row.ID = as.ID
	return true
}

// authenticate asks our policy and tells the engine what came of it.
func (s storage) authenticate(_ http.ResponseWriter, r *http.Request, as *goidc.AuthnSession, _ *goidc.Client) (goidc.Status, error) {
	f := flightOf(r.Context())
	if err := s.p.decide(f); err != nil {
		return goidc.StatusFailure, f.broke(err)
	}
	switch {
	case f.location != "":
		return goidc.StatusPending, nil
	case f.refusal != nil:
		return goidc.StatusFailure, goidc.NewError(goidc.ErrorCode(f.refusal.code), f.refusal.description)
	}
	as.Subject, as.GrantedScopes = f.current.Account.ID, as.Scopes
	as.Store[keySession], as.Store[keyMembership] = f.current.ID, f.row.MembershipID
	return goidc.StatusSuccess, nil
}
