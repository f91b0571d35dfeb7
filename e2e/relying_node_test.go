package e2e

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// node returns a command that runs a script with openid-client and jose in reach. What it reads of its surroundings is given.
func node(ctx context.Context, t *testing.T, script string, environment ...string) *exec.Cmd {
	t.Helper()
	modules, err := filepath.Abs("../.tools/tool-node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	version, err := exec.Command("node", "--version").Output()
	if err != nil {
		skip(t, "no node (Debian: apt-get install npm)")
	}
	if _, err := os.Stat(filepath.Join(modules, "openid-client")); err != nil {
		skip(t, "no openid-client: make test fetches it with npm")
	}
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(script)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, filepath.Base(script)), content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	args := []string{filepath.Base(script)}
	if strings.HasPrefix(string(version), "v18.") { // Debian 12's has it, behind a flag
		args = append([]string{"--experimental-global-webcrypto"}, args...)
	}
	c := exec.CommandContext(ctx, "node", args...)
	c.Dir, c.Env = dir, append(environment, "PATH="+os.Getenv("PATH"))
	return c
}

// nodeTool is the example of docs/tools.md for Node: somebody signs in from the portal's tile, changes company, signs out of the tool,
// and out of the portal.
func nodeTool(t *testing.T, app *App, shops Members) {
	port := freePorts(t, 1)[0]
	address := fmt.Sprintf("http://localhost:%d", port)
	secret := app.registered(t, "noeud", address, "--post-logout-uri", address+"/goodbye", "--backchannel-logout-uri", address+"/signed-out")
	time.Sleep(aSecond)
	opens(t, node(context.Background(), t, "../examples/tool-node/tool.mjs", "ISSUER="+app.Auth, "CLIENT_ID=noeud", "CLIENT_SECRET="+secret, "URL="+address), port)

	b := app.SignIn(t, Marie)
	enter := func(shop Member) {
		t.Helper()
		b.Open(address + "/?company_hint=" + shop.SIREN)
		if p := b.At("tool"); !p.Has(Marie.Email) || !p.Has("administrator of "+shop.Name) || !p.Has(shop.SIREN) {
			t.Errorf("the tool shows: %s", p.Text())
		}
	}
	enter(shops[0])
	enter(shops[1])
	if b.Submit("/leave", nil); b.Page().URL.String() != address+"/goodbye" {
		t.Errorf("the sign-out led to %s\n%s", b.Page(), b.trail())
	}
	b.Open(address)
	b.At("login")
	b.Login(Marie)
	enter(shops[1])
	b.Open(app.Portal + "/tools")
	b.Submit("/session/end", nil)
	until(t, "the tool has closed", func() bool {
		b.Open(address)
		return b.Page().Main() == "login"
	})
}

// nodeParty plays the person for parties/node/party.mjs: openid-client, with all that it can ask.
func nodeParty(t *testing.T, app *App, shops Members) {
	landing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") }))
	t.Cleanup(landing.Close)
	address := strings.Replace(landing.URL, "127.0.0.1", "localhost", 1)

	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: "1", Use: "sig", Algorithm: "ES256"}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	secret := app.registered(t, "node-secret", address, "--post-logout-uri", address+"/goodbye")
	app.registered(t, "node-key", address, "--alg", "RS256", "--userinfo-signed", "--auth-method", "private_key_jwt", "--jwks-file", app.File(t, "node.jwks", string(public)))
	app.registered(t, "node-public", address, "--public")
	time.Sleep(aSecond)
	settings, err := json.Marshal(map[string]any{"issuer": app.Auth, "redirect": address + "/callback", "goodbye": address + "/goodbye", "secret": secret, "key": key})
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	script := node(ctx, t, "parties/node/party.mjs", "PARTY="+string(settings))
	said := new(lockedBuffer)
	script.Stderr = said
	in, err := script.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := script.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	b := app.Browser(t)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch b.Open(lines.Text()); b.Page().Main() {
		case "login":
			if b.Login(Marie); b.Page().Main() != "choose-company" {
				break
			}
			fallthrough
		case "choose-company":
			b.Press(shops[0].Name)
		}
		fmt.Fprintln(in, b.Page().URL)
	}
	if err := script.Wait(); err != nil {
		t.Errorf("%v: %s\n%s", err, said, b.trail())
	}
}
