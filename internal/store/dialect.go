package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect holds the few real differences between the two engines; every other
// statement is the same text on both.
type dialect string

const (
	sqliteEngine   dialect = "sqlite"
	postgresEngine dialect = "postgres"
)

// forUpdate locks the rows of a select until the end of the transaction. A
// SQLite transaction already holds the only write lock (_txlock=immediate).
func (d dialect) forUpdate(query string) string {
	if d == postgresEngine {
		return query + " FOR UPDATE"
	}
	return query
}

// forNoKeyUpdate is forUpdate for a row that others may go on referring to.
func (d dialect) forNoKeyUpdate(query string) string {
	if d == postgresEngine {
		return query + " FOR NO KEY UPDATE"
	}
	return query
}

// skipLocked makes a select take rows that no other node works on.
func (d dialect) skipLocked(query string) string {
	if d == postgresEngine {
		return query + " FOR UPDATE SKIP LOCKED"
	}
	return query
}

// lockKeys holds names, in their order, until the transaction ends, so that
// those who count under them come one after the other. A SQLite transaction is
// alone already.
func (d dialect) lockKeys(tx *Tx, names ...string) error {
	if d != postgresEngine || len(names) == 0 {
		return nil
	}
	locks, args := make([]string, len(names)), make([]any, len(names))
	for i, name := range names {
		locks[i], args[i] = fmt.Sprintf("pg_advisory_xact_lock(hashtextextended($%d, 0))", i+1), name
	}
	_, err := tx.exec(`SELECT `+strings.Join(locks, ", "), args...)
	return err
}

// transient says whether running the transaction again may succeed:
// serialisation failure, deadlock, busy database, a group of writes undone.
func transient(err error) bool {
	if errors.Is(err, errGroupLost) {
		return true
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		code := lite.Code() & 0xff
		return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return false
}
