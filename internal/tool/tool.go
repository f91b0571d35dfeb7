// Package tool is the catalogue: which tools there are, who sees which of them
// open, and why not. Tools are registered by the operator's command line only
// (register.go).
package tool

import (
	"context"

	"portique"
	"portique/internal/store"
)

// Service reads and fills the catalogue.
type Service struct{ db *store.DB }

// New makes the service.
func New(db *store.DB) *Service { return &Service{db: db} }

// Openings are the accesses of a person that open a tool now, by company name.
func Openings(tx *store.Tx, accountID, toolID string) ([]*portique.Membership, error) {
	t, err := tx.Tool(toolID)
	if err != nil {
		return nil, err
	}
	if !t.DisabledAt.IsZero() {
		return nil, nil
	}
	memberships, err := tx.MembershipsOf(accountID)
	if err != nil {
		return nil, err
	}
	var open []*portique.Membership
	for _, m := range memberships {
		if m.Opens(t, tx.Now()) == portique.Open {
			open = append(open, m)
		}
	}
	return open, nil
}

// Openings is the same in a transaction of its own, for the page where one
// chooses a company.
func (s *Service) Openings(ctx context.Context, accountID, toolID string) (open []*portique.Membership, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		open, err = Openings(tx, accountID, toolID)
		return err
	})
	return open, err
}

// Tile is a tool as one company's list shows it.
type Tile struct {
	Tool   *portique.Tool
	Closed portique.ClosedReason // portique.Open when it opens
}

// Shelf is the list of tools of one access. Administrators are those who can
// open what is closed for want of a right.
type Shelf struct {
	Membership     *portique.Membership
	Tiles          []Tile
	Administrators []*portique.Membership
}

// Shelves are the tools of a person, company by company.
func (s *Service) Shelves(ctx context.Context, accountID string) ([]Shelf, error) {
	var shelves []Shelf
	err := s.db.View(ctx, func(tx *store.Tx) error {
		shelves = nil
		memberships, err := tx.MembershipsOf(accountID)
		if err != nil {
			return err
		}
		tools, err := tx.Tools()
		if err != nil {
			return err
		}
		for _, m := range memberships {
			shelf := Shelf{Membership: m}
			lacking := false
			for _, t := range tools {
				closed := m.Opens(t, tx.Now())
				lacking = lacking || closed == portique.RightMissing || closed == portique.ContributionsOnly
				shelf.Tiles = append(shelf.Tiles, Tile{Tool: t, Closed: closed})
			}
			if lacking {
				if shelf.Administrators, err = tx.Administrators(m.SIREN); err != nil {
					return err
				}
			}
			shelves = append(shelves, shelf)
		}
		return nil
	})
	return shelves, err
}

// Tool returns one tool, a removed one too, or store.ErrToolUnknown.
func (s *Service) Tool(ctx context.Context, id string) (t *portique.Tool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		t, err = tx.Tool(id)
		return err
	})
	return t, err
}

// All returns every tool, removed ones too, by name.
func (s *Service) All(ctx context.Context) (tools []*portique.Tool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		tools, err = tx.EveryTool()
		return err
	})
	return tools, err
}

// List returns the tools that are not removed, by name.
func (s *Service) List(ctx context.Context) (tools []*portique.Tool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		tools, err = tx.Tools()
		return err
	})
	return tools, err
}
