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
	return tx.send(`INSERT INTO session (`+sessionColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`,
		s.ID, s.Door, s.AccountID, s.ParentID, s.SecretHash, s.IDToken, s.UserAgent,
		ms(s.CreatedAt), ms(s.SeenAt), ms(s.ExpiresAt), ms(s.EndedAt))
}

// Session returns the session with that id, or ErrNoSession.
func (tx *Tx) Session(id string) (*Session, error) {
	return one(tx, ErrNoSession, scanSession, `SELECT `+sessionColumns+` FROM session WHERE id = $1`, id)
}

// SignedIn is a session with the auth session that it lives under, itself for
// one of that door, and the account. It says nothing of whether they count. Only
// the columns that decide are read: on SQLite each one costs like a small
// statement's work. UserAgent is left out.
type SignedIn struct {
	Session *Session
	Auth    *Session
	Account *portique.Account
}

var signedInSelect = `SELECT s.id, s.door, s.account_id, s.parent_id, s.secret_hash, s.id_token, s.expires_at, s.ended_at,
	u.id, u.door, u.account_id, u.created_at, u.seen_at, u.expires_at, u.ended_at, ` + of("a", accountColumns) + `
	FROM session s JOIN session u ON u.id = CASE s.parent_id WHEN '' THEN s.id ELSE s.parent_id END
	JOIN account a ON a.id = s.account_id WHERE s.id = $1`

// SignedIn returns the session with that id and what it stands on, or
// ErrNoSession.
func (tx *Tx) SignedIn(id string) (*SignedIn, error) {
	return one(tx, ErrNoSession, func(r row) (*SignedIn, error) {
		s, u, a := &Session{}, &Session{}, &portique.Account{}
		return &SignedIn{s, u, a}, r.Scan(append([]any{&s.ID, &s.Door, &s.AccountID, &s.ParentID, &s.SecretHash, &s.IDToken,
			at{&s.ExpiresAt}, at{&s.EndedAt}, &u.ID, &u.Door, &u.AccountID, at{&u.CreatedAt}, at{&u.SeenAt}, at{&u.ExpiresAt},
			at{&u.EndedAt}}, accountFields(a)...)...)
	}, signedInSelect, id)
}

// TouchSession notes that a session was used.
func (tx *Tx) TouchSession(id string) error {
	return tx.send(`UPDATE session SET seen_at=$2 WHERE id=$1 AND seen_at < $2`, id, ms(tx.now))
}

// EndSession ends a session and those that live under it; tools that want to be
// told are.
func (tx *Tx) EndSession(id string) error {
	if err := tx.holdSessions(`id = $1`, id); err != nil {
		return err
	}
	if err := tx.tellTools(`g.session_id = $1`, id); err != nil {
		return err
	}
	return tx.send(`UPDATE session SET ended_at=$2 WHERE (id=$1 OR parent_id=$1) AND ended_at=0`, id, ms(tx.now))
}

// EndSessionsOf ends every session of an account; tools that want to be told
// are.
func (tx *Tx) EndSessionsOf(accountID string) error {
	if err := tx.holdSessions(`account_id = $1`, accountID); err != nil {
		return err
	}
	if err := tx.tellTools(`g.account_id = $1`, accountID); err != nil {
		return err
	}
	return tx.send(`UPDATE session SET ended_at=$2 WHERE account_id=$1 AND ended_at=0`, accountID, ms(tx.now))
}

// holdSessions keeps sessions as they are while it is found out what was entered
// by them: whoever redeems a code at this moment has done so before, or waits
// and finds the session ended.
func (tx *Tx) holdSessions(condition string, arg any) error {
	_, err := all(tx, func(r row) (id string, err error) { err = r.Scan(&id); return id, err },
		tx.dialect.forUpdate(`SELECT id FROM session WHERE ended_at = 0 AND `+condition+` ORDER BY id`), arg)
	return err
}

// PurgeSessions deletes the sessions that expired before a time.
func (tx *Tx) PurgeSessions(before time.Time) (int64, error) {
	return tx.exec(`DELETE FROM session WHERE expires_at < $1`, ms(before))
}

// Authorization is an authorization request that waits for a person, bound to
// the browser that began it. Request is the request as it was read.
type Authorization struct {
	ID           string
	ClientID     string
	BrowserHash  []byte
	RedirectURI  string
	EmailHint    string
	CompanyHint  string
	SessionID    string // the auth session that signed in for it
	MembershipID string // the company chosen
	Request      string
	Device       []byte    // hash of the device's code that it is for (RFC 8628); nil for this browser's own
	Told         []string  // what the tool would be told, for the page that asks
	ConsentedAt  time.Time // when the person agreed
	CreatedAt    time.Time
	ExpiresAt    time.Time
	FinishedAt   time.Time
}

const authorizationColumns = `id, client_id, browser_hash, redirect_uri, email_hint, company_hint, session_id, membership_id, request, device, told, consented_at, created_at, expires_at, finished_at`

func scanAuthorization(r row) (*Authorization, error) {
	var a Authorization
	err := r.Scan(&a.ID, &a.ClientID, &a.BrowserHash, &a.RedirectURI, &a.EmailHint, &a.CompanyHint, &a.SessionID,
		&a.MembershipID, &a.Request, &a.Device, texts{&a.Told}, at{&a.ConsentedAt}, at{&a.CreatedAt}, at{&a.ExpiresAt}, at{&a.FinishedAt})
	return &a, err
}

// ErrNoAuthorization: the pending authorization is unknown, too old, finished
// or another browser's.
var ErrNoAuthorization = &portique.Error{Kind: portique.NotFound, Key: "authorization.stale"}

// SaveAuthorization inserts a pending authorization or saves all of it again.
func (tx *Tx) SaveAuthorization(a *Authorization) error {
	return tx.send(`INSERT INTO pending_authorization (`+authorizationColumns+`)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)
		ON CONFLICT (id) DO UPDATE SET session_id=excluded.session_id, membership_id=excluded.membership_id, told=excluded.told,
			consented_at=excluded.consented_at, finished_at=excluded.finished_at, expires_at=excluded.expires_at`,
		a.ID, a.ClientID, a.BrowserHash, a.RedirectURI, a.EmailHint, a.CompanyHint, a.SessionID, a.MembershipID,
		a.Request, a.Device, list(a.Told), ms(a.ConsentedAt), ms(a.CreatedAt), ms(a.ExpiresAt), ms(a.FinishedAt))
}

// Authorization returns a pending authorization, locked for this transaction,
// or ErrNoAuthorization.
func (tx *Tx) Authorization(id string) (*Authorization, error) {
	return one(tx, ErrNoAuthorization, scanAuthorization,
		tx.dialect.forUpdate(`SELECT `+authorizationColumns+` FROM pending_authorization WHERE id = $1`), id)
}

// Waiting is a pending authorization as its pages see it.
type Waiting struct {
	ClientID    string
	Tool        portique.Tool // Name, NameEN; "" for the portal, which is no row
	BrowserHash []byte
	RedirectURI string
	EmailHint   string
	CompanyHint string
	Device      bool     // for a device (RFC 8628): RedirectURI is empty
	AccountID   string   // of who is signed in for it, or ""
	CompanyName string   // of the access chosen, or ""
	Told        []string // what the tool would be told
	ExpiresAt   time.Time
	FinishedAt  time.Time
}

// Waiting returns what the pages of a pending authorization need, or
// ErrNoAuthorization.
func (tx *Tx) Waiting(id string) (*Waiting, error) {
	return one(tx, ErrNoAuthorization, func(r row) (*Waiting, error) {
		var w Waiting
		return &w, r.Scan(&w.ClientID, &w.Tool.Name, &w.Tool.NameEN, &w.BrowserHash, &w.RedirectURI, &w.EmailHint, &w.CompanyHint, &w.Device, &w.AccountID, &w.CompanyName, texts{&w.Told}, at{&w.ExpiresAt}, at{&w.FinishedAt})
	}, `SELECT p.client_id, COALESCE(t.name, ''), COALESCE(t.name_en, ''), p.browser_hash, p.redirect_uri, p.email_hint, p.company_hint, p.device IS NOT NULL, COALESCE(s.account_id, ''), COALESCE(c.name, ''), p.told,
		p.expires_at, p.finished_at FROM pending_authorization p LEFT JOIN tool t ON t.id = p.client_id
		LEFT JOIN membership m ON m.id = p.membership_id LEFT JOIN company c ON c.siren = m.siren
		LEFT JOIN session s ON s.id = p.session_id WHERE p.id = $1`, id)
}

// PurgeAuthorizations deletes the pending authorizations that ended before a time.
func (tx *Tx) PurgeAuthorizations(before time.Time) (int64, error) {
	return tx.exec(`DELETE FROM pending_authorization WHERE expires_at < $1`, ms(before))
}
