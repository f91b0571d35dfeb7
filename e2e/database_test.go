package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// beside is an engineer on the same machine, with other settings and perhaps another folder.
func (a *App) beside(dir string, settings ...string) *App {
	return &App{Engine: a.Engine, dir: dir, env: append(slices.Clone(a.env), settings...)}
}

// F-20: a second server on one SQLite file refuses in one line, under whatever name it finds the file, and the first does not notice.
func TestSecondServer(t *testing.T) {
	app := Start(t, "sqlite")
	shop := app.Import(t, 1)[0]
	app.Create(t, Marie)
	database := filepath.Join(app.dir, "portique.db")
	elsewhere := t.TempDir()
	link, folder := filepath.Join(elsewhere, "link.db"), filepath.Join(elsewhere, "folder")
	for name, target := range map[string]string{link: database, folder: app.dir} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	refuse := func(url, says string) {
		t.Helper()
		for range 2 { // the refusal leaves nothing that would change the next one
			r := app.beside(elsewhere, "PORTIQUE_DATABASE_URL="+url, "PORTIQUE_LISTEN=127.0.0.1:0").Try(t, "", "serve")
			if r.Status != 1 || strings.Count(r.Stderr, "\n") != 1 || !strings.Contains(r.Stderr, says) || r.Stdout != "" {
				t.Errorf("a second server on %s: status %d\n%s%s", url, r.Status, r.Stdout, r.Stderr)
			}
		}
	}
	refuse("sqlite:"+database, "another server already runs on "+database)
	refuse("sqlite:"+link, "another server already runs on "+database)
	refuse("sqlite:"+filepath.Join(folder, "portique.db"), "another server already runs on "+database)
	second := filepath.Join(app.dir, "second.db") // on the same disk
	if err := os.Link(database, second); err != nil {
		t.Fatal(err)
	}
	refuse("sqlite:"+second, "has 2 names")
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	marie := app.SignIn(t, Marie)
	marie.Attach(shop)
	marie.At("activated")
	app.Restart(t)
	if m := app.Membership(t, shop.SIREN, Marie); m.Role != "administrator" {
		t.Errorf("after a restart: %+v", m)
	}
}

// F-19: a server that was killed and whose journal is then lost says that what it acknowledged last may be missing; with its journal
// it says nothing and has everything. The key beside the database is told at each start.
func TestLostJournal(t *testing.T) {
	app := Start(t, "sqlite")
	// The key of this installation lies beside its database, as on a first start without one.
	for i, kv := range app.env {
		if key, ok := strings.CutPrefix(kv, "PORTIQUE_MASTER_KEY="); ok {
			app.env[i] = "PORTIQUE_MASTER_KEY_FILE=" + app.File(t, "master.key", key)
		}
	}
	app.Restart(t)
	// The server's lines come through a pipe: one that it wrote may not be here yet when it answers.
	starts := 1
	serving := func() {
		starts++
		until(t, "the log", func() bool { return strings.Count(app.Log(), `"msg":"serving"`) == starts })
	}
	serving()
	const beside, lost = "who copies this folder can read the codes and letters", "the journal it left beside the database is gone"
	if strings.Count(app.Log(), beside) != 1 || strings.Contains(app.Log(), lost) {
		t.Error("the log must say where the key lies, once, and of no lost journal")
	}
	kill := func() {
		_ = app.server.Process.Kill()
		<-app.exited
	}
	app.Create(t, Marie)
	kill()
	app.serve(t)
	serving()
	if strings.Contains(app.Log(), lost) || app.Account(t, Marie.Email).Status != "active" {
		t.Error("killed, with its journal: everything is there and nothing to say")
	}
	kill()
	app.Run(t, "", "account", "list") // folds the journal in
	app.serve(t)
	serving()
	if strings.Contains(app.Log(), lost) {
		t.Error("a command has saved the journal: nothing is lost")
	}
	app.Create(t, Paul)
	kill()
	if err := os.Remove(filepath.Join(app.dir, "portique.db-wal")); err != nil {
		t.Fatal(err)
	}
	app.serve(t)
	serving()
	if !strings.Contains(app.Log(), lost) {
		t.Error("a lost journal is not told")
	}
}

