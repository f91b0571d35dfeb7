// Package storetest gives each test a database of its own, on both engines: SQLite in the test's folder, PostgreSQL on the
// throw-away server that `make test` starts. The schema is brought up once and copied, so that a test costs some
// milliseconds. Tests of package store itself live in package store_test, since this package imports it.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portique/internal/secret"
	"portique/internal/store"
)

// TB is what these helpers need of a test: a *testing.T, or one check of a property (*rapid.T).
type TB interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skip(args ...any)
}

// Long tells whether the bigger counts were asked for (make test-long).
func Long() bool { return os.Getenv("PORTIQUE_TEST_LONG") != "" }

// Engines are the names of the two databases, as Open and Run know them.
var Engines = []string{"sqlite", "postgres"}

// Option changes how a database is opened.
type Option func(*store.Options)

// Clock gives the database a clock of the test's own.
func Clock(now func() time.Time) Option { return func(o *store.Options) { o.Now = now } }

// Run runs f once on each engine, each time on a fresh database with the current schema.
func Run(t *testing.T, f func(t *testing.T, db *store.DB), options ...Option) {
	t.Helper()
	for _, engine := range Engines {
		t.Run(engine, func(t *testing.T) { f(t, Open(t, engine, options...)) })
	}
}

// Open opens a fresh database with the current schema, closed and thrown away with the test.
func Open(t TB, engine string, options ...Option) *store.DB {
	t.Helper()
	return OpenNodes(t, engine, 1, options...)[0]
}

// OpenNodes is Open by several nodes of one installation: databases opened apart, with the same rows.
func OpenNodes(t TB, engine string, nodes int, options ...Option) []*store.DB {
	t.Helper()
	address := ""
	switch engine {
	case "sqlite":
		address = "sqlite:" + sqliteCopy(t)
	case "postgres":
		address = postgresCopy(t)
	default:
		t.Fatalf("unknown engine %q", engine)
	}
	list := make([]*store.DB, nodes)
	for i := range list {
		list[i] = open(t, address, options...)
	}
	return list
}

func open(t TB, address string, options ...Option) *store.DB {
	t.Helper()
	o := store.Options{URL: address, Keys: Keys(), MailDomain: "operateur.example"}
	for _, set := range options {
		set(&o)
	}
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the database: %v", err)
		}
	})
	return db
}

// URLs returns the address of a fresh and empty database of each engine, for tests of the whole program, which migrates itself.
func URLs(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "portique.db"),
		"postgres": withDatabase(server(t), create(t, "")),
	}
}

// Keys returns the sealing keys of every test database: what a service seals, the store can open.
func Keys() *secret.Keys {
	keys, err := secret.NewKeys([]byte("a master key for tests, 32 bytes"))
	if err != nil {
		panic(err)
	}
	return keys
}

// -- SQLite ----------------------------------------------------------------------------------------------------------------

// sqliteTemplate is a migrated database file, made once per test program.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "portique-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	if err := migrate("sqlite:" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path) // closing has folded the write-ahead log into the file
})

func sqliteCopy(t TB) string {
	t.Helper()
	template, err := sqliteTemplate()
	if err != nil {
		t.Fatalf("the template database: %v", err)
	}
	dir, err := os.MkdirTemp("", "portique-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("removing the test database: %v", err)
		}
	})
	path := filepath.Join(dir, "portique.db")
	if err := os.WriteFile(path, template, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// -- PostgreSQL ------------------------------------------------------------------------------------------------------------

// server returns the address of the test server. Where everything must run, its absence is a failure.
func server(t TB) string {
	t.Helper()
	s := os.Getenv("PORTIQUE_TEST_POSTGRES")
	if s == "" {
		const reason = "no PostgreSQL: make test starts one, or PORTIQUE_TEST_POSTGRES names one"
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	return s
}

func postgresCopy(t TB) string {
	t.Helper()
	s := server(t)
	template, err := postgresTemplate(s)
	if err != nil {
		t.Fatalf("the template database: %v", err)
	}
	return withDatabase(s, create(t, template))
}

// create makes a database, from a template if one is named, and drops it with the test. It returns its name.
func create(t TB, template string) string {
	t.Helper()
	s := server(t)
	name := "test_" + strings.ToLower(rand.Text()[:16])
	statement := "CREATE DATABASE " + name
	if template != "" {
		statement += " TEMPLATE " + template
	}
	if err := admin(s, func(ctx context.Context, c *pgx.Conn) error { _, err := c.Exec(ctx, statement); return err }); err != nil {
		t.Fatalf("a fresh database: %v", err)
	}
	t.Cleanup(func() {
		drop := func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
			return err
		}
		if err := admin(s, drop); err != nil {
			t.Errorf("dropping the test database: %v", err)
		}
	})
	return name
}

var templates struct {
	sync.Mutex
	name string
}

// postgresTemplate returns the name of a migrated database that nobody is connected to. It is named after the migrations, so that
// the test programs of one run share it and none ever sees an older schema.
func postgresTemplate(server string) (string, error) {
	templates.Lock()
	defer templates.Unlock()
	if templates.name != "" {
		return templates.name, nil
	}
	name, err := templateName()
	if err != nil {
		return "", err
	}
	err = admin(server, func(ctx context.Context, c *pgx.Conn) error {
		// Test programs run side by side: one makes the template, the others wait here.
		if _, err := c.Exec(ctx, "SELECT pg_advisory_lock(20012)"); err != nil {
			return err
		}
		var there bool
		if err := c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
			return err
		}
		unfinished := name + "_new"
		for _, statement := range []string{"DROP DATABASE IF EXISTS " + unfinished + " WITH (FORCE)", "CREATE DATABASE " + unfinished} {
			if _, err := c.Exec(ctx, statement); err != nil {
				return err
			}
		}
		if err := migrate(withDatabase(server, unfinished)); err != nil {
			return err
		}
		_, err := c.Exec(ctx, "ALTER DATABASE "+unfinished+" RENAME TO "+name)
		return err
	})
	if err == nil {
		templates.name = name
	}
	return name, err
}

// templateName is a sum over the migrations, which stand beside this file's folder.
func templateName() (string, error) {
	_, self, _, _ := runtime.Caller(0)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(self), "..", "migration", "*"))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		sum.Write(content)
	}
	return "template_" + hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// admin does something on the server itself.
func admin(server string, do func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	return do(ctx, c)
}

// migrate brings a database up to the current schema and lets go of it.
func migrate(address string) error {
	db, err := store.Open(context.Background(), store.Options{URL: address})
	if err != nil {
		return err
	}
	_, err = db.Migrate(context.Background())
	if closing := db.Close(); err == nil {
		err = closing
	}
	return err
}

// withDatabase returns the address of another database of the same server.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // pgx has already said what is wrong with it
	}
	u.Path = "/" + name
	return u.String()
}
