package access

import (
	"context"
	"errors"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// stepUp asks for a second proof. The rows are the same whether the member code
// was right or not; who is written to is decided afterwards, by TellStepUps, so
// that neither the page nor its time tells.
//
// Asked again while its code lives, a second proof stays the one it was: the
// contact gets no second letter, the code already passed on still works, and the
// tries are not refilled. Only a member code that is right at last makes a code.
func (s *Service) stepUp(tx *store.Tx, actor portique.Actor, siren portique.SIREN, proved bool, a *Attached) error {
	waiting, err := tx.LockStepUps(actor.AccountID)
	if err != nil {
		return err
	}
	for _, u := range waiting {
		if u.SIREN == siren && tx.Now().Before(u.ExpiresAt) {
			a.StepUp = u
		}
	}
	u := a.StepUp
	if u == nil {
		u = &portique.StepUp{ID: store.NewID(), AccountID: actor.AccountID, SIREN: siren, Proved: proved, Status: portique.StepUpWaiting,
			CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(portique.StepUpLife)}
		s.giveCode(u)
		err = tx.InsertStepUp(u)
	} else {
		tell := proved && !u.Proved
		if tell {
			u.Proved = true
			s.giveCode(u)
		}
		err = tx.RenewStepUp(u, tell)
	}
	if err != nil {
		return err
	}
	a.StepUp = u
	return tx.Audit(actor.Event(portique.ActionStepUpAsked, u.ID, siren))
}

func (s *Service) giveCode(u *portique.StepUp) {
	code := secret.Digits(portique.StepUpCodeDigits)
	u.CodeHash = s.keys.TypedCode("step-up", u.ID, code)
	u.Sealed = s.keys.Seal("step-up", u.ID, []byte(code))
}

// StepUps are what a person has still to prove, newest first.
func (s *Service) StepUps(ctx context.Context, accountID string) (list []*portique.StepUp, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = tx.WaitingStepUps(accountID)
		return err
	})
	return list, err
}

// NeedsOperator says whether every second proof is the operator's word.
func (s *Service) NeedsOperator() bool { return s.policy == portique.ClaimByOperator }

// TellStepUps writes to the known contact, with the code, or to the operator,
// about second proofs that began with the right member code. The others are
// only marked. One that fails keeps none of the others waiting.
func (s *Service) TellStepUps(ctx context.Context) error {
	var failed []error
	for {
		var untold []*portique.StepUp
		err := s.db.View(ctx, func(tx *store.Tx) (err error) {
			untold, err = tx.UntoldStepUps(100, len(failed))
			return err
		})
		if err != nil || len(untold) == 0 {
			return errors.Join(append(failed, err)...)
		}
		for _, u := range untold {
			if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.tellStepUp(tx, u) }); err != nil {
				failed = append(failed, err)
			}
		}
	}
}

func (s *Service) tellStepUp(tx *store.Tx, u *portique.StepUp) error {
	if mine, err := tx.TellStepUp(u.ID); err != nil || !mine || !u.Proved || u.Status != portique.StepUpWaiting {
		return err
	}
	data := map[string]string{"company": u.CompanyName, "siren": string(u.SIREN), "person": u.Name(), "person_email": u.Email}
	// Many people may know a member code: their letters about one company leave
	// three an hour.
	leaves, err := tx.Slot(store.Try{Budget: portique.BudgetClaimLetters, Key: []string{string(u.SIREN)}})
	if err != nil {
		return err
	}
	if u.ContactEmail == "" || s.NeedsOperator() {
		return s.tellSupportAt(tx, leaves, portique.LetterOperatorClaim, u.ID, data, "step_up")
	}
	code, err := s.keys.Open("step-up", u.ID, u.Sealed)
	if err != nil {
		return err
	}
	data["until"] = when(u.ExpiresAt)
	return tx.Post(&portique.Letter{To: u.ContactEmail, Language: s.language, Kind: portique.LetterClaimCode, About: u.ID, RunAt: leaves, Data: data,
		Secret: map[string]string{"code": string(code)}})
}

