package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"portique"
	"portique/internal/account"
	"portique/internal/server"
)

type accountCmd struct {
	Create  accountCreateCmd  `cmd:"" help:"Make an account."`
	Show    accountShowCmd    `cmd:"" help:"Show one account."`
	List    accountListCmd    `cmd:"" help:"List the accounts and the sign-ups not yet validated."`
	Disable accountDisableCmd `cmd:"" help:"Close the door to a person at once."`
	Enable  accountEnableCmd  `cmd:"" help:"Open it again."`
}

type accountJSON struct {
	ID                string  `json:"id,omitempty"`
	Email             string  `json:"email"`
	FirstName         string  `json:"first_name"`
	LastName          string  `json:"last_name"`
	Status            string  `json:"status"`
	ContributionsOnly bool    `json:"contributions_only"`
	Language          string  `json:"language,omitempty"`
	CreatedAt         *string `json:"created_at,omitempty"`
	LastSignInAt      *string `json:"last_sign_in_at,omitempty"`
}

func accountOf(a *portique.Account) accountJSON {
	return accountJSON{ID: a.ID, Email: a.Email, FirstName: a.FirstName, LastName: a.LastName, Status: string(a.Status),
		ContributionsOnly: a.ContributionsOnly, Language: a.Language, CreatedAt: stamp(a.CreatedAt), LastSignInAt: stamp(a.LastSignInAt)}
}

type accountCreateCmd struct {
	Email             string `required:"" help:"The person's address."`
	FirstName         string `required:"" help:"First name."`
	LastName          string `required:"" help:"Last name."`
	ContributionsOnly bool   `help:"Only declares training contributions."`
	Validated         bool   `help:"The address is known to be theirs: no letter, active at once."`
	PasswordStdin     bool   `help:"Read the password from the first line of standard input."`
	Claims            string `type:"existingfile" placeholder:"FILE.json" help:"More standard claims of OpenID Connect that tools may be told: a JSON object. With --validated."`
	Language          string `help:"fr or en; otherwise chosen at the first sign-in." enum:"fr,en," default:""`
	JSON
}

func (c accountCreateCmd) Run(e *env) error {
	if !c.PasswordStdin {
		return usageError{fmt.Errorf("give the password on standard input, with --password-stdin")}
	}
	password, err := firstLine(e.Stdin)
	if err != nil {
		return err
	}
	var more account.Claims
	if c.Claims != "" {
		text, err := short(c.Claims)
		if err != nil {
			return err
		}
		if more, err = account.ReadClaims(text); err != nil {
			return usageError{fmt.Errorf("%s: %w", c.Claims, err)}
		}
	}
	return e.with(func(app *server.App) error {
		form := account.Form{Email: c.Email, Password: password, FirstName: c.FirstName, LastName: c.LastName,
			ContributionsOnly: c.ContributionsOnly, Language: c.Language, Claims: more}
		if !c.Validated && form.Language == "" {
			form.Language = app.Config.Language // of its letter
		}
		a, err := app.Accounts.Create(e.ctx, actor(), form, c.Validated)
		if err != nil {
			return err
		}
		if c.JSON.JSON {
			return e.json(accountOf(a))
		}
		if c.Validated {
			fmt.Fprintf(e.Stdout, "%s may sign in now.\n", a.Email)
		} else {
			fmt.Fprintf(e.Stdout, "A validation letter goes to %s.\n", a.Email)
		}
		return nil
	})
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// whose names a person by an address, as the command's word or with --email.
type whose struct {
	Address string `arg:"" optional:"" name:"email" help:"The person's address."`
	Email   string `name:"email" help:"The same, as a flag." placeholder:"EMAIL"`
}

func (w whose) read() (string, error) {
	switch {
	case w.Address != "" && w.Email != "" && w.Address != w.Email:
		return "", usageError{errors.New("give one address, not two")}
	case w.Address == "" && w.Email == "":
		return "", usageError{errors.New("give the person's address")}
	}
	if w.Address == "" {
		w.Address = w.Email
	}
	return portique.ParseEmail("email", w.Address)
}

type accountShowCmd struct {
	whose
	JSON
}

func (c accountShowCmd) Run(e *env) error {
	email, err := c.read()
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		all, err := app.Accounts.List(e.ctx, email)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return portique.ErrAccountUnknown
		}
		// The account when there is one, otherwise the newest sign-up.
		v := accountOf(all[0])
		if all[0].Status == portique.AccountUnvalidated {
			v = accountOf(all[len(all)-1])
		}
		if c.JSON.JSON {
			return e.json(v)
		}
		fmt.Fprintf(e.Stdout, "%s  %s %s\nid            %s\nstatus        %s\ncreated       %s\nlast sign-in  %s\n",
			v.Email, v.FirstName, v.LastName, v.ID, v.Status, text(v.CreatedAt), text(v.LastSignInAt))
		return nil
	})
}

type accountListCmd struct{ JSON }

func (c accountListCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		all, err := app.Accounts.List(e.ctx, "")
		if err != nil {
			return err
		}
		values := make([]accountJSON, len(all))
		for i, a := range all {
			values[i] = accountOf(a)
		}
		return list(e, c.JSON.JSON, values, []string{"EMAIL", "NAME", "STATUS", "CREATED", "LAST SIGN-IN"}, func(v accountJSON) []string {
			return []string{v.Email, v.FirstName + " " + v.LastName, v.Status, text(v.CreatedAt), text(v.LastSignInAt)}
		})
	})
}

type accountDisableCmd struct {
	whose
	Force bool `help:"Even the only administrator of a company: requests that waited for them go to the operator."`
}

func (c accountDisableCmd) Run(e *env) error {
	email, err := c.read()
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		if err := app.Accounts.Disable(e.ctx, actor(), email, c.Force); err != nil {
			return err
		}
		fmt.Fprintf(e.Stdout, "%s can no longer sign in.\n", email)
		return nil
	})
}

type accountEnableCmd struct{ whose }

func (c accountEnableCmd) Run(e *env) error {
	email, err := c.read()
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		if err := app.Accounts.Enable(e.ctx, actor(), email); err != nil {
			return err
		}
		fmt.Fprintf(e.Stdout, "%s may sign in again.\n", email)
		return nil
	})
}
