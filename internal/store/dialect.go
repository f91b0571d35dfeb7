package store

import (
	"errors"
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

// skipLocked makes a select take rows that no other node works on.
func (d dialect) skipLocked(query string) string {
	if d == postgresEngine {
		return query + " FOR UPDATE SKIP LOCKED"
	}
	return query
}

// unique says whether err is a violated uniqueness constraint whose name or
// columns contain part ("" for any). SQLite names the columns, PostgreSQL the
// constraint.
func unique(err error, part string) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return (lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY) &&
			strings.Contains(lite.Error(), part)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505" && (strings.Contains(pg.ConstraintName, part) || strings.Contains(pg.Detail, part))
	}
	return false
}

// transient says whether running the transaction again may succeed:
// serialisation failure, deadlock, busy database.
func transient(err error) bool {
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
