package store

import "portique"

// ErrNoConsent: the person has agreed to nothing for this tool.
var ErrNoConsent = &portique.Error{Kind: portique.NotFound, Key: "grant.consent"}

// SaveConsent keeps what a person agreed that a tool is told, in place of what
// they agreed to before.
func (tx *Tx) SaveConsent(accountID, clientID string, told []string) error {
	_, err := tx.exec(`INSERT INTO consent (account_id, client_id, told, given_at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (account_id, client_id) DO UPDATE SET told=excluded.told, given_at=excluded.given_at`, accountID, clientID, list(told), ms(tx.now))
	return err
}

// Consent returns what a person agreed that a tool is told, or ErrNoConsent.
func (tx *Tx) Consent(accountID, clientID string) ([]string, error) {
	return one(tx, ErrNoConsent, func(r row) (told []string, err error) {
		err = r.Scan(texts{&told})
		return told, err
	}, `SELECT told FROM consent WHERE account_id = $1 AND client_id = $2`, accountID, clientID)
}
