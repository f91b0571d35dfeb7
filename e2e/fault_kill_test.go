package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// seed is that of the faults of this run; PORTIQUE_TEST_SEED plays a run again as far as the machine lets it.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if s := os.Getenv("PORTIQUE_TEST_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("PORTIQUE_TEST_SEED=%d", n)
	return n
}

// timed fails the test if something took longer than it may. The goal is told beside the generous limit, which a busy machine keeps.
func timed(t *testing.T, what string, begun time.Time, goal, limit time.Duration) {
	t.Helper()
	took := time.Since(begun)
	t.Logf("%s: %s (goal %s)", what, took.Round(time.Millisecond), goal)
	if took > limit {
		t.Errorf("%s took %s, more than %s", what, took, limit)
	}
}

// walkThrough is I7: somebody new does the whole journey, from the sign-up to a company and its tools page.
func (a *App) walkThrough(t *testing.T, m Member) {
	t.Helper()
	p := Person{"Nadia", "Fresh", fmt.Sprintf("nadia.%s@nouvelles.example", m.SIREN)}
	b := a.Browser(t)
	b.Register(p)
	b.Open(a.Mail.Wait(t, p.Email, "Validation").Link(t, "/validate"))
	b.Submit("/validate", nil)
	b.Open("/session/start")
	b.Login(p)
	b.Attach(m)
	b.At("activated")
}

// F-01: the process dies at any moment under load. What was answered is there, what was not is there or not, nothing is half.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	rounds := 3
	if Long() {
		rounds = 100
	}
	EachEngine(t, func(t *testing.T, app *App) {
		n := seed(t)
		random := rand.New(rand.NewPCG(n, 1))
		members := app.Import(t, rounds*4)
		regulars := app.Regulars(t, 4)
		ledger := new(Ledger)
		for round := range rounds {
			load := Work(t, ledger, members[round*4:round*4+3], fmt.Sprint("tour", round), regulars, random.Uint64(), app)
			ledger.Grown(12 + random.IntN(30)) // the moment is the case
			time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
			app.Kill()
			ledger.faults++
			load.Stop()
			begun := time.Now()
			app.serve(t)
			timed(t, "ready after kill -9", begun, 2*time.Second, 15*time.Second)
			app.walkThrough(t, members[round*4+3])
		}
		t.Logf("told: %s", ledger)
		for _, verb := range []string{"sign-up", "sign-in", "attach"} {
			if len(ledger.of(verb, acked)) == 0 {
				t.Errorf("nobody had a %s: the load did not reach it", verb)
			}
		}
		ledger.Check(t, app)
		app.sound(t)
	}, behindProxy)
}
