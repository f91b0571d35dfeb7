package company

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

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
}

// maxClosings is the share of active companies that one import may close
// without being told so: a truncated file must not shut everybody out.
const maxClosings = 50 // one in fifty

var columns = []string{"siren", "name", "member_code", "status", "contact_email", "street", "postcode", "city", "sector", "successor"}

// TooManyClosings refuses an import that closes a suspicious number of
// companies.
type TooManyClosings struct{ Closings, Active int }

func (e *TooManyClosings) Error() string {
	return fmt.Sprintf("this file would close %d of %d companies: nothing was changed; if that is right, add --allow-delete %d", e.Closings, e.Active, e.Closings)
}

type parsed struct {
	Line
	company *portique.Company
	code    string
	absent  []string // columns that the file does not have: they change nothing
}

// Import reads a member file (CSV, UTF-8, ";" or ",", with a header) and makes
// the register agree with its valid lines, in one transaction. A column that
// the file does not have changes nothing. Accesses are
// never touched. It returns one result per line; refused lines do not stop the
// others. An unusable header or an unreadable file is an error and changes
// nothing.
func (s *Service) Import(ctx context.Context, actor portique.Actor, file io.Reader, o Options) ([]Line, error) {
	rows, err := parse(file)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if o.Full && row.SIREN == "" {
			return nil, &ErrFile{fmt.Sprintf("line %d has no SIREN that can be read, so its company would count as absent and be closed: mend it, or import without --full", row.Number)}
		}
	}
	var lines []Line
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		lines = nil
		existing, err := tx.LockCompanies()
		if err != nil {
			return err
		}
		known := make(map[portique.SIREN]*portique.Company, len(existing))
		active := 0
		for _, c := range existing {
			known[c.SIREN] = c
			if c.Status == portique.CompanyActive {
				active++
			}
		}
		var save []*portique.Company
		seen := make(map[portique.SIREN]bool, len(rows))
		closings := 0
		for _, row := range rows {
			seen[row.SIREN] = true
			if row.Error == nil {
				s.compare(tx, &row, known[row.SIREN])
			}
			switch row.Outcome {
			case Added, Changed:
				save = append(save, row.company)
			case Closed:
				save = append(save, row.company)
				closings++
			}
			lines = append(lines, row.Line)
		}
		if o.Full {
			for _, c := range existing {
				if c.Status == portique.CompanyActive && !seen[c.SIREN] {
					c.Status, c.ImportedAt = portique.CompanyClosed, tx.Now()
					save = append(save, c)
					closings++
					lines = append(lines, Line{SIREN: c.SIREN, Name: c.Name, Outcome: Closed})
				}
			}
		}
		if closings*maxClosings > active && closings > o.AllowDelete {
			return &TooManyClosings{Closings: closings, Active: active}
		}
		if o.DryRun {
			return nil
		}
		// One order for all locks, so that an import never deadlocks with an
		// administrator's decision.
		slices.SortFunc(save, func(a, b *portique.Company) int { return strings.Compare(string(a.SIREN), string(b.SIREN)) })
		if err := tx.SaveCompanies(save); err != nil {
			return err
		}
		event := actor.Event(portique.ActionCompanyImported, "", "")
		event.Reason = fmt.Sprintf("%d lines, %d saved, %d closed", len(rows), len(save), closings)
		return tx.Audit(event)
	})
	return lines, err
}

