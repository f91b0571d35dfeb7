package e2e

import (
	"fmt"
	"testing"

	"portique/internal/web/accessibility"
)

// The same walk in Chromium, as people see it: once as the browser comes, once without JavaScript, on both engines.
func TestWalkInChromium(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		members := app.Import(t, 1000)
		tool := app.NewTool(t, "formation", "Demandes de formation")
		for i, way := range []struct {
			name    string
			options []ChromeOption
		}{{"script", []ChromeOption{WithAxe}}, {string(accessibility.NoScript), []ChromeOption{NoScript}}} {
			t.Run(way.name, func(t *testing.T) {
				c := app.Chrome(t, way.options...)
				walk(t, app, c, members[i], tool, Person{"Marie", "Kerouanton", fmt.Sprintf("marie.%d@boutique.example", i)}, func(page string) {
					for _, width := range []int64{320, 800} { // a phone; a tablet, where tables are squeezed most
						if over := c.Overflow(width); over > 0 {
							t.Errorf("%s: the page %s is %d px wider than a screen of %d px", accessibility.Narrow, page, over, width)
						}
					}
					if app.Engine == "sqlite" { // the pages are the same on both engines; looking at them once is enough
						c.Accessible()
					}
				})
			})
		}
	})
}

// walk goes through the guide in Chromium and calls look on each page. It presses by address, not by words, so that it walks in every
// language.
func walk(t *testing.T, app *App, c *Chrome, shop Member, tool *Tool, p Person, look func(page string)) {
	at := func(page string) {
		t.Helper()
		c.At(page)
		look(page)
	}
	// An account.
	c.Open("/")
	at("welcome")
	c.Take("/register")
	at("register")
	c.Fill("email", p.Email)
	c.Fill("email_confirmation", p.Email)
	c.Fill("password", Password)
	c.Fill("password_confirmation", Password)
	c.Fill("first_name", p.First)
	c.Fill("last_name", p.Last)
	c.Submit("/register")
	at("register-sent")
	c.Open(app.Mail.Wait(t, p.Email, "").Link(t, "/validate"))
	at("validate")
	c.Submit("/validate")
	at("validated")
	c.Take("/session/start")
	at("login")
	c.Fill("email", p.Email)
	c.Fill("password", Password)
	c.Submit("/login")

	// A company.
	at("companies-add")
	c.Fill("siren", shop.SIREN)
	c.Fill("member_code", shop.Code)
	c.Submit("/companies/add")
	at("activated")
	c.Take("/tools")
	at("tools")

	// A tool, in one press.
	c.Take(tool.URL)
	c.At("tool")
	if v := tool.Last(); v.UserInfo["email"] != p.Email || v.Company("siren") != shop.SIREN {
		t.Errorf("the tool was told %v", v.UserInfo)
	}

	// It asks first, is answered, and the answer is taken back.
	c.Open(tool.URL + "/?prompt=consent")
	at("consent")
	c.Submit("/oauth/consent")
	c.At("tool")
	c.Open("/tools")
	c.Take("/account/consents")
	at("account-consents")
	c.Submit("/account/consents/" + tool.ID + "/withdraw")
	at("account-consents")

	// Somebody asks, and is let in.
	paul := Person{"Paul", "Besson", "paul." + p.Email}
	app.Create(t, paul)
	asking := app.SignIn(t, paul)
	asking.Attach(shop)
	request := app.Pending(t, shop.SIREN, paul)
	c.Open("/companies/" + shop.SIREN + "/users")
	at("users")
	c.Submit("/requests/" + request.ID + "/accept")
	c.Sees(paul.First)
	until(t, "the access", func() bool { return app.Membership(t, shop.SIREN, paul).Status == "active" })
	asking.Open("/")
	asking.At("tools")

	// And out.
	c.Open("/tools")
	c.At("tools")
	c.SignOut()
	at("signed-out")
	c.Open("/")
	c.At("welcome")
}
