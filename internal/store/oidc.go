package store

import (
	"time"

	"portique"
)

// Grant is what one authorization gave one tool: for which person, under which
// auth session, for which access ("" for the portal). Engine is what the OpenID
// engine keeps.
type Grant struct {
	ID             string
	ClientID       string
	AccountID      string
	SessionID      string
	MembershipID   string
	CodeHash       []byte
	CodeExpiresAt  time.Time
	CodeRedeemedAt time.Time
	RevokedAt      time.Time
	Request        string
	Engine         string
	CreatedAt      time.Time
}

const grantColumns = `id, client_id, account_id, session_id, membership_id, code_hash, code_expires_at, code_redeemed_at, revoked_at, request, engine, created_at`

func scanGrant(r row) (*Grant, error) {
	var g Grant
	err := r.Scan(&g.ID, &g.ClientID, &g.AccountID, &g.SessionID, &g.MembershipID, &g.CodeHash,
		at{&g.CodeExpiresAt}, at{&g.CodeRedeemedAt}, at{&g.RevokedAt}, &g.Request, &g.Engine, at{&g.CreatedAt})
	return &g, err
}

// ErrNoGrant: no grant has that id or code.
var ErrNoGrant = &portique.Error{Kind: portique.NotFound, Key: "grant.unknown"}

