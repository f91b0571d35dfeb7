package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// room sets how large a file the running server may make; a number below what its files have is a full disk to it.
func (a *App) room(t *testing.T, bytes string) {
	t.Helper()
	out, err := exec.Command("prlimit", fmt.Sprintf("--pid=%d", a.server.Process.Pid), "--fsize="+bytes+":").CombinedOutput()
	if err != nil {
		t.Fatalf("prlimit: %v %s", err, out)
	}
}

// F-17: the disk is full under load and then has room again. Pages are read, nothing is promised that is not kept, health is red and
// then green, without a hand.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("prlimit"); err != nil {
		skip(t, "prlimit (Debian: util-linux) is not installed")
	}
	app := Start(t, "sqlite")
	members := app.Import(t, 5)
	app.Create(t, Marie)
	app.Create(t, Paul)
	marie, paul := app.SignIn(t, Marie), app.SignIn(t, Paul)
	marie.Attach(members[0])
	paul.Open("/companies/add")
	ledger := new(Ledger)
	load := Work(t, ledger, members[1:4], "tour", app.Regulars(t, 2), seed(t), app)
	ledger.Grown(10)

	app.room(t, "1")
	p, err := paul.Attempt("/companies/add", Fields{"siren": {members[4].SIREN}, "member_code": {members[4].Code}})
	if err != nil {
		t.Fatal(err)
	}
	away(t, "a write", p)
	for _, page := range []string{"/tools", "/companies", "/companies/" + members[0].SIREN + "/users"} {
		if p := marie.Open(page); p.Status != http.StatusOK {
			t.Errorf("reading %s: %s", page, p)
		}
	}
	if status, err := app.health("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %v", status, err)
	}
	if status, err := app.health("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d %v", status, err)
	}
	time.Sleep(500 * time.Millisecond)
	app.room(t, "unlimited")
	begun := time.Now()
	for status := 0; status != http.StatusOK; status, _ = app.health("/readyz") {
		if time.Since(begun) > 20*time.Second {
			t.Fatal("not ready again")
		}
	}
	timed(t, "ready again", begun, 10*time.Second, 15*time.Second)
	ledger.faults++
	if list := app.Memberships(t, members[4].SIREN); len(list) != 0 {
		t.Errorf("nobody was told yes, and yet: %+v", list)
	}
	paul.Open("/companies/add")
	paul.Attach(members[4])
	paul.At("activated")
	ledger.Grown(5) // the load goes on
	load.Stop()
	t.Logf("told: %s", ledger)
	ledger.Check(t, app)
	app.sound(t)
	app.Kill() // what was promised after the fault is on the disk
	app.serve(t)
	ledger.Check(t, app)
	app.sound(t)
}

// A page far inside the file went bad while the server was stopped: it does not go on writing to such a file, even when the start did
// not come that far.
func TestDamageFarInside(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	app.Import(t, 20_000)
	app.stop(t)
	path := filepath.Join(app.dir, "portique.db")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	from := len(file) / page * 3 / 4 * page
	for i := from; i < from+page; i++ {
		file[i] ^= 0xff
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := app.Try(t, "", "serve"); r.Status != 1 || !strings.Contains(r.Stderr, "is damaged") {
		t.Errorf("exit %d: %s", r.Status, tail(r.Stderr, 500))
	}
}
