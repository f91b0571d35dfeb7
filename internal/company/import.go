package company

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Outcome is what an import does with a line.
type Outcome string

// The outcomes.
const (
	Added     Outcome = "added"
	Changed   Outcome = "changed"
	Unchanged Outcome = "unchanged"
	Closed    Outcome = "closed"
	Refused   Outcome = "refused"
)

// Line is the result of one line of the member file, or of a company absent
// from it (Number 0).
type Line struct {
	Number  int
	SIREN   portique.SIREN
	Name    string
	Outcome Outcome
	Error   error // of a refused line
}

// Options of an import.
type Options struct {
	DryRun      bool // decide everything, change nothing
	Full        bool // close the companies absent from the file
	AllowDelete int  // closings allowed beyond the limit of 2 %
	SkipRefused bool // leave the refused lines out and import the others
	CodeBits    int  // refuse member codes that cannot hold as many bits (portique.CodeBits)
}

// Report is what an import did, or in a trial would do: one result per line,
// in the order of the file, then the companies absent from a full file.
type Report struct {
	Lines   []Line
	Refused int  // how many lines are
	Applied bool // false for a trial, and when lines were refused and not to be skipped
	// Earlier is when this very file was last imported, if another file has
	// been imported since: somebody may have taken an old one. Else zero.
	Earlier time.Time

	closed int
}

// maxClosings is the share of active companies that one import may close
// without being told so: a truncated file must not shut everybody out.
const maxClosings = 50 // one in fifty

// TooManyClosings refuses an import that closes a suspicious number of
// companies.
type TooManyClosings struct{ Closings, Active int }

func (e *TooManyClosings) Error() string {
	return fmt.Sprintf("this file would close %d of %d companies: nothing was changed; if that is right, add --allow-delete %d", e.Closings, e.Active, e.Closings)
}

// Import reads a member file (CSV, UTF-8, ";" or ",", with a header, at most
// 64 MiB and 500,000 lines) and makes the register agree with it, in one
// transaction. One refused line and nothing changes (docs/decisions/0010),
// unless refused lines are to be skipped: then a refused line leaves its
// company as it was. A column that the file does not have changes nothing.
// Accesses are never touched. A file that cannot be read as a whole is an
// ErrFile and changes nothing.
//
// Comparing reads a snapshot and holds nobody up. Only writing what changes
// holds the companies, and the one writer of SQLite: about a second for 100,000
// changed lines.
func (s *Service) Import(ctx context.Context, actor portique.Actor, file io.Reader, o Options) (*Report, error) {
	rows, digest, err := parse(file, o.CodeBits)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Error == nil && row.code != "" {
			row.company.CodeHash = s.keys.MemberCode(string(row.SIREN), row.code)
		}
		if row.SIREN == "" && o.Full && o.SkipRefused {
			return nil, &ErrFile{fmt.Sprintf("line %d has no SIREN that can be read, so its company would count as absent and be closed: mend it, or import without --full", row.Number)}
		}
	}
	var report *Report
	var save []*portique.Company
	var seen []portique.Event
	read := func(tx *store.Tx) (err error) {
		if seen, err = changes(tx); err != nil { // first: what happens meanwhile is then noticed
			return err
		}
		existing, err := tx.Companies()
		if err != nil {
			return err
		}
		report, save, err = decide(tx, rows, existing, digest, o)
		return err
	}
	if err = s.db.View(ctx, read); err != nil {
		return nil, err
	}
	if o.DryRun || report.Refused > 0 && !o.SkipRefused {
		return report, nil
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if len(save) > 0 {
			if err := tx.HoldCompanies(); err != nil {
				return err
			}
			switch now, err := changes(tx); {
			case err != nil:
				return err
			case !slices.Equal(now, seen): // somebody was quicker
				if err := read(tx); err != nil {
					return err
				}
				if report.Refused > 0 && !o.SkipRefused {
					return nil
				}
			}
			if err := tx.SaveCompanies(save); err != nil {
				return err
			}
			for _, line := range report.Lines {
				if line.Outcome != Closed {
					continue
				}
				if err := tx.TellCompanyClosed(line.SIREN); err != nil {
					return err
				}
			}
		}
		report.Applied = true
		event := actor.Event(portique.ActionCompanyImported, digest, "")
		event.Reason = fmt.Sprintf("%d lines, %d saved, %d closed, %d refused", len(rows), len(save), report.closed, report.Refused)
		return tx.Audit(event)
	})
	if err != nil {
		return nil, err
	}
	return report, nil
}

