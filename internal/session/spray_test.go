package session_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"portique"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// LOG-06: one common password against everybody, from one address and from two hundred. Past the budget of the network, or of the
// installation, nothing is looked at any more; the operator is told, once; who is known here still comes in.
func TestSpray(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const people, left = 30, 10
		for i := range people {
			storetest.Account(t, w.db, fmt.Sprintf("p%d@martin.example", i), func(a *portique.Account) { a.PasswordHash = known(t) })
		}
		home, err := w.signIn()
		if err != nil {
			t.Fatal(err)
		}
		address := netip.MustParseAddr("198.51.100.0")
		// spent leaves a budget that many tries: the others were somebody else's, and each would have cost two hashes.
		spent := func(b portique.Budget, key ...string) {
			t.Helper()
			if err := w.db.Tx(t.Context(), func(tx *store.Tx) error {
				for range b.Limit - left {
					if err := tx.Count(store.Try{Budget: b, Key: key}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		// spray tries everybody and returns how many tries were looked at.
		spray := func(refusal string, source func(i int) string) (evaluated int) {
			t.Helper()
			for i := range people {
				_, err := w.SignIn(t.Context(), portique.Actor{Door: portique.DoorAuth, Source: source(i)},
					session.SignInForm{Email: fmt.Sprintf("p%d@martin.example", i), Password: "Bienvenue2026!"})
				var refused *portique.Error
				switch {
				case errors.Is(err, portique.ErrSignIn):
					evaluated++
				case errors.As(err, &refused) && refused.Kind == portique.TooSoon && refused.Key == refusal:
				default:
					t.Fatalf("try %d: %v", i, err)
				}
			}
			return evaluated
		}
		alerts := func() (n int) {
			for _, l := range storetest.Outbox(t, w.db, "aide@opco.example") {
				if l.Kind == portique.LetterOperatorAlert && l.Data["what"] == store.AlertSignIns {
					n++
				}
			}
			return n
		}

		spent(portique.BudgetSignInSource, address.String())
		if n := spray("throttle.source", func(int) string { return address.String() }); n != left || alerts() != 0 {
			t.Errorf("from one address: %d looked at, %d alerts", n, alerts())
		}
		w.watch.Forward(time.Hour)

		spent(portique.BudgetSignInAll)
		everywhere := func(int) string {
			address = address.Next()
			return address.String()
		}
		for round := range 2 {
			want := left
			if round > 0 {
				want = 0
			}
			if n := spray("throttle.all", everywhere); n != want || alerts() != 1 {
				t.Errorf("from many addresses: %d looked at, %d alerts", n, alerts())
			}
			w.in(func(f *session.SignInForm) { f.Known = home.Known })
			w.watch.Forward(30 * time.Minute)
		}

		// An hour later it is over for everybody.
		if _, err := w.signIn(); err != nil {
			t.Errorf("the next hour: %v", err)
		}
	})
}