// InsertGrant adds a grant.
func (tx *Tx) InsertGrant(g *Grant) error {
	_, err := tx.exec(`INSERT INTO oauth_grant (`+grantColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`,
		g.ID, g.ClientID, g.AccountID, g.SessionID, g.MembershipID, g.CodeHash, ms(g.CodeExpiresAt),
		ms(g.CodeRedeemedAt), ms(g.RevokedAt), g.Request, g.Engine, ms(g.CreatedAt))
	return err
}

// MarkGrant saves that a grant was redeemed or revoked. Nothing else of it
// changes.
func (tx *Tx) MarkGrant(g *Grant) error {
	_, err := tx.exec(`UPDATE oauth_grant SET code_redeemed_at=$2, revoked_at=$3 WHERE id=$1`, g.ID, ms(g.CodeRedeemedAt), ms(g.RevokedAt))
	return err
}

// GrantByCode returns the grant whose code hashes so, locked for this
// transaction, or ErrNoGrant: of two that redeem one code, one waits and sees
// it redeemed.
func (tx *Tx) GrantByCode(hash []byte) (*Grant, error) {
	return one(tx, ErrNoGrant, scanGrant,
		tx.dialect.forUpdate(`SELECT `+grantColumns+` FROM oauth_grant WHERE code_hash = $1`), hash)
}

// ToolsEntered lists the tools that a session entered, by name.
func (tx *Tx) ToolsEntered(sessionID string) ([]*portique.Tool, error) {
	return all(tx, scanTool, `SELECT `+toolColumns+` FROM tool WHERE disabled_at = 0 AND id IN
		(SELECT client_id FROM oauth_grant WHERE session_id = $1 AND code_redeemed_at <> 0) ORDER BY name, id`, sessionID)
}

// PurgeGrants deletes the grants made before a time, their tokens with them.
// No session lives that long any more: see session.Absolute.
func (tx *Tx) PurgeGrants(before time.Time) (int64, error) {
	return tx.exec(`DELETE FROM oauth_grant WHERE created_at < $1`, ms(before))
}

// AccessToken is an opaque access token, kept by its hash.
type AccessToken struct {
	Hash      []byte
	GrantID   string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// ErrNoAccessToken: no access token hashes so.
var ErrNoAccessToken = &portique.Error{Kind: portique.NotFound, Key: "access_token.unknown"}

// InsertAccessToken adds an access token.
func (tx *Tx) InsertAccessToken(t *AccessToken) error {
	_, err := tx.exec(`INSERT INTO access_token (hash, grant_id, created_at, expires_at) VALUES ($1,$2,$3,$4)`,
		t.Hash, t.GrantID, ms(t.CreatedAt), ms(t.ExpiresAt))
	return err
}

// Standing is what the grant of a tool stands on. It says nothing of whether it
// still counts. Only the columns that decide, or that claims tell, are read: on
// SQLite each one costs like a small statement's work.
type Standing struct {
	Session    *Session             // ID, Door, AccountID, CreatedAt, SeenAt, ExpiresAt, EndedAt
	Account    *portique.Account    // without PasswordHash, ContributionsOnly, LastSignInAt
	Tool       *portique.Tool       // ID, Audience, DisabledAt
	Membership *portique.Membership // without Since, EndedAt
}

const (
	standingColumns = `s.id, s.door, s.created_at, s.seen_at, s.expires_at, s.ended_at,
		a.id, a.email, a.first_name, a.last_name, a.language, a.status, a.created_at, t.id, t.audience, t.disabled_at,
		m.id, m.siren, m.role, m.status, m.rights, m.until, c.name, c.status`
	standingJoins = `JOIN session s ON s.id = g.session_id AND s.account_id = g.account_id JOIN account a ON a.id = g.account_id
		JOIN tool t ON t.id = g.client_id JOIN membership m ON m.id = g.membership_id AND m.account_id = g.account_id
		JOIN company c ON c.siren = m.siren`
)

func scanStanding(r row, before ...any) (*Standing, error) {
	s, a, t, m := &Session{}, &portique.Account{}, &portique.Tool{}, &portique.Membership{}
	err := r.Scan(append(before, &s.ID, &s.Door, at{&s.CreatedAt}, at{&s.SeenAt}, at{&s.ExpiresAt}, at{&s.EndedAt},
		&a.ID, &a.Email, &a.FirstName, &a.LastName, &a.Language, &a.Status, at{&a.CreatedAt}, &t.ID, &t.Audience, at{&t.DisabledAt},
		&m.ID, &m.SIREN, &m.Role, &m.Status, texts{&m.Rights}, at{&m.Until}, &m.CompanyName, &m.CompanyStatus)...)
	s.AccountID, m.AccountID = a.ID, a.ID
	m.Email, m.FirstName, m.LastName, m.AccountActive = a.Email, a.FirstName, a.LastName, a.Status == portique.AccountActive
	return &Standing{s, a, t, m}, err
}

// Standing returns what the grant of a tool stands on, or ErrNoGrant when part
// of it is gone or another person's.
func (tx *Tx) Standing(grantID string) (*Standing, error) {
	return one(tx, ErrNoGrant, func(r row) (*Standing, error) { return scanStanding(r) },
		`SELECT `+standingColumns+` FROM oauth_grant g `+standingJoins+` WHERE g.id = $1`, grantID)
}

// Opened is an access token of a tool with all that it stands on.
type Opened struct {
	*Standing
	Request   string // the authorization request that led to it
	ExpiresAt time.Time
	RevokedAt time.Time // of its grant
}

// Opened returns the access token that hashes so, or ErrNoAccessToken, also when
// part of what it stands on is gone. The portal's own tokens open nothing.
func (tx *Tx) Opened(hash []byte) (*Opened, error) {
	return one(tx, ErrNoAccessToken, func(r row) (o *Opened, err error) {
		o = &Opened{}
		o.Standing, err = scanStanding(r, &o.Request, at{&o.ExpiresAt}, at{&o.RevokedAt})
		return o, err
	}, `SELECT g.request, k.expires_at, g.revoked_at, `+standingColumns+`
		FROM access_token k JOIN oauth_grant g ON g.id = k.grant_id `+standingJoins+` WHERE k.hash = $1`, hash)
}

// PurgeAccessTokens deletes the access tokens that expired before a time.
func (tx *Tx) PurgeAccessTokens(before time.Time) (int64, error) {
	return tx.exec(`DELETE FROM access_token WHERE expires_at < $1`, ms(before))
}

// SigningKey is a private key, sealed. Retired keys sign no more but are still
// published.
type SigningKey struct {
	ID        string // kid
	Algorithm string // ES256, RS256
	Sealed    []byte
	CreatedAt time.Time
	RetiredAt time.Time
}

const signingKeyColumns = `kid, alg, sealed, created_at, retired_at`

func scanSigningKey(r row) (*SigningKey, error) {
	var k SigningKey
	err := r.Scan(&k.ID, &k.Algorithm, &k.Sealed, at{&k.CreatedAt}, at{&k.RetiredAt})
	return &k, err
}

// InsertSigningKey adds a key. It says false when the algorithm already has a
// key that signs: another node was first.
func (tx *Tx) InsertSigningKey(k *SigningKey) (bool, error) {
	n, err := tx.exec(`INSERT INTO signing_key (`+signingKeyColumns+`) VALUES ($1,$2,$3,$4,$5) ON CONFLICT DO NOTHING`,
		k.ID, k.Algorithm, k.Sealed, ms(k.CreatedAt), ms(k.RetiredAt))
	return n == 1, err
}

// SigningKeys lists every key, those that sign first.
func (tx *Tx) SigningKeys() ([]*SigningKey, error) {
	return all(tx, scanSigningKey, `SELECT `+signingKeyColumns+` FROM signing_key
		ORDER BY CASE retired_at WHEN 0 THEN 0 ELSE 1 END, created_at, kid`)
}
