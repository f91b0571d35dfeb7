// Package session signs people in and knows who is signed in where. Sessions
// live on the server: the cookie is an id and a secret, only the secret's hash
// is kept, and each sign-in makes a new pair. An auth session lives 12 hours
// at most and 2 hours unused; a portal session points at an auth session,
// dies with it and keeps it from idling.
package session

import (
	"context"
	"errors"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// The life of a session (product.md 5).
const (
	Absolute = 12 * time.Hour
	Idle     = 2 * time.Hour
	touch    = time.Minute // how often use is written down
)

// AuthorizationLife is how long a sign-in page may wait for its person.
const AuthorizationLife = time.Hour

// Service signs in and out.
type Service struct {
	db     *store.DB
	keys   *secret.Keys
	hasher *secret.Hasher
	Options
}

// Options are what the service is told of the installation.
type Options struct {
	Language string // of letters to the operator
	Support  string // address of the operator's support; may be empty
}

// New makes the service.
func New(db *store.DB, keys *secret.Keys, hasher *secret.Hasher, o Options) *Service {
	return &Service{db: db, keys: keys, hasher: hasher, Options: o}
}

// Current is who is signed in.
type Current struct {
	ID       string // of this session
	ParentID string // the auth session, for a portal session
	Account  *portique.Account
	AuthTime time.Time // when the password was given
	IDToken  string
	IdleAt   time.Time // when it ends if it is not used again
	EndsAt   time.Time // when it ends whatever is done
}

// AuthID is the auth session behind it: the `sid` that tools see.
func (c *Current) AuthID() string {
	if c.ParentID != "" {
		return c.ParentID
	}
	return c.ID
}

// Current returns who is signed in at a door with that cookie, or ErrNoSession.
// It notes the use at most once a minute, and that a session has run out: one
// that was refused stays so, whatever the clock does next.
func (s *Service) Current(ctx context.Context, door portique.Door, cookie string) (*Current, error) {
	var c *Current
	var stale []string
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		c, stale, err = find(tx, door, cookie)
		return err
	})
	if len(stale) == 0 {
		return c, err
	}
	note := (*store.Tx).TouchSession
	if err != nil {
		note = func(tx *store.Tx, id string) error {
			return SignOutTx(tx, portique.Actor{Door: door}, id)
		}
	}
	// Not to have written it down signs nobody out or in: the next request will.
	_ = s.db.Tx(ctx, func(tx *store.Tx) error {
		for _, id := range stale {
			if err := note(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	return c, err
}

// Lapsed returns whose session that cookie was, when it ended by time alone: not
// signed out, the account alive. ErrNoSession otherwise.
func (s *Service) Lapsed(ctx context.Context, door portique.Door, cookie string) (accountID string, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		id, key, ok := split(cookie)
		if !ok {
			return store.ErrNoSession
		}
		ses, err := tx.Session(id)
		if err != nil {
			return err
		}
		if ses.Door != door || !secret.Equal(ses.SecretHash, secret.Hash(key)) {
			return store.ErrNoSession
		}
		auth := ses
		if ses.ParentID != "" {
			if auth, err = tx.Session(ses.ParentID); err != nil {
				return err
			}
		}
		for _, one := range []*store.Session{ses, auth} {
			if e := one.EndedAt; !e.IsZero() && e.Before(auth.SeenAt.Add(Idle)) && e.Before(auth.ExpiresAt) {
				return store.ErrNoSession // somebody ended it
			}
		}
		account, err := activeAccount(tx, ses.AccountID)
		if err != nil {
			return err
		}
		accountID = account.ID
		return nil
	})
	return accountID, err
}

// CurrentTx is Current inside an open transaction; it notes no use.
func CurrentTx(tx *store.Tx, door portique.Door, cookie string) (*Current, error) {
	c, _, err := find(tx, door, cookie)
	return c, err
}

// Alive returns the auth session with that id when it still counts, or
// ErrNoSession. For those who know a session by its id (`sid`), not its cookie.
func Alive(tx *store.Tx, id string) (*Current, error) {
	s, err := tx.SignedIn(id)
	if err != nil {
		return nil, err
	}
	if s.Session.ID != s.Auth.ID { // lives under another
		return nil, store.ErrNoSession
	}
	return AliveWith(s.Auth, s.Account, tx.Now())
}

// AliveWith is Alive for a session that was read already, with its account.
func AliveWith(auth *store.Session, account *portique.Account, now time.Time) (*Current, error) {
	if auth.Door != portique.DoorAuth || !alive(auth, now) || account.Status != portique.AccountActive {
		return nil, store.ErrNoSession
	}
	return &Current{ID: auth.ID, Account: account, AuthTime: auth.CreatedAt}, nil
}

// EndedTx returns the id of the session at a door whose cookie that is, when it
// was ended, by whomever; ErrNoSession for one that lives or never was. For the
// page that says what a sign-out closed.
func EndedTx(tx *store.Tx, door portique.Door, cookie string) (id string, err error) {
	id, key, ok := split(cookie)
	if !ok {
		return "", store.ErrNoSession
	}
	s, err := tx.Session(id)
	if err != nil {
		return "", err
	}
	if s.Door != door || s.EndedAt.IsZero() || !secret.Equal(s.SecretHash, secret.Hash(key)) {
		return "", store.ErrNoSession
	}
	return s.ID, nil
}

func alive(s *store.Session, now time.Time) bool {
	return s.EndedAt.IsZero() && now.Before(s.ExpiresAt) && now.Before(s.SeenAt.Add(Idle))
}

func activeAccount(tx *store.Tx, id string) (*portique.Account, error) {
	account, err := tx.Account(id)
	if errors.Is(err, portique.ErrAccountUnknown) || err == nil && account.Status != portique.AccountActive {
		return nil, store.ErrNoSession
	}
	return account, err
}

// find also returns the sessions whose use should be written down, or with
// ErrNoSession whose end by the clock should be.
func find(tx *store.Tx, door portique.Door, cookie string) (*Current, []string, error) {
	id, key, ok := split(cookie)
	if !ok {
		return nil, nil, store.ErrNoSession
	}
	s, err := tx.SignedIn(id)
	if err != nil {
		return nil, nil, err
	}
	ses, auth := s.Session, s.Auth
	if ses.Door != door || !secret.Equal(ses.SecretHash, secret.Hash(key)) || !ses.EndedAt.IsZero() {
		return nil, nil, store.ErrNoSession
	}
	if !tx.Now().Before(ses.ExpiresAt) {
		return nil, []string{ses.ID}, store.ErrNoSession
	}
	if auth.AccountID != ses.AccountID || !auth.EndedAt.IsZero() {
		return nil, nil, store.ErrNoSession
	}
	if !alive(auth, tx.Now()) {
		return nil, []string{auth.ID}, store.ErrNoSession
	}
	if s.Account.Status != portique.AccountActive {
		return nil, nil, store.ErrNoSession
	}
	var stale []string
	if auth.SeenAt.Add(touch).Before(tx.Now()) {
		stale = append(stale, auth.ID)
		if ses.ID != auth.ID {
			stale = append(stale, ses.ID)
		}
	}
	c := &Current{ID: ses.ID, ParentID: ses.ParentID, Account: s.Account, AuthTime: auth.CreatedAt, IDToken: ses.IDToken,
		IdleAt: auth.SeenAt.Add(Idle), EndsAt: ses.ExpiresAt}
	if len(stale) > 0 { // this use is about to be written down
		c.IdleAt = tx.Now().Add(Idle)
	}
	if auth.ExpiresAt.Before(c.EndsAt) {
		c.EndsAt = auth.ExpiresAt
	}
	return c, stale, nil
}

// open adds a session and returns its cookie.
func open(tx *store.Tx, ses *store.Session) (string, error) {
	key := secret.Token()
	now := tx.Now()
	ses.ID, ses.SecretHash, ses.CreatedAt, ses.SeenAt = store.NewID(), secret.Hash(key), now, now
	if ses.ExpiresAt.IsZero() {
		ses.ExpiresAt = now.Add(Absolute)
	}
	return ses.ID + "." + key, tx.InsertSession(ses)
}

// OpenPortal opens a portal session under the auth session that the ID token
// names, and returns its cookie.
func (s *Service) OpenPortal(ctx context.Context, actor portique.Actor, authSessionID, idToken, userAgent string) (cookie string, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		auth, err := tx.Session(authSessionID)
		if err != nil {
			return err
		}
		if auth.Door != portique.DoorAuth || !alive(auth, tx.Now()) {
			return store.ErrNoSession
		}
		cookie, err = open(tx, &store.Session{Door: portique.DoorPortal, AccountID: auth.AccountID, ParentID: auth.ID,
			IDToken: idToken, UserAgent: cut(userAgent, 300), ExpiresAt: auth.ExpiresAt})
		return err
	})
	return cookie, err
}

// SignOut ends an auth session and everything under it, or one portal session.
func (s *Service) SignOut(ctx context.Context, actor portique.Actor, sessionID string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error { return SignOutTx(tx, actor, sessionID) })
}

// SignOutTx is SignOut inside an open transaction.
func SignOutTx(tx *store.Tx, actor portique.Actor, sessionID string) error {
	if err := tx.EndSession(sessionID); err != nil {
		return err
	}
	return tx.Audit(actor.Event(portique.ActionSignedOut, sessionID, ""))
}

func cut(s string, n int) string {
	s = portique.CleanText(s)
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// Purge deletes sessions that ended long enough ago to be of no use to the pages
// of a sign-out, browsers whose cookie is gone, and tries that no longer count.
func (s *Service) Purge(ctx context.Context) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.PurgeSessions(tx.Now().Add(-2 * Absolute)); err != nil {
			return err
		}
		if err := tx.PurgeBrowsers(tx.Now().Add(-KnownLife)); err != nil {
			return err
		}
		return tx.PurgeTries()
	})
}
