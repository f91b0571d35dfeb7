package e2e

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// apacheParty is Debian's Apache with mod_auth_openidc, by the configuration of examples/apache: somebody signs in, the headers say
// who and for which company, a second tool opens by itself, the tool's sign-out leads back to it, and one elsewhere closes it.
func apacheParty(t *testing.T, app *App, shops Members) {
	const module = "/usr/lib/apache2/modules/mod_auth_openidc.so"
	program, err := exec.LookPath("apache2")
	if err != nil {
		program = "/usr/sbin/apache2" // not in everybody's PATH
	}
	for _, file := range []string{program, module} {
		if _, err := os.Stat(file); err != nil {
			skip(t, "no Apache: "+file+" is missing (Debian: apt-get install libapache2-mod-auth-openidc)")
		}
	}
	// The folder is Apache's own, and so is its user: it will not serve as root.
	dir, err := os.MkdirTemp("", "portique-apache-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.CopyFS(dir, os.DirFS("../examples/apache")); err != nil {
		t.Fatal(err)
	}
	port := freePorts(t, 1)[0]
	address := fmt.Sprintf("http://localhost:%d", port)
	secret := app.registered(t, "apache", address, "--post-logout-uri", address+"/goodbye.html", "--backchannel-logout-uri", address+"/callback?logout=backchannel")
	time.Sleep(aSecond)
	// The example's page reads variables; an application behind it reads headers.
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><main data-page="application">%s %s</main>`, html.EscapeString(strings.Join(r.Header["Oidc_claim_company"], "|")),
			html.EscapeString(strings.Join(r.Header["Oidc_claim_email"], "|")))
	}))
	t.Cleanup(application.Close)
	apache := exec.Command(program, "-d", dir, "-f", filepath.Join(dir, "portique.conf"), "-D", "FOREGROUND",
		"-c", "LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so", "-c", "LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so",
		"-c", "ProxyPass /application "+application.URL)
	apache.Env = []string{"ISSUER=" + app.Auth, "CLIENT_ID=apache", "CLIENT_SECRET=" + secret, "PASSPHRASE=sel et poivre", fmt.Sprintf("PORT=%d", port)}
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		apache.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(dir, "apache.log")); err == nil && t.Failed() {
			t.Logf("Apache's log:\n%s", tail(string(log), 8000))
		}
	})
	opens(t, apache, port)

	shows := func(b *Browser, shop Member) {
		t.Helper()
		p := b.At("tool")
		for _, words := range []string{Marie.First, Marie.Email, `"siren":"` + shop.SIREN + `"`, `"name":"` + shop.Name + `"`, `"role":"administrator"`} {
			// Versions of the module write JSON with spaces or without.
			if unspaced := strings.NewReplacer(" ", ""); !strings.Contains(unspaced.Replace(p.Text()), unspaced.Replace(Plain(words))) {
				t.Errorf("for %s Apache does not show %s: %s", shop.SIREN, words, p.Text())
			}
		}
	}
	b := app.Browser(t)
	b.Open(address + "/?company_hint=" + shops[0].SIREN)
	b.At("login")
	b.Login(Marie)
	shows(b, shops[0])
	b.Open(address + "/application")
	if p := b.At("application"); !p.Has(shops[0].SIREN) || !p.Has(shops[0].Name) || !p.Has("} "+Marie.Email) {
		t.Errorf("behind Apache, the application reads: %s", p.Text())
	}
	b.Open(address)
	shows(b, shops[0])
	// The tile of the portal for another company, and another tool: nobody asks for the password again.
	b.Open(address + "/?company_hint=" + shops[1].SIREN)
	shows(b, shops[1])
	other := app.NewTool(t, "voisin", "Voisin")
	b.Open(other.URL + "?company_hint=" + shops[0].SIREN)
	b.At("tool")

	leave := address + "/callback?logout=" + url.QueryEscape(address+"/goodbye.html")
	b.Open(leave)
	if p := b.At("goodbye"); !b.Went(app.Auth+"/oauth/logout") || p.URL.String() != address+"/goodbye.html" {
		t.Errorf("the sign-out led to %s\n%s", p, b.trail())
	}
	b.Open(address)
	b.At("login")

	b.Login(Marie)
	b.At("choose-company")
	b.Open(address + "/?company_hint=" + shops[1].SIREN)
	shows(b, shops[1])
	b.Open(app.Portal + "/tools")
	b.Submit("/session/end", nil)
	until(t, "Apache has closed", func() bool {
		b.Open(address)
		return b.Page().Main() == "login"
	})
}
