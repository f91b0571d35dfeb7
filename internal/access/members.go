package access

import (
	"context"
	"errors"
	"maps"

	"portique"
	"portique/internal/store"
)

// member returns a living access of that company for one of its
// administrators, the company locked, with the number of other active
// administrators. ErrCompanyFrozen and ErrClaimWatched hold back what concerns
// somebody else while a first claim is looked at; govern says that it makes or
// unmakes an administrator or takes an access away.
func member(tx *store.Tx, actor portique.Actor, siren portique.SIREN, id string, govern func(m *portique.Membership) bool) (me, m *portique.Membership, others int, err error) {
	me, claim, err := lockAs(tx, actor, siren)
	if err != nil {
		return nil, nil, 0, err
	}
	if m, err = tx.Membership(id); err != nil {
		return nil, nil, 0, err
	}
	if m.SIREN != siren {
		return nil, nil, 0, portique.ErrMembershipUnknown
	}
	if m.Status == portique.MembershipEnded || !m.Until.IsZero() && !tx.Now().Before(m.Until) {
		return nil, nil, 0, portique.ErrMembershipEnded
	}
	if m.AccountID != me.AccountID {
		if err = claim.MayDecide(); err == nil && govern(m) {
			err = claim.MayGovern(tx.Now())
		}
		if err != nil {
			return nil, nil, 0, err
		}
	}
	others, err = otherAdministrators(tx, m)
	return me, m, others, err
}

func otherAdministrators(tx *store.Tx, m *portique.Membership) (int, error) {
	administrators, err := tx.Administrators(m.SIREN)
	return len(without(administrators, m.AccountID)), err
}

// Remove ends an access at once and tells the person. The last administrator
// stays: ErrLastAdministrator. Removing oneself is leaving.
func (s *Service) Remove(ctx context.Context, actor portique.Actor, siren portique.SIREN, id string) (m *portique.Membership, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		var me *portique.Membership
		var others int
		takesAway := func(*portique.Membership) bool { return true }
		if me, m, others, err = member(tx, actor, siren, id, takesAway); err != nil {
			return err
		}
		if err := portique.KeepsAdministrator(m, others, tx.Now()); err != nil {
			return err
		}
		if err := s.end(tx, actor, m, me.Name(), ""); err != nil {
			return err
		}
		return s.tellAdministrators(tx, me, m, portique.LetterAccessEnded, nil)
	})
	return m, err
}

// tellAdministrators tells the administrators who neither did it nor are
// concerned what one of them did to a person.
func (s *Service) tellAdministrators(tx *store.Tx, me, m *portique.Membership, kind portique.LetterKind, more map[string]string) error {
	administrators, err := tx.Administrators(m.SIREN)
	if err != nil {
		return err
	}
	others := without(without(administrators, me.AccountID), m.AccountID)
	return s.postAll(tx, others, kind, m.ID, func() map[string]string {
		data := map[string]string{"company": m.CompanyName, "siren": string(m.SIREN), "by": me.Name(), "person": m.Name(), "person_email": m.Email}
		maps.Copy(data, more)
		return data
	})
}

func (s *Service) end(tx *store.Tx, actor portique.Actor, m *portique.Membership, by, reason string) error {
	m.Status, m.EndedAt, m.EndedBy = portique.MembershipEnded, tx.Now(), actor.AccountID
	if err := tx.UpdateMembership(m); err != nil {
		return err
	}
	err := s.post(tx, m.AccountID, portique.LetterAccessEnded, m.ID,
		map[string]string{"company": m.CompanyName, "siren": string(m.SIREN), "by": by, "reason": reason})
	if err != nil {
		return err
	}
	event := actor.Event(portique.ActionMembershipRemoved, m.ID, m.SIREN)
	event.Reason = reason
	return tx.Audit(event)
}

// List returns accesses, ended ones included, of a company and an address (""
// for all).
func (s *Service) List(ctx context.Context, siren portique.SIREN, email string) (list []*portique.Membership, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = tx.Memberships(siren, email)
		return err
	})
	return list, err
}

