package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"portique/internal/web/accessibility"
)

// Chrome is one person's Chromium, without a window. It reaches this machine only. Whatever the pages complain about in the console,
// a refused script or a blocked form for instance, fails the test, and so does a page that asks for anything elsewhere.
type Chrome struct {
	t   *testing.T
	app *App
	ctx context.Context

	noScript bool

	mu         sync.Mutex
	complaints []string
	asked      []string // every address that a page asked for
}

// ChromeOption changes how a Chromium is started.
type ChromeOption func(*chromeOptions)

type chromeOptions struct {
	noScript, axe bool
	language      string
	width, height int64
}

// NoScript starts a Chromium in which pages run no JavaScript.
func NoScript(o *chromeOptions) { o.noScript = true }

// WithAxe brings axe to every page as it loads, for a walk that calls Accessible on each: carried there by hand, its half a million
// bytes would be read anew each time.
func WithAxe(o *chromeOptions) { o.axe = true }

// Speaking sets the languages the browser asks for, as in Accept-Language.
func Speaking(language string) ChromeOption { return func(o *chromeOptions) { o.language = language } }

// Chrome starts a Chromium with a profile of its own, stopped when the test ends.
func (a *App) Chrome(t *testing.T, options ...ChromeOption) *Chrome {
	t.Helper()
	o := chromeOptions{language: "fr-FR,fr", width: 1280, height: 900}
	for _, set := range options {
		set(&o)
	}
	path := os.Getenv("PORTIQUE_TEST_CHROMIUM")
	if path == "" {
		var err error
		if path, err = exec.LookPath("chromium-headless-shell"); err != nil {
			path, err = exec.LookPath("chromium")
		}
		if err != nil {
			skip(t, "no Chromium: on Debian apt-get install chromium, or PORTIQUE_TEST_CHROMIUM names one")
		}
	}
	var script string
	if o.axe && !o.noScript {
		script = axe(t) // before there is a browser: one that never ran does not stop
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("js-flags", "--no-opt"), // each page is looked at once: what is optimised would not be used again
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"),
		chromedp.WSURLReadTimeout(40*time.Second),
	)
	ctx, closeTab := chromedp.NewContext(allocator)
	c := &Chrome{t: t, app: a, ctx: ctx, noScript: o.noScript}
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		closeTab()
		stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, complaint := range c.complaints {
			t.Errorf("Chromium's console: %s", complaint)
		}
	})
	chromedp.ListenTarget(ctx, c.listen)
	actions := []chromedp.Action{
		network.Enable(), cdplog.Enable(), page.Enable(),
		emulation.SetUserAgentOverride("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36").WithAcceptLanguage(o.language),
		chromedp.EmulateViewport(o.width, o.height),
	}
	if o.noScript {
		actions = append(actions, emulation.SetScriptExecutionDisabled(true))
	} else if o.axe {
		actions = append(actions, chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
			return err
		}))
	}
	// The first run starts the browser, and must not carry a time limit: the limit would end the browser with it.
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return c
}

// listen keeps what the console complains about. A page that answers 4xx on purpose is no complaint.
func (c *Chrome) listen(event any) {
	var complaint string
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		c.mu.Lock()
		c.asked = append(c.asked, e.Request.URL)
		c.mu.Unlock()
		if u, err := url.Parse(e.Request.URL); err == nil && strings.HasPrefix(u.Scheme, "http") && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
			complaint = "asked of another host: " + e.Request.URL
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.LevelError && e.Entry.Source != cdplog.SourceNetwork {
			complaint = fmt.Sprintf("%s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Error()
	}
	if complaint != "" {
		c.mu.Lock()
		c.complaints = append(c.complaints, complaint)
		c.mu.Unlock()
	}
}

// forgive takes one complaint that contains some words away, and tells whether there was one: the refusal that a test wants.
func (c *Chrome) forgive(words string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, complaint := range c.complaints {
		if strings.Contains(complaint, words) {
			c.complaints = append(c.complaints[:i], c.complaints[i+1:]...)
			return true
		}
	}
	return false
}

// run does something in the browser within a time a patient person would wait.
func (c *Chrome) run(what string, actions ...chromedp.Action) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		c.fail("%s: %v", what, err)
	}
}

// read is run for what only looks at a page, which looks again when the page was left meanwhile: after a press, the one in front may
// still be the one before.
func (c *Chrome) read(what string, actions ...chromedp.Action) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	var err error
	for ctx.Err() == nil {
		if err = chromedp.Run(ctx, actions...); err == nil {
			return
		}
		var protocol *cdproto.Error
		if !errors.As(err, &protocol) || protocol.Code != -32000 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.fail("%s: %v", what, err)
}

