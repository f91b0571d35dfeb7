package store

import (
	"time"

	"portique"
)

// Session is a signed-in browser at one door. A portal session points at the
// auth session it lives under.
type Session struct {
	ID         string
	Door       portique.Door
	AccountID  string
	ParentID   string
	SecretHash []byte
	IDToken    string // of the portal, to sign out with a hint
	UserAgent  string
	CreatedAt  time.Time
	SeenAt     time.Time
	ExpiresAt  time.Time
	EndedAt    time.Time
}

const sessionColumns = `id, door, account_id, parent_id, secret_hash, id_token, user_agent, created_at, seen_at, expires_at, ended_at`

func scanSession(r row) (*Session, error) {
	var s Session
	err := r.Scan(&s.ID, &s.Door, &s.AccountID, &s.ParentID, &s.SecretHash, &s.IDToken, &s.UserAgent,
		at{&s.CreatedAt}, at{&s.SeenAt}, at{&s.ExpiresAt}, at{&s.EndedAt})
	return &s, err
}

// ErrNoSession: nobody is signed in with that session.
var ErrNoSession = &portique.Error{Kind: portique.Unauthenticated, Key: "session.none"}

// InsertSession adds a session.
func (tx *Tx) InsertSession(s *Session) error {
	_, err := tx.exec(`INSERT INTO session (`+sessionColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`,
		s.ID, s.Door, s.AccountID, s.ParentID, s.SecretHash, s.IDToken, s.UserAgent,
		ms(s.CreatedAt), ms(s.SeenAt), ms(s.ExpiresAt), ms(s.EndedAt))
	return err
}

// Session returns the session with that id, or ErrNoSession.
func (tx *Tx) Session(id string) (*Session, error) {
	return one(tx, ErrNoSession, scanSession, `SELECT `+sessionColumns+` FROM session WHERE id = $1`, id)
}

// TouchSession notes that a session was used.
func (tx *Tx) TouchSession(id string) error {
	_, err := tx.exec(`UPDATE session SET seen_at=$2 WHERE id=$1 AND seen_at < $2`, id, ms(tx.now))
	return err
}

// EndSession ends a session and those that live under it.
func (tx *Tx) EndSession(id string) error {
	_, err := tx.exec(`UPDATE session SET ended_at=$2 WHERE (id=$1 OR parent_id=$1) AND ended_at=0`, id, ms(tx.now))
	return err
}

// EndSessionsOf ends every session of an account.
func (tx *Tx) EndSessionsOf(accountID string) error {
	_, err := tx.exec(`UPDATE session SET ended_at=$2 WHERE account_id=$1 AND ended_at=0`, accountID, ms(tx.now))
	return err
}

// PurgeSessions deletes the sessions that expired before a time.
func (tx *Tx) PurgeSessions(before time.Time) (int64, error) {
	return tx.exec(`DELETE FROM session WHERE expires_at < $1`, ms(before))
}

// Authorization is an authorization request that waits for a person, bound to
// the browser that began it. Engine is what the OpenID engine keeps.
type Authorization struct {
	ID           string
	ClientID     string
	BrowserHash  []byte
	RedirectURI  string
	EmailHint    string
	CompanyHint  string
	SessionID    string // the auth session that signed in for it
	MembershipID string // the company chosen
	Engine       string
	CreatedAt    time.Time
	ExpiresAt    time.Time
	FinishedAt   time.Time
}

const authorizationColumns = `id, client_id, browser_hash, redirect_uri, email_hint, company_hint, session_id, membership_id, engine, created_at, expires_at, finished_at`

func scanAuthorization(r row) (*Authorization, error) {
	var a Authorization
	err := r.Scan(&a.ID, &a.ClientID, &a.BrowserHash, &a.RedirectURI, &a.EmailHint, &a.CompanyHint, &a.SessionID,
		&a.MembershipID, &a.Engine, at{&a.CreatedAt}, at{&a.ExpiresAt}, at{&a.FinishedAt})
	return &a, err
}

// ErrNoAuthorization: the pending authorization is unknown, too old, finished
// or another browser's.
var ErrNoAuthorization = &portique.Error{Kind: portique.NotFound, Key: "authorization.stale"}

// SaveAuthorization inserts a pending authorization or saves all of it again.
func (tx *Tx) SaveAuthorization(a *Authorization) error {
	_, err := tx.exec(`INSERT INTO pending_authorization (`+authorizationColumns+`)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)
		ON CONFLICT (id) DO UPDATE SET session_id=excluded.session_id, membership_id=excluded.membership_id,
			engine=excluded.engine, finished_at=excluded.finished_at, expires_at=excluded.expires_at`,
		a.ID, a.ClientID, a.BrowserHash, a.RedirectURI, a.EmailHint, a.CompanyHint, a.SessionID, a.MembershipID,
		a.Engine, ms(a.CreatedAt), ms(a.ExpiresAt), ms(a.FinishedAt))
	return err
}

// Authorization returns a pending authorization, locked for this transaction,
// or ErrNoAuthorization.
func (tx *Tx) Authorization(id string) (*Authorization, error) {
	return one(tx, ErrNoAuthorization, scanAuthorization,
		tx.dialect.forUpdate(`SELECT `+authorizationColumns+` FROM pending_authorization WHERE id = $1`), id)
}

// ReadAuthorization is Authorization without the lock, for a View.
func (tx *Tx) ReadAuthorization(id string) (*Authorization, error) {
	return one(tx, ErrNoAuthorization, scanAuthorization, `SELECT `+authorizationColumns+` FROM pending_authorization WHERE id = $1`, id)
}

// PurgeAuthorizations deletes the pending authorizations that ended before a time.
func (tx *Tx) PurgeAuthorizations(before time.Time) (int64, error) {
	return tx.exec(`DELETE FROM pending_authorization WHERE expires_at < $1`, ms(before))
}
