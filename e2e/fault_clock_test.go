package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The clock jumps forward and back. A session that was seen to have run out stays so, nothing breaks, and letters leave all the while.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	EachEngine(t, func(t *testing.T, app *App) {
		app.Create(t, Marie)
		app.Create(t, Paul)
		shop := app.Import(t, 1)[0]
		marie, paul := app.SignIn(t, Marie), app.SignIn(t, Paul)
		marie.Attach(shop)
		for _, jump := range []time.Duration{36 * time.Hour, -36 * time.Hour, -2 * time.Hour, 2 * time.Hour} {
			app.Advance(t, jump)
			marie.Open("/companies")
			if marie.Page().Main() == "companies" {
				t.Errorf("after a jump of %s, a session that had run out counts again", jump)
			}
			email := "zoe." + strings.ReplaceAll(jump.String(), "-", "moins") + "@sauts.example"
			zoe := app.signUp(t, email)
			zoe.Open(app.Mail.Wait(t, email, "Validation").Link(t, "/validate"))
			zoe.Submit("/validate", nil)
			zoe.At("validated")
		}
		// Nobody had looked at Paul's session while it had run out: with the clock right again it counts, as if nothing had happened.
		if p := paul.Open("/companies/add"); p.Status != http.StatusOK {
			t.Errorf("%s", p)
		}
		if strings.Contains(app.Log(), `"panic"`) {
			t.Error("a panic")
		}
	})
}
