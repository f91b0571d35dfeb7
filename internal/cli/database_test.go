package cli

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portique/internal/store/storetest"
)

// files is what a folder holds: each name with a sum of its content.
func files(t *testing.T, dir string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			b, err = []byte("a link to nothing"), nil
		}
		fmt.Fprintf(&list, "%s %x\n", strings.TrimPrefix(path, dir), sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}

func execute(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
}

// installation makes an installation on SQLite with a company in it.
func installation(t *testing.T) (s *shell, database string) {
	s = newShell(t)
	s.environ = append(s.environ, "PORTIQUE_SMTP_URL=smtp://127.0.0.1:9?tls=none", "PORTIQUE_LISTEN=127.0.0.1:0")
	s.ok("", "company", "import", s.file("members.csv", "siren;name;member_code\n552100554;Martin;12345678\n"))
	return s, filepath.Join(s.dir, "portique.db")
}

// F-19, F-37: a database that is lost, damaged, somebody else's, too old or too new, and a key that is lost or wrong: each command
// refuses in one line that says which, and leaves every file as it was. Nothing begins anew where an installation was.
func TestDatabaseRefused(t *testing.T) {
	damage := func(change func(b []byte) []byte) func(t *testing.T, database string) {
		return func(t *testing.T, database string) {
			b, err := os.ReadFile(database)
			if err == nil {
				err = os.WriteFile(database, change(b), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	move := func(t *testing.T, from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	key := func(content string) func(t *testing.T, database string) {
		return func(t *testing.T, database string) {
			if err := os.WriteFile(filepath.Join(filepath.Dir(database), "master.key"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, database string)
		says    string
	}{
		"missing":               {func(t *testing.T, database string) { move(t, database, database+".away") }, "is missing, and"},
		"empty":                 {damage(func([]byte) []byte { return nil }), "is empty, and"},
		"cut":                   {damage(func(b []byte) []byte { return b[:len(b)/10*4] }), "is damaged"},
		"cut in its first page": {damage(func(b []byte) []byte { return b[:700] }), "is damaged"},
		"noise":                 {damage(func(b []byte) []byte { return bytes.Repeat([]byte{0x5a}, len(b)) }), "is not a SQLite database"},
		"a page of noise": {damage(func(b []byte) []byte {
			for i := 3 * 4096; i < 4*4096; i++ {
				b[i] ^= 0xff
			}
			return b
		}), "is damaged"},
		"its first byte flipped": {damage(func(b []byte) []byte { b[0] ^= 1; return b }), "is not a SQLite database"},
		"a folder": {func(t *testing.T, database string) {
			if err := errors.Join(os.Remove(database), os.Mkdir(database, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, "is a folder"},
		"a link to nothing": {func(t *testing.T, database string) {
			move(t, database, database+".away")
			if err := os.Symlink(filepath.Join(filepath.Dir(database), "nowhere.db"), database); err != nil {
				t.Fatal(err)
			}
		}, "does not exist"},
		"a second name": {func(t *testing.T, database string) {
			if err := os.Link(database, database+".copy"); err != nil {
				t.Fatal(err)
			}
		}, "has 2 names"},
		"all of it in a lost journal": {func(t *testing.T, database string) {
			if err := os.Remove(database); err != nil {
				t.Fatal(err)
			}
			execute(t, database, "PRAGMA journal_mode=WAL", "CREATE TABLE x (y)", "DROP TABLE x")
		}, "without its tables"},
		"a journal without its database": {func(t *testing.T, database string) {
			move(t, database, database+"-wal")
		}, "its journal"},
		"another program's": {func(t *testing.T, database string) {
			if err := os.Remove(database); err != nil {
				t.Fatal(err)
			}
			execute(t, database, "CREATE TABLE recipe (id INTEGER)")
		}, "another program"},
		"another program's, migrated by goose": {func(t *testing.T, database string) {
			if err := os.Remove(database); err != nil {
				t.Fatal(err)
			}
			execute(t, database, "CREATE TABLE goose_db_version (version_id INTEGER)", "CREATE TABLE recipe (id INTEGER)")
		}, "another program"},
		"newer": {func(t *testing.T, database string) {
			execute(t, database, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
		}, "newer than this program"},
		"without its key": {func(t *testing.T, database string) {
			move(t, filepath.Join(filepath.Dir(database), "master.key"), database+".key")
		}, "master.key is missing"},
		"with a cut key":        {key("aGFsZg"), "does not hold a master key"},
		"with an empty key":     {key(""), "does not hold a master key"},
		"with another's key":    {key("YW5vdGhlciBtYXN0ZXIga2V5LCBvZiAzMiBieXRlcyE="), "is not the one of this database"},
		"with a key of rubbish": {key("\x00\x01\x02"), "does not hold a master key"},
	} {
		t.Run(name, func(t *testing.T) {
			s, database := installation(t)
			c.prepare(t, database)
			before := files(t, s.dir)
			commands := []string{"serve", "company list", "account list --json", "migrate"}
			for _, command := range commands {
				s.fails(1, c.says, "", strings.Fields(command)...)
			}
			code, out, errs := s.run("", "doctor")
			if code != 1 || errs != "" || !strings.Contains(out, "failed") || !strings.Contains(out, c.says) {
				t.Errorf("doctor: status %d, want a line with %q\n%s%s", code, c.says, out, errs)
			}
			if after := files(t, s.dir); after != before {
				t.Errorf("files before:\n%safter:\n%s", before, after)
			}
		})
	}
}

// F-19: an older schema is for the server and for migrate; others say so and leave it (TestConfiguration: migrate brings it up).
func TestOlderSchema(t *testing.T) {
	s, database := installation(t)
	execute(t, database, "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
	s.fails(1, "portique migrate", "", "company", "list")
	s.environ = append(s.environ, "PORTIQUE_MIGRATE=off")
	s.fails(1, "portique migrate", "", "serve")
	if _, out, _ := s.run("", "doctor"); !strings.Contains(out, "failed   schema: ") {
		t.Errorf("doctor:\n%s", out)
	}
}

// After the loss was looked at, the sentence's own advice works.
func TestBeginAnew(t *testing.T) {
	s, database := installation(t)
	if err := os.Remove(database); err != nil {
		t.Fatal(err)
	}
	s.fails(1, ".lock", "", "company", "list")
	if err := os.Remove(database + ".lock"); err != nil {
		t.Fatal(err)
	}
	if out := s.ok("", "company", "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("a new installation has %s", out)
	}
}

// F-07 at the start, F-37 on PostgreSQL: one line each, and no password in it.
func TestPostgresRefused(t *testing.T) {
	s := newShell(t)
	const good = "PORTIQUE_MASTER_KEY=YW5vdGhlciBtYXN0ZXIga2V5LCBvZiAzMiBieXRlcyE="
	s.environ = []string{"PORTIQUE_DATABASE_URL=postgres://portique:canari@127.0.0.1:1/portique", good, "PORTIQUE_SMTP_URL=smtp://127.0.0.1:9?tls=none"}
	for _, command := range []string{"serve", "company list", "migrate"} {
		s.fails(1, "cannot be reached", "", strings.Fields(command)...)
	}
	code, out, errs := s.run("", "doctor")
	if code != 1 || errs != "" || !strings.Contains(out, "failed   database: the database cannot be reached") || strings.Contains(out, "canari") {
		t.Errorf("doctor: status %d\n%s%s", code, out, errs)
	}

	s.environ = []string{"PORTIQUE_DATABASE_URL=" + storetest.URLs(t)["postgres"], good, "PORTIQUE_SMTP_URL=smtp://127.0.0.1:9?tls=none"}
	s.ok("", "company", "list")
	s.environ[1] = "PORTIQUE_MASTER_KEY=dGhlIHdyb25nIG1hc3RlciBrZXksIG9mIDMyIGJ5dGU="
	for _, command := range []string{"serve", "company list", "migrate"} {
		s.fails(1, "is not the one of this database", "", strings.Fields(command)...)
	}
	if _, out, _ := s.run("", "doctor"); !strings.Contains(out, "failed   master key: this master key is not the one of this database") {
		t.Errorf("doctor:\n%s", out)
	}
}

// AUD-02: what people type never makes a line of its own, nor moves a cursor: neither in a list nor in the journal.
func TestOneLineEach(t *testing.T) {
	s, database := installation(t)
	const odd = "Zoé\r\n2026-01-01 admin\x1b[31m \"}\u202e\u2028x"
	s.run(password, "account", "create", "--email", "zoe@martin.example", "--first-name", odd, "--last-name", "Martin", "--password-stdin", "--validated")
	s.run("", "company", "import", s.file("odd.csv", "siren;name;member_code\n732829320;\""+strings.ReplaceAll(odd, `"`, `""`)+"\";12345678\n"))
	s.ok(password, "account", "create", "--email", "luc@martin.example", "--first-name", "Luc", "--last-name", "Martin", "--password-stdin", "--validated")
	s.run("", "membership", "grant", "--email", "luc@martin.example", "--siren", "552100554", "--role", "member", "--reason", odd)
	for _, listing := range []string{"account list", "company list", "membership list", "letter list"} {
		for line := range strings.Lines(s.ok("", strings.Fields(listing)...)) {
			if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\n\x1b\u202e\u2028") || strings.HasPrefix(line, "2026-01-01") {
				t.Errorf("%s: %q", listing, line)
			}
		}
	}
	db, err := sql.Open("sqlite", "file:"+database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var lines int
	if err := db.QueryRow(`SELECT count(*) FROM event WHERE reason GLOB '*[' || char(10, 13, 27) || ']*' OR subject GLOB '*[' || char(10, 13, 27) || ']*'`).Scan(&lines); err != nil || lines != 0 {
		t.Errorf("%d events of several lines (%v)", lines, err)
	}
}
