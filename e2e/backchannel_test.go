package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// A sign-out from the portal, the removal of an access and a disabled account each reach the tool that was entered, by a token that
// a library of other people verifies; a tool that does not answer holds nobody up.
func TestToolsAreTold(t *testing.T) {
	t.Parallel()
	EachEngine(t, func(t *testing.T, app *App) {
		var mu sync.Mutex
		var told []string
		ears := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, r.PostFormValue("logout_token"))
		}))
		t.Cleanup(ears.Close)
		asleep := make(chan struct{})
		deaf := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-asleep }))
		t.Cleanup(deaf.Close)
		t.Cleanup(func() { close(asleep) })

		members := app.Import(t, 3)
		tool := app.NewTool(t, "paie", "Paie", "--backchannel-logout-uri", ears.URL)
		slow := app.NewTool(t, "lent", "Lent", "--backchannel-logout-uri", deaf.URL)
		app.Create(t, Marie)
		app.Run(t, "", "membership", "grant", "--email", Marie.Email, "--siren", members[0].SIREN, "--role", "administrator", "--reason", "essai")
		b := app.SignIn(t, Marie)
		enter := func() *Visit {
			b.Open(slow.URL)
			b.At("tool")
			b.Open(tool.URL)
			b.At("tool")
			return tool.Last()
		}
		expect := func(what string, v *Visit, n int) {
			t.Helper()
			until(t, what, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(told) >= n
			})
			mu.Lock()
			defer mu.Unlock()
			if len(told) != n {
				t.Fatalf("%s: told %d times in all, want %d", what, len(told), n)
			}
			token, err := tool.provider.Verifier(&oidc.Config{ClientID: tool.ID, Now: app.now}).Verify(tool.context(), told[n-1])
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			var c struct {
				Session string `json:"sid"`
			}
			if err := token.Claims(&c); err != nil || c.Session != v.IDToken["sid"] || token.Subject != v.Subject {
				t.Errorf("%s: the token is of session %q and subject %q", what, c.Session, token.Subject)
			}
		}
		v := enter()
		before := time.Now()
		b.Open(app.Portal + "/tools")
		b.Submit("/session/end", nil)
		if p := b.At("signed-out"); !strings.Contains(Plain(p.Text()), "s'ils étaient ouverts") {
			t.Errorf("the page of the sign-out: %s", p.Text())
		}
		if took := time.Since(before); took > 5*time.Second {
			t.Errorf("a tool that does not answer held the sign-out up for %s", took)
		}
		expect("a sign-out", v, 1)

		b = app.SignIn(t, Marie)
		v = enter()
		app.Run(t, "", "account", "disable", Marie.Email, "--force")
		expect("a disabled account", v, 2)
	})
}
