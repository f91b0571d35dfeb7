package oidc_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"portique"
	"portique/internal/store"
)

// A device that fetches at the moment when its person signs out, or takes back what was agreed to, gets nothing or is told.
func TestDeviceFetchesBesideTheEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		access := e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("caisse", forDevices, func(t *portique.Tool) { t.BackchannelLogoutURI, t.Consent = "https://caisse.example/out", true }))
		actor := portique.Actor{AccountID: person, Door: portique.DoorAuth}
		for i := range 40 {
			e.tx(func(tx *store.Tx) error {
				return tx.SaveConsent(person, "caisse", []string{"openid", "name", "given_name", "family_name", "locale", "updated_at", "email", "email_verified", "company"})
			})
			b := e.browser()
			b.signIn(person, "")
			a := tool.begin()
			a.allowed(b, access)
			before := e.noticesOf("caisse")
			var both sync.WaitGroup
			var p reply
			var given map[string]any
			both.Go(func() { p, given = a.poll() })
			both.Go(func() {
				time.Sleep(time.Duration(i%8) * time.Millisecond / 2)
				var err error
				if i%2 == 0 {
					err = e.sessions().SignOut(context.Background(), actor, b.sessionID)
				} else {
					_, err = e.sessions().Withdraw(context.Background(), actor, "caisse")
				}
				if err != nil {
					t.Error(err)
				}
			})
			both.Wait()
			told := e.noticesOf("caisse") - before
			switch {
			case p.status == 200 && told != 1, p.status != 200 && told != 0:
				t.Errorf("round %d: the device gets %v and %d notices", i, p, told)
			case p.status == 200:
				if status, _ := tool.userinfo(given["access_token"].(string)); status != 401 {
					t.Errorf("round %d: its token still opens: %d", i, status)
				}
			}
			if i%2 == 1 { // what an earlier round left is not told again
				if err := e.sessions().SignOut(context.Background(), actor, b.sessionID); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func (e *env) noticesOf(id string) (n int) {
	e.t.Helper()
	e.tx(func(tx *store.Tx) error {
		all, err := tx.Notices(id)
		n = len(all)
		return err
	})
	return n
}
