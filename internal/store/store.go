// Package store remembers: it owns all SQL, the transaction and the two
// engines. It decides nothing but uniqueness, which constraints hold, and
// translates their violation into the words of package portique.
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // driver "sqlite"

	"portique"
	"portique/internal/secret"
)

// DB is the database of an installation. Safe for concurrent use.
type DB struct {
	write   *sql.DB // for migrating, for Ping and for looking at a file
	read    *sql.DB
	writer  *liteWriter   // of SQLite; nil on PostgreSQL
	readers *liteReaders  // of SQLite
	pgWrite *pgxpool.Pool // of PostgreSQL; nil on SQLite
	pgRead  *pgxpool.Pool
	dialect dialect
	now     func() time.Time
	keys    *secret.Keys
	domain  string // of Message-IDs
	path    string // of a SQLite file
	lock    *os.File

	served, journalLost bool // see Mark
	looking             bool // see OpenToLook

	patience time.Duration
	closing  sync.Once
	closed   error       // what closing it said
	cannot   atomic.Bool // the last write that failed did so because nothing can be written for now
}

// Options say which database and what its transactions need.
type Options struct {
	URL        string           // sqlite:PATH or postgres://…
	Now        func() time.Time // time.Now without a test clock
	Keys       *secret.Keys     // seals letters; may be nil for migrating
	MailDomain string           // right part of Message-IDs
	Patience   time.Duration    // how long a transaction may take, waiting included; 0: as long as it needs

	looking bool // see OpenToLook
}

// Open opens the database without touching its schema.
func Open(ctx context.Context, o Options) (*DB, error) {
	databaseURL := o.URL
	db := &DB{now: o.Now, keys: o.Keys, domain: o.MailDomain, patience: o.Patience}
	if db.now == nil {
		db.now = time.Now
	}
	if db.domain == "" {
		db.domain = "portique.invalid"
	}
	switch {
	case strings.HasPrefix(databaseURL, "sqlite:"):
		if strings.TrimPrefix(databaseURL, "sqlite:") == "" {
			return nil, errors.New("sqlite: needs a file name")
		}
		abs := SQLitePath(databaseURL)
		db.dialect, db.path, db.journalLost = sqliteEngine, abs, journalLost(abs)
		err := private(abs)
		if err != nil {
			return nil, err
		}
		if err := look(ctx, abs); err != nil {
			return nil, err
		}
		// One writer, several readers: SQLite has one write lock, and waiting
		// for it in Go is fairer than in its busy loop. The pools are for
		// migrating, for Ping and for looking at the file.
		if db.write, err = sql.Open("sqlite", sqliteDSN(abs, "immediate", "query_only(0)")); err != nil {
			return nil, err
		}
		db.write.SetMaxOpenConns(1)
		db.writer = &liteWriter{path: abs}
		if db.read, err = sql.Open("sqlite", sqliteDSN(abs, "deferred", "query_only(1)")); err != nil {
			return nil, err
		}
		db.read.SetMaxOpenConns(1)
		db.readers = newLiteReaders(abs, max(4, runtime.GOMAXPROCS(0)), o.Patience)
	case strings.HasPrefix(databaseURL, "postgres://"), strings.HasPrefix(databaseURL, "postgresql://"):
		var err error
		db.dialect = postgresEngine
		if db.pgWrite, err = openPostgres(ctx, databaseURL, o.looking, o.Patience, 16); err != nil {
			return nil, err
		}
		if db.pgRead, err = openPostgres(ctx, databaseURL, true, o.Patience, 8); err != nil { // see View
			db.pgWrite.Close()
			return nil, err
		}
		db.write, db.read = stdlib.OpenDBFromPool(db.pgWrite), stdlib.OpenDBFromPool(db.pgRead)
	default:
		return nil, errors.New("the database is sqlite:PATH or postgres://…")
	}
	if err := db.write.PingContext(ctx); err != nil {
		db.Close()
		if db.path != "" {
			return nil, db.Explain(err)
		}
		// One line, whatever was tried; pgx leaves the password out.
		return nil, fmt.Errorf("the database cannot be reached: %s; is PostgreSQL running, and PORTIQUE_DATABASE_URL right?",
			strings.Join(strings.Fields(err.Error()), " "))
	}
	return db, nil
}

func sqliteDSN(path, txlock, pragma string) string {
	q := url.Values{"_txlock": {txlock}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "foreign_keys(1)", "synchronous(FULL)", pragma}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// private makes a database file that only this user reads, since SQLite would
// follow the umask: it holds password hashes. Its journal follows the file.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the database cannot be made: %w", err)
	}
	return f.Close()
}