// ListRequests returns requests, ended ones included, of a company and an
// address ("" for all).
func (s *Service) ListRequests(ctx context.Context, siren portique.SIREN, email string) (list []*portique.AccessRequest, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = tx.Requests(siren, email)
		return err
	})
	return list, err
}

// Grant gives an access from the operator's command line, by the rules of the
// pages; a pending request of the person is answered by it. The person and the
// company's administrators are told.
func (s *Service) Grant(ctx context.Context, actor portique.Actor, email string, siren portique.SIREN, terms Terms, reason string) (m *portique.Membership, err error) {
	if reason = portique.CleanText(reason); reason == "" {
		return nil, portique.FieldErrors{{Kind: portique.Invalid, Key: "access.reason_missing", Field: "reason"}}
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		account, err := tx.AccountByEmail(email)
		if err != nil {
			return err
		}
		company, err := tx.LockCompany(siren)
		if err != nil {
			return err
		}
		if company.Status != portique.CompanyActive {
			return &portique.Error{Kind: portique.Conflict, Key: "company.closed", Args: []any{"Company", company.Name}}
		}
		if m, err = s.grant(tx, actor, account.ID, siren, terms); err != nil {
			return err
		}
		last, err := tx.LastRequest(account.ID, siren)
		if err == nil && last.Status == portique.RequestPending {
			if err := last.Decide(portique.RequestAnswered, "", reason, tx.Now()); err != nil {
				return err
			}
			if err := tx.UpdateRequest(last); err != nil {
				return err
			}
			if err := tx.Audit(actor.Event(portique.ActionRequestAnswered, last.ID, siren)); err != nil {
				return err
			}
		} else if err != nil && !errors.Is(err, portique.ErrRequestUnknown) {
			return err
		}
		about := map[string]string{"company": company.Name, "siren": string(siren), "role": string(terms.Role), "until": when(portique.LastMoment(terms.Until)), "reason": reason}
		opened(m, about)
		data := func() map[string]string { return maps.Clone(about) }
		if err := s.post(tx, account.ID, portique.LetterAccessOpened, m.ID, data()); err != nil {
			return err
		}
		administrators, err := tx.Administrators(siren)
		if err != nil {
			return err
		}
		err = s.postAll(tx, without(administrators, account.ID), portique.LetterAccessOpened, m.ID, func() map[string]string {
			d := data()
			d["person"], d["person_email"] = account.Name(), account.Email
			return d
		})
		if err != nil {
			return err
		}
		event := actor.Event(portique.ActionMembershipGranted, m.ID, siren)
		event.Reason = reason
		if err := tx.Audit(event); err != nil {
			return err
		}
		m, err = tx.Membership(m.ID)
		return err
	})
	return m, err
}

// Revoke ends an access from the operator's command line, by the rules of the
// pages. The person and the administrators who stay are told.
func (s *Service) Revoke(ctx context.Context, actor portique.Actor, id, reason string) (m *portique.Membership, err error) {
	if reason = portique.CleanText(reason); reason == "" {
		return nil, portique.FieldErrors{{Kind: portique.Invalid, Key: "access.reason_missing", Field: "reason"}}
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if m, err = tx.Membership(id); err != nil {
			return err
		}
		if _, err := tx.LockCompany(m.SIREN); err != nil {
			return err
		}
		if m, err = tx.Membership(id); err != nil {
			return err
		}
		if m.Status == portique.MembershipEnded {
			return portique.ErrMembershipEnded
		}
		others, err := otherAdministrators(tx, m)
		if err != nil {
			return err
		}
		if err := portique.KeepsAdministrator(m, others, tx.Now()); err != nil {
			return err
		}
		if err := s.end(tx, actor, m, "", reason); err != nil {
			return err
		}
		administrators, err := tx.Administrators(m.SIREN)
		if err != nil {
			return err
		}
		return s.postAll(tx, without(administrators, m.AccountID), portique.LetterAccessEnded, m.ID, func() map[string]string {
			return map[string]string{"company": m.CompanyName, "siren": string(m.SIREN), "reason": reason,
				"person": m.Name(), "person_email": m.Email}
		})
	})
	return m, err
}
