package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"zombiezen.com/go/sqlite"
)

// SQLitePath is the absolute path of a SQLite database, links followed, or ""
// when the URL is of another engine. SQLite too follows links before it names
// its journal, so that a file has one journal and one lock.
func SQLitePath(databaseURL string) string {
	path, lite := strings.CutPrefix(databaseURL, "sqlite:")
	if !lite {
		return ""
	}
	path = strings.TrimPrefix(path, "//")
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// CheckFile looks at a SQLite file before it is opened, and refuses what would
// make SQLite begin anew where a database is expected, or mix two up. It
// changes nothing. Only for a process that has not opened the file: closing
// one's own handle drops the locks that SQLite holds in the same process.
func CheckFile(databaseURL string) error {
	path := SQLitePath(databaseURL)
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s is a link to a file that does not exist: mend the link", path)
		}
		if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
			return fmt.Errorf("%s is missing but its journal %s-wal is there: put the database back", path, path)
		}
		if marked(path) {
			return gone(path, "missing")
		}
		if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
			return nil // a first start may make its folder
		}
		return writable(filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("the database: %w", err)
	case info.IsDir():
		return fmt.Errorf("%s is a folder: PORTIQUE_DATABASE_URL names the database file itself", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not an ordinary file: PORTIQUE_DATABASE_URL names the database file", path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return fmt.Errorf("%s has %d names (hard links): SQLite would keep a journal for each and mix them up; remove the other names (find them with: find / -xdev -samefile %s)", path, stat.Nlink, path)
	}
	if info.Size() == 0 {
		if marked(path) {
			return gone(path, "empty")
		}
	} else if err := header(path); err != nil {
		return err
	}
	if err := writable(path); err != nil {
		return err
	}
	return writable(filepath.Dir(path))
}

func header(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("the database: %w; give it to the user that runs portique", err)
	}
	defer f.Close()
	const magic = "SQLite format 3\x00"
	b := make([]byte, len(magic))
	if _, err := io.ReadFull(f, b); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the database: %w", err)
	}
	if string(b) != magic {
		return fmt.Errorf("%s is not a SQLite database, or its beginning is damaged: restore it from your backup, or name another file in PORTIQUE_DATABASE_URL", path)
	}
	return nil
}

// writable asks without opening, which could disturb.
func writable(path string) error {
	const write = 2 // W_OK
	if err := syscall.Access(path, write); err != nil {
		return fmt.Errorf("%s cannot be written (%w): the database and its folder belong to the user that runs portique, on a disk that is not read-only", path, err)
	}
	return nil
}

func gone(path, how string) error {
	return fmt.Errorf("%s is %s, and %s.lock says that it held an installation: restore it from your backup; to begin anew, remove the .lock file", path, how, path)
}

// The file beside a database whose lock keeps a second server off remembers two
// things in its first word: that the database was made once, so that a missing
// or empty one is a loss and not a first start; and that a server is serving it,
// so that one that was killed is known to have left a journal.
const (
	markMade    = "made"
	markServing = "serving"
	markAbout   = "\nThis file keeps a second server off the database beside it, and tells a lost database from a new one.\n"
)

func mark(path string) string {
	b, err := os.ReadFile(path + ".lock")
	if err != nil {
		return ""
	}
	word, _, _ := strings.Cut(string(b), "\n")
	return word
}

func marked(path string) bool { return mark(path) != "" }

// Mark remembers that the database was made. Call it once the schema and the
// key are right; it does nothing on PostgreSQL.
func (db *DB) Mark() error {
	switch {
	case db.path == "":
		return nil
	case db.lock != nil:
		db.served = true
		return rewrite(db.lock, markServing)
	case marked(db.path):
		return nil
	}
	f, err := os.OpenFile(db.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(rewrite(f, markMade), f.Close())
}

func rewrite(f *os.File, word string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(word+markAbout), 0)
	return err
}

