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

// SaveCompany inserts a company or replaces what the member file says of it.
func (tx *Tx) SaveCompany(c *portique.Company) error {
	return tx.SaveCompanies([]*portique.Company{c})
}

// companiesAtOnce is how many rows go in one statement: on PostgreSQL a round trip
// each would take most of an import; SQLite gets slower beyond some dozens.
const companiesAtOnce = 20

// SaveCompanies is SaveCompany for many, no two of one SIREN, in their order.
func (tx *Tx) SaveCompanies(list []*portique.Company) error {
	for some := range slices.Chunk(list, companiesAtOnce) {
		args := make([]any, 0, 11*len(some))
		for _, c := range some {
			args = append(args, c.SIREN, c.Name, c.Status, c.CodeHash, c.ContactEmail, c.Street, c.Postcode, c.City, c.Sector, c.Successor,
				ms(c.ImportedAt))
		}
		_, err := tx.exec(`INSERT INTO company (`+companyColumns+`) VALUES `+places(len(some), 11)+`
			ON CONFLICT (siren) DO UPDATE SET name=excluded.name, status=excluded.status, code_hash=excluded.code_hash,
				contact_email=excluded.contact_email, street=excluded.street, postcode=excluded.postcode,
				city=excluded.city, sector=excluded.sector, successor=excluded.successor, imported_at=excluded.imported_at`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// places writes ($1,$2),($3,$4)… for rows of that many columns.
func places(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("($")
		case i%columns == 0:
			b.WriteString("),($")
		default:
			b.WriteString(",$")
		}
		b.WriteString(strconv.Itoa(i + 1))
	}
	return b.String() + ")"
}

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

// LockCompanies is Companies, each held until the transaction ends.
func (tx *Tx) LockCompanies() ([]*portique.Company, error) {
	return all(tx, scanCompany, tx.dialect.forUpdate(`SELECT `+companyColumns+` FROM company ORDER BY siren`))
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