// Path is the SQLite file, empty on PostgreSQL.
func (db *DB) Path() string { return db.path }

// Lock keeps a second server off a SQLite file for as long as this process
// lives; other commands may run beside it. It does nothing on PostgreSQL.
func (db *DB) Lock() error {
	if db.path == "" {
		return nil
	}
	f, err := os.OpenFile(db.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return fmt.Errorf("another server already runs on %s: stop it first, or use PostgreSQL for several nodes", db.path)
	}
	db.lock = f
	return nil
}

// Close waits for running transactions and releases the file. Closing twice does
// no more.
func (db *DB) Close() error {
	db.closing.Do(func() { db.closed = db.close() })
	return db.closed
}

// farewell is how long PostgreSQL may take to hear that connections end, once
// transactions have ended.
const farewell = 3 * time.Second

func (db *DB) close() error {
	var err error
	if db.writer != nil {
		err = db.writer.Close()
	}
	if db.readers != nil {
		err = errors.Join(err, db.readers.Close())
	}
	err = errors.Join(err, db.write.Close())
	if db.read != db.write && db.read != nil {
		err = errors.Join(err, db.read.Close())
	}
	if db.pgWrite != nil {
		closed := make(chan struct{})
		go func() {
			db.pgWrite.Close()
			db.pgRead.Close()
			close(closed)
		}()
		select {
		case <-closed:
		case <-time.After(farewell): // a network that swallows goodbyes is not waited for
		}
	}
	return errors.Join(err, db.release())
}

// Tx is one transaction: one time, one fate. It is only valid inside the
// closure it was given to.
type Tx struct {
	ctx     context.Context
	tx      querier
	dialect dialect
	now     time.Time
	db      *DB
}

// querier runs the statements of a transaction. send is for those of which only
// matters that they were run before the next one: it may keep them back until
// then, or until the commit, which then say what was wrong with them.
type querier interface {
	send(ctx context.Context, query string, args []any) error
	exec(ctx context.Context, query string, args []any) (rowsAffected int64, err error)
	query(ctx context.Context, query string, args []any) (rows, error)
}

// rows is what a statement returns, one row at a time; see sql.Rows. Nothing
// else runs until they are closed.
type rows interface {
	row
	Next() bool
	Err() error
	Close() error
}

// pooled is database/sql as a querier, for files that are only looked at.
type pooled struct {
	pool interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
}

func (p pooled) send(ctx context.Context, query string, args []any) error {
	_, err := p.exec(ctx, query, args)
	return err
}

