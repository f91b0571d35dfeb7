package store

import (
	"time"

	"portique"
)

func scanReset(r row) (*portique.PasswordReset, error) {
	var p portique.PasswordReset
	err := r.Scan(&p.ID, &p.Email, &p.TokenHash, at{&p.CreatedAt}, at{&p.ExpiresAt}, at{&p.UsedAt})
	return &p, err
}

const resetColumns = `id, email, token_hash, created_at, expires_at, used_at`

// InsertReset adds a reset.
func (tx *Tx) InsertReset(p *portique.PasswordReset) error {
	return tx.send(`INSERT INTO password_reset (`+resetColumns+`) VALUES ($1,$2,$3,$4,$5,$6)`,
		p.ID, p.Email, p.TokenHash, ms(p.CreatedAt), ms(p.ExpiresAt), ms(p.UsedAt))
}

// SpendResets ends every reset of an address.
func (tx *Tx) SpendResets(email string) error {
	return tx.send(`UPDATE password_reset SET used_at=$2 WHERE email=$1 AND used_at=0`, email, ms(tx.now))
}

// Reset returns the reset whose link hashes so, or ErrResetUnknown.
func (tx *Tx) Reset(hash []byte) (*portique.PasswordReset, error) {
	return one(tx, portique.ErrResetUnknown, scanReset, `SELECT `+resetColumns+` FROM password_reset WHERE token_hash = $1`, hash)
}

// LockReset is Reset, held until the transaction ends.
func (tx *Tx) LockReset(hash []byte) (*portique.PasswordReset, error) {
	return one(tx, portique.ErrResetUnknown, scanReset,
		tx.dialect.forUpdate(`SELECT `+resetColumns+` FROM password_reset WHERE token_hash = $1`), hash)
}

// PurgeResets deletes the resets made before a time.
func (tx *Tx) PurgeResets(before time.Time) (int64, error) {
	return tx.exec(`DELETE FROM password_reset WHERE created_at < $1`, ms(before))
}

// SetPassword replaces an account's password hash.
func (tx *Tx) SetPassword(id, hash string) error {
	return tx.send(`UPDATE account SET password_hash=$2 WHERE id=$1`, id, hash)
}

// ResetAsk is a forgotten password as it was asked for, the address known or not.
type ResetAsk struct {
	ID        string
	Email     string
	Language  string
	Source    string
	RequestID string
}

// InsertResetAsk keeps an ask until it is answered.
func (tx *Tx) InsertResetAsk(a *ResetAsk) error {
	return tx.send(`INSERT INTO reset_ask (id, email, language, source, request_id, created_at) VALUES ($1,$2,$3,$4,$5,$6)`,
		a.ID, a.Email, a.Language, a.Source, a.RequestID, ms(tx.now))
}

// ResetAsks lists the asks that wait, oldest first, skipping the first skip.
func (tx *Tx) ResetAsks(limit, skip int) ([]*ResetAsk, error) {
	return all(tx, func(r row) (*ResetAsk, error) {
		var a ResetAsk
		err := r.Scan(&a.ID, &a.Email, &a.Language, &a.Source, &a.RequestID)
		return &a, err
	}, `SELECT id, email, language, source, request_id FROM reset_ask ORDER BY id LIMIT $1 OFFSET $2`, limit, skip)
}

// TakeResetAsk removes an ask and says whether it was there: only one node
// answers it.
func (tx *Tx) TakeResetAsk(id string) (bool, error) {
	n, err := tx.exec(`DELETE FROM reset_ask WHERE id = $1`, id)
	return n == 1, err
}
