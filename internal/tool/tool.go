// Package tool is the catalogue: which tools there are, who sees which of them
// open, and why not. Tools are registered by the operator's command line only.
package tool

import (
	"context"

	"portique"
	"portique/internal/secret"
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

// List returns the tools that are not disabled, by name.
func (s *Service) List(ctx context.Context) (tools []*portique.Tool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		tools, err = tx.Tools()
		return err
	})
	return tools, err
}

// Add registers a tool. A confidential tool gets the given secret, or a new
// random one, returned once: only its hash is kept.
func (s *Service) Add(ctx context.Context, actor portique.Actor, t *portique.Tool, given string) (clientSecret string, err error) {
	if err := t.Check(); err != nil {
		return "", err
	}
	if !t.Public() {
		clientSecret = given
		if clientSecret == "" {
			clientSecret = secret.Token()
		}
		if len(clientSecret) < 32 {
			return "", portique.FieldErrors{{Kind: portique.Invalid, Key: "tool.secret_short", Field: "secret"}}
		}
		t.SecretHash = secret.Hash(clientSecret)
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		t.CreatedAt = tx.Now()
		if err := tx.InsertTool(t); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionToolAdded, t.ID, ""))
	})
	if err != nil {
		return "", err
	}
	return clientSecret, nil
}
