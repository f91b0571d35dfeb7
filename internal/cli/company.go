package cli

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"portique"
	"portique/internal/company"
	"portique/internal/server"
)

type companyCmd struct {
	Import  companyImportCmd  `cmd:"" help:"Import a member file (CSV)."`
	Show    companyShowCmd    `cmd:"" help:"Show one company."`
	List    companyListCmd    `cmd:"" help:"List the companies."`
	NewCode companyNewCodeCmd `cmd:"" help:"Give a company a new member code."`
}

type companyImportCmd struct {
	File        string `arg:"" help:"The member file: siren;name;member_code;status;contact_email;street;postcode;city;sector;successor."`
	DryRun      bool   `help:"Say what would change, change nothing."`
	Full        bool   `help:"The file is complete: close the companies absent from it."`
	AllowDelete int    `help:"Allow that many closings when they exceed 2 % of the companies." default:"0"`
	SkipRefused bool   `help:"Leave the refused lines out and import the others; without it one refused line and nothing changes."`
	JSON
}

type lineJSON struct {
	Line    int    `json:"line,omitempty"`
	SIREN   string `json:"siren,omitempty"`
	Name    string `json:"name,omitempty"`
	Outcome string `json:"outcome"`
	Error   string `json:"error,omitempty"`
}

func (c companyImportCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		report, err := app.Companies.Import(e.ctx, actor(), f, company.Options{DryRun: c.DryRun, Full: c.Full, AllowDelete: c.AllowDelete,
			SkipRefused: c.SkipRefused, CodeBits: app.Config.MemberCodeBits})
		if err != nil {
			return fileError(err)
		}
		counts := map[company.Outcome]int{}
		if !report.Earlier.IsZero() {
			fmt.Fprintf(e.Stderr, "portique: %s: this very file was imported on %s, and another one since: is it an older one?\n",
				c.File, report.Earlier.UTC().Format(time.RFC3339))
		}
		var out []lineJSON
		for _, l := range report.Lines {
			counts[l.Outcome]++
			j := lineJSON{Line: l.Number, SIREN: string(l.SIREN), Name: l.Name, Outcome: string(l.Outcome)}
			if l.Error != nil {
				j.Error = sentence(l.Error)
				fmt.Fprintf(e.Stderr, "portique: %s line %d: %s\n", c.File, l.Number, j.Error)
			}
			out = append(out, j)
		}
		if c.JSON.JSON {
			if out == nil {
				out = []lineJSON{}
			}
			err = e.json(out)
		} else {
			for _, l := range out {
				if l.Outcome != string(company.Unchanged) && l.Outcome != string(company.Refused) {
					fmt.Fprintf(e.Stdout, "%-9s %s  %s\n", l.Outcome, l.SIREN, l.Name)
				}
			}
			done := "Imported"
			if !report.Applied {
				done = "Nothing changed; this import would give"
			}
			fmt.Fprintf(e.Stdout, "%s: %d added, %d changed, %d closed, %d unchanged, %d refused.\n", done,
				counts[company.Added], counts[company.Changed], counts[company.Closed], counts[company.Unchanged], counts[company.Refused])
		}
		if err == nil && report.Refused > 0 {
			if !c.SkipRefused {
				refused := "one line is refused: mend it"
				if report.Refused > 1 {
					refused = fmt.Sprintf("%d lines are refused: mend them", report.Refused)
				}
				fmt.Fprintf(e.Stderr, "portique: %s: nothing is imported while %s, or add --skip-refused to import the others\n", c.File, refused)
			}
			return errTold
		}
		return err
	})
}

type companyJSON struct {
	SIREN          string `json:"siren"`
	Name           string `json:"name"`
	Status         string `json:"status"`
	ContactEmail   string `json:"contact_email,omitempty"`
	Administrators int    `json:"administrators"`
	Members        int    `json:"members"`
	Frozen         bool   `json:"frozen"`
	InRecovery     bool   `json:"in_recovery"`
}

func companyOf(s company.Summary) companyJSON {
	return companyJSON{SIREN: string(s.SIREN), Name: s.Name, Status: string(s.Status), ContactEmail: s.ContactEmail,
		Administrators: s.Administrators, Members: s.Members, Frozen: s.Frozen}
}

type companyShowCmd struct {
	SIREN string `arg:"" help:"The company's SIREN."`
	JSON
}

func (c companyShowCmd) Run(e *env) error {
	siren, err := portique.ParseSIREN(c.SIREN)
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		s, err := app.Companies.Show(e.ctx, siren)
		if err != nil {
			return unknownCompany(siren, err)
		}
		v := companyOf(s)
		if c.JSON.JSON {
			return e.json(v)
		}
		if v.Frozen {
			v.Status += ", accesses frozen: its first administrator is contested (portique claim list --siren " + v.SIREN + ")"
		}
		fmt.Fprintf(e.Stdout, "%s  %s\nstatus          %s\ncontact         %s\nadministrators  %d\nmembers         %d\n",
			v.SIREN, v.Name, v.Status, v.ContactEmail, v.Administrators, v.Members)
		return nil
	})
}

func unknownCompany(siren portique.SIREN, err error) error {
	if errors.Is(err, portique.ErrNotAdministrator) {
		return fmt.Errorf("no company has the SIREN %s: import the member file first", siren)
	}
	return err
}

type companyListCmd struct{ JSON }

func (c companyListCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		all, err := app.Companies.List(e.ctx)
		if err != nil {
			return err
		}
		values := make([]companyJSON, len(all))
		for i, s := range all {
			values[i] = companyOf(s)
		}
		return list(e, c.JSON.JSON, values, []string{"SIREN", "NAME", "STATUS", "ADMINISTRATORS", "MEMBERS"}, func(v companyJSON) []string {
			return []string{v.SIREN, v.Name, v.Status, strconv.Itoa(v.Administrators), strconv.Itoa(v.Members)}
		})
	})
}

type companyNewCodeCmd struct {
	SIREN string `arg:"" help:"The company's SIREN."`
	JSON
}

func (c companyNewCodeCmd) Run(e *env) error {
	siren, err := portique.ParseSIREN(c.SIREN)
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		code, err := app.Companies.NewCode(e.ctx, actor(), siren)
		if err != nil {
			return unknownCompany(siren, err)
		}
		if c.JSON.JSON {
			return e.json(struct {
				SIREN      string `json:"siren"`
				MemberCode string `json:"member_code"`
			}{string(siren), code})
		}
		fmt.Fprintln(e.Stdout, code)
		return nil
	})
}
