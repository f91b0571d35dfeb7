package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/server"
)

type membershipCmd struct {
	List   membershipListCmd   `cmd:"" help:"List accesses, ended ones included."`
	Grant  membershipGrantCmd  `cmd:"" help:"Give an access."`
	Revoke membershipRevokeCmd `cmd:"" help:"End an access."`
}

type membershipJSON struct {
	ID        string   `json:"id"`
	AccountID string   `json:"account_id"`
	Email     string   `json:"email"`
	SIREN     string   `json:"siren"`
	Role      string   `json:"role"`
	Status    string   `json:"status"`
	Rights    []string `json:"rights"`
	Since     *string  `json:"since,omitempty"`
	Until     *string  `json:"until,omitempty"`
}

func membershipOf(m *portique.Membership) membershipJSON {
	rights := m.Rights
	if rights == nil {
		rights = []string{}
	}
	return membershipJSON{ID: m.ID, AccountID: m.AccountID, Email: m.Email, SIREN: string(m.SIREN), Role: string(m.Role),
		Status: string(m.Status), Rights: rights, Since: stamp(m.Since), Until: stamp(m.Until)}
}

type filters struct {
	SIREN string `name:"siren" help:"Of that company only."`
	Email string `help:"Of that person only."`
}

func (f filters) read() (siren portique.SIREN, email string, err error) {
	if siren, err = parseSIREN(f.SIREN); err == nil && f.Email != "" {
		email, err = portique.ParseEmail("email", f.Email)
	}
	return siren, email, err
}

type membershipListCmd struct {
	filters
	JSON
}

func (c membershipListCmd) Run(e *env) error {
	siren, email, err := c.read()
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		all, err := app.Access.List(e.ctx, siren, email)
		if err != nil {
			return err
		}
		values := make([]membershipJSON, len(all))
		for i, m := range all {
			values[i] = membershipOf(m)
		}
		return list(e, c.JSON.JSON, values, []string{"ID", "EMAIL", "SIREN", "ROLE", "STATUS", "RIGHTS", "SINCE", "UNTIL"}, func(v membershipJSON) []string {
			return []string{v.ID, v.Email, v.SIREN, v.Role, v.Status, strings.Join(v.Rights, ","), text(v.Since), text(v.Until)}
		})
	})
}

type membershipGrantCmd struct {
	Email  string   `required:"" help:"The person's address."`
	SIREN  string   `name:"siren" required:"" help:"The company."`
	Role   string   `required:"" enum:"administrator,member,declarant" help:"administrator, member or declarant."`
	Tool   []string `help:"A tool that a member may open; repeat it. Without: every tool."`
	Until  string   `help:"Last day, as 2026-12-31."`
	Reason string   `required:"" help:"Why; the people concerned read it."`
	JSON
}

func (c membershipGrantCmd) Run(e *env) error {
	siren, err := portique.ParseSIREN(c.SIREN)
	if err != nil {
		return err
	}
	email, err := portique.ParseEmail("email", c.Email)
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		terms := access.Terms{Role: portique.Role(c.Role), Tools: c.Tool}
		if c.Until != "" {
			day, err := time.ParseInLocation(time.DateOnly, c.Until, app.Config.Timezone)
			if err != nil {
				return usageError{fmt.Errorf("--until: %q is not a date like 2026-12-31", c.Until)}
			}
			terms.Until = day.AddDate(0, 0, 1)
		}
		m, err := app.Access.Grant(e.ctx, actor(), email, siren, terms, c.Reason)
		if err != nil {
			return unknownCompany(siren, err)
		}
		if c.JSON.JSON {
			return e.json(membershipOf(m))
		}
		fmt.Fprintf(e.Stdout, "%s is now %s of %s (%s).\n", m.Email, m.Role, m.CompanyName, m.ID)
		return nil
	})
}

type membershipRevokeCmd struct {
	ID     string `arg:"" help:"The access, as membership list names it."`
	Reason string `required:"" help:"Why; the people concerned read it."`
}

func (c membershipRevokeCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		m, err := app.Access.Revoke(e.ctx, actor(), c.ID, c.Reason)
		if errors.Is(err, portique.ErrMembershipUnknown) {
			return fmt.Errorf("no access has the id %s: portique membership list shows them", c.ID)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(e.Stdout, "%s no longer has access to %s.\n", m.Email, m.CompanyName)
		return nil
	})
}

type requestCmd struct {
	List requestListCmd `cmd:"" help:"List requests, ended ones included."`
}

type requestJSON struct {
	ID          string  `json:"id"`
	Email       string  `json:"email"`
	SIREN       string  `json:"siren"`
	Status      string  `json:"status"`
	CreatedAt   *string `json:"created_at,omitempty"`
	RemindedAt  *string `json:"reminded_at,omitempty"`
	Reminders   int     `json:"reminders"`
	EscalatedAt *string `json:"escalated_at,omitempty"`
}

type requestListCmd struct {
	filters
	JSON
}

func (c requestListCmd) Run(e *env) error {
	siren, email, err := c.read()
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		all, err := app.Access.ListRequests(e.ctx, siren, email)
		if err != nil {
			return err
		}
		values := make([]requestJSON, len(all))
		for i, r := range all {
			values[i] = requestJSON{ID: r.ID, Email: r.Email, SIREN: string(r.SIREN), Status: string(r.Status), CreatedAt: stamp(r.CreatedAt),
				RemindedAt: stamp(r.RemindedAt), Reminders: r.Reminders, EscalatedAt: stamp(r.EscalatedAt)}
		}
		return list(e, c.JSON.JSON, values, []string{"ID", "EMAIL", "SIREN", "STATUS", "CREATED", "REMINDED", "REMINDERS", "ESCALATED"}, func(v requestJSON) []string {
			return []string{v.ID, v.Email, v.SIREN, v.Status, text(v.CreatedAt), text(v.RemindedAt), strconv.Itoa(v.Reminders), text(v.EscalatedAt)}
		})
	})
}