// tellSupport writes to the operator's support, when it has an address.
func (s *Service) tellSupport(tx *store.Tx, kind portique.LetterKind, about string, data map[string]string, why string) error {
	return s.tellSupportAt(tx, tx.Now(), kind, about, data, why)
}

func (s *Service) tellSupportAt(tx *store.Tx, leaves time.Time, kind portique.LetterKind, about string, data map[string]string, why string) error {
	if s.support == "" {
		return nil
	}
	data["why"] = why
	return tx.Post(&portique.Letter{To: s.support, Language: s.language, Kind: kind, About: about, RunAt: leaves, Data: data})
}

// Claim takes the code that the known contact passed on, and gives what the
// member code alone did not: ErrClaimCode when it is none of the person's,
// ErrClaimNone when nothing waits for one. Each wrong code counts against
// everything that waits, and against the source.
func (s *Service) Claim(ctx context.Context, actor portique.Actor, typed string) (*Attached, error) {
	code := portique.TypedDigits(typed)
	if len(code) != portique.StepUpCodeDigits {
		return nil, &portique.Error{Kind: portique.Invalid, Key: "claim.code_form", Field: "code", Args: []any{"Digits", portique.StepUpCodeDigits}}
	}
	waiting, err := s.StepUps(ctx, actor.AccountID)
	if err != nil {
		return nil, err
	}
	if len(waiting) == 0 {
		return nil, portique.ErrClaimNone
	}
	siren := portique.SIREN("")
	for _, u := range waiting {
		if u.Proved && secret.Equal(u.CodeHash, s.keys.TypedCode("step-up", u.ID, code)) {
			siren = u.SIREN
		}
	}
	var a *Attached
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		a = &Attached{}
		taken, err := tx.Take(store.Try{Budget: portique.BudgetCodeSource, Key: []string{portique.SourceKey(actor.Source)}})
		if err != nil {
			return err
		}
		var company *portique.Company
		if siren != "" { // the company first, as everywhere
			if company, err = tx.LockCompany(siren); err != nil {
				return err
			}
		}
		list, err := tx.LockStepUps(actor.AccountID)
		if err != nil {
			return err
		}
		for _, u := range list {
			if u.SIREN != siren || !u.Proved || !u.TakesCode(tx.Now()) || !secret.Equal(u.CodeHash, s.keys.TypedCode("step-up", u.ID, code)) {
				continue
			}
			if company.Status != portique.CompanyActive {
				return &portique.Error{Kind: portique.Conflict, Key: "company.closed", Args: []any{"Company", company.Name}}
			}
			if err := tx.GiveBack(taken); err != nil {
				return err
			}
			if err := s.pass(tx, actor, u, company, byContact, "", a); err != nil {
				return rightCode(err)
			}
			return nil
		}
		open := false
		for _, u := range list {
			if !u.TakesCode(tx.Now()) {
				continue
			}
			open = true
			u.Tries++
			if err := tx.UpdateStepUp(u); err != nil {
				return err
			}
			if err := tx.Audit(actor.Event(portique.ActionStepUpFailed, u.ID, u.SIREN)); err != nil {
				return err
			}
		}
		if !open {
			return &portique.Error{Kind: portique.Invalid, Key: "claim.code_over", Field: "code"}
		}
		return store.Refused(portique.ErrClaimCode)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// pass closes a second proof as accepted and admits its person.
func (s *Service) pass(tx *store.Tx, actor portique.Actor, u *portique.StepUp, company *portique.Company, proof proofOf, reason string, a *Attached) error {
	if err := u.Decide(portique.StepUpAccepted, reason, tx.Now()); err != nil {
		return err
	}
	if err := tx.UpdateStepUp(u); err != nil {
		return err
	}
	event := actor.Event(portique.ActionStepUpPassed, u.ID, u.SIREN)
	event.Reason = reason
	if err := tx.Audit(event); err != nil {
		return err
	}
	person := actor
	person.AccountID = u.AccountID
	return s.admit(tx, person, company, proof, a)
}

// Purge deletes the second proofs that nobody completed in 30 days.
func (s *Service) Purge(ctx context.Context) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error { return tx.PurgeStepUps() })
}