// fail ends the test with a picture of what the person had in front of them.
func (c *Chrome) fail(format string, args ...any) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Second)
	defer cancel()
	var where, title, words string
	var picture []byte
	_ = chromedp.Run(ctx, chromedp.Location(&where), chromedp.Title(&title),
		chromedp.Evaluate(`document.body ? document.body.innerText : ""`, &words), chromedp.FullScreenshot(&picture, 80))
	saved := "no picture"
	if file, err := os.CreateTemp("", "portique-failure-*.jpeg"); err == nil && len(picture) > 0 {
		_, _ = file.Write(picture)
		_ = file.Close()
		saved = file.Name()
	}
	c.t.Fatalf("%s\nat %s (%s), picture: %s\n%s", fmt.Sprintf(format, args...), where, title, saved, tail(words, 1500))
}

// Open types an address; a path alone is one of the portal's.
func (c *Chrome) Open(address string) {
	c.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = c.app.Portal + address
	}
	c.run("opening "+address, chromedp.Navigate(address))
}

// At waits until the page with a data-page is in front of the person.
func (c *Chrome) At(page string) {
	c.t.Helper()
	c.run("waiting for the page "+page, chromedp.WaitVisible(fmt.Sprintf(`body:not(:has(form[aria-busy])) main[data-page=%q]`, page), chromedp.ByQuery))
}

// Fill types a value into the field of that name in the main part, over what is there.
func (c *Chrome) Fill(field, value string) {
	c.t.Helper()
	at := fmt.Sprintf(`main [name=%q]`, field)
	c.run("filling "+field, chromedp.WaitVisible(at, chromedp.ByQuery), chromedp.Clear(at, chromedp.ByQuery), chromedp.SendKeys(at, value, chromedp.ByQuery))
}

// Tick presses a checkbox or a radio button by its name and value. The press lands on its label, where people press.
func (c *Chrome) Tick(field, value string) {
	c.t.Helper()
	c.press(fmt.Sprintf(`//main//input[@name=%s and @value=%s]`, quoted(field), quoted(value)))
}

// Choose takes a value in a list.
func (c *Chrome) Choose(field, value string) {
	c.t.Helper()
	at := fmt.Sprintf(`main select[name=%q]`, field)
	c.run("choosing "+value, chromedp.SetValue(at, value, chromedp.ByQuery))
}

// Press presses the first button or link that reads as given, or else contains it.
func (c *Chrome) Press(words string) { c.t.Helper(); c.PressIn("", words) }

// PressIn is Press inside the part of the page that an XPath expression names.
func (c *Chrome) PressIn(part, words string) {
	c.t.Helper()
	const pressable = `//*[self::a or self::button or self::summary]`
	reads := `translate(normalize-space(.), "’  ", "'  ")`
	exact := fmt.Sprintf(`%s%s[%s=%s]`, part, pressable, reads, quoted(Plain(words)))
	loose := fmt.Sprintf(`%s%s[contains(%s, %s)][not(%s)]`, part, pressable, reads, quoted(Plain(words)), exact)
	c.press(fmt.Sprintf(`(%s | %s)[1]`, exact, loose))
}

// Submit presses the first button of the form that posts to a path ending as given, and Take the first link that leads to one: for
// walks that must not depend on the language.
func (c *Chrome) Submit(action string) {
	c.t.Helper()
	a := quoted(action)
	c.press(fmt.Sprintf(`(//form[substring(@action, string-length(@action) - string-length(%s) + 1) = %s]//button[not(@type="button")])[1]`, a, a))
}

// Take presses the first visible link of the main part whose address contains a path.
func (c *Chrome) Take(path string) {
	c.t.Helper()
	c.press(fmt.Sprintf(`(//main//a[contains(@href, %s)])[1]`, quoted(path)))
}

// SignOut opens the menu of the account and presses the way out.
func (c *Chrome) SignOut() {
	c.t.Helper()
	c.press(`(//details[.//form[contains(@action, "/session/end")]]/summary)[1]`)
	c.Submit("/session/end")
}

func (c *Chrome) press(xpath string) {
	c.t.Helper()
	c.run("pressing "+xpath, chromedp.Click(xpath, chromedp.BySearch, chromedp.NodeVisible))
}

// Has tells whether the page says something, typography aside.
func (c *Chrome) Has(words string) bool {
	c.t.Helper()
	return strings.Contains(c.Text(), Plain(words))
}

// Sees waits until the page says something: after a press, the page in front may still be the one before.
func (c *Chrome) Sees(words string) {
	c.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !c.Has(words); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.fail("the page does not say %q", words)
		}
	}
}

// Text returns the words of the page.
func (c *Chrome) Text() string {
	c.t.Helper()
	var words string
	c.read("reading", chromedp.Evaluate(`document.body ? document.body.innerText : ""`, &words))
	return Plain(words)
}

// Back presses the browser's way back, and waits for the page.
func (c *Chrome) Back() {
	c.t.Helper()
	c.run("going back", chromedp.NavigateBack())
}

// Location returns the address of the page.
func (c *Chrome) Location() string {
	c.t.Helper()
	var where string
	c.read("reading the address", chromedp.Location(&where))
	return where
}

