package store

import (
	"time"

	"portique"
)

// Grant is what one authorization gave one tool: for which person, under which
// auth session, for which access ("" for the portal). What a tool has in its own
// name (client credentials) is a grant without a person.
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
	Request        string // the authorization request that led to it
	DPoPKey        string // thumbprint of the key it is bound to, or ""
	CreatedAt      time.Time
}

const grantColumns = `id, client_id, account_id, session_id, membership_id, code_hash, code_expires_at, code_redeemed_at, revoked_at, request, dpop_key, created_at`

func scanGrant(r row) (*Grant, error) { return scanGrantAfter(r) }

// scanGrantAfter reads a grant behind other columns.
func scanGrantAfter(r row, before ...any) (*Grant, error) {
	var g Grant
	return &g, r.Scan(append(before, &g.ID, &g.ClientID, &g.AccountID, &g.SessionID, &g.MembershipID, &g.CodeHash,
		at{&g.CodeExpiresAt}, at{&g.CodeRedeemedAt}, at{&g.RevokedAt}, &g.Request, &g.DPoPKey, at{&g.CreatedAt})...)
}

// ErrNoGrant: no grant has that id or code.
var ErrNoGrant = &portique.Error{Kind: portique.NotFound, Key: "grant.unknown"}

// InsertGrant adds a grant.
func (tx *Tx) InsertGrant(g *Grant) error {
	return tx.send(`INSERT INTO oauth_grant (`+grantColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`,
		g.ID, g.ClientID, g.AccountID, g.SessionID, g.MembershipID, g.CodeHash, ms(g.CodeExpiresAt),
		ms(g.CodeRedeemedAt), ms(g.RevokedAt), g.Request, g.DPoPKey, ms(g.CreatedAt))
}

// MarkGrant saves that a grant was redeemed, with which key, or revoked. Nothing
// else of it changes.
func (tx *Tx) MarkGrant(g *Grant) error {
	return tx.send(`UPDATE oauth_grant SET code_redeemed_at=$2, revoked_at=$3, dpop_key=$4 WHERE id=$1`,
		g.ID, ms(g.CodeRedeemedAt), ms(g.RevokedAt), g.DPoPKey)
}

// Grant returns a grant, locked for this transaction, or ErrNoGrant.
func (tx *Tx) Grant(id string) (*Grant, error) {
	return one(tx, ErrNoGrant, scanGrant, tx.dialect.forUpdate(`SELECT `+grantColumns+` FROM oauth_grant WHERE id = $1`), id)
}

// GrantByCode returns the grant whose code hashes so, locked for this
// transaction, or ErrNoGrant: of two that redeem one code, one waits and sees
// it redeemed.
func (tx *Tx) GrantByCode(hash []byte) (*Grant, error) {
	return one(tx, ErrNoGrant, scanGrant,
		tx.dialect.forUpdate(`SELECT `+grantColumns+` FROM oauth_grant WHERE code_hash = $1`), hash)
}

// HoldStanding keeps the session, the access and the company behind a grant as
// they are until the transaction ends.
func (tx *Tx) HoldStanding(g *Grant) error {
	if tx.dialect == sqliteEngine { // who writes is alone
		return nil
	}
	if err := tx.send(tx.dialect.forShare(`SELECT 1 FROM session WHERE id = $1`), g.SessionID); err != nil {
		return err
	}
	return tx.send(tx.dialect.forShare(`SELECT 1 FROM membership m JOIN company c ON c.siren = m.siren WHERE m.id = $1`), g.MembershipID)
}

// RevokeGrantsOf revokes everything that a tool holds.
func (tx *Tx) RevokeGrantsOf(clientID string) error {
	return tx.send(`UPDATE oauth_grant SET revoked_at=$2 WHERE client_id=$1 AND revoked_at=0`, clientID, ms(tx.now))
}

// TouchGrant notes that a grant was used, which then does not idle with the
// browser where it was allowed.
func (tx *Tx) TouchGrant(id string) error {
	return tx.send(`UPDATE oauth_grant SET seen_at=$2 WHERE id=$1`, id, ms(tx.now))
}

// EndTool revokes everything that a tool holds of a person, and queues a notice
// for it.
func (tx *Tx) EndTool(accountID, clientID string) error {
	if err := tx.send(`UPDATE oauth_grant SET revoked_at=$3 WHERE account_id=$1 AND client_id=$2 AND revoked_at=0`, accountID, clientID, ms(tx.now)); err != nil {
		return err
	}
	return tx.tellTools(`g.account_id = $1 AND g.client_id = $2 AND g.revoked_at = $3`, accountID, clientID, ms(tx.now))
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
	Scope     string // what a refresh narrowed it to; "" for all of the grant's
	CreatedAt time.Time
	ExpiresAt time.Time
}

// ErrNoAccessToken: no access token hashes so.
var ErrNoAccessToken = &portique.Error{Kind: portique.NotFound, Key: "access_token.unknown"}

// InsertAccessToken adds an access token.
func (tx *Tx) InsertAccessToken(t *AccessToken) error {
	return tx.send(`INSERT INTO access_token (hash, grant_id, scope, created_at, expires_at) VALUES ($1,$2,$3,$4,$5)`,
		t.Hash, t.GrantID, t.Scope, ms(t.CreatedAt), ms(t.ExpiresAt))
}

// Standing is what the grant of a tool stands on. It says nothing of whether it
// still counts. Only the columns that decide, or that claims tell, are read: on
// SQLite each one costs like a small statement's work.
type Standing struct {
	Session    *Session             // ID, Door, AccountID, CreatedAt, SeenAt, ExpiresAt, EndedAt
	Account    *portique.Account    // without PasswordHash, ContributionsOnly, LastSignInAt
	Tool       *portique.Tool       // ID, Audience, Algorithm, RedirectURIs, Pairwise, UserinfoSigned, MinACR, Claims, DisabledAt
	Membership *portique.Membership // without Since, EndedAt
	Claims     string               // what more is known of the person, a JSON object, or ""
}

const (
	standingColumns = `s.id, s.door, s.created_at, CASE WHEN g.seen_at > s.seen_at THEN g.seen_at ELSE s.seen_at END, s.expires_at, s.ended_at,
		a.id, a.email, a.first_name, a.last_name, a.language, a.status, a.created_at, t.id, t.audience, t.algorithm, t.redirect_uris, t.pairwise, t.userinfo_signed, t.min_acr, t.claims, t.disabled_at,
		m.id, m.siren, m.role, m.status, m.rights, m.until, c.name, c.status, COALESCE(x.claims, '')`
	standingJoins = `JOIN session s ON s.id = g.session_id AND s.account_id = g.account_id JOIN account a ON a.id = g.account_id
		JOIN tool t ON t.id = g.client_id JOIN membership m ON m.id = g.membership_id AND m.account_id = g.account_id
		JOIN company c ON c.siren = m.siren LEFT JOIN account_claims x ON x.account_id = g.account_id`
)

func scanStanding(r row, before ...any) (*Standing, error) {
	s, a, t, m := &Session{}, &portique.Account{}, &portique.Tool{}, &portique.Membership{}
	claims := ""
	err := r.Scan(append(before, &s.ID, &s.Door, at{&s.CreatedAt}, at{&s.SeenAt}, at{&s.ExpiresAt}, at{&s.EndedAt},
		&a.ID, &a.Email, &a.FirstName, &a.LastName, &a.Language, &a.Status, at{&a.CreatedAt}, &t.ID, &t.Audience,
		&t.Algorithm, texts{&t.RedirectURIs}, &t.Pairwise, &t.UserinfoSigned, &t.MinACR, texts{&t.Claims}, at{&t.DisabledAt}, &m.ID, &m.SIREN, &m.Role, &m.Status, texts{&m.Rights}, at{&m.Until}, &m.CompanyName, &m.CompanyStatus, &claims)...)
	s.AccountID, m.AccountID = a.ID, a.ID
	m.Email, m.FirstName, m.LastName, m.AccountActive = a.Email, a.FirstName, a.LastName, a.Status == portique.AccountActive
	return &Standing{s, a, t, m, claims}, err
}

// Standing returns what the grant of a tool stands on, or ErrNoGrant when part
// of it is gone or another person's.
func (tx *Tx) Standing(grantID string) (*Standing, error) {
	return one(tx, ErrNoGrant, func(r row) (*Standing, error) { return scanStanding(r) },
		`SELECT `+standingColumns+` FROM oauth_grant g `+standingJoins+` WHERE g.id = $1`, grantID)
}

// AccessToken returns the access token that hashes so, or ErrNoAccessToken. It
// says nothing of what it stands on.
func (tx *Tx) AccessToken(hash []byte) (*AccessToken, error) {
	return one(tx, ErrNoAccessToken, func(r row) (*AccessToken, error) {
		t := &AccessToken{Hash: hash}
		return t, r.Scan(&t.GrantID, &t.Scope, at{&t.CreatedAt}, at{&t.ExpiresAt})
	}, `SELECT grant_id, scope, created_at, expires_at FROM access_token WHERE hash = $1`, hash)
}

// DeleteAccessToken forgets an access token.
func (tx *Tx) DeleteAccessToken(hash []byte) error {
	return tx.send(`DELETE FROM access_token WHERE hash = $1`, hash)
}

// Opened is an access token of a tool with all that it stands on.
type Opened struct {
	*Standing
	AccessToken
	GrantedFor string    // the authorization request that led to it
	DPoPKey    string    // of its grant
	RevokedAt  time.Time // of its grant
}

// Opened returns the access token that hashes so, or ErrNoAccessToken, also when
// part of what it stands on is gone. The portal's own tokens, and those that
// tools have in their own name, open nothing of a person's.
func (tx *Tx) Opened(hash []byte) (*Opened, error) {
	return one(tx, ErrNoAccessToken, func(r row) (o *Opened, err error) {
		o = &Opened{AccessToken: AccessToken{Hash: hash}}
		o.Standing, err = scanStanding(r, &o.GrantedFor, &o.DPoPKey, at{&o.RevokedAt}, &o.GrantID, &o.Scope, at{&o.CreatedAt}, at{&o.ExpiresAt})
		return o, err
	}, `SELECT g.request, g.dpop_key, g.revoked_at, k.grant_id, k.scope, k.created_at, k.expires_at, `+standingColumns+`
		FROM access_token k JOIN oauth_grant g ON g.id = k.grant_id `+standingJoins+` WHERE k.hash = $1`, hash)
}

// Machine is an access token that a tool has in its own name.
type Machine struct {
	AccessToken
	Tool       *portique.Tool
	GrantedFor string // what it was asked for
	DPoPKey    string
	RevokedAt  time.Time // of its grant
}

// Machine returns the access token that hashes so when a tool has it in its own
// name, or ErrNoAccessToken.
func (tx *Tx) Machine(hash []byte) (*Machine, error) {
	return one(tx, ErrNoAccessToken, func(r row) (*Machine, error) {
		m := &Machine{AccessToken: AccessToken{Hash: hash}, Tool: &portique.Tool{}}
		return m, r.Scan(&m.GrantedFor, &m.DPoPKey, at{&m.RevokedAt}, &m.GrantID, &m.Scope, at{&m.CreatedAt}, at{&m.ExpiresAt}, &m.Tool.ID, at{&m.Tool.DisabledAt})
	}, `SELECT g.request, g.dpop_key, g.revoked_at, k.grant_id, k.scope, k.created_at, k.expires_at, t.id, t.disabled_at
		FROM access_token k JOIN oauth_grant g ON g.id = k.grant_id AND g.account_id = '' JOIN tool t ON t.id = g.client_id WHERE k.hash = $1`, hash)
}

// RefreshToken is kept by its hash. Successor is sealed.
type RefreshToken struct {
	Hash      []byte
	GrantID   string
	CreatedAt time.Time
	UsedAt    time.Time
	Successor []byte
}

// ErrNoRefreshToken: no refresh token hashes so.
var ErrNoRefreshToken = &portique.Error{Kind: portique.NotFound, Key: "grant.refresh_token"}

// InsertRefreshToken adds a refresh token.
func (tx *Tx) InsertRefreshToken(t *RefreshToken) error {
	return tx.send(`INSERT INTO refresh_token (hash, grant_id, created_at) VALUES ($1,$2,$3)`, t.Hash, t.GrantID, ms(t.CreatedAt))
}

// RefreshToken returns the refresh token that hashes so, locked for this
// transaction, or ErrNoRefreshToken.
func (tx *Tx) RefreshToken(hash []byte) (*RefreshToken, error) {
	return one(tx, ErrNoRefreshToken, func(r row) (*RefreshToken, error) {
		t := &RefreshToken{Hash: hash}
		return t, r.Scan(&t.GrantID, at{&t.CreatedAt}, at{&t.UsedAt}, &t.Successor)
	}, tx.dialect.forUpdate(`SELECT grant_id, created_at, used_at, successor FROM refresh_token WHERE hash = $1`), hash)
}

// LookAtRefreshToken returns the refresh token that hashes so and its grant,
// without locking them, or ErrNoRefreshToken.
func (tx *Tx) LookAtRefreshToken(hash []byte) (t *RefreshToken, g *Grant, err error) {
	t = &RefreshToken{Hash: hash}
	g, err = one(tx, ErrNoRefreshToken, func(r row) (*Grant, error) {
		return scanGrantAfter(r, at{&t.CreatedAt}, at{&t.UsedAt}, &t.Successor)
	}, `SELECT t.created_at, t.used_at, t.successor, g.id, g.client_id, g.account_id, g.session_id, g.membership_id, g.code_hash, g.code_expires_at,
		g.code_redeemed_at, g.revoked_at, g.request, g.dpop_key, g.created_at FROM refresh_token t JOIN oauth_grant g ON g.id = t.grant_id WHERE t.hash = $1`, hash)
	if err == nil {
		t.GrantID = g.ID
	}
	return t, g, err
}

// UseRefreshToken notes that a refresh token was exchanged for its successor.
func (tx *Tx) UseRefreshToken(t *RefreshToken) error {
	return tx.send(`UPDATE refresh_token SET used_at=$2, successor=$3 WHERE hash=$1`, t.Hash, ms(t.UsedAt), t.Successor)
}

// PushedRequest is an authorization request sent ahead, by the hash of its
// address. Parameters are those of the form, encoded.
type PushedRequest struct {
	Hash       []byte
	ClientID   string
	Parameters string
	ExpiresAt  time.Time
}

// ErrNoPushedRequest: no request waits at that address.
var ErrNoPushedRequest = &portique.Error{Kind: portique.NotFound, Key: "grant.pushed_request"}

// InsertPushedRequest keeps a request sent ahead.
func (tx *Tx) InsertPushedRequest(p *PushedRequest) error {
	return tx.send(`INSERT INTO pushed_request (hash, client_id, parameters, expires_at) VALUES ($1,$2,$3,$4)`,
		p.Hash, p.ClientID, p.Parameters, ms(p.ExpiresAt))
}

// TakePushedRequest returns a request sent ahead and forgets it, so that it
// serves once; ErrNoPushedRequest when it is gone.
func (tx *Tx) TakePushedRequest(hash []byte) (*PushedRequest, error) {
	return one(tx, ErrNoPushedRequest, func(r row) (*PushedRequest, error) {
		p := &PushedRequest{Hash: hash}
		return p, r.Scan(&p.ClientID, &p.Parameters, at{&p.ExpiresAt})
	}, `DELETE FROM pushed_request WHERE hash = $1 RETURNING client_id, parameters, expires_at`, hash)
}

// SeeProof notes a proof that serves once, until a time, and says whether it was
// new.
func (tx *Tx) SeeProof(hash []byte, until time.Time) (bool, error) {
	n, err := tx.exec(`INSERT INTO proof_seen (hash, expires_at) VALUES ($1,$2) ON CONFLICT DO NOTHING`, hash, ms(until))
	return n == 1, err
}

// PurgeProofs deletes the proofs, and the requests sent ahead, that are too old
// at a time.
func (tx *Tx) PurgeProofs(now time.Time) error {
	if err := tx.send(`DELETE FROM proof_seen WHERE expires_at < $1`, ms(now)); err != nil {
		return err
	}
	return tx.send(`DELETE FROM pushed_request WHERE expires_at < $1`, ms(now))
}

// PurgeAccessTokens deletes the access tokens that expired before a time.
func (tx *Tx) PurgeAccessTokens(before time.Time) (int64, error) {
	return tx.exec(`DELETE FROM access_token WHERE expires_at < $1`, ms(before))
}

// SigningKey is a private key, sealed. It is published from the moment it was
// made, signs from SignsAt until RetiredAt, and is published as long after that
// as something it signed may count.
type SigningKey struct {
	ID        string // kid
	Algorithm string // ES256, RS256
	Sealed    []byte
	CreatedAt time.Time
	SignsAt   time.Time // zero: since it was made
	RetiredAt time.Time // zero: not known yet
	RevokedAt time.Time // what it signed counts no more
}

const signingKeyColumns = `kid, alg, sealed, created_at, signs_at, retired_at, revoked_at`

func scanSigningKey(r row) (*SigningKey, error) {
	var k SigningKey
	err := r.Scan(&k.ID, &k.Algorithm, &k.Sealed, at{&k.CreatedAt}, at{&k.SignsAt}, at{&k.RetiredAt}, at{&k.RevokedAt})
	return &k, err
}

// InsertSigningKey adds a key. It says false when the algorithm already has a
// key without an end: another node was first.
func (tx *Tx) InsertSigningKey(k *SigningKey) (bool, error) {
	n, err := tx.exec(`INSERT INTO signing_key (`+signingKeyColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT DO NOTHING`,
		k.ID, k.Algorithm, k.Sealed, ms(k.CreatedAt), ms(k.SignsAt), ms(k.RetiredAt), ms(k.RevokedAt))
	return n == 1, err
}

// TimeSigningKey saves from when until when a key signs, and that it was revoked.
func (tx *Tx) TimeSigningKey(k *SigningKey) error {
	return tx.send(`UPDATE signing_key SET signs_at=$2, retired_at=$3,
		revoked_at = CASE revoked_at WHEN 0 THEN $4 ELSE revoked_at END WHERE kid=$1`, k.ID, ms(k.SignsAt), ms(k.RetiredAt), ms(k.RevokedAt))
}

// LockSigningKeys is SigningKeys, held until the transaction ends.
func (tx *Tx) LockSigningKeys() ([]*SigningKey, error) {
	return all(tx, scanSigningKey, tx.dialect.forUpdate(`SELECT `+signingKeyColumns+` FROM signing_key
		ORDER BY CASE retired_at WHEN 0 THEN 0 ELSE 1 END, created_at, kid`))
}

// SigningKeys lists every key, those without an end first, then the oldest.
func (tx *Tx) SigningKeys() ([]*SigningKey, error) {
	return all(tx, scanSigningKey, `SELECT `+signingKeyColumns+` FROM signing_key
		ORDER BY CASE retired_at WHEN 0 THEN 0 ELSE 1 END, created_at, kid`)
}