func (p pooled) exec(ctx context.Context, query string, args []any) (int64, error) {
	r, err := p.pool.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (p pooled) query(ctx context.Context, query string, args []any) (rows, error) {
	return p.pool.QueryContext(ctx, query, args...)
}

// Now is the time of the transaction, to the millisecond.
func (tx *Tx) Now() time.Time { return tx.now }

// refused carries an error out of a transaction that commits all the same.
type refused struct{ err error }

func (r refused) Error() string { return r.err.Error() }
func (r refused) Unwrap() error { return r.err }

// Refused makes Tx commit what was written so far and return err: a refusal
// that counts a try or writes an event must not vanish with its transaction.
func Refused(err error) error { return refused{err} }

const (
	maxTries  = 12 // of a transaction that the engine undid
	lostTries = 3  // of one whose connection broke
)

// Tx runs f in a writing transaction. It commits when f returns nil, rolls
// back otherwise. On a serialisation failure, a deadlock, a busy database or a
// connection that broke before the commit f runs again, so it changes nothing
// but tx and its results. A database that is away is Unavailable.
func (db *DB) Tx(ctx context.Context, f func(tx *Tx) error) error {
	if db.writer != nil {
		return db.run(ctx, true, db.writer.run, f)
	}
	return db.run(ctx, true, db.postgres, f)
}

// View runs f, which only reads: on one snapshot of SQLite; statement by
// statement on PostgreSQL, where each sees what was committed when it began, as
// in a transaction of the level we use (read committed), without the two round
// trips that a transaction costs. Both engines refuse a write there.
func (db *DB) View(ctx context.Context, f func(tx *Tx) error) error {
	if db.readers != nil {
		return db.run(ctx, false, db.readers.run, f)
	}
	var q querier = pooled{db.read}
	if db.pgRead != nil {
		q = pgView{db.pgRead}
	}
	return db.run(ctx, false, func(_ context.Context, f func(querier) error) error { return f(q) }, f)
}

// ErrOutcomeUnknown: the connection broke between a commit and its answer. It
// may have been done or not, so nothing runs again and nobody is told that it
// was done.
var ErrOutcomeUnknown = &portique.Error{Kind: portique.Unavailable, Key: "error.outcome_unknown"}

// commitError is an error of the commit itself.
type commitError struct{ error }

func (c commitError) Unwrap() error { return c.error }

func (db *DB) run(ctx context.Context, writing bool, once func(context.Context, func(querier) error) error, f func(tx *Tx) error) error {
	if db.patience > 0 && (writing || db.readers == nil) { // reading SQLite waits for nothing but its turn
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, db.patience)
		defer cancel()
	}
	var err error
	var committing commitError
	var what fault
	for try := range maxTries {
		if try > 0 {
			pause := time.Duration(rand.IntN(1<<min(try, 6))+1) * time.Millisecond
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
		err = once(ctx, func(q querier) error {
			return f(&Tx{ctx: ctx, tx: q, dialect: db.dialect, db: db, now: db.now().UTC().Truncate(time.Millisecond)})
		})
		if err == nil {
			return nil
		}
		what = faultOf(err)
		if what == lost && db.pgWrite != nil {
			// Connections rarely break alone (a restart, a failover, an administrator who ends them all):
			// the others are replaced too, so that trying again does not meet one dead connection after the other.
			db.pgWrite.Reset()
			db.pgRead.Reset()
		}
		repeat := what == again || what == lost && try+1 < lostTries && !(writing && errors.As(err, &committing))
		if !repeat || ctx.Err() != nil {
			break
		}
	}
	var r refused
	if errors.As(err, &r) {
		return r.err
	}
	var told *portique.Error
	if errors.As(err, &told) {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		what = away // whatever the driver calls it
	}
	if writing && errors.As(err, &committing) && errors.Is(err, context.Canceled) {
		what = away // who gave up while COMMIT was under way knows no more than others whether it was done
	}
	if what == lasting {
		return err
	}
	if what == away && writing && ctx.Err() == nil {
		db.cannot.Store(true)
	}
	key := "error.busy"
	if writing && what != again && errors.As(err, &committing) {
		key = ErrOutcomeUnknown.Key
	}
	return &portique.Error{Kind: portique.Unavailable, Key: key, Cause: err}
}

// NewID makes an id that sorts by time (UUIDv7).
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// row is what one scan function reads: a single row or one of many.
type row interface{ Scan(dest ...any) error }

func (tx *Tx) exec(query string, args ...any) (int64, error) {
	return tx.tx.exec(tx.ctx, query, args)
}

// send is exec without a count, see querier.
func (tx *Tx) send(query string, args ...any) error {
	return tx.tx.send(tx.ctx, query, args)
}

// unwritable says whether an argument is a text that no row can hold: a NUL or
// bytes that are not UTF-8, which PostgreSQL refuses even in a question.
func unwritable(args []any) bool {
	return slices.ContainsFunc(args, func(a any) bool {
		s, ok := a.(string)
		return ok && (strings.Contains(s, "\x00") || !utf8.ValidString(s))
	})
}

// one reads a single row; absent is returned when there is none.
func one[T any](tx *Tx, absent error, scan func(row) (T, error), query string, args ...any) (T, error) {
	if absent != nil && unwritable(args) {
		var none T
		return none, absent
	}
	found, err := tx.tx.query(tx.ctx, query, args)
	if err != nil {
		var none T
		return none, err
	}
	defer found.Close()
	if !found.Next() {
		var none T
		if err := found.Err(); err != nil {
			return none, err
		}
		return none, absent
	}
	v, err := scan(found)
	if err == nil {
		err = found.Close()
	}
	return v, err
}

func all[T any](tx *Tx, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	if unwritable(args) {
		return nil, nil
	}
	found, err := tx.tx.query(tx.ctx, query, args)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var list []T
	for found.Next() {
		v, err := scan(found)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, found.Err()
}

// ms writes a time, 0 for none.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at reads a time back.
type at struct{ t *time.Time }

func (a at) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is an integer, not %T", v)
	}
	a.set(n)
	return nil
}

func (a at) set(n int64) {
	if *a.t = (time.Time{}); n != 0 {
		*a.t = time.UnixMilli(n).UTC()
	}
}

// texts reads a list of texts, kept as JSON.
type texts struct{ list *[]string }

func (t texts) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("a list is a text, not %T", v)
	}
	return json.Unmarshal([]byte(s), t.list)
}

// of puts the name of a table before each column of a list.
func of(table, columns string) string {
	return table + "." + strings.ReplaceAll(columns, ", ", ", "+table+".")
}
