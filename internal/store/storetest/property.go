package storetest

import (
	"flag"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"portique/internal/store"
)

// Property checks f on each engine, as often as asked and ten times as often in make test-long; a quarter of it on PostgreSQL, where a
// fresh database costs more. Each check has a database and a clock of its own and takes that many acts (t.Repeat), more or less. The
// ordinary run draws the same acts every time; the long one draws others, and prints the seed of what fails.
func Property(t *testing.T, checks, acts int, f func(t *rapid.T, db *store.DB, watch *Watch)) {
	t.Helper()
	for _, engine := range Engines {
		t.Run(engine, func(t *testing.T) {
			n := checks
			if engine == "postgres" {
				server(t) // skip here: a check cannot
				n /= 4
			}
			Checks(t, n, acts)
			rapid.Check(t, func(r *rapid.T) {
				watch := NewWatch()
				f(r, Open(r, engine, Clock(watch.Now)), watch)
			})
		})
	}
}

// Checks sets how much rapid does until the test ends.
func Checks(t *testing.T, checks, acts int) {
	t.Helper()
	seed := "1"
	if Long() {
		checks, seed = checks*10, "0"
	}
	for name, value := range map[string]string{"checks": strconv.Itoa(checks), "steps": strconv.Itoa(acts), "seed": seed, "nofailfile": "true"} {
		f := flag.Lookup("rapid." + name)
		before := f.Value.String()
		if before != f.DefValue {
			continue // asked for on the command line
		}
		if err := f.Value.Set(value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.Value.Set(before); err != nil {
				t.Error(err)
			}
		})
	}
}
