// Package company is about the member file: importing it, looking a company
// up, giving a new member code. It never touches accesses.
package company

import (
	"context"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Service keeps the member file.
type Service struct {
	db   *store.DB
	keys *secret.Keys
}

// New makes the service.
func New(db *store.DB, keys *secret.Keys) *Service { return &Service{db: db, keys: keys} }

// Summary is a company with the numbers of its active administrators and of
// all its active members. Frozen: its first claim is contested.
type Summary struct {
	*portique.Company
	Administrators int
	Members        int
	Frozen         bool
}

// List returns every company by SIREN.
func (s *Service) List(ctx context.Context) ([]Summary, error) {
	var list []Summary
	err := s.db.View(ctx, func(tx *store.Tx) error {
		list = nil
		companies, err := tx.Companies()
		if err != nil {
			return err
		}
		counts, err := tx.Counts()
		if err != nil {
			return err
		}
		frozen, err := tx.FrozenCompanies()
		if err != nil {
			return err
		}
		for _, c := range companies {
			n := counts[c.SIREN]
			list = append(list, Summary{Company: c, Administrators: n[0], Members: n[1], Frozen: frozen[c.SIREN]})
		}
		return nil
	})
	return list, err
}

// Show returns one company, or ErrCompanyUnknown.
func (s *Service) Show(ctx context.Context, siren portique.SIREN) (Summary, error) {
	var one Summary
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		if one.Company, err = tx.Company(siren); err != nil {
			return err
		}
		one.Administrators, one.Members = 0, 0
		claim, err := tx.FirstClaim(siren)
		if err != nil {
			return err
		}
		one.Frozen = claim.Frozen()
		members, err := tx.MembershipsIn(siren)
		for _, m := range members {
			if m.Active(tx.Now()) {
				one.Members++
				if m.Role == portique.Administrator {
					one.Administrators++
				}
			}
		}
		return err
	})
	return one, err
}

// NewCode gives a company a new member code; the old one stops working at
// once. The code is returned once and kept only as a keyed hash.
func (s *Service) NewCode(ctx context.Context, actor portique.Actor, siren portique.SIREN) (code string, err error) {
	code = portique.NewMemberCode()
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		c, err := tx.LockCompany(siren)
		if err != nil {
			return err
		}
		c.CodeHash = s.keys.MemberCode(string(siren), code)
		if err := tx.SaveCompany(c); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionCompanyCode, string(siren), siren))
	})
	if err != nil {
		return "", err
	}
	return code, nil
}
