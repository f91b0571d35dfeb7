package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"golang.org/x/net/html"

	"portique/internal/web/accessibility"
)

// Demo starts `portique demo`, waits until it answers and stops it when the test ends. Only Portal and Auth of what is returned count.
func Demo(t *testing.T) *App {
	t.Helper()
	port := freePorts(t, 8)[0]
	a := &App{Engine: "sqlite", Portal: "http://localhost:" + strconv.Itoa(port), Auth: "http://localhost:" + strconv.Itoa(port+1), dir: t.TempDir(), log: new(lockedBuffer)}
	c := exec.Command(binary(t), "demo", "--port", strconv.Itoa(port))
	c.Dir, c.Stdout, c.Stderr = a.dir, a.log, a.log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	a.server = c
	exited := make(chan struct{})
	a.exited = exited
	go func() { _ = c.Wait(); close(exited) }()
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGINT)
		select {
		case <-exited:
		case <-time.After(15 * time.Second):
			_ = c.Process.Kill()
			t.Error("the demo did not stop")
		}
		if t.Failed() {
			t.Logf("the demo said:\n%s", tail(a.log.String(), 4000))
		}
	})
	until(t, "the demo", func() bool {
		status, err := a.health("/readyz")
		return err == nil && status == http.StatusOK
	})
	return a
}

// fetched is what a page costs a browser that has nothing yet.
type fetched struct {
	status int
	header http.Header
	body   []byte
	weight int // bytes on the wire, compressed
}

func fetch(t *testing.T, address string) fetched {
	t.Helper()
	get := func(accept string) (*http.Response, []byte) {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", accept)
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, b
	}
	_, small := get("gzip")
	answer, b := get("identity")
	return fetched{answer.StatusCode, answer.Header, b, len(small)}
}

// hrefs returns the links of a page that lead below a path.
func hrefs(t *testing.T, page []byte, below string) []string {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for n := range root.Descendants() {
		if href := attr(n, "href"); n.Data == "a" && strings.HasPrefix(href, below) {
			found = append(found, href)
		}
	}
	return found
}

// The gallery in every state and both languages: axe and no overflow at the width of a phone, of a tablet and of a desk, in the light
// and in the dark, nothing that moves while the page loads, and no page heavier than 30 kB with all it needs.
//
// In CI axe looks at each state once in each language, so that both widths and both schemes have been seen; with PORTIQUE_TEST_LONG in
// all four looks.
// With PORTIQUE_TEST_SCREENSHOTS the pictures are left in that folder; PORTIQUE_TEST_GALLERY is a pattern that keeps some states only.
func TestGallery(t *testing.T) {
	t.Parallel()
	app := Demo(t)
	folder, only := os.Getenv("PORTIQUE_TEST_SCREENSHOTS"), regexp.MustCompile(os.Getenv("PORTIQUE_TEST_GALLERY"))
	type stop struct {
		language, path string
		looks          []Look
	}
	var stops []stop
	assets := map[string]int{}
	for _, language := range []string{"fr", "en"} {
		list := fetch(t, app.Portal+"/dev/pages/"+language)
		pages := append([]string{"/dev/pages/" + language}, hrefs(t, list.body, "/dev/pages/"+language+"/")...)
		if len(pages) < 100 {
			t.Fatalf("only %d pages in the gallery", len(pages))
		}
		for k, address := range pages {
			if strings.Contains(address, "as=text") || !only.MatchString(address) {
				continue
			}
			page := fetch(t, app.Portal+address)
			if page.status != http.StatusOK {
				t.Errorf("%s: %d", address, page.status)
			}
			weight := page.weight
			for _, asset := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(string(page.body), -1) {
				if assets[asset[1]] == 0 {
					assets[asset[1]] = fetch(t, app.Portal+asset[1]).weight
				}
				weight += assets[asset[1]]
			}
			if weight > 30_000 {
				t.Errorf("%s weighs %d bytes", address, weight)
			}
			// In French on a phone by day and in English on a desk by night, and the next state the other way round.
			looks := []Look{{320, "light"}, {1280, "dark"}, {320, "dark"}, {1280, "light"}}
			if at := len(stops) % 2; language == "fr" {
				looks[0], looks[2*at] = looks[2*at], looks[0]
			} else {
				looks[0], looks[1+2*at] = looks[1+2*at], looks[0]
			}
			if strings.Contains(address, "/letters/") && !Long() && (k/2%2 == 0) == (language == "fr") {
				looks = looks[:0] // letters have one frame: every other one is enough in each language
			}
			stops = append(stops, stop{language, address, looks})
		}
	}

	const tabs = 2
	for tab := range tabs {
		t.Run(fmt.Sprintf("tab %d", tab+1), func(t *testing.T) {
			t.Parallel()
			c := app.Chrome(t, WithAxe)
			for i := tab; i < len(stops); i += tabs {
				s := stops[i]
				if len(s.looks) > 0 {
					c.Look(s.looks[0])
				}
				if c.noScript = strings.HasSuffix(s.path, "/form-post"); c.noScript {
					c.run("no script, that would send it", emulation.SetScriptExecutionDisabled(true))
				}
				c.Open(s.path)
				if !c.noScript { // nothing is counted without
					if shift := c.Shift(); shift > 0.02 { // what a footer moves while the page above it arrives; browsers call 0.1 good
						t.Errorf("%s moves while it loads: %g", s.path, shift)
					}
				}
				for i, l := range s.looks {
					if i > 0 && !Long() {
						break
					}
					if i > 0 {
						c.Look(l)
					}
					if folder != "" {
						c.picture(filepath.Join(folder, strings.Join([]string{path.Base(s.path), s.language, strconv.FormatInt(l.width, 10), l.scheme, "png"}, ".")))
					}
					if strings.Contains(s.path, "/letters/") {
						c.AccessibleLetter()
					} else {
						c.Accessible()
					}
				}
				if c.noScript {
					c.run("scripts again", emulation.SetScriptExecutionDisabled(false))
					c.noScript = false
				}
				for _, width := range []int64{320, 1024, 1280} {
					c.Look(Look{width, "light"})
					if over := c.overflow(); over > 0 {
						t.Errorf("%s is %d px wider than a screen of %d px", s.path, over, width)
					}
				}
			}
		})
	}
}

