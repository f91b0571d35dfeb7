package access

import (
	"context"
	"errors"
	"time"

	"portique"
	"portique/internal/store"
)

// Terms are what an administrator gives with an access. Nil Tools is the
// default of the page, every tool; Until is the first moment without access,
// zero for none.
type Terms struct {
	Role  portique.Role
	Tools []string
	Until time.Time
}

// pending returns a request of that company for one of its administrators, the
// company locked.
func pending(tx *store.Tx, actor portique.Actor, siren portique.SIREN, id string) (*portique.Membership, *portique.FirstClaim, *portique.AccessRequest, error) {
	me, claim, err := lockAs(tx, actor, siren)
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := tx.AccessRequest(id)
	if err != nil {
		return nil, nil, nil, err
	}
	if r.SIREN != siren {
		return nil, nil, nil, portique.ErrRequestUnknown
	}
	return me, claim, r, claim.MayDecide()
}

// Accept opens the access that a request asks for and tells the person and the
// other administrators. ErrRequestClosed once decided; ErrCompanyFrozen and, for
// a new administrator, ErrClaimWatched while a first claim is looked at.
func (s *Service) Accept(ctx context.Context, actor portique.Actor, siren portique.SIREN, id string, terms Terms) (r *portique.AccessRequest, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		var me *portique.Membership
		var claim *portique.FirstClaim
		if me, claim, r, err = pending(tx, actor, siren, id); err != nil {
			return err
		}
		if terms.Role == portique.Administrator {
			if err := claim.MayGovern(tx.Now()); err != nil {
				return err
			}
		}
		if err := r.Decide(portique.RequestAccepted, actor.AccountID, "", tx.Now()); err != nil {
			return err
		}
		m, err := s.grant(tx, actor, r.AccountID, siren, terms)
		if err != nil {
			return err
		}
		if err := tx.UpdateRequest(r); err != nil {
			return err
		}
		data := map[string]string{"company": r.CompanyName, "siren": string(siren), "role": string(terms.Role), "by": me.Name(),
			"until": when(portique.LastMoment(terms.Until))}
		opened(m, data)
		if err := s.post(tx, r.AccountID, portique.LetterRequestAccepted, r.ID, data); err != nil {
			return err
		}
		if err := s.tellOthers(tx, me, r, terms.Role); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionRequestAccepted, r.ID, siren))
	})
	return r, err
}

// grant adds a membership on those terms.
func (s *Service) grant(tx *store.Tx, actor portique.Actor, accountID string, siren portique.SIREN, terms Terms) (*portique.Membership, error) {
	account, err := tx.LockAccount(accountID)
	if err != nil {
		return nil, err
	}
	if account.Status != portique.AccountActive {
		return nil, &portique.Error{Kind: portique.Conflict, Key: "access.account_gone"}
	}
	rights, err := rightsOf(tx, terms.Role, terms.Tools, terms.Until)
	if err != nil {
		return nil, err
	}
	old, err := tx.LivingMembership(accountID, siren)
	switch {
	case errors.Is(err, portique.ErrMembershipUnknown):
	case err != nil:
		return nil, err
	case old.Status == portique.MembershipActive && !old.Active(tx.Now()):
		if err := lapse(tx, actor, old); err != nil { // past its date: make room
			return nil, err
		}
	}
	m := &portique.Membership{ID: store.NewID(), AccountID: accountID, SIREN: siren, Role: terms.Role,
		Status: portique.MembershipActive, Rights: rights, Since: tx.Now(), Until: terms.Until}
	if err := tx.InsertMembership(m); err != nil {
		if errors.Is(err, portique.ErrAlreadyMember) {
			return nil, &portique.Error{Kind: portique.Conflict, Key: "access.already_member"}
		}
		return nil, err
	}
	if terms.Role == portique.Administrator {
		if _, err := tx.ClaimFirstAdministrator(siren, accountID); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// tellOthers tells the administrators who did not decide who did.
func (s *Service) tellOthers(tx *store.Tx, me *portique.Membership, r *portique.AccessRequest, role portique.Role) error {
	administrators, err := tx.Administrators(r.SIREN)
	if err != nil {
		return err
	}
	others := without(without(administrators, me.AccountID), r.AccountID)
	return s.postAll(tx, others, portique.LetterRequestHandled, r.ID, func() map[string]string {
		return map[string]string{"company": r.CompanyName, "siren": string(r.SIREN), "person": r.Name(), "person_email": r.Email,
			"decision": string(r.Status), "by": me.Name(), "role": string(role), "reason": r.Reason}
	})
}

// Refuse closes a request with a reason that the person reads.
func (s *Service) Refuse(ctx context.Context, actor portique.Actor, siren portique.SIREN, id, reason string) (r *portique.AccessRequest, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		var me *portique.Membership
		if me, _, r, err = pending(tx, actor, siren, id); err != nil {
			return err
		}
		if err := r.Decide(portique.RequestRefused, actor.AccountID, reason, tx.Now()); err != nil {
			return err
		}
		if err := tx.UpdateRequest(r); err != nil {
			return err
		}
		err := s.post(tx, r.AccountID, portique.LetterRequestRefused, r.ID, map[string]string{"company": r.CompanyName, "siren": string(siren),
			"by": me.Name(), "by_email": me.Email, "reason": r.Reason, "again_at": when(portique.FullMinute(tx.Now().Add(portique.AskAgainAfter)))})
		if err != nil {
			return err
		}
		if err := s.tellOthers(tx, me, r, ""); err != nil {
			return err
		}
		event := actor.Event(portique.ActionRequestRefused, r.ID, siren)
		event.Reason = r.Reason
		return tx.Audit(event)
	})
	return r, err
}
