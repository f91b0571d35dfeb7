package store

import (
	"encoding/json"
	"time"

	"portique"
)

const membershipSelect = `SELECT m.id, m.account_id, m.siren, m.role, m.status, m.rights, m.since, m.until, m.ended_at, m.ended_by,
	a.email, a.first_name, a.last_name, a.status = 'active', c.name, c.status
	FROM membership m JOIN account a ON a.id = m.account_id JOIN company c ON c.siren = m.siren `

func scanMembership(r row) (*portique.Membership, error) {
	var m portique.Membership
	err := r.Scan(&m.ID, &m.AccountID, &m.SIREN, &m.Role, &m.Status, texts{&m.Rights}, at{&m.Since}, at{&m.Until}, at{&m.EndedAt}, &m.EndedBy,
		&m.Email, &m.FirstName, &m.LastName, &m.AccountActive, &m.CompanyName, &m.CompanyStatus)
	return &m, err
}

func list(v []string) string {
	if v == nil {
		return "[]"
	}
	b, _ := json.Marshal(v) // a slice of strings always marshals
	return string(b)
}

// InsertMembership adds an access, or returns ErrAlreadyMember when the person
// already has a living one there. It leaves the transaction usable.
func (tx *Tx) InsertMembership(m *portique.Membership) error {
	n, err := tx.exec(`INSERT INTO membership (id, account_id, siren, role, status, rights, since, until, ended_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)
		ON CONFLICT (account_id, siren) WHERE status <> 'ended' DO NOTHING`,
		m.ID, m.AccountID, m.SIREN, m.Role, m.Status, list(m.Rights), ms(m.Since), ms(m.Until), ms(m.EndedAt))
	if err == nil && n == 0 {
		return portique.ErrAlreadyMember
	}
	return err
}

// UpdateMembership saves what changes in the life of an access.
func (tx *Tx) UpdateMembership(m *portique.Membership) error {
	err := tx.send(`UPDATE membership SET role=$2, status=$3, rights=$4, until=$5, ended_at=$6, ended_by=$7 WHERE id=$1`,
		m.ID, m.Role, m.Status, list(m.Rights), ms(m.Until), ms(m.EndedAt), m.EndedBy)
	if err != nil {
		return err
	}
	return tx.tellClosed(m.ID)
}

// Membership returns an access by its id, or ErrMembershipUnknown.
func (tx *Tx) Membership(id string) (*portique.Membership, error) {
	return one(tx, portique.ErrMembershipUnknown, scanMembership, membershipSelect+`WHERE m.id = $1`, id)
}

// LivingMembership returns the access of a person to a company that has not
// been ended (it may be suspended or past its date), or ErrMembershipUnknown.
func (tx *Tx) LivingMembership(accountID string, siren portique.SIREN) (*portique.Membership, error) {
	return one(tx, portique.ErrMembershipUnknown, scanMembership,
		membershipSelect+`WHERE m.account_id = $1 AND m.siren = $2 AND m.status <> 'ended'`, accountID, siren)
}

// MembershipsOf lists a person's accesses that have not been ended, by company
// name.
func (tx *Tx) MembershipsOf(accountID string) ([]*portique.Membership, error) {
	return all(tx, scanMembership,
		membershipSelect+`WHERE m.account_id = $1 AND m.status <> 'ended' ORDER BY c.name, m.siren`, accountID)
}

// EndedMembershipsOf lists a person's accesses that were ended, or came to their
// end date, since a time; the newest first.
func (tx *Tx) EndedMembershipsOf(accountID string, since time.Time) ([]*portique.Membership, error) {
	return all(tx, scanMembership, membershipSelect+`WHERE m.account_id = $1
		AND (m.status = 'ended' AND m.ended_at >= $2 OR m.status = 'active' AND m.until >= $2 AND m.until <> 0 AND m.until <= $3) ORDER BY m.id DESC`,
		accountID, ms(since), ms(tx.now))
}

// MembershipsIn lists a company's accesses that have not been ended:
// administrators first, then by name.
func (tx *Tx) MembershipsIn(siren portique.SIREN) ([]*portique.Membership, error) {
	return all(tx, scanMembership, membershipSelect+`WHERE m.siren = $1 AND m.status <> 'ended'
		ORDER BY CASE m.role WHEN 'administrator' THEN 0 WHEN 'member' THEN 1 ELSE 2 END, a.last_name, a.first_name, m.id`, siren)
}

// Memberships lists accesses, ended ones included, of a company and an address
// ("" for all), oldest first.
func (tx *Tx) Memberships(siren portique.SIREN, email string) ([]*portique.Membership, error) {
	return all(tx, scanMembership,
		membershipSelect+`WHERE ($1 = '' OR m.siren = $1) AND ($2 = '' OR a.email = $2) ORDER BY m.id`, siren, email)
}

// Administrators lists the active administrators of a company.
func (tx *Tx) Administrators(siren portique.SIREN) ([]*portique.Membership, error) {
	return all(tx, scanMembership, membershipSelect+`WHERE m.siren = $1 AND m.role = 'administrator'
		AND m.status = 'active' AND a.status = 'active' AND (m.until = 0 OR m.until > $2) ORDER BY m.id`, siren, ms(tx.now))
}