// compare decides what a valid line changes.
func (s *Service) compare(tx *store.Tx, row *parsed, old *portique.Company) {
	c := row.company
	c.ImportedAt = tx.Now()
	if row.code != "" {
		c.CodeHash = s.keys.MemberCode(string(c.SIREN), row.code)
	}
	if old == nil {
		row.Outcome = Added
		if row.code == "" {
			row.Outcome, row.Error = Refused, refuse("import.code_missing")
		}
		return
	}
	if row.code == "" {
		c.CodeHash = old.CodeHash
	}
	for _, column := range row.absent {
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
	same := *c
	same.ImportedAt, same.CodeHash = old.ImportedAt, nil
	was := *old
	was.CodeHash = nil
	switch {
	case companyEqual(same, was) && secret.Equal(c.CodeHash, old.CodeHash):
		row.Outcome = Unchanged
	case c.Status == portique.CompanyClosed && old.Status == portique.CompanyActive:
		row.Outcome = Closed
	default:
		row.Outcome = Changed
	}
}

func companyEqual(a, b portique.Company) bool {
	return a.SIREN == b.SIREN && a.Name == b.Name && a.Status == b.Status && a.ContactEmail == b.ContactEmail &&
		a.Street == b.Street && a.Postcode == b.Postcode && a.City == b.City && a.Sector == b.Sector && a.Successor == b.Successor
}

func refuse(key string, args ...any) error {
	return &portique.Error{Kind: portique.Invalid, Key: key, Args: args}
}

// ErrFile says why a member file cannot be read at all.
type ErrFile struct{ Reason string }

func (e *ErrFile) Error() string { return "member file: " + e.Reason }

func parse(file io.Reader) ([]parsed, error) {
	buffered := bufio.NewReader(file)
	if start, _ := buffered.Peek(3); bytes.Equal(start, []byte("\ufeff")) {
		_, _ = buffered.Discard(3)
	}
	first, err := buffered.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	header, _, _ := strings.Cut(string(first), "\n")
	if strings.TrimSpace(header) == "" {
		return nil, &ErrFile{"it is empty; the first line must be the header " + strings.Join(columns, ";")}
	}
	reader := csv.NewReader(buffered)
	reader.FieldsPerRecord = -1
	reader.ReuseRecord = true
	reader.LazyQuotes = true
	if reader.Comma = ','; strings.Count(header, ";") >= strings.Count(header, ",") {
		reader.Comma = ';'
	}
	record, err := reader.Read()
	if err != nil {
		return nil, &ErrFile{"the header cannot be read: " + err.Error()}
	}
	index := map[string]int{}
	for i, name := range record {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns, name) {
			return nil, &ErrFile{fmt.Sprintf("unknown column %q; the columns are %s", name, strings.Join(columns, ";"))}
		}
		if _, twice := index[name]; twice {
			return nil, &ErrFile{fmt.Sprintf("the column %q is there twice", name)}
		}
		index[name] = i
	}
	for _, needed := range []string{"siren", "name", "member_code"} {
		if _, ok := index[needed]; !ok {
			return nil, &ErrFile{fmt.Sprintf("the column %q is missing; the columns are %s", needed, strings.Join(columns, ";"))}
		}
	}

	var absent []string
	for _, name := range columns {
		if _, ok := index[name]; !ok {
			absent = append(absent, name)
		}
	}
	var rows []parsed
	lineOf := map[portique.SIREN]int{}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		number, _ := reader.FieldPos(0)
		if err != nil {
			var syntax *csv.ParseError
			if !errors.As(err, &syntax) {
				return nil, err
			}
			rows = append(rows, parsed{Line: Line{Number: syntax.StartLine, Outcome: Refused, Error: refuse("import.line", "Detail", syntax.Err.Error())}})
			continue
		}
		row := parseRow(record, index, number)
		row.absent = absent
		if row.Error == nil {
			if before, twice := lineOf[row.SIREN]; twice {
				row.Outcome, row.Error = Refused, refuse("import.twice", "Line", before)
			} else {
				lineOf[row.SIREN] = number
			}
		}
		rows = append(rows, row)
	}
}

func parseRow(record []string, index map[string]int, number int) parsed {
	get := func(name string) string {
		if i, ok := index[name]; ok && i < len(record) {
			return portique.CleanText(record[i])
		}
		return ""
	}
	row := parsed{Line: Line{Number: number, Name: get("name")}}
	fail := func(err error) parsed {
		row.Outcome, row.Error = Refused, err
		return row
	}
	if len(record) != len(index) {
		return fail(refuse("import.fields", "Count", len(record), "Want", len(index)))
	}
	for _, field := range record {
		if !utf8.ValidString(field) {
			return fail(refuse("import.utf8"))
		}
	}
	siren, err := portique.ParseSIREN(get("siren"))
	if err != nil {
		return fail(err)
	}
	row.SIREN = siren
	if row.Name == "" || len([]rune(row.Name)) > 200 {
		return fail(refuse("import.name"))
	}
	status := portique.CompanyActive
	switch get("status") {
	case "", string(portique.CompanyActive):
	case string(portique.CompanyClosed):
		status = portique.CompanyClosed
	default:
		return fail(refuse("import.status", "Status", get("status")))
	}
	contact := get("contact_email")
	if contact != "" {
		if contact, err = portique.ParseEmail("contact_email", contact); err != nil {
			return fail(err)
		}
	}
	var successor portique.SIREN
	if s := get("successor"); s != "" {
		if successor, err = portique.ParseSIREN(s); err != nil {
			return fail(err)
		}
	}
	row.code = portique.CanonicalMemberCode(get("member_code"))
	row.company = &portique.Company{SIREN: siren, Name: row.Name, Status: status, ContactEmail: contact, Street: get("street"),
		Postcode: get("postcode"), City: get("city"), Sector: get("sector"), Successor: successor}
	return row
}
