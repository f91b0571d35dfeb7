package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The example of docs/tools.md, built and run as the document says: it signs somebody in, says for which company, and is told of the
// sign-out.
func TestExampleTool(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	shop := app.Import(t, 2)[0]
	app.Create(t, Marie)
	marie := app.SignIn(t, Marie)
	marie.Attach(shop)

	program := filepath.Join(t.TempDir(), "tool")
	if out, err := exec.Command("go", "build", "-o", program, "../examples/tool").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	address := fmt.Sprintf("http://localhost:%d", freePorts(t, 1)[0])
	var added struct {
		ClientSecret string `json:"client_secret"`
	}
	app.JSON(t, &added, "tool", "add", "paie", "--name", "Paie", "--url", address+"/", "--redirect-uri", address+"/callback",
		"--backchannel-logout-uri", address+"/signed-out")
	tool := exec.Command(program)
	tool.Env = append(os.Environ(), "ISSUER="+app.Auth, "CLIENT_ID=paie", "CLIENT_SECRET="+added.ClientSecret, "URL="+address)
	said := new(lockedBuffer)
	tool.Stdout, tool.Stderr = said, said
	if err := tool.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = tool.Process.Kill()
		_ = tool.Wait()
		if t.Failed() {
			t.Logf("the tool said:\n%s", said.String())
		}
	})
	client := &http.Client{Timeout: time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	until(t, "the tool", func() bool {
		response, err := client.Get(address)
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	marie.Open(address)
	if p := marie.At("tool"); !p.Has(Marie.Email) || !p.Has(shop.SIREN) || !p.Has("administrator") {
		t.Errorf("the tool shows: %s", p.Text())
	}
	marie.Open(app.Portal + "/tools")
	marie.Submit("/session/end", nil)
	until(t, "the tool has closed", func() bool {
		marie.Go(address)
		return marie.Page().Main() != "tool"
	})
}
