package e2e

import (
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Relying parties that other people wrote: what two libraries of ours would both get wrong, one
// of theirs refuses. Those that are programs of their own are the very files that docs/tools.md tells to run.
func TestRelyingParties(t *testing.T) {
	t.Parallel()
	for name, party := range map[string]func(*testing.T, *App, Members){"Apache": apacheParty, "Node": nodeTool, "openid-client": nodeParty, "Go": goParties} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Each with an installation of its own: the tools that another one adds would come between two claims that must be the same.
			app := Start(t, "sqlite")
			app.Create(t, Marie)
			shops := app.Import(t, 2)
			for _, shop := range shops {
				app.Run(t, "", "membership", "grant", "--email", Marie.Email, "--siren", shop.SIREN, "--role", "administrator", "--reason", "essai")
			}
			party(t, app, shops)
		})
	}
}

// aSecond is how long the server may take to see what another command has changed.
const aSecond = 1100 * time.Millisecond

// registered adds a tool and returns its secret. Each option is one more argument of `portique tool add`.
func (a *App) registered(t *testing.T, id, address string, options ...string) string {
	t.Helper()
	var added struct {
		ClientSecret string `json:"client_secret"`
	}
	a.JSON(t, &added, append([]string{"tool", "add", id, "--name", id, "--url", address + "/", "--redirect-uri", address + "/callback"}, options...)...)
	return added.ClientSecret
}

// opens starts a program and returns once something listens on a port of this machine. The program ends with the test.
func opens(t *testing.T, c *exec.Cmd, port int) {
	t.Helper()
	said := new(lockedBuffer)
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = c.Wait(); close(exited) }()
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		<-exited
		if t.Failed() {
			t.Logf("%s said:\n%s", c.Path, tail(said.String(), 8000))
		}
	})
	until(t, c.Path, func() bool {
		select {
		case <-exited:
			t.Fatalf("%s ended: %v", c.Path, c.ProcessState)
		default:
		}
		l, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			l.Close()
		}
		return err == nil
	})
}
