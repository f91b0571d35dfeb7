package store

import (
	"portique"
)

const firstClaimSelect = `SELECT f.siren, f.id, f.account_id, f.membership_id, f.contact_email, f.token_hash, f.code_hash, f.tries, f.status,
	f.created_at, f.watched_until, f.answered_at, f.settled_at, f.reason, a.email, a.first_name, a.last_name, c.name
	FROM first_claim f JOIN account a ON a.id = f.account_id JOIN company c ON c.siren = f.siren `

func scanFirstClaim(r row) (*portique.FirstClaim, error) {
	var c portique.FirstClaim
	err := r.Scan(&c.SIREN, &c.ID, &c.AccountID, &c.MembershipID, &c.ContactEmail, &c.TokenHash, &c.CodeHash, &c.Tries, &c.Status,
		at{&c.CreatedAt}, at{&c.WatchedUntil}, at{&c.AnsweredAt}, at{&c.SettledAt}, &c.Reason, &c.Email, &c.FirstName, &c.LastName, &c.CompanyName)
	return &c, err
}

// InsertFirstClaim puts a first claim under watch.
func (tx *Tx) InsertFirstClaim(c *portique.FirstClaim) error {
	return tx.send(`INSERT INTO first_claim (siren, id, account_id, membership_id, contact_email, token_hash, code_hash, tries, status,
		created_at, watched_until, answered_at, settled_at, reason) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`,
		c.SIREN, c.ID, c.AccountID, c.MembershipID, c.ContactEmail, c.TokenHash, c.CodeHash, c.Tries, c.Status,
		ms(c.CreatedAt), ms(c.WatchedUntil), ms(c.AnsweredAt), ms(c.SettledAt), c.Reason)
}

// UpdateFirstClaim saves what changes in the life of a first claim.
func (tx *Tx) UpdateFirstClaim(c *portique.FirstClaim) error {
	return tx.send(`UPDATE first_claim SET tries=$2, status=$3, answered_at=$4, settled_at=$5, reason=$6 WHERE siren=$1`,
		c.SIREN, c.Tries, c.Status, ms(c.AnsweredAt), ms(c.SettledAt), c.Reason)
}