// What the Nu checker says of every page in every state and of every letter: of pages nothing, not even a warning; of letters no
// error, since mail programs want what it calls obsolete.
func TestMarkup(t *testing.T) {
	t.Parallel()
	nu := os.Getenv("PORTIQUE_TEST_NU")
	if nu == "" {
		nu = filepath.Join("..", ".tools", "node_modules", "vnu-jar", "build", "dist", "vnu.jar")
	}
	if _, err := os.Stat(nu); err != nil {
		skip(t, "no Nu checker: make test fetches it, or PORTIQUE_TEST_NU names its vnu.jar")
	}
	if _, err := exec.LookPath("java"); err != nil {
		skip(t, "no java: on Debian apt-get install default-jre-headless")
	}
	app := Demo(t)
	folder := t.TempDir()
	for _, language := range []string{"fr", "en"} {
		list := fetch(t, app.Portal+"/dev/pages/"+language)
		for _, address := range append([]string{"/dev/pages/" + language}, hrefs(t, list.body, "/dev/pages/"+language+"/")...) {
			if strings.Contains(address, "as=text") {
				continue
			}
			kind := "page"
			if strings.Contains(address, "/letters/") {
				kind = "letter"
			}
			name := filepath.Join(folder, strings.Join([]string{kind, language, path.Base(address), "html"}, "."))
			if err := os.WriteFile(name, fetch(t, app.Portal+address).body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	var told bytes.Buffer
	c := exec.Command("java", "-jar", nu, "--format", "json", "--exit-zero-always", folder)
	c.Stderr = &told
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, tail(told.String(), 1000))
	}
	var found struct {
		Messages []struct{ Type, Message, URL, Extract string }
	}
	if err := json.Unmarshal(told.Bytes(), &found); err != nil {
		t.Fatalf("%v: %s", err, tail(told.String(), 1000))
	}
	for _, m := range found.Messages {
		if name := path.Base(m.URL); m.Type != "info" || strings.HasPrefix(name, "page.") {
			t.Errorf("%s, %s: %s: %s", accessibility.Markup, name, m.Message, m.Extract)
		}
	}
}