// JournalLost says that the last server was killed and that the journal it left
// was gone when this database was opened: what it acknowledged last may be
// missing.
func (db *DB) JournalLost() bool { return db.journalLost }

func journalLost(path string) bool {
	_, err := os.Stat(path + "-wal")
	return mark(path) == markServing && errors.Is(err, fs.ErrNotExist)
}

// release ends what Mark and Lock began, after the database is closed. A
// command that has folded the journal of a killed server into the file says so.
func (db *DB) release() error {
	if db.lock != nil {
		var err error
		if db.served {
			err = rewrite(db.lock, markMade)
		}
		return errors.Join(err, db.lock.Close())
	}
	if db.path == "" || db.looking || db.journalLost || !journalLost(db.path) {
		return nil
	}
	f, err := os.OpenFile(db.path+".lock", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil // a server has just started
	}
	return rewrite(f, markMade)
}

// ours refuses a database of another program, and an empty one where this
// program had already made its tables.
func (db *DB) ours(ctx context.Context) error {
	names, err := db.tables(ctx)
	if err != nil {
		return err
	}
	versions, setting := slices.Contains(names, "goose_db_version"), slices.Contains(names, "setting")
	others := len(names)
	if versions {
		others--
	}
	switch {
	case others == 0 && db.path != "" && marked(db.path):
		return gone(db.path, "without its tables (its journal "+filepath.Base(db.path)+"-wal may be lost)")
	case others == 0, versions && setting:
		return nil
	case versions, db.path != "":
		return errors.New("the database holds the tables of another program: name one of its own in PORTIQUE_DATABASE_URL")
	}
	return nil // PostgreSQL: an extension may have tables there
}

func (db *DB) tables(ctx context.Context) ([]string, error) {
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`
	if db.dialect == postgresEngine {
		query = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`
	}
	rows, err := db.read.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// ErrDamaged: what the file holds is not what was written to it.
var ErrDamaged = errors.New("is damaged")

// CheckPages looks for damage in a SQLite file for as long as ctx allows, and
// returns ErrDamaged; what it has not found by then it does not report. It does
// nothing on PostgreSQL.
func (db *DB) CheckPages(ctx context.Context) error {
	if db.path == "" {
		return nil
	}
	var found string
	err := db.read.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return db.Explain(err)
	case found != "ok":
		return fmt.Errorf("%s %w (%s): restore it from your backup", db.path, ErrDamaged, strings.Join(strings.Fields(found), " "))
	}
	return nil
}

// pagesTime bounds the look that a start waits for: it finds what is wrong with
// a small file, or a file that was cut. The server looks on for a while once it
// serves, and the command doctor looks at all of it.
const pagesTime = 5 * time.Millisecond

// CheckPagesBriefly is CheckPages for as long as a start may wait.
func (db *DB) CheckPagesBriefly(ctx context.Context) error {
	brief, cancel := context.WithTimeout(ctx, pagesTime)
	defer cancel()
	if err := db.CheckPages(brief); err != nil {
		return err
	}
	return ctx.Err()
}

// Explain puts an error of opening a database in one line that says how to mend
// it; it returns others as they are.
func (db *DB) Explain(err error) error {
	switch liteCode(err) {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return fmt.Errorf("%s %w (%w): restore it from your backup", db.path, ErrDamaged, err)
	case sqlite.ResultReadOnly, sqlite.ResultPerm, sqlite.ResultCantOpen:
		return fmt.Errorf("%s cannot be written (%w): the database, its -wal and -shm files and their folder belong to the user that runs portique, on a disk that is not read-only", db.path, err)
	case sqlite.ResultFull:
		return fmt.Errorf("%s: the disk is full (%w): make room", db.path, err)
	case sqlite.ResultBusy:
		return fmt.Errorf("%s is kept busy by another program (%w): close it and try again", db.path, err)
	case sqlite.ResultIOErr:
		return fmt.Errorf("%s cannot be read or written (%w): look at the disk", db.path, err)
	}
	return err
}