// changes are the newest lines of the journal about the member file: whoever
// saves a company writes one. There are several, since nodes whose clocks
// differ by a little write theirs in another order.
func changes(tx *store.Tx) ([]portique.Event, error) {
	return tx.LastEvents(20, portique.ActionCompanyImported, portique.ActionCompanyCode)
}

// decide compares every row with the register. It gives the result of each
// line and the companies to save, by SIREN.
func decide(tx *store.Tx, rows []*row, existing []*portique.Company, digest string, o Options) (*Report, []*portique.Company, error) {
	known := make(map[portique.SIREN]*portique.Company, len(existing))
	active := 0
	for _, c := range existing {
		known[c.SIREN] = c
		if c.Status == portique.CompanyActive {
			active++
		}
	}
	report := &Report{Lines: make([]Line, 0, len(rows))}
	var save []*portique.Company
	seen := make(map[portique.SIREN]bool, len(rows))
	for _, r := range rows {
		seen[r.SIREN] = true
		line := r.Line
		if line.Error == nil {
			line.Outcome, line.Error = compare(tx, r, known[r.SIREN])
		}
		switch line.Outcome {
		case Refused:
			report.Refused++
		case Closed:
			report.closed++
			save = append(save, r.company)
		case Added, Changed:
			save = append(save, r.company)
		}
		report.Lines = append(report.Lines, line)
	}
	earlier, err := earlier(tx, digest)
	if err != nil {
		return nil, nil, err
	}
	report.Earlier = earlier
	if report.Refused > 0 && !o.SkipRefused {
		return report, nil, nil // what is absent cannot be told before every line is read
	}
	if o.Full {
		for _, c := range existing {
			if c.Status == portique.CompanyActive && !seen[c.SIREN] {
				c.Status, c.ImportedAt = portique.CompanyClosed, tx.Now()
				save = append(save, c)
				report.closed++
				report.Lines = append(report.Lines, Line{SIREN: c.SIREN, Name: c.Name, Outcome: Closed})
			}
		}
	}
	if report.closed*maxClosings > active && report.closed > o.AllowDelete {
		return nil, nil, &TooManyClosings{Closings: report.closed, Active: active}
	}
	slices.SortFunc(save, func(a, b *portique.Company) int { return strings.Compare(string(a.SIREN), string(b.SIREN)) })
	return report, save, nil
}

// earlier is when a file was last imported, if another one has been since.
func earlier(tx *store.Tx, digest string) (time.Time, error) {
	last, err := tx.LastEvents(1, portique.ActionCompanyImported, portique.ActionCompanyImported)
	if err != nil || len(last) == 0 || last[0].Subject == digest {
		return time.Time{}, err
	}
	events, err := tx.Events(digest)
	if err != nil || len(events) == 0 {
		return time.Time{}, err
	}
	return events[len(events)-1].At, nil
}

// compare decides what a valid row changes, and completes its company with
// what the file does not say.
func compare(tx *store.Tx, r *row, old *portique.Company) (Outcome, error) {
	c := r.company
	c.ImportedAt = tx.Now()
	if old == nil {
		if r.code == "" {
			return Refused, refuse("import.code_missing")
		}
		return Added, nil
	}
	if r.code == "" {
		c.CodeHash = old.CodeHash
	}
	for _, column := range r.absent {
		switch column {
		case "status":
			c.Status = old.Status
		case "contact_email":
			c.ContactEmail = old.ContactEmail
		case "street":
			c.Street = old.Street
		case "postcode":
			c.Postcode = old.Postcode
		case "city":
			c.City = old.City
		case "sector":
			c.Sector = old.Sector
		case "successor":
			c.Successor = old.Successor
		}
	}
	switch {
	case companyEqual(c, old) && secret.Equal(c.CodeHash, old.CodeHash):
		return Unchanged, nil
	case c.Status == portique.CompanyClosed && old.Status == portique.CompanyActive:
		return Closed, nil
	}
	return Changed, nil
}

func companyEqual(a, b *portique.Company) bool {
	return a.SIREN == b.SIREN && a.Name == b.Name && a.Status == b.Status && a.ContactEmail == b.ContactEmail &&
		a.Street == b.Street && a.Postcode == b.Postcode && a.City == b.City && a.Sector == b.Sector && a.Successor == b.Successor
}
