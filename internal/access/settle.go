package access

import (
	"context"
	"errors"

	"portique"
	"portique/internal/store"
)

// Claims are what the operator may settle, or has settled, of a company and an
// address ("" for all): first claims, and second proofs that began with the
// right member code.
func (s *Service) Claims(ctx context.Context, siren portique.SIREN, email string) (first []*portique.FirstClaim, second []*portique.StepUp, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if first, err = tx.FirstClaims(siren, email); err != nil {
			return err
		}
		second, err = tx.StepUps(siren, email)
		return err
	})
	return first, second, err
}

// Settle is the operator's decision about a claim, by its id, with a reason. A
// second proof that is accepted admits its person as the contact's code would; a
// first claim that is refused closes its access, the one way besides recovery by
// which a company is left without an administrator. ErrClaimUnknown,
// ErrClaimSettled.
func (s *Service) Settle(ctx context.Context, actor portique.Actor, id string, accept bool, reason string) error {
	if reason = portique.CleanText(reason); reason == "" {
		return portique.FieldErrors{{Kind: portique.Invalid, Key: "access.reason_missing", Field: "reason"}}
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		u, err := tx.StepUp(id)
		if errors.Is(err, portique.ErrClaimUnknown) {
			return s.settleFirst(tx, actor, id, accept, reason)
		}
		if err != nil {
			return err
		}
		if !u.Proved { // nobody's business
			return portique.ErrClaimUnknown
		}
		company, err := tx.LockCompany(u.SIREN)
		if err != nil {
			return err
		}
		if u, err = tx.StepUp(id); err != nil {
			return err
		}
		if accept {
			if company.Status != portique.CompanyActive {
				return &portique.Error{Kind: portique.Conflict, Key: "company.closed", Args: []any{"Company", company.Name}}
			}
			return s.pass(tx, actor, u, company, byOperator, reason, &Attached{})
		}
		if err := u.Decide(portique.StepUpRefused, reason, tx.Now()); err != nil {
			return err
		}
		if err := tx.UpdateStepUp(u); err != nil {
			return err
		}
		err = s.post(tx, u.AccountID, portique.LetterClaimRefused, u.ID, map[string]string{"company": u.CompanyName, "siren": string(u.SIREN), "reason": reason})
		if err != nil {
			return err
		}
		event := actor.Event(portique.ActionStepUpRefused, u.ID, u.SIREN)
		event.Reason = reason
		return tx.Audit(event)
	})
}

func (s *Service) settleFirst(tx *store.Tx, actor portique.Actor, id string, keep bool, reason string) error {
	c, err := tx.FirstClaimByID(id)
	if err != nil {
		return err
	}
	if _, err := tx.LockCompany(c.SIREN); err != nil {
		return err
	}
	if c, err = tx.FirstClaim(c.SIREN); err != nil {
		return err
	}
	if err := c.Settle(keep, reason, tx.Now()); err != nil {
		return err
	}
	if err := tx.UpdateFirstClaim(c); err != nil {
		return err
	}
	event := actor.Event(portique.ActionClaimSettled, c.ID, c.SIREN)
	event.Reason = string(c.Status) + ": " + reason
	if err := tx.Audit(event); err != nil {
		return err
	}
	data := func() map[string]string {
		return map[string]string{"company": c.CompanyName, "siren": string(c.SIREN), "person": c.Name(), "decision": string(c.Status), "reason": reason}
	}
	if c.ContactEmail != "" {
		err := tx.Post(&portique.Letter{To: c.ContactEmail, Language: s.language, Kind: portique.LetterClaimSettled, About: c.ID, Data: data()})
		if err != nil {
			return err
		}
	}
	if keep {
		return s.post(tx, c.AccountID, portique.LetterClaimSettled, c.ID, data())
	}
	m, err := tx.Membership(c.MembershipID)
	if err != nil {
		return err
	}
	if m.Status != portique.MembershipEnded {
		if err := s.end(tx, actor, m, "", reason); err != nil {
			return err
		}
	}
	pending, err := tx.PendingIn(c.SIREN)
	if err != nil {
		return err
	}
	for _, r := range pending { // the timetable passes them on at once
		if err := tx.HastenRequest(r.ID); err != nil {
			return err
		}
	}
	return nil
}
