package session

import (
	"context"

	"portique"
	"portique/internal/store"
)

// Consents lists what a person agreed that tools are told, by the tools' names.
func (s *Service) Consents(ctx context.Context, accountID string) (given []*store.Consent, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		given, err = tx.Consents(accountID)
		return err
	})
	return given, err
}

// Withdraw takes back what the actor agreed that a tool is told: what the tool
// holds of theirs ends, it is told so, and it must ask again. It returns what was
// given, or ErrNoConsent.
func (s *Service) Withdraw(ctx context.Context, actor portique.Actor, clientID string) (given *store.Consent, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if given, err = tx.DeleteConsent(actor.AccountID, clientID); err != nil {
			return err
		}
		if err := tx.EndTool(actor.AccountID, clientID); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionConsentWithdrawn, clientID, ""))
	})
	if err != nil {
		return nil, err
	}
	return given, nil
}
