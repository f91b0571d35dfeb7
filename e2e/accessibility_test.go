package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"golang.org/x/net/html"

	"portique/internal/web/accessibility"
)

// What the page /accessibility promises and no other walk checks: a walk by keyboard, a zoom of 200 %, and the colours. The entries of
// the promises are named where they are kept; a test of their package looks for the names.
func TestAccessibilityPromises(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	shop := app.Import(t, 5)[0]
	app.Create(t, Marie)
	c := app.Chrome(t)
	seen := 0
	look := func(page string) {
		t.Helper()
		c.At(page)
		seen++
		if px := c.Overflow(640); px > 0 { // 200 % on a screen of 1280 pixels
			t.Errorf("%s: the page %s is %d px too wide", accessibility.Zoom, page, px)
		}
		for _, colours := range [][]*emulation.MediaFeature{
			{{Name: "prefers-color-scheme", Value: "light"}},
			{{Name: "prefers-color-scheme", Value: "dark"}},
			{{Name: "forced-colors", Value: "active"}, {Name: "prefers-color-scheme", Value: "dark"}},
		} {
			// Looked at once nothing is halfway between two colours any more.
			c.run("colours", emulation.SetEmulatedMedia().WithFeatures(colours), chromedp.Sleep(300*time.Millisecond))
			before := t.Failed()
			if colours[0].Name == "forced-colors" {
				c.Accessible("color-contrast") // the colours are the system's; axe takes those of our style sheet for them
			} else {
				c.Accessible()
			}
			if !before && t.Failed() {
				t.Errorf("%s: the above at %s with %s %s", accessibility.Colours, page, colours[0].Name, colours[0].Value)
			}
		}
		c.run("the usual colours", emulation.SetEmulatedMedia())
	}

	// The keyboard alone, from the sign-in to the list of tools.
	c.Open("/")
	look("welcome")
	c.tabTo(`main a[href*="/session/start"]`)
	c.keys(kb.Enter)
	look("login")
	c.tabTo(`[name=email]`)
	c.keys(Marie.Email)
	c.tabTo(`[name=password]`)
	c.keys(Password, kb.Enter)
	look("companies-add")
	c.tabTo(`[name=siren]`)
	c.keys(shop.SIREN)
	c.tabTo(`[name=member_code]`)
	c.keys(shop.Code)
	c.tabTo(`form[action="/companies/add"] button`)
	c.keys(kb.Enter)
	look("activated")
	c.tabTo(`main a[href*="/tools"]`)
	c.keys(kb.Enter)
	look("tools")
	c.tabTo(`.menu a[href$="/users"]`)
	c.keys(kb.Enter)
	look("users")
	c.tabTo(`.account summary`)
	c.keys(kb.Enter)
	c.tabTo(`#sign-out`)
	c.keys(kb.Enter)
	look("signed-out")
	if seen != 7 {
		t.Errorf("%s: %d pages were seen", accessibility.Keyboard, seen)
	}

	// The statement, at both doors, signed out and in, says what is kept and no more.
	var want []string
	for _, check := range accessibility.Checks {
		want = append(want, string(check))
	}
	c.Open(app.Auth + "/accessibility")
	look("accessibility")
	b := app.SignIn(t, Marie)
	for _, address := range []string{app.Portal + "/accessibility", app.Auth + "/accessibility"} {
		for _, p := range []*Page{app.Browser(t).Open(address), b.Open(address)} {
			var promised []string
			for n := range p.Doc.Descendants() {
				if n.Type == html.ElementNode && has(n, "data-check") {
					promised = append(promised, attr(n, "data-check"))
				}
			}
			if p.Main() != "accessibility" || !slices.Equal(promised, want) {
				t.Errorf("%s promises %v", p, promised)
			}
			for _, words := range []string{SupportEmail, "Défenseur des droits", "aucun taux de conformité au RGAA", "lecteur d'écran"} {
				if !p.Has(words) {
					t.Errorf("%s does not say %q", p, words)
				}
			}
			if !linksTo(p, "/accessibility") {
				t.Errorf("the foot of %s leads to no statement", p)
			}
		}
	}
}

func linksTo(p *Page, address string) bool {
	for n := range p.Doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "a" && attr(n, "href") == address {
			return true
		}
	}
	return false
}

// keys types on the keyboard, wherever the focus is.
func (c *Chrome) keys(keys ...string) {
	c.t.Helper()
	for _, k := range keys {
		c.run("typing", chromedp.KeyEvent(k))
	}
}

// tabTo presses Tab until the focus is on what a selector names. On its way the focus is always drawn, and on the screen.
func (c *Chrome) tabTo(selector string) {
	c.t.Helper()
	for range 60 {
		c.keys(kb.Tab)
		var at struct {
			There, Drawn, OnScreen bool
			What                   string
		}
		c.run("looking for the focus", chromedp.Evaluate(`(() => {
			const e = document.activeElement, r = e.getBoundingClientRect()
			const drawn = s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0
			return {
				there: e.matches(`+"`"+selector+"`"+`),
				drawn: e === document.body || drawn(getComputedStyle(e)) || drawn(getComputedStyle(e, "::after")),
				onScreen: e === document.body || r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth,
				what: e.outerHTML.slice(0, 200),
			}
		})()`, &at))
		if !at.Drawn || !at.OnScreen {
			c.t.Errorf("%s at %s: the focus is not seen on %s", accessibility.Keyboard, c.Location(), at.What)
		}
		if at.There {
			return
		}
	}
	c.fail("%s: no way to %s", accessibility.Keyboard, selector)
}
