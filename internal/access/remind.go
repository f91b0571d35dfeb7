package access

import (
	"context"
	"errors"
	"fmt"

	"portique"
	"portique/internal/store"
)

// own returns the actor's request, its company locked; ErrRequestUnknown when
// it is somebody else's.
func own(tx *store.Tx, actor portique.Actor, id string) (*portique.AccessRequest, error) {
	r, err := tx.AccessRequest(id)
	if err != nil {
		return nil, err
	}
	if r.AccountID != actor.AccountID {
		return nil, portique.ErrRequestUnknown
	}
	if _, err := tx.LockCompany(r.SIREN); err != nil {
		return nil, err
	}
	return tx.AccessRequest(id) // again, now that nobody else changes it
}

// Remind mails the administrators again at the requester's wish: TooSoon with
// the hour within 24 hours of the last reminder, ErrRequestClosed once decided.
// told is how many administrators are written to; none is left when it is 0,
// and the operator has the request.
func (s *Service) Remind(ctx context.Context, actor portique.Actor, id string) (r *portique.AccessRequest, told int, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if r, err = own(tx, actor, id); err != nil {
			return err
		}
		if err := r.Remind(tx.Now()); err != nil {
			return err
		}
		if told, err = s.remindAdministrators(tx, actor, r); err != nil {
			return err
		}
		if err := tx.UpdateRequest(r); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionReminded, r.ID, r.SIREN))
	})
	return r, told, err
}

// remindAdministrators mails them and returns how many; when none is left the
// request goes to the operator.
func (s *Service) remindAdministrators(tx *store.Tx, actor portique.Actor, r *portique.AccessRequest) (int, error) {
	administrators, err := tx.Administrators(r.SIREN)
	if err != nil {
		return 0, err
	}
	if len(administrators) == 0 {
		return 0, s.escalate(tx, actor, r, 0)
	}
	return len(administrators), s.ask(tx, actor, administrators, portique.LetterRequestReminder, r, func() map[string]string {
		return map[string]string{"company": r.CompanyName, "siren": string(r.SIREN), "person": r.Name(), "person_email": r.Email,
			"asked_at": when(r.CreatedAt), "expires_at": when(r.ExpiresAt()), "contributions": yes(r.ContributionsOnly)}
	})
}

// escalate passes a request on to the operator, once.
func (s *Service) escalate(tx *store.Tx, actor portique.Actor, r *portique.AccessRequest, administrators int) error {
	if !r.EscalatedAt.IsZero() {
		return nil
	}
	r.EscalatedAt = tx.Now()
	return s.tellOperator(tx, actor, r, administrators)
}

// tellOperator posts the letters of an escalation.
func (s *Service) tellOperator(tx *store.Tx, actor portique.Actor, r *portique.AccessRequest, administrators int) error {
	if err := s.postEscalated(tx, r, administrators); err != nil {
		return err
	}
	return tx.Audit(actor.Event(portique.ActionRequestEscalated, r.ID, r.SIREN))
}

// Cancel withdraws the actor's pending request and tells the administrators.
func (s *Service) Cancel(ctx context.Context, actor portique.Actor, id string) (r *portique.AccessRequest, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if r, err = own(tx, actor, id); err != nil {
			return err
		}
		if err := r.Decide(portique.RequestCancelled, "", "", tx.Now()); err != nil {
			return err
		}
		if err := tx.UpdateRequest(r); err != nil {
			return err
		}
		if err := s.tellCancelled(tx, r); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionRequestCancelled, r.ID, r.SIREN))
	})
	return r, err
}

// tellCancelled tells the administrators that nobody asks any more. Who is
// flooded is not: the letter that stands for many leads to what still waits.
func (s *Service) tellCancelled(tx *store.Tx, r *portique.AccessRequest) error {
	administrators, err := tx.Administrators(r.SIREN)
	if err != nil {
		return err
	}
	for _, m := range administrators {
		budget := store.Try{Budget: portique.BudgetRequestLetters, Key: []string{m.AccountID}}
		if spent, err := tx.Spent(budget); err != nil {
			return err
		} else if spent {
			continue
		}
		err := s.post(tx, m.AccountID, portique.LetterRequestCancel, r.ID,
			map[string]string{"company": r.CompanyName, "siren": string(r.SIREN), "person": r.Name(), "person_email": r.Email})
		if err != nil {
			return err
		}
	}
	return nil
}

// Tick does what the timetable of requests asks for now: automatic reminders
// at 3 and 7 days, escalation at 14 or when no administrator is left, expiry 30
// days after the last reminder. A request that fails keeps none of the others
// waiting; its error is returned in the end.
func (s *Service) Tick(ctx context.Context) error {
	actor := portique.Actor{Door: portique.DoorJob}
	var failed []error
	for {
		var due []*portique.AccessRequest
		err := s.db.View(ctx, func(tx *store.Tx) (err error) {
			due, err = tx.DueRequests(100, len(failed))
			return err
		})
		if err != nil || len(due) == 0 {
			return errors.Join(append(failed, err)...)
		}
		for _, r := range due {
			if err := s.tick(ctx, actor, r.ID, r.SIREN); err != nil {
				failed = append(failed, fmt.Errorf("request %s: %w", r.ID, err))
			}
		}
	}
}

func (s *Service) tick(ctx context.Context, actor portique.Actor, id string, siren portique.SIREN) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockCompany(siren); err != nil {
			return err
		}
		r, err := tx.AccessRequest(id)
		if err != nil {
			return err
		}
		administrators, err := tx.Administrators(siren)
		if err != nil {
			return err
		}
		remind, escalate, expire := r.Tick(tx.Now())
		if expire {
			err := s.post(tx, r.AccountID, portique.LetterRequestExpired, r.ID,
				map[string]string{"company": r.CompanyName, "siren": string(r.SIREN), "asked_at": when(r.CreatedAt)})
			if err != nil {
				return err
			}
			if err := tx.Audit(actor.Event(portique.ActionRequestExpired, r.ID, r.SIREN)); err != nil {
				return err
			}
			return tx.UpdateRequest(r)
		}
		if remind && len(administrators) > 0 {
			if _, err := s.remindAdministrators(tx, actor, r); err != nil {
				return err
			}
			if err := tx.Audit(actor.Event(portique.ActionReminded, r.ID, r.SIREN)); err != nil {
				return err
			}
		}
		switch {
		case escalate:
			err = s.tellOperator(tx, actor, r, len(administrators))
		case len(administrators) == 0 && r.Status == portique.RequestPending:
			err = s.escalate(tx, actor, r, 0)
		}
		if err != nil {
			return err
		}
		return tx.UpdateRequest(r)
	})
}
