// Package oidc is the OpenID provider: the door by which tools, and the portal
// itself, sign people in. It translates the protocol; who is signed in is a
// session, what opens is a membership, and both are asked again each time a
// code or a token is used, so that an access that ended opens nothing.
//
// Each request is one transaction, so that one code redeems once (decision
// 0016). What is signed, and the proofs of others, are go-jose's.
//
// What lives how long: a pending authorization 1 hour, a code 60 seconds, an
// access token and an ID token 5 minutes; a session as package session says.
package oidc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"portique"
	"portique/internal/outgoing"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
)

// The lives of what tools hold.
const (
	CodeLife  = time.Minute
	TokenLife = 5 * time.Minute // of access tokens and ID tokens
)

// Options are what a provider needs.
type Options struct {
	Issuer               string // the auth host's public origin, exactly
	DB                   *store.DB
	Keys                 *secret.Keys
	Cookies              session.Cookies
	PortalRedirectURIs   []string // of the built-in client: the portal's /session/callback
	PortalPostLogoutURIs []string // where the portal may ask to go after signing out; may be empty
	Pages                Pages
	Actor                func(*http.Request) portique.Actor // source and request id for the journal; may be nil
	Outgoing             *outgoing.Client                   // calls tools
	Log                  *slog.Logger                       // slog.Default when nil
	Now                  func() time.Time                   // the database's clock; time.Now when nil
}

// Pages show what a person must see; they belong to the web door. Their
// headers (CSP, no-store) are theirs too.
type Pages struct {
	// Error shows a sentence: Key is of the catalogue, args are name, value…
	Error func(w http.ResponseWriter, r *http.Request, status int, key string, args ...any)
	// FormPost carries an answer to a tool by a form. The page's form-action
	// names exactly the origin of action.
	FormPost func(w http.ResponseWriter, r *http.Request, action string, fields map[string]string)
	// LogoutConfirm asks before signing out; the form posts hidden to
	// /oauth/logout.
	LogoutConfirm func(w http.ResponseWriter, r *http.Request, hidden map[string]string)
	// SignedOut says that the session is closed (wasOpen false: there was
	// none), which tools are told and close, and which stay open until closed.
	SignedOut func(w http.ResponseWriter, r *http.Request, wasOpen bool, closing, stillOpen []*portique.Tool)
}

// Provider is the OpenID provider. Safe for concurrent use.
type Provider struct {
	issuer       string
	db           *store.DB
	secrets      *secret.Keys
	cookies      session.Cookies
	portal       *portique.Tool
	portalSecret string
	pages        Pages
	actor        func(*http.Request) portique.Actor
	log          *slog.Logger
	keys         *keyring
	outgoing     *outgoing.Client
	now          func() time.Time
	begun        crowd
	strangers    crowd
	calls        calls
	fetches      fetches
	handler      http.Handler
	discovered   *document
}

// New makes the provider. It touches neither network nor database.
func New(o Options) (*Provider, error) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Host == "" || strings.HasSuffix(o.Issuer, "/") {
		return nil, fmt.Errorf("the issuer is an origin without a final slash, not %q", o.Issuer)
	}
	if o.DB == nil || o.Keys == nil || o.Pages.Error == nil || o.Pages.FormPost == nil || o.Pages.LogoutConfirm == nil || o.Pages.SignedOut == nil || o.Outgoing == nil {
		return nil, errors.New("the OpenID provider needs a database, keys, a way to call tools and every page")
	}
	p := &Provider{issuer: o.Issuer, db: o.DB, secrets: o.Keys, cookies: o.Cookies, pages: o.Pages, actor: o.Actor, log: o.Log,
		keys: newKeyring(o.DB, o.Keys), outgoing: o.Outgoing, now: o.Now, begun: crowd{most: mostBegun}, strangers: crowd{most: mostUnproved}, calls: calls{byTool: map[string]int{}},
		fetches: fetches{at: map[string]time.Time{}, wanted: map[string]bool{}}}
	if p.log == nil {
		p.log = slog.Default()
	}
	if p.now == nil {
		p.now = time.Now
	}
	// The portal's secret follows from the master key: every node knows it,
	// nothing stores it, and nobody outside the installation can redeem the
	// portal's codes.
	p.portalSecret = base64.RawURLEncoding.EncodeToString(o.Keys.Mac("portal-client", o.Issuer))
	p.portal = &portique.Tool{ID: portique.PortalClientID, RedirectURIs: o.PortalRedirectURIs, PostLogoutURIs: o.PortalPostLogoutURIs,
		AuthMethod: "client_secret_basic", SecretHash: secret.Hash(p.portalSecret), Algorithm: defaultAlgorithm}

	if p.discovered, err = newDocument(p.metadata(), "public, max-age=300"); err != nil {
		return nil, err
	}
	p.handler = p.routes()
	return p, nil
}

// Handler serves the provider's paths (Routes) and answers 404 to any other.
func (p *Provider) Handler() http.Handler { return p.handler }

// PortalSecret is the client secret of the built-in client, sent by
// client_secret_basic.
func (p *Provider) PortalSecret() string { return p.portalSecret }

// Ready loads the keys; an error means that nothing can be signed.
func (p *Provider) Ready(ctx context.Context) error {
	_, err := p.keys.load(ctx)
	return err
}

// Purge deletes what can no longer serve: tokens, grants, proofs, notices, what
// devices asked for, and the authorizations that nobody finished. For the timetable, every minute.
func (p *Provider) Purge(ctx context.Context) error {
	return p.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.PurgeAccessTokens(tx.Now()); err != nil {
			return err
		}
		if err := tx.PurgeProofs(tx.Now()); err != nil {
			return err
		}
		if _, err := tx.PurgeAuthorizations(tx.Now().Add(-time.Hour)); err != nil {
			return err
		}
		if err := tx.PurgeDevices(tx.Now().Add(-deviceKept)); err != nil {
			return err
		}
		if err := tx.PurgeNotices(tx.Now().Add(-2 * noticeLife)); err != nil {
			return err
		}
		_, err := tx.PurgeGrants(tx.Now().Add(-session.Absolute - time.Hour))
		return err
	})
}

// actorOf starts the journal lines of a request.
func (p *Provider) actorOf(r *http.Request, accountID string) portique.Actor {
	var a portique.Actor
	if p.actor != nil {
		a = p.actor(r)
	}
	a.AccountID, a.Door = accountID, portique.DoorAuth
	return a
}
