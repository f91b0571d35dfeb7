package e2e

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"
)

// database opens the installation's database beside the server. What the contract shows (commands, pages) is always asked first; the
// journal has no command yet, no page tells that a file is sound, and no person leaves thousands of rows behind in a second.
func (a *App) database(t *testing.T) *sql.DB {
	t.Helper()
	url := a.setting("PORTIQUE_DATABASE_URL")
	driver, source := "pgx", url
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// setting returns a variable of the installation.
func (a *App) setting(name string) (value string) {
	for _, s := range a.env {
		if v, ok := strings.CutPrefix(s, name+"="); ok {
			value = v
		}
	}
	return value
}

// journalled is I5: each change of state has its line of the journal, and one only.
func (a *App) journalled(t *testing.T, accounts []Account, memberships []Membership, requests []Request) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	rows, err := a.database(t).QueryContext(ctx, `SELECT action, subject, siren FROM event`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	lines := map[string]int{}
	for rows.Next() {
		var action, subject, siren string
		if err := rows.Scan(&action, &subject, &siren); err != nil {
			t.Fatal(err)
		}
		lines[action]++
		lines[action+" "+subject]++
		lines[action+" of "+siren]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	active := 0
	for _, one := range accounts {
		if one.Status == "active" {
			active++
		}
	}
	if n := lines["account.validated"] + lines["account.created"]; n != active {
		t.Errorf("I5: %d accounts, %d lines of the journal make one", active, n)
	}
	once := func(line string) {
		if n := lines[line]; n != 1 {
			t.Errorf("I5: %d lines %q", n, line)
		}
	}
	for _, m := range memberships {
		if m.Role == "administrator" {
			once("access.first_administrator of " + m.SIREN)
		}
		if m.Status == "ended" {
			once("access.removed " + m.ID)
		}
	}
	for _, r := range requests {
		once("access.requested " + r.ID)
		if r.Status == "accepted" {
			once("access.accepted " + r.ID)
		}
	}
	asked := 0
	for line, n := range lines {
		if strings.HasPrefix(line, "access.requested of ") {
			asked += n
		}
	}
	if asked != len(requests) {
		t.Errorf("I5: %d requests, %d lines of the journal make one", len(requests), asked)
	}
}

// sound fails the test when the SQLite file is not what SQLite wrote.
func (a *App) sound(t *testing.T) {
	t.Helper()
	if a.Engine != "sqlite" {
		return
	}
	var verdict string
	if err := a.database(t).QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("the database file: %s %v", verdict, err)
	}
}