// FirstClaim returns how a company was first claimed, nil when it was not, or
// not by a person with its member code. Lock the company first when it is going
// to change.
func (tx *Tx) FirstClaim(siren portique.SIREN) (*portique.FirstClaim, error) {
	list, err := all(tx, scanFirstClaim, firstClaimSelect+`WHERE f.siren = $1`, siren)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// FirstClaimByToken returns the first claim whose notice has that link, or
// ErrClaimUnknown.
func (tx *Tx) FirstClaimByToken(hash []byte) (*portique.FirstClaim, error) {
	return one(tx, portique.ErrClaimUnknown, scanFirstClaim, firstClaimSelect+`WHERE f.token_hash = $1`, hash)
}

// FirstClaimByID returns a first claim by its id, or ErrClaimUnknown.
func (tx *Tx) FirstClaimByID(id string) (*portique.FirstClaim, error) {
	return one(tx, portique.ErrClaimUnknown, scanFirstClaim, firstClaimSelect+`WHERE f.id = $1`, id)
}

// FirstClaims lists the first claims of a company and an address ("" for all),
// oldest first.
func (tx *Tx) FirstClaims(siren portique.SIREN, email string) ([]*portique.FirstClaim, error) {
	return all(tx, scanFirstClaim, firstClaimSelect+`WHERE ($1 = '' OR f.siren = $1) AND ($2 = '' OR a.email = $2) ORDER BY f.id`, siren, email)
}

// FrozenCompanies are the companies whose first claim is contested.
func (tx *Tx) FrozenCompanies() (map[portique.SIREN]bool, error) {
	list, err := all(tx, func(r row) (siren portique.SIREN, err error) {
		err = r.Scan(&siren)
		return siren, err
	}, `SELECT siren FROM first_claim WHERE status = $1`, portique.FirstClaimContested)
	frozen := make(map[portique.SIREN]bool, len(list))
	for _, siren := range list {
		frozen[siren] = true
	}
	return frozen, err
}

const stepUpSelect = `SELECT s.id, s.account_id, s.siren, s.proved, s.code_hash, s.sealed, s.tries, s.status, s.created_at, s.expires_at,
	s.decided_at, s.reason, a.email, a.first_name, a.last_name, coalesce(c.name, ''), coalesce(c.contact_email, '')
	FROM step_up s JOIN account a ON a.id = s.account_id LEFT JOIN company c ON c.siren = s.siren `

func scanStepUp(r row) (*portique.StepUp, error) {
	var s portique.StepUp
	err := r.Scan(&s.ID, &s.AccountID, &s.SIREN, &s.Proved, &s.CodeHash, &s.Sealed, &s.Tries, &s.Status, at{&s.CreatedAt}, at{&s.ExpiresAt},
		at{&s.DecidedAt}, &s.Reason, &s.Email, &s.FirstName, &s.LastName, &s.CompanyName, &s.ContactEmail)
	return &s, err
}

// InsertStepUp adds a second proof, in the place of one of the same person and
// company that waits and is too old.
func (tx *Tx) InsertStepUp(s *portique.StepUp) error {
	err := tx.send(`UPDATE step_up SET status=$3, decided_at=$4, sealed=NULL, told=$5 WHERE account_id=$1 AND siren=$2 AND status=$6`,
		s.AccountID, s.SIREN, portique.StepUpReplaced, ms(tx.now), true, portique.StepUpWaiting)
	if err != nil {
		return err
	}
	return tx.send(`INSERT INTO step_up (id, account_id, siren, proved, code_hash, sealed, tries, status, told, created_at, expires_at, decided_at, reason)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)`,
		s.ID, s.AccountID, s.SIREN, s.Proved, s.CodeHash, s.Sealed, s.Tries, s.Status, false, ms(s.CreatedAt), ms(s.ExpiresAt), ms(s.DecidedAt), s.Reason)
}

// RenewStepUp saves that a second proof which waits was asked for again: what is
// proved stays proved, and tries are not refilled. tell says that its code is new.
func (tx *Tx) RenewStepUp(s *portique.StepUp, tell bool) error {
	return tx.send(`UPDATE step_up SET proved=$2, code_hash=$3, sealed=$4, told = told AND NOT $5 WHERE id=$1`,
		s.ID, s.Proved, s.CodeHash, s.Sealed, tell)
}

// UpdateStepUp saves what changes in the life of a second proof.
func (tx *Tx) UpdateStepUp(s *portique.StepUp) error {
	return tx.send(`UPDATE step_up SET tries=$2, status=$3, decided_at=$4, reason=$5 WHERE id=$1`,
		s.ID, s.Tries, s.Status, ms(s.DecidedAt), s.Reason)
}

// TellStepUp marks a second proof as told of and forgets its code. It says
// whether it still had to be: only one node tells.
func (tx *Tx) TellStepUp(id string) (bool, error) {
	n, err := tx.exec(`UPDATE step_up SET told=$2, sealed=NULL WHERE id=$1 AND NOT told`, id, true)
	return n == 1, err
}

// StepUp returns a second proof by its id, or ErrClaimUnknown.
func (tx *Tx) StepUp(id string) (*portique.StepUp, error) {
	return one(tx, portique.ErrClaimUnknown, scanStepUp, stepUpSelect+`WHERE s.id = $1`, id)
}

// LockStepUps returns what a person has still to prove, newest first, held until
// the transaction ends.
func (tx *Tx) LockStepUps(accountID string) ([]*portique.StepUp, error) {
	// The rows are held one by one: a join cannot be held on both engines alike.
	_, err := all(tx, func(r row) (id string, err error) {
		err = r.Scan(&id)
		return id, err
	}, tx.dialect.forUpdate(`SELECT id FROM step_up WHERE account_id = $1 AND status = 'waiting' ORDER BY id`), accountID)
	if err != nil {
		return nil, err
	}
	return tx.WaitingStepUps(accountID)
}

// WaitingStepUps is LockStepUps without the locks.
func (tx *Tx) WaitingStepUps(accountID string) ([]*portique.StepUp, error) {
	return all(tx, scanStepUp, stepUpSelect+`WHERE s.account_id = $1 AND s.status = 'waiting' AND s.created_at > $2 ORDER BY s.id DESC`,
		accountID, ms(tx.now.Add(-portique.ClaimsKept)))
}

// UntoldStepUps lists second proofs that nobody was told of yet, oldest first,
// skipping the first skip.
func (tx *Tx) UntoldStepUps(limit, skip int) ([]*portique.StepUp, error) {
	return all(tx, scanStepUp, stepUpSelect+`WHERE NOT s.told ORDER BY s.id LIMIT $1 OFFSET $2`, limit, skip)
}

// StepUps lists the second proofs that began with the right member code, of a
// company and an address ("" for all), oldest first.
func (tx *Tx) StepUps(siren portique.SIREN, email string) ([]*portique.StepUp, error) {
	return all(tx, scanStepUp, stepUpSelect+`WHERE s.proved AND ($1 = '' OR s.siren = $1) AND ($2 = '' OR a.email = $2) ORDER BY s.id`, siren, email)
}

// PurgeStepUps deletes the second proofs that nobody completed in time.
func (tx *Tx) PurgeStepUps() error {
	return tx.send(`DELETE FROM step_up WHERE created_at <= $1`, ms(tx.now.Add(-portique.ClaimsKept)))
}
