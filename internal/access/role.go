package access

import (
	"context"
	"slices"
	"time"

	"portique"
	"portique/internal/store"
)

// Change is what an administrator changes of an access. Nil Tools keep the
// rights of who is a member already, and are every tool otherwise; a nil Until
// keeps the end date as far as the role allows (portique.Membership.UntilAs).
type Change struct {
	Role  portique.Role
	Tools []string
	Until *time.Time // the first moment without access, zero for no end
	Shown string     // portique.Membership.State as the page showed it, "" when none did
}

// Changed is an access, and what it was before.
type Changed struct {
	*portique.Membership
	Was portique.Membership
}

// NewRole, NewRights and NewUntil say what is not as it was.
func (c *Changed) NewRole() bool   { return c.Role != c.Was.Role }
func (c *Changed) NewRights() bool { return !slices.Equal(c.Rights, c.Was.Rights) }
func (c *Changed) NewUntil() bool  { return !c.Until.Equal(c.Was.Until) }

// narrows says whether another role, or other tools (nil keeps them), take
// something away from who has an access.
func narrows(m *portique.Membership, role portique.Role, tools []string) bool {
	if m.Role != portique.Member {
		return false // a declarant gains by any other role
	}
	if role == portique.Declarant {
		return true
	}
	if role != portique.Member || tools == nil || slices.Contains(tools, portique.AllTools) {
		return false
	}
	return slices.ContainsFunc(m.Rights, func(right string) bool { return !slices.Contains(tools, right) })
}

// ChangeRole gives a member another role, other tools or another end date, and
// tells them. The last administrator cannot be given a lesser role:
// ErrLastAdministrator. From a page that showed another state than the one there
// is, nothing is changed: ErrAccessChanged.
func (s *Service) ChangeRole(ctx context.Context, actor portique.Actor, siren portique.SIREN, id string, to Change) (c *Changed, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		governs := func(m *portique.Membership) bool {
			return to.Role == portique.Administrator || m.Role == portique.Administrator || narrows(m, to.Role, to.Tools) ||
				m.EndsSooner(m.UntilAs(to.Role, to.Until))
		}
		me, m, others, err := member(tx, actor, siren, id, governs)
		if err != nil {
			return err
		}
		if to.Shown != "" && to.Shown != m.State() {
			return portique.ErrAccessChanged
		}
		if to.Role != portique.Administrator {
			if err := portique.KeepsAdministrator(m, others, tx.Now()); err != nil {
				return err
			}
		}
		c = &Changed{Membership: m, Was: *m}
		m.Until = m.UntilAs(to.Role, to.Until)
		rights, err := rightsOf(tx, to.Role, to.Tools, m.Until)
		if err != nil {
			return err
		}
		if to.Tools != nil || to.Role != portique.Member || m.Role != portique.Member {
			m.Rights = rights
		}
		m.Role = to.Role
		if !c.NewRole() && !c.NewRights() && !c.NewUntil() {
			return &portique.Error{Kind: portique.Conflict, Key: "membership.same_role"}
		}
		if err := tx.UpdateMembership(m); err != nil {
			return err
		}
		if m.AccountID != me.AccountID {
			if err := s.tellChanged(tx, me, c); err != nil {
				return err
			}
		}
		if c.NewRole() && (c.Was.Role == portique.Administrator || m.Role == portique.Administrator) {
			more := map[string]string{"role": string(m.Role)}
			opened(m, more)
			if err := s.tellAdministrators(tx, me, m, portique.LetterRoleChanged, more); err != nil {
				return err
			}
		}
		if c.NewRole() || c.NewRights() {
			event := actor.Event(portique.ActionRoleChanged, m.ID, siren)
			event.Reason = string(m.Role)
			if err := tx.Audit(event); err != nil {
				return err
			}
		}
		if !c.NewUntil() {
			return nil
		}
		event := actor.Event(portique.ActionUntilChanged, m.ID, siren)
		if event.Reason = when(m.Until.UTC()); m.Until.IsZero() {
			event.Reason = "none"
		}
		return tx.Audit(event)
	})
	return c, err
}

// tellChanged tells a person what one of the administrators changed of their
// access.
func (s *Service) tellChanged(tx *store.Tx, me *portique.Membership, c *Changed) error {
	data := map[string]string{"company": c.CompanyName, "siren": string(c.SIREN), "by": me.Name(),
		"no_until": yes(c.NewUntil() && c.Until.IsZero())}
	if c.NewRole() && c.Role == portique.Administrator {
		return s.post(tx, c.AccountID, portique.LetterAdministrator, c.ID, data)
	}
	data["role"], data["same_role"], data["until"] = string(c.Role), yes(!c.NewRole()), when(portique.LastMoment(c.Until))
	opened(c.Membership, data)
	return s.post(tx, c.AccountID, portique.LetterRoleChanged, c.ID, data)
}
