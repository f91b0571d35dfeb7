package access

import (
	"context"

	"portique"
	"portique/internal/store"
)

// Again makes anew, in one press, a request of the actor that expired without
// an answer: the member code was proved then. It asks the administrators, or
// the operator when none is left, and never opens an access by itself.
// ErrRequestClosed for a request that did not expire or was followed by another.
func (s *Service) Again(ctx context.Context, actor portique.Actor, id string) (*Attached, error) {
	var a *Attached
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		a = &Attached{}
		old, err := own(tx, actor, id)
		if err != nil {
			return err
		}
		last, err := tx.LastRequest(actor.AccountID, old.SIREN)
		if err != nil {
			return err
		}
		if old.Status != portique.RequestExpired || last.ID != old.ID {
			return portique.ErrRequestClosed
		}
		if a.Company, err = tx.Company(old.SIREN); err != nil {
			return err
		}
		if a.Company.Status != portique.CompanyActive {
			return &portique.Error{Kind: portique.Conflict, Key: "company.closed", Args: []any{"Company", a.Company.Name}}
		}
		account, err := tx.LockAccount(actor.AccountID)
		if err != nil {
			return err
		}
		if account.Status != portique.AccountActive { // disabled since the page was opened
			return store.ErrNoSession
		}
		if err := s.checkFree(tx, actor, account, a.Company); err != nil {
			return err
		}
		administrators, err := tx.Administrators(old.SIREN)
		if err != nil {
			return err
		}
		return s.request(tx, actor, account, administrators, a)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}
