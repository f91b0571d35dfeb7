package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A11-04: who reads a page of the portal is told ten minutes before that the session ends, and stays in one press when it is only for
// want of use. Counting asks the server for nothing.
func TestSessionEndIsTold(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	app.Create(t, Marie)
	c := app.Chrome(t)
	c.Open("/session/start")
	c.At("login")
	c.Fill("email", Marie.Email)
	c.Fill("password", Password)
	c.Submit("/login")
	c.At("companies-add")

	// later moves the server's clock and this page's; the page looks at its own when somebody comes back to it.
	ahead := time.Duration(0)
	later := func(d time.Duration) {
		t.Helper()
		app.Advance(t, d)
		ahead += d
		c.run("the page's clock", chromedp.Evaluate(`(() => {
			const now = Date.realNow = Date.realNow || Date.now
			Date.now = () => now() + `+strconv.FormatInt(ahead.Milliseconds(), 10)+`
			dispatchEvent(new Event("focus"))
		})()`, nil))
	}
	told := func() string {
		t.Helper()
		var words string
		c.run("reading what is told", chromedp.Evaluate(`document.querySelector("[role=status].ending").innerText`, &words))
		return Plain(words)
	}
	asked := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.asked)
	}

	if words := told(); words != "" {
		t.Errorf("at once: %q", words)
	}
	c.Fill("siren", "552 100 554")
	before := asked()
	later(time.Hour + 45*time.Minute)
	if words := told(); words != "" {
		t.Errorf("a quarter of an hour before: %q", words)
	}
	later(8 * time.Minute)
	if words := told(); !strings.Contains(words, "Si vous ne faites rien, votre session prendra fin à") {
		t.Errorf("seven minutes before: %q", words)
	}
	if px := c.Overflow(320); px > 0 {
		t.Errorf("what is told is %d px wider than a phone", px)
	}
	c.Accessible()
	if n := asked() - before; n != 0 {
		t.Errorf("waiting asked the server %d times", n)
	}
	c.Press("Rester connecté")
	c.Sees("Votre session reste ouverte.")
	later(time.Hour) // an hour after its first end
	if words := told(); strings.Contains(words, "fin") {
		t.Errorf("an hour later: %q", words)
	}
	var typed string
	c.run("reading the form", chromedp.Value(`[name=siren]`, &typed))
	if typed != "552 100 554" {
		t.Errorf("what was typed became %q", typed)
	}
	c.Open("/companies/add")
	c.At("companies-add") // and not the sign-in
	ahead = 0

	// Nobody comes: it ends, and the page says what becomes of the form.
	c.Fill("siren", "552 100 554")
	later(2*time.Hour + time.Minute)
	if words := told(); !strings.Contains(words, "Votre session a pris fin") {
		t.Errorf("after the end: %q", words)
	}
	c.Fill("member_code", "00000000")
	c.Submit("/companies/add")
	c.At("error")
	c.Press("Se connecter")
	c.At("login")
	c.Fill("email", Marie.Email)
	c.Fill("password", Password)
	c.Submit("/login")
	c.At("companies-add")
	c.Sees("Ce que vous aviez saisi est là")

	// Twelve hours after the sign-in it ends whatever one does, and no press changes it.
	for range 7 {
		app.Advance(t, 100*time.Minute)
		c.Open("/companies/add")
		c.At("companies-add")
	}
	app.Advance(t, 12*time.Minute)
	c.Open("/companies/add")
	c.At("companies-add")
	if words := told(); !strings.Contains(words, "douze heures après votre connexion") || strings.Contains(words, "Rester connecté") {
		t.Errorf("at the end of the day: %q", words)
	}
	c.Accessible()
}
