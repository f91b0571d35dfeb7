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
	c := app.Chrome(t, WithAxe)
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
	c.byKeyboard([]stop{
		{at: "welcome", to: `main a[href*="/session/start"]`, keys: enter},
		{at: "login", to: `[name=email]`, keys: []string{Marie.Email}},
		{to: `[name=password]`, keys: []string{Password, kb.Enter}},
		{at: "companies-add", to: `[name=siren]`, keys: []string{shop.SIREN}},
		{to: `[name=member_code]`, keys: []string{shop.Code}},
		{to: `form[action="/companies/add"] button`, keys: enter},
		{at: "activated", to: `main a[href*="/tools"]`, keys: enter},
		{at: "tools", to: `.menu a[href$="/users"]`, keys: enter},
		{at: "users", to: `.account summary`, keys: enter},
		{to: `#sign-out`, keys: enter},
		{at: "signed-out"},
	}, look)
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

// The administrator's page by the keyboard alone: somebody who asks is let in, gets another role, and goes. What the page itself looks
// like in these states is the gallery's.
func TestAdministrationByKeyboard(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	shop := app.Import(t, 5)[0]
	app.Create(t, Marie)
	app.Create(t, Paul)
	app.SignIn(t, Marie).Attach(shop)
	app.Confirm(t, shop)
	app.SignIn(t, Paul).Attach(shop)
	request := app.Pending(t, shop.SIREN, Paul)

	c := app.Chrome(t)
	c.Open("/session/start")
	c.byKeyboard([]stop{
		{at: "login", to: `[name=email]`, keys: []string{Marie.Email}},
		{to: `[name=password]`, keys: []string{Password, kb.Enter}},
		{at: "tools", to: `.menu a[href$="/users"]`, keys: enter},
		// An arrow goes from the role that is ticked to the next, and back.
		{at: "users", to: `#request-` + request.ID + ` form[action$="/accept"] summary`, keys: enter},
		{to: `#request-` + request.ID + ` [name=role]:checked`, keys: []string{kb.ArrowDown, kb.ArrowUp}},
		{to: `form[action$="/` + request.ID + `/accept"] button`, keys: enter},
	}, c.At)
	c.Sees("Paul Besson a maintenant accès")
	paul := app.Membership(t, shop.SIREN, Paul)
	if paul.Role != "member" || paul.Status != "active" {
		t.Fatalf("accepted, Paul is %+v", paul)
	}

	row := `[data-user="` + paul.ID + `"] `
	c.byKeyboard([]stop{
		{at: "users", to: row + `summary`, keys: enter},
		{to: row + `[name=role]:checked`, keys: []string{kb.ArrowDown, kb.ArrowDown}},
		{to: row + `form[action$="/role"] button`, keys: enter},
	}, c.At)
	c.Sees("Le rôle de Paul Besson est changé : Déclarant.")
	if paul = app.Membership(t, shop.SIREN, Paul); paul.Role != "declarant" {
		t.Fatalf("with another role, Paul is %+v", paul)
	}

	remove := `form[action$="/` + paul.ID + `/remove"] button`
	c.byKeyboard([]stop{
		{at: "users", to: row + `a[href$="/remove"]`, keys: enter},
		{at: "users", to: remove, keys: enter},
	}, c.At)
	c.Sees("L'accès de Paul Besson est retiré.")
	if m := app.Membership(t, shop.SIREN, Paul); m.Status == "active" {
		t.Errorf("removed, Paul is %+v", m)
	}
}

// A box that is open over the page, on the narrowest screen: the focus that leaves it is not under it, with scripts or without.
func TestBoxesByKeyboard(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	app.Create(t, Marie)
	shops := app.Import(t, 2) // one company has no box to choose another
	for _, shop := range shops {
		app.SignIn(t, Marie).Attach(shop)
	}
	for name, options := range map[string][]ChromeOption{"with scripts": nil, "without": {NoScript}} {
		c := app.Chrome(t, options...)
		c.Look(Look{320, "light"})
		shown := func(what string, want bool) {
			t.Helper()
			var height float64
			c.run("measuring the box", chromedp.Evaluate(`document.querySelector(".account .pop-box").getBoundingClientRect().height`, &height))
			if (height > 0) != want {
				t.Errorf("%s, %s: the box is %v px high", name, what, height)
			}
		}
		c.Open("/session/start")
		c.Fill("email", Marie.Email)
		c.Fill("password", Password)
		c.Submit("/login")
		c.At("tools")
		c.tabTo(`.account summary`)
		c.keys(kb.Enter)
		shown("opened", true)
		c.tabTo(`#sign-out`)
		shown("inside", true)
		c.tabTo(`.menu a[href*="/add"]`)
		shown("beyond", false)
		var open bool
		c.ask(`document.querySelector(".account").open`, &open)
		if open != (name == "without") { // a script also says so to who cannot see it
			t.Errorf("%s, beyond: open %v", name, open)
		}
		c.Open("/companies/" + shops[0].SIREN + "/users")
		c.tabTo(`.in-use summary`)
		c.keys(kb.Enter)
		c.tabTo(`.in-use .pop-box a[aria-current]`)
		c.tabTo(`.menu a[aria-current]`)
	}
}

// stop is one stop of a walk by keyboard: the page where it is, unless that has not changed, what the focus goes to, and what is typed
// there.
type stop struct {
	at, to string
	keys   []string
}

var enter = []string{kb.Enter}

// byKeyboard walks from stop to stop by Tab alone and calls arrived on each page.
func (c *Chrome) byKeyboard(walk []stop, arrived func(page string)) {
	c.t.Helper()
	for _, s := range walk {
		if s.at != "" {
			arrived(s.at)
		}
		if s.to != "" {
			c.tabTo(s.to)
			c.keys(s.keys...)
		}
	}
}

// keys types on the keyboard, wherever the focus is.
func (c *Chrome) keys(keys ...string) {
	c.t.Helper()
	for _, k := range keys {
		c.run("typing", chromedp.KeyEvent(k))
	}
}

// tabTo presses Tab until the focus is on what a selector names. On its way the focus is always drawn, on the screen, and nothing lies
// over all of it.
func (c *Chrome) tabTo(selector string) {
	c.t.Helper()
	for range 60 {
		c.keys(kb.Tab)
		var at struct {
			There, Drawn, OnScreen, Covered bool
			What                            string
		}
		c.run("looking for the focus", chromedp.Evaluate(`(() => {
			const e = document.activeElement, r = e.getBoundingClientRect()
			const drawn = s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0
			return {
				there: e.matches(`+"`"+selector+"`"+`),
				drawn: e === document.body || drawn(getComputedStyle(e)) || drawn(getComputedStyle(e, "::after")),
				onScreen: e === document.body || r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth,
				covered: e !== document.body && ![.1, .5, .9].some(x => [.1, .5, .9].some(y => {
					const hit = document.elementFromPoint(r.left + x * r.width, r.top + y * r.height)
					return !hit || e.contains(hit) || hit.contains(e)
				})),
				what: e.outerHTML.slice(0, 200),
			}
		})()`, &at))
		if !at.Drawn || !at.OnScreen || at.Covered {
			c.t.Errorf("%s at %s: the focus is not seen (drawn %v, on the screen %v, covered %v) on %s", accessibility.Keyboard, c.Location(), at.Drawn, at.OnScreen,
				at.Covered, at.What)
		}
		if at.There {
			return
		}
	}
	c.fail("%s: no way to %s", accessibility.Keyboard, selector)
}
