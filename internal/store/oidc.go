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
	Engine         string
	CreatedAt      time.Time
}

const grantColumns = `id, client_id, account_id, session_id, membership_id, code_hash, code_expires_at, code_redeemed_at, revoked_at, engine, created_at`

func scanGrant(r row) (*Grant, error) {
	var g Grant
	err := r.Scan(&g.ID, &g.ClientID, &g.AccountID, &g.SessionID, &g.MembershipID, &g.CodeHash,
		at{&g.CodeExpiresAt}, at{&g.CodeRedeemedAt}, at{&g.RevokedAt}, &g.Engine, at{&g.CreatedAt})
	return &g, err
}

// ErrNoGrant: no grant has that id or code.
var ErrNoGrant = &portique.Error{Kind: portique.NotFound, Key: "grant.unknown"}

// SaveGrant inserts a grant, or saves what changes in its life: redeemed,
// revoked, and what the engine keeps.
func (tx *Tx) SaveGrant(g *Grant) error {
	_, err := tx.exec(`INSERT INTO oauth_grant (`+grantColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)
		ON CONFLICT (id) DO UPDATE SET code_redeemed_at=excluded.code_redeemed_at, revoked_at=excluded.revoked_at,
			engine=excluded.engine`,
		g.ID, g.ClientID, g.AccountID, g.SessionID, g.MembershipID, g.CodeHash, ms(g.CodeExpiresAt),
		ms(g.CodeRedeemedAt), ms(g.RevokedAt), g.Engine, ms(g.CreatedAt))
	return err
}

// Grant returns a grant, or ErrNoGrant.
func (tx *Tx) Grant(id string) (*Grant, error) {
	return one(tx, ErrNoGrant, scanGrant, `SELECT `+grantColumns+` FROM oauth_grant WHERE id = $1`, id)
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
	Engine    string
	CreatedAt time.Time
	ExpiresAt time.Time
}

const accessTokenColumns = `hash, grant_id, engine, created_at, expires_at`

func scanAccessToken(r row) (*AccessToken, error) {
	var t AccessToken
	err := r.Scan(&t.Hash, &t.GrantID, &t.Engine, at{&t.CreatedAt}, at{&t.ExpiresAt})
	return &t, err
}

// ErrNoAccessToken: no access token hashes so.
var ErrNoAccessToken = &portique.Error{Kind: portique.NotFound, Key: "access_token.unknown"}

// InsertAccessToken adds an access token.
func (tx *Tx) InsertAccessToken(t *AccessToken) error {
	_, err := tx.exec(`INSERT INTO access_token (`+accessTokenColumns+`) VALUES ($1,$2,$3,$4,$5)`,
		t.Hash, t.GrantID, t.Engine, ms(t.CreatedAt), ms(t.ExpiresAt))
	return err
}

// AccessToken returns the access token that hashes so, or ErrNoAccessToken.
func (tx *Tx) AccessToken(hash []byte) (*AccessToken, error) {
	return one(tx, ErrNoAccessToken, scanAccessToken,
		`SELECT `+accessTokenColumns+` FROM access_token WHERE hash = $1`, hash)
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