// Screenshot saves the whole page as a PNG, at a width in CSS pixels.
func (c *Chrome) Screenshot(path string, width int64) {
	c.t.Helper()
	var picture []byte
	// Quality 100 asks for PNG. The page is laid out again at the width before its height is measured.
	c.run("a picture", chromedp.EmulateViewport(width, 800), chromedp.Sleep(100*time.Millisecond), chromedp.FullScreenshot(&picture, 100))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		c.t.Fatal(err)
	}
	c.run("the usual width again", chromedp.EmulateViewport(1280, 900))
}

// Look is a width of the screen, in CSS pixels, and a scheme of colours, "light" or "dark".
type Look struct {
	width  int64
	scheme string
}

// Look changes the screen, for the page in front of the person and those that follow.
func (c *Chrome) Look(l Look) {
	c.t.Helper()
	c.run("a look", chromedp.EmulateViewport(l.width, 900), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: l.scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // no colour is looked at on its way to another
	}))
}

// Shift returns how much of the page has moved since it began to load, as browsers count it; 0 is none.
func (c *Chrome) Shift() float64 {
	c.t.Helper()
	var sum float64
	const count = `new Promise(done => {
		let sum = 0
		new PerformanceObserver(list => { for (const e of list.getEntries()) sum += e.value }).observe({type: 'layout-shift', buffered: true})
		setTimeout(() => done(sum), 50) // what is buffered comes at once; a frame may never come in a window nobody sees
	})`
	c.run("what moves", chromedp.Evaluate(count, &sum, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return sum
}

// picture is Screenshot at the width that the screen has.
func (c *Chrome) picture(path string) {
	c.t.Helper()
	var picture []byte
	c.run("a picture", chromedp.FullScreenshot(&picture, 100))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// overflow is Overflow at the width that the screen has.
func (c *Chrome) overflow() int {
	c.t.Helper()
	var over int
	c.run("measuring", chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &over))
	return over
}

// Overflow returns how many CSS pixels the page is wider than a screen of a width.
func (c *Chrome) Overflow(width int64) int {
	c.t.Helper()
	var over int
	c.run("measuring", chromedp.EmulateViewport(width, 800), chromedp.Sleep(50*time.Millisecond),
		chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &over), chromedp.EmulateViewport(1280, 900))
	return over
}

// Accessible fails the test for each fault axe finds on the page in front of the person: those of WCAG 2.2 A and AA, and what axe calls
// best practice, some rules excepted.
func (c *Chrome) Accessible(except ...string) {
	c.t.Helper()
	c.axe(`"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"`, except...)
}

// AccessibleLetter is Accessible for a document that is not a page: it has no landmarks.
func (c *Chrome) AccessibleLetter() {
	c.t.Helper()
	c.axe(`"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"`)
}

func (c *Chrome) axe(tags string, except ...string) {
	c.t.Helper()
	script := axe(c.t)
	var found []struct {
		ID    string `json:"id"`
		Help  string `json:"help"`
		Nodes []struct {
			Target []any  `json:"target"`
			HTML   string `json:"html"`
			Why    string `json:"failureSummary"`
		} `json:"nodes"`
	}
	// axe would wait for the media of a page and read its style sheets for the sake of one rule, about what plays by itself.
	look := `axe.run(document, {resultTypes: ["violations"], preload: !!document.querySelector("audio, video, object, embed"), runOnly: [` + tags + `]}).then(r => JSON.stringify(r.violations))`
	var there bool
	var answer string
	// Evaluated by the debugger, not by the page: its policy stays as strict as it is. axe itself needs timers, which stand still where
	// scripts are off; the page has been loaded by then, so its own scripts have missed their moment.
	c.run("axe", emulation.SetScriptExecutionDisabled(false), chromedp.Evaluate(`typeof axe == "object"`, &there))
	if !there {
		c.run("axe", chromedp.Evaluate(script+"; true", nil))
	}
	c.run("axe", chromedp.Evaluate(look, &answer, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		emulation.SetScriptExecutionDisabled(c.noScript))
	if err := json.Unmarshal([]byte(answer), &found); err != nil {
		c.t.Fatal(err)
	}
	for _, f := range found {
		if slices.Contains(except, f.ID) {
			continue
		}
		for _, n := range f.Nodes {
			c.t.Errorf("accessibility (%s) at %s: %s (%s): %v %s: %s", accessibility.Axe, c.Location(), f.Help, f.ID, n.Target, n.HTML, Plain(n.Why))
		}
	}
}

// axe returns the text of axe-core, which `make test` fetches.
func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv("PORTIQUE_TEST_AXE")
	if path == "" {
		path = filepath.Join("..", ".tools", "node_modules", "axe-core", "axe.min.js")
	}
	script, err := os.ReadFile(path)
	if err != nil {
		skip(t, "no axe-core: make test fetches it, or PORTIQUE_TEST_AXE names its axe.min.js")
	}
	return string(script)
}

// quoted writes a string as an XPath literal. XPath has no escapes, hence the two kinds of quotes.
func quoted(s string) string {
	if !strings.Contains(s, `"`) {
		return `"` + s + `"`
	}
	return `concat("` + strings.ReplaceAll(s, `"`, `", '"', "`) + `")`
}
