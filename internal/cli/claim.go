package cli

import (
	"fmt"
	"slices"
	"strings"

	"portique"
	"portique/internal/server"
)

type claimCmd struct {
	List   claimListCmd   `cmd:"" help:"List what may be settled, and what was."`
	Accept claimAcceptCmd `cmd:"" help:"Admit the person of a second proof, or keep a first administrator."`
	Refuse claimRefuseCmd `cmd:"" help:"Refuse a second proof, or close the access of a first administrator."`
}

type claimListCmd struct {
	SIREN string `name:"siren" help:"Of one company."`
	Email string `help:"Of one person."`
	JSON
}

// claimJSON is one case. Kind is first (the first administrator of a company)
// or second_proof.
type claimJSON struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind"`
	SIREN     string  `json:"siren"`
	Company   string  `json:"company"`
	Email     string  `json:"email"`
	Contact   string  `json:"contact_email,omitempty"`
	Status    string  `json:"status"`
	CreatedAt *string `json:"created_at"`
	Until     *string `json:"until,omitempty"`
	Reason    string  `json:"reason,omitempty"`
}

func (c claimListCmd) Run(e *env) error {
	siren, err := parseSIREN(c.SIREN)
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		first, second, err := app.Access.Claims(e.ctx, siren, strings.ToLower(c.Email))
		if err != nil {
			return err
		}
		var claims []claimJSON
		for _, f := range first {
			v := claimJSON{ID: f.ID, Kind: "first", SIREN: string(f.SIREN), Company: f.CompanyName, Email: f.Email, Contact: f.ContactEmail,
				Status: string(f.Status), CreatedAt: stamp(f.CreatedAt), Reason: f.Reason}
			if f.Status == portique.FirstClaimWatched {
				v.Until = stamp(f.WatchedUntil)
			}
			claims = append(claims, v)
		}
		for _, u := range second {
			v := claimJSON{ID: u.ID, Kind: "second_proof", SIREN: string(u.SIREN), Company: u.CompanyName, Email: u.Email, Contact: u.ContactEmail,
				Status: string(u.Status), CreatedAt: stamp(u.CreatedAt), Reason: u.Reason}
			if u.TakesCode(app.Now()) {
				v.Until = stamp(u.ExpiresAt)
			}
			claims = append(claims, v)
		}
		slices.SortFunc(claims, func(a, b claimJSON) int { return strings.Compare(a.ID, b.ID) })
		return list(e, c.JSON.JSON, claims, []string{"ID", "KIND", "SIREN", "COMPANY", "EMAIL", "CONTACT", "STATUS", "SINCE"}, func(v claimJSON) []string {
			return []string{v.ID, v.Kind, v.SIREN, v.Company, v.Email, v.Contact, v.Status, text(v.CreatedAt)}
		})
	})
}

type claimAcceptCmd struct {
	ID     string `arg:"" help:"The id of claim list."`
	Reason string `required:"" help:"Why; the people concerned read it."`
}

func (c claimAcceptCmd) Run(e *env) error { return settle(e, c.ID, true, c.Reason) }

type claimRefuseCmd struct {
	ID     string `arg:"" help:"The id of claim list."`
	Reason string `required:"" help:"Why; the people concerned read it."`
}

func (c claimRefuseCmd) Run(e *env) error { return settle(e, c.ID, false, c.Reason) }

func settle(e *env, id string, accept bool, reason string) error {
	return e.with(func(app *server.App) error {
		if err := app.Access.Settle(e.ctx, actor(), id, accept, reason); err != nil {
			return err
		}
		fmt.Fprintln(e.Stdout, "Settled; the people concerned are written to.")
		return nil
	})
}
