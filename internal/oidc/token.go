package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// tokenRequest is a request to the token endpoint, its client authenticated.
type tokenRequest struct {
	*flight
	v       url.Values
	dpopKey string // thumbprint of the key that its proof shows, or ""
}

// tokenAnswer is what a tool gets (RFC 6749 5.1).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"`

	claims map[string]any // of the ID token, to be signed by key; nil without one
	key    *signingKey
}

// signed adds the ID token. That is done after the commit, so that nobody waits
// for a signature who only waits to write, and by the key chosen before it, so
// that nothing can be missing then.
func (a *tokenAnswer) signed() (err error) {
	if a.claims != nil {
		a.IDToken, err = a.key.sign("JWT", a.claims)
	}
	return err
}

// grantTypes are the ways to a token.
var grantTypes = map[string]func(*Provider, *tokenRequest) (*tokenAnswer, error){
	"authorization_code": (*Provider).redeem,
	"refresh_token":      (*Provider).refresh,
	"client_credentials": (*Provider).credential,
	grantDevice:          (*Provider).poll,
}

// token gives tokens (RFC 6749 3.2). Everything happens in one transaction that
// commits unless we break down: a refusal may have revoked a grant.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	var given *tokenAnswer
	p.machine(w, r, func(f *flight, v url.Values) (err error) {
		give := grantTypes[v.Get("grant_type")]
		switch {
		case v.Get("grant_type") == "":
			return refuse("invalid_request", "grant_type is missing")
		case give == nil:
			return refuse("unsupported_grant_type", "grant_type is authorization_code, refresh_token, client_credentials or that of RFC 8628")
		}
		t := &tokenRequest{flight: f, v: v}
		if t.dpopKey, err = p.proofOf(f.tx, r, ""); err != nil {
			return err
		}
		given, err = give(p, t)
		return err
	}, func() {
		if err := given.signed(); err != nil {
			p.fail(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, given)
	})
}

// machine answers a request of a client that proves who it is: do works in the
// transaction, answer writes what came of it after the commit. A refusal of do
// commits as well.
func (p *Provider) machine(w http.ResponseWriter, r *http.Request, do func(*flight, url.Values) error, answer func()) {
	p.answerMachine(w, r, false, do, answer)
}

// machineReads is machine for what changes nothing: without the writer, unless the
// client shows a proof that serves once.
func (p *Provider) machineReads(w http.ResponseWriter, r *http.Request, do func(*flight, url.Values) error, answer func()) {
	p.answerMachine(w, r, true, do, answer)
}

func (p *Provider) answerMachine(w http.ResponseWriter, r *http.Request, reads bool, do func(*flight, url.Values) error, answer func()) {
	v, err := readForm(w, r)
	if err != nil {
		refusal := refuse("invalid_request", "the body is a form (application/x-www-form-urlencoded) of 64 KiB at most")
		if errors.Is(err, errTooLarge) {
			refusal.status = http.StatusRequestEntityTooLarge
		}
		writeRefusal(w, refusal)
		return
	}
	proved, refused := readCredentials(r, v)
	if refused != nil {
		p.refuseMachine(w, r, proved, refused)
		return
	}
	if err := p.unproved(r, proved); errors.As(err, &refused) {
		p.refuseMachine(w, r, proved, refused)
		return
	} else if err != nil {
		p.fail(w, r, err)
		return
	}
	fly := p.fly
	if reads && proved.method != "private_key_jwt" {
		fly = p.glance
	}
	f, err := fly(r.Context(), func(f *flight) error {
		f.actor = p.actorOf(r, "")
		err := p.authenticate(f, proved, r.URL.Path)
		if err == nil {
			err = do(f, v)
		}
		if errors.As(err, &f.refusal) {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		p.fail(w, r, err)
	case f.refusal != nil:
		p.refuseMachine(w, r, proved, f.refusal)
	default:
		answer()
	}
}

func (p *Provider) refuseMachine(w http.ResponseWriter, r *http.Request, c credentials, e *refusal) {
	if c.method == "none" && e != errPending || e == errInvalidClient {
		p.strangers.enter(p.crowdOf(r), p.now())
	}
	if e.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(int(crowdWindow/time.Second)))
	}
	if e.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth", charset="UTF-8"`)
	}
	p.log.InfoContext(r.Context(), "client refused", "path", r.URL.Path, "client", describe(cut(c.id, 64)), "error", e.code, "reason", e.description)
	writeRefusal(w, e)
}

// issue adds an access token to a grant, and with it an ID token (Core 3.1.3.3)
// when the grant is a person's and scope has openid.
func (p *Provider) issue(t *tokenRequest, g *store.Grant, s *standing, q *request, scope string) (*tokenAnswer, error) {
	now := t.tx.Now()
	a := &tokenAnswer{AccessToken: secret.TimedToken(now), TokenType: "Bearer", ExpiresIn: int(TokenLife / time.Second), Scope: scope}
	if g.DPoPKey != "" {
		a.TokenType = "DPoP"
	}
	row := &store.AccessToken{Hash: secret.Key(a.AccessToken), GrantID: g.ID, CreatedAt: now, ExpiresAt: now.Add(TokenLife)}
	if q != nil && scope != q.Scope {
		row.Scope = scope
	}
	if err := t.tx.InsertAccessToken(row); err != nil {
		return nil, err
	}
	if s == nil || !hasScope(scope, "openid") {
		return a, nil
	}
	if a.key = p.keys.signer(t.client.Algorithm, now); a.key == nil {
		return nil, &needKey{t.client.Algorithm}
	}
	claims, err := p.idTokenClaims(t.tx, s, q, scope)
	if err != nil {
		return nil, err
	}
	claims["at_hash"] = halfHash(a.AccessToken)
	a.claims = claims
	return a, nil
}

// revoke ends a grant and everything given by it.
func revoke(tx *store.Tx, g *store.Grant) error {
	if g.RevokedAt.IsZero() {
		g.RevokedAt = tx.Now()
	}
	return tx.MarkGrant(g)
}

// replayed ends a grant because a code or a refresh token of it came twice, and
// says so in the journal.
func (t *tokenRequest) replayed(action portique.Action, g *store.Grant, s *standing) error {
	e := t.actor.Event(action, g.ClientID, "")
	if s != nil && s.membership != nil {
		e.SIREN = s.membership.SIREN
	}
	e.Reason = "grant " + g.ID
	if err := t.tx.Audit(e); err != nil {
		return err
	}
	return revoke(t.tx, g)
}
