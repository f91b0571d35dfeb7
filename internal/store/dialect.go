package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	pool "modernc.org/sqlite"
	"zombiezen.com/go/sqlite"
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

// forShare keeps others from changing rows until the transaction ends, while
// they may be read and kept so by several.
func (d dialect) forShare(query string) string {
	if d == postgresEngine {
		return query + " FOR SHARE"
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
	return tx.send(`SELECT `+strings.Join(locks, ", "), args...)
}

// fault says what the failure of a transaction means.
type fault int

const (
	lasting fault = iota // ours, the caller's, or damage: trying again changes nothing
	again                // the engine undid the transaction so that it may run again
	lost                 // the connection broke: what was not committed is undone
	away                 // the database cannot be reached, or cannot write, for now
)

// broken are the ways in which drivers say that a connection is no more.
var broken = []error{driver.ErrBadConn, sql.ErrConnDone, pgconn.ErrConnClosed, pgx.ErrTxClosed, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed}

// faultOf sorts the errors of both engines. Codes: PostgreSQL appendix A,
// SQLite "Result and Error Codes".
func faultOf(err error) fault {
	if errors.Is(err, errGroupLost) {
		return again
	}
	switch liteCode(err) {
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return again
	case sqlite.ResultFull, sqlite.ResultIOErr, sqlite.ResultReadOnly, sqlite.ResultCantOpen, sqlite.ResultNoMem, sqlite.ResultProtocol:
		return away
	}
	var connect *pgconn.ConnectError // a refusal at the door wraps its own code
	if errors.As(err, &connect) || errors.Is(err, context.DeadlineExceeded) {
		return away
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "40001", "40P01": // serialization failure, deadlock
			return again
		case "57P01", "57P02", "57P05", "25P03": // ended by its administrator, a crash, or for being idle
			return lost
		case "57P03", "57014", "55P03", "25006", "40003": // starting, time-outs, read only, outcome unknown
			return away
		}
		switch pg.Code[:min(2, len(pg.Code))] {
		case "08": // connection
			return lost
		case "53", "58": // resources, a full disk among them; the system's own faults
			return away
		}
		return lasting
	}
	var network net.Error
	if errors.As(err, &network) || slices.ContainsFunc(broken, func(b error) bool { return errors.Is(err, b) }) {
		return lost
	}
	return lasting
}

// liteCode is the primary code of an error of SQLite, whichever way it was
// called; ResultError when it is another's or says nothing else.
func liteCode(err error) sqlite.ResultCode {
	var pooled *pool.Error
	if errors.As(err, &pooled) {
		return sqlite.ResultCode(pooled.Code()).ToPrimary()
	}
	return sqlite.ErrCode(err).ToPrimary()
}
