package store

import (
	"time"

	"portique"
)

// ErrNoConsent: the person has agreed to nothing for this tool.
var ErrNoConsent = &portique.Error{Kind: portique.NotFound, Key: "grant.consent"}

// Consent is what a person agreed that a tool is told.
type Consent struct {
	ClientID string
	Tool     portique.Tool // Name, NameEN
	Told     []string      // names of claims
	GivenAt  time.Time
}

// SaveConsent keeps what a person agreed that a tool is told, in place of what
// they agreed to before.
func (tx *Tx) SaveConsent(accountID, clientID string, told []string) error {
	return tx.send(`INSERT INTO consent (account_id, client_id, told, given_at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (account_id, client_id) DO UPDATE SET told=excluded.told, given_at=excluded.given_at`, accountID, clientID, list(told), ms(tx.now))
}

const consentSelect = `SELECT c.client_id, t.name, t.name_en, c.told, c.given_at FROM consent c JOIN tool t ON t.id = c.client_id WHERE c.account_id = $1 `

func scanConsent(r row) (*Consent, error) {
	c := &Consent{}
	return c, r.Scan(&c.ClientID, &c.Tool.Name, &c.Tool.NameEN, texts{&c.Told}, at{&c.GivenAt})
}

// Consent returns what a person agreed that a tool is told, which nobody takes
// back until the transaction ends, or ErrNoConsent.
func (tx *Tx) Consent(accountID, clientID string) (*Consent, error) {
	return one(tx, ErrNoConsent, scanConsent, tx.dialect.forShare(consentSelect+`AND c.client_id = $2`), accountID, clientID)
}

// Consents lists what a person agreed to, by the names of the tools.
func (tx *Tx) Consents(accountID string) ([]*Consent, error) {
	return all(tx, scanConsent, consentSelect+`ORDER BY t.name, t.id`, accountID)
}

// DeleteConsent forgets what a person agreed to, and returns it, or ErrNoConsent.
func (tx *Tx) DeleteConsent(accountID, clientID string) (*Consent, error) {
	c, err := one(tx, ErrNoConsent, scanConsent, consentSelect+`AND c.client_id = $2`, accountID, clientID)
	if err != nil {
		return nil, err
	}
	n, err := tx.exec(`DELETE FROM consent WHERE account_id = $1 AND client_id = $2`, accountID, clientID)
	if err == nil && n == 0 { // somebody was quicker
		err = ErrNoConsent
	}
	return c, err
}