// F-19: a database, a folder or a key that the user of the server may not write or read is told with what to do, and left as it is.
func TestForbiddenFiles(t *testing.T) {
	program := binary(t)
	user := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // root may do anything: be somebody else
		const nobody = 65534
		user.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		if built.dir != "" {
			if err := os.Chmod(built.dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		folder, database, key os.FileMode
		says                  string
	}{
		"a database that cannot be written": {0o755, 0o444, 0o444, "portique.db cannot be written (permission denied)"},
		"a database that cannot be read":    {0o755, 0o000, 0o444, "permission denied"},
		"a folder that cannot be written":   {0o555, 0o666, 0o444, "cannot be written (permission denied)"},
		"a key that cannot be read":         {0o777, 0o666, 0o000, "master.key: permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
				t.Fatal(err)
			}
			database, key := filepath.Join(dir, "portique.db"), filepath.Join(dir, "master.key")
			maker := &App{dir: dir, env: []string{"PORTIQUE_SMTP_URL=smtp://127.0.0.1:9?tls=none", "PORTIQUE_LISTEN=127.0.0.1:0"}}
			maker.Run(t, "", "company", "list")
			before, err := os.ReadFile(database)
			if err != nil {
				t.Fatal(err)
			}
			for path, mode := range map[string]os.FileMode{database: c.database, key: c.key, dir: c.folder} {
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
			defer os.Chmod(dir, 0o755) // or it could not be thrown away
			for _, command := range []string{"serve", "company list", "doctor"} {
				run := exec.Command(program, strings.Fields(command)...)
				run.Dir, run.Env, run.SysProcAttr = dir, maker.env, user
				var told bytes.Buffer
				run.Stdout, run.Stderr = &told, &told
				err := run.Run()
				if said := told.String(); err == nil || run.ProcessState.ExitCode() != 1 || !strings.Contains(said, c.says) || strings.Contains(said, "goroutine") ||
					command != "doctor" && strings.Count(said, "\n") != 1 {
					t.Errorf("portique %s: %v\n%s", command, err, said)
				}
			}
			if err := os.Chmod(database, 0o600); err != nil {
				t.Fatal(err)
			}
			if after, err := os.ReadFile(database); err != nil || !bytes.Equal(after, before) {
				t.Errorf("the database changed (%v)", err)
			}
		})
	}
}

// OPR-11, F-25: in production the server refuses what would weaken it, each in one line that begins with its variable, before it
// makes anything.
func TestProductionRefuses(t *testing.T) {
	production := []string{
		"PORTIQUE_PORTAL_URL=https://ws.operateur.example", "PORTIQUE_AUTH_URL=https://auth.operateur.example", "PORTIQUE_OPERATOR_URL=https://gestion.operateur.example",
		"PORTIQUE_LISTEN=127.0.0.1:0", "PORTIQUE_SMTP_URL=smtp://localhost:9?tls=none",
	}
	for _, c := range [][2]string{
		{"PORTIQUE_PORTAL_URL=http://ws.operateur.example", "PORTIQUE_PORTAL_URL"},
		{"PORTIQUE_AUTH_URL=http://localhost:1", "PORTIQUE_"},
		{"PORTIQUE_MASTER_KEY=changeme", "PORTIQUE_MASTER_KEY"},
		{"PORTIQUE_MASTER_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "PORTIQUE_MASTER_KEY"},
		{"PORTIQUE_MASTER_KEY=", "PORTIQUE_MASTER_KEY"},
		{"PORTIQUE_TEST_MODE=on", "PORTIQUE_TEST_MODE"},
		{"PORTIQUE_TEST_CLOCK_FILE=/nowhere", "PORTIQUE_TEST_CLOCK_FILE"},
		{"PORTIQUE_SMTP_URL=smtp://mail.operateur.example:25?tls=none", "PORTIQUE_SMTP_URL"},
		{"PORTIQUE_SMTP_URL=", "PORTIQUE_SMTP_URL"},
		{"PORTIQUE_MEMBER_CODE_BITS=8", "PORTIQUE_"},
		{"PORTIQUE_DEBUG=on", "PORTIQUE_DEBUG"},
	} {
		dir := t.TempDir()
		app := &App{dir: dir, env: append(slices.Clone(production), c[0])}
		r := app.Try(t, "", "serve")
		for line := range strings.Lines(r.Stderr) {
			if !strings.HasPrefix(line, "portique: "+c[1]) {
				t.Errorf("%s: the line does not name it: %s", c[0], line)
			}
		}
		if left, err := os.ReadDir(dir); r.Status != 1 || r.Stderr == "" || err != nil || len(left) != 0 {
			t.Errorf("%s: status %d, left %v (%v)\n%s", c[0], r.Status, left, err, r.Stderr)
		}
	}
}

// The command doctor beside a running server, on both engines: all is well, and nothing it asks disturbs.
func TestDoctorBesideTheServer(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		var checks []struct{ Check, Status, Detail, Mend string }
		app.JSON(t, &checks, "doctor")
		said := map[string]string{}
		for _, c := range checks {
			said[c.Check] = c.Status
			if c.Status == "failed" || c.Status != "ok" && c.Mend == "" {
				t.Errorf("%+v", c)
			}
		}
		for _, check := range []string{"configuration", "master key", "database", "schema", "signing keys", "letters", "mail server", "portal", "auth", "clock"} {
			if said[check] != "ok" {
				t.Errorf("%s is %q", check, said[check])
			}
		}
		if p := app.Browser(t).Open("/"); p.Status != http.StatusOK {
			t.Errorf("after the visit: %s", p)
		}
	})
}
