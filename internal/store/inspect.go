package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"portique/internal/secret"
)

// OpenToLook opens a database to inspect it: nothing is made, nothing can be
// written, the schema may be any. keys may be nil.
func OpenToLook(ctx context.Context, databaseURL string, keys *secret.Keys) (*DB, error) {
	path := SQLitePath(databaseURL)
	if path == "" {
		return Open(ctx, Options{URL: databaseURL, Keys: keys, looking: true})
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "synchronous(FULL)", "query_only(1)"}}
	if _, err := os.Stat(path + "-wal"); err != nil {
		q.Set("immutable", "1") // nobody has it open: without this SQLite would make a journal to read it
	}
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	db := &DB{dialect: sqliteEngine, path: path, write: pool, read: pool, now: time.Now, keys: keys, looking: true}
	if err := pool.PingContext(ctx); err != nil {
		db.Close()
		return nil, db.Explain(err)
	}
	return db, nil
}

// look refuses another program's database before opening it for good would
// change the way it keeps its journal. One that has ours already is not looked
// at.
func look(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return err
	}
	if wal, err := keepsJournal(path); err != nil || wal {
		return nil // too short to be a database: opening it says so better
	}
	db, err := OpenToLook(ctx, "sqlite:"+path, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Explain(db.ours(ctx))
}

func ask[T any](ctx context.Context, db *DB, query string) (v T, err error) {
	err = db.read.QueryRowContext(ctx, query).Scan(&v)
	return v, err
}

// Engine names the engine and its version.
func (db *DB) Engine(ctx context.Context) (string, error) {
	if db.dialect == sqliteEngine {
		v, err := ask[string](ctx, db, "SELECT sqlite_version()")
		return "SQLite " + v, err
	}
	v, err := ask[string](ctx, db, "SHOW server_version")
	return "PostgreSQL " + v, err
}

// Fragile lists the settings under which a power cut may take what was
// acknowledged, each with what it should be.
func (db *DB) Fragile(ctx context.Context) ([]string, error) {
	wanted := [][3]string{ // setting, question, answer
		{"fsync", "SHOW fsync", "on"}, {"full_page_writes", "SHOW full_page_writes", "on"}, {"synchronous_commit", "SHOW synchronous_commit", ""}}
	if db.dialect == sqliteEngine {
		wanted = [][3]string{{"synchronous", "PRAGMA synchronous", "2"}}
	}
	var found []string
	if db.path != "" { // asked of the file: read without a journal, it would answer “delete”
		if wal, err := keepsJournal(db.path); err != nil {
			return nil, err
		} else if !wal {
			found = append(found, "journal_mode is not wal")
		}
	}
	for _, w := range wanted {
		v, err := ask[string](ctx, db, w[1])
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", w[0], err)
		case w[0] == "synchronous_commit" && v == "off", w[2] != "" && v != w[2]:
			found = append(found, fmt.Sprintf("%s is %s, not %s", w[0], v, cmp.Or(w[2], "on")))
		}
	}
	return found, nil
}

// keepsJournal reads the format versions of a SQLite file: 2 is the write-ahead
// journal (file format, 1.3.3).
func keepsJournal(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	versions := make([]byte, 2)
	if _, err := f.ReadAt(versions, 18); err != nil {
		return false, err
	}
	return versions[0] == 2 && versions[1] == 2, nil
}

// Standby says whether a PostgreSQL is a replica, which takes no write.
func (db *DB) Standby(ctx context.Context) (bool, error) {
	if db.dialect == sqliteEngine {
		return false, nil
	}
	return ask[bool](ctx, db, "SELECT pg_is_in_recovery()")
}

// Clock is the time of a PostgreSQL server; SQLite has the machine's.
func (db *DB) Clock(ctx context.Context) (time.Time, error) {
	if db.dialect == sqliteEngine {
		return time.Now(), nil
	}
	return ask[time.Time](ctx, db, "SELECT clock_timestamp()")
}

// ErrNoSchema: the database is empty, as before a first start.
var ErrNoSchema = errors.New("the database is empty: serve makes its tables, or portique migrate")

// LookAtSchema is CheckSchema without touching anything. It returns the version.
func (db *DB) LookAtSchema(ctx context.Context) (int64, error) {
	if err := db.ours(ctx); err != nil {
		return 0, err
	}
	names, err := db.tables(ctx)
	if err != nil {
		return 0, err
	}
	if len(names) == 0 {
		return 0, ErrNoSchema
	}
	if err := db.Ping(ctx); err != nil {
		return 0, err
	}
	return ask[int64](ctx, db, "SELECT max(version_id) FROM goose_db_version")
}

// ErrOtherKey: the database was filled with another master key.
var ErrOtherKey = errors.New("this master key is not the one of this database: restore the right PORTIQUE_MASTER_KEY or master.key")

// LookAtKey is CheckKeys without remembering anything.
func (db *DB) LookAtKey(ctx context.Context) error {
	got, err := ask[string](ctx, db, "SELECT value FROM setting WHERE name = 'key_fingerprint'")
	if errors.Is(err, sql.ErrNoRows) {
		return nil // no command has needed it yet
	}
	if err == nil && got != hex.EncodeToString(db.keys.Mac("fingerprint")) {
		return ErrOtherKey
	}
	return err
}

// Outbox counts the letters that wait and those given up; oldest is when the
// first that waits was posted, zero without one.
func (tx *Tx) Outbox() (queued, dead int, oldest time.Time, err error) {
	_, err = one(tx, nil, func(r row) (none struct{}, err error) {
		return none, r.Scan(&queued, &dead, at{&oldest})
	}, `SELECT count(*) FILTER (WHERE status = 'queued'), count(*) FILTER (WHERE status = 'dead'),
		coalesce(min(created_at) FILTER (WHERE status = 'queued'), 0) FROM letter`)
	return queued, dead, oldest, err
}
