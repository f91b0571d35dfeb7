package store

import (
	"slices"
	"strconv"
	"strings"

	"portique"
)

const companyColumns = `siren, name, status, code_hash, contact_email, street, postcode, city, sector, successor, imported_at`

func scanCompany(r row) (*portique.Company, error) {
	var c portique.Company
	err := r.Scan(&c.SIREN, &c.Name, &c.Status, &c.CodeHash, &c.ContactEmail, &c.Street, &c.Postcode, &c.City,
		&c.Sector, &c.Successor, at{&c.ImportedAt})
	return &c, err
}

// ErrCompanyUnknown: no company has that SIREN, or it is none of the reader's.
var ErrCompanyUnknown = portique.ErrNotAdministrator

// companiesPerStatement trades round trips to PostgreSQL for the time SQLite
// takes to read a statement, which grows with the square of its parameters.
const companiesPerStatement = 20

// SaveCompanies inserts companies or replaces what the member file says of
// them. No SIREN is there twice.
func (tx *Tx) SaveCompanies(companies []*portique.Company) error {
	for some := range slices.Chunk(companies, companiesPerStatement) {
		args := make([]any, 0, 11*len(some))
		for _, c := range some {
			args = append(args, c.SIREN, c.Name, c.Status, c.CodeHash, c.ContactEmail, c.Street, c.Postcode, c.City, c.Sector,
				c.Successor, ms(c.ImportedAt))
		}
		if err := tx.send(saveCompanies(len(some)), args...); err != nil {
			return err
		}
	}
	return nil
}

func saveCompanies(n int) string {
	rows := make([]string, n)
	for i := range rows {
		var numbers []string
		for column := range 11 {
			numbers = append(numbers, "$"+strconv.Itoa(11*i+column+1))
		}
		rows[i] = "(" + strings.Join(numbers, ",") + ")"
	}
	return `INSERT INTO company (` + companyColumns + `) VALUES ` + strings.Join(rows, ",") + `
		ON CONFLICT (siren) DO UPDATE SET name=excluded.name, status=excluded.status, code_hash=excluded.code_hash,
			contact_email=excluded.contact_email, street=excluded.street, postcode=excluded.postcode,
			city=excluded.city, sector=excluded.sector, successor=excluded.successor, imported_at=excluded.imported_at`
}

// SaveCompany is SaveCompanies of one.
func (tx *Tx) SaveCompany(c *portique.Company) error { return tx.SaveCompanies([]*portique.Company{c}) }

// Company returns a company, or ErrCompanyUnknown.
func (tx *Tx) Company(siren portique.SIREN) (*portique.Company, error) {
	return one(tx, ErrCompanyUnknown, scanCompany, `SELECT `+companyColumns+` FROM company WHERE siren = $1`, siren)
}

// LockCompany returns a company and holds its row until the transaction ends.
// Every change of access begins here, so that two of them never cross.
func (tx *Tx) LockCompany(siren portique.SIREN) (*portique.Company, error) {
	return one(tx, ErrCompanyUnknown, scanCompany,
		tx.dialect.forUpdate(`SELECT `+companyColumns+` FROM company WHERE siren = $1`), siren)
}

// HoldCompanies holds the rows of all companies until the transaction ends, in
// one order for all locks. SQLite has one writer: there is nothing to hold.
func (tx *Tx) HoldCompanies() error {
	if tx.dialect == sqliteEngine {
		return nil
	}
	return tx.send(tx.dialect.forUpdate(`SELECT 1 FROM company ORDER BY siren`))
}

// Companies lists all companies by SIREN.
func (tx *Tx) Companies() ([]*portique.Company, error) {
	return all(tx, scanCompany, `SELECT `+companyColumns+` FROM company ORDER BY siren`)
}

// Counts are the numbers of active administrators and of all active members of
// each company that has any.
func (tx *Tx) Counts() (map[portique.SIREN][2]int, error) {
	type line struct {
		siren portique.SIREN
		n     [2]int
	}
	lines, err := all(tx, func(r row) (l line, err error) {
		err = r.Scan(&l.siren, &l.n[0], &l.n[1])
		return l, err
	}, `SELECT m.siren, count(*) FILTER (WHERE m.role = 'administrator'), count(*)
		FROM membership m JOIN account a ON a.id = m.account_id
		WHERE m.status = 'active' AND a.status = 'active' AND (m.until = 0 OR m.until > $1) GROUP BY m.siren`, ms(tx.now))
	if err != nil {
		return nil, err
	}
	counts := make(map[portique.SIREN][2]int, len(lines))
	for _, l := range lines {
		counts[l.siren] = l.n
	}
	return counts, nil
}

// ClaimFirstAdministrator records who is the first administrator of a company.
// It returns false when the company already had one, whoever and whenever.
func (tx *Tx) ClaimFirstAdministrator(siren portique.SIREN, accountID string) (bool, error) {
	n, err := tx.exec(`INSERT INTO first_administrator (siren, account_id, at) VALUES ($1,$2,$3)
		ON CONFLICT (siren) DO NOTHING`, siren, accountID, ms(tx.now))
	return n == 1, err
}

// HadAdministrator says whether the company ever had an administrator.
func (tx *Tx) HadAdministrator(siren portique.SIREN) (bool, error) {
	return one(tx, nil, func(r row) (had bool, err error) {
		err = r.Scan(&had)
		return had, err
	}, `SELECT EXISTS (SELECT 1 FROM first_administrator WHERE siren = $1)`, siren)
}
