package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// The cases OID of the catalogue that a stranger can try from outside; internal/oidc tries the others.
func TestOpenIDCases(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	shop := app.Import(t, 2)[0]
	app.Create(t, Marie)
	tool := app.NewTool(t, "formation", "Demandes de formation")
	marie := app.SignIn(t, Marie)
	marie.Attach(shop)

	t.Run("OID-19 no connection is made", func(t *testing.T) {
		ear, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ear.Close()
		var heard atomic.Int64
		go func() {
			for {
				c, err := ear.Accept()
				if err != nil {
					return
				}
				heard.Add(1)
				c.Close()
			}
		}()
		port := ear.Addr().(*net.TCPAddr).Port
		ask := func(more url.Values) {
			t.Helper()
			q := url.Values{"client_id": {"formation"}, "redirect_uri": {tool.URL + "/callback"}, "response_type": {"code"}, "scope": {"openid"},
				"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"}, "state": {"s"}}
			for name, value := range more {
				q[name] = value
			}
			got := call(t, "GET", tool.Endpoint.AuthURL+"?"+q.Encode(), nil)
			to, err := url.Parse(got.header.Get("Location"))
			if err != nil || to.Query().Get("code") != "" || (more.Has("request") || more.Has("request_uri")) && !strings.HasSuffix(to.Query().Get("error"), "_not_supported") {
				t.Errorf("%v: %d to %s", more, got.status, to)
			}
		}
		hosts := []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0.0.0.0", "169.254.169.254", "10.0.0.1",
			"metadata.google.internal"}
		for i, host := range hosts {
			there := fmt.Sprintf("http://%s:%d/x", host, port)
			// A request object that names where its keys are (unsigned, and with a signature of nobody's).
			for _, object := range []string{"eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiIsImprdSI6Imh0dHA6Ly8xMjcuMC4wLjEvIn0.e30.AAAA"} {
				ask(url.Values{"request": {object}})
			}
			ask(url.Values{"request_uri": {there}})
			ask(url.Values{"sector_identifier_uri": {there}, "jwks_uri": {there}, "logo_uri": {there}, "initiate_login_uri": {there}})
			// Registering looks nothing up either. Only this machine's own names may be without TLS.
			id := fmt.Sprintf("oreille%d", i)
			own := host == "127.0.0.1" || host == "localhost" || host == "[::1]"
			if r := app.Try(t, "", "tool", "add", id, "--name", "Oreille", "--url", there, "--redirect-uri", there, "--post-logout-uri", there); (r.Status == 0) != own {
				t.Errorf("tool add with %s: %d %s", there, r.Status, r.Stderr)
			}
		}
		there := fmt.Sprintf("http://127.0.0.1:%d/x", port)
		for _, flag := range []string{"--logo-uri", "--sector-identifier-uri", "--initiate-login-uri"} { // there is no such thing
			if r := app.Try(t, "", "tool", "add", "absent", "--name", "Absent", "--url", tool.URL, "--redirect-uri", tool.URL+"/callback", flag, there); r.Status != 2 {
				t.Errorf("tool add %s: %d %s", flag, r.Status, r.Stderr)
			}
		}
		marie.Open("/tools") // its tiles lead to all of them
		marie.Open(app.Auth + "/oauth/logout?post_logout_redirect_uri=" + url.QueryEscape(there))
		if n := heard.Load(); n != 0 {
			t.Errorf("%d connections were made", n)
		}
	})

	t.Run("OID-33 other origins", func(t *testing.T) {
		var cookies []string
		for _, c := range marie.Cookies(app.Auth + "/") {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth/keys", "/oauth/token", "/oauth/userinfo",
			"/oauth/authorize", "/oauth/logout", "/login"} {
			for _, method := range []string{"GET", "POST", "OPTIONS"} {
				if path == "/oauth/logout" && method == "GET" {
					continue // asks a person
				}
				for _, from := range []string{"https://evil.example", "null", app.Portal} {
					got := call(t, method, app.Auth+path, nil, "Origin", from, "Cookie", strings.Join(cookies, "; "), "Access-Control-Request-Method", "POST",
						"Access-Control-Request-Headers", "authorization")
					allowed := got.header.Get("Access-Control-Allow-Origin")
					if credentials := got.header.Get("Access-Control-Allow-Credentials"); credentials != "" || allowed == from {
						t.Errorf("%s %s from %s: %q, credentials %q", method, path, from, allowed, credentials)
					}
				}
			}
		}
	})

	t.Run("OID-35 nobody but the operator says where a tool is", func(t *testing.T) {
		for _, path := range []string{"/tools", "/tools/formation", "/companies/" + shop.SIREN + "/tools", "/companies/" + shop.SIREN + "/tools/formation"} {
			marie.Post(path, Fields{"url": {"https://evil.example/"}, "id": {"formation"}, "redirect_uri": {"https://evil.example/"}})
			marie.Answers(http.StatusNotFound, http.StatusMethodNotAllowed)
		}
		page := marie.Open("/tools?url=https://evil.example/&redirect_uri=https://evil.example/&need=https://evil.example/&return=https://evil.example/")
		if tile, _ := page.Tile("formation"); !strings.HasPrefix(tile.URL, tool.URL+"/") || page.Link("evil") != "" {
			t.Errorf("the tile leads to %q", tile.URL)
		}
		for _, bad := range []string{"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//evil.example/", "evil.example", "http://evil.example/"} {
			if r := app.Try(t, "", "tool", "add", "faux", "--name", "Faux", "--url", bad, "--redirect-uri", "https://faux.example/cb"); r.Status != 1 {
				t.Errorf("--url %s: %d %s", bad, r.Status, r.Stderr)
			}
		}
		if r := app.Try(t, "", "tool", "add", "formation", "--name", "Autre", "--url", "https://evil.example/", "--redirect-uri", "https://evil.example/cb"); r.Status != 1 {
			t.Errorf("a second registration: %d %s", r.Status, r.Stderr)
		}
	})

	t.Run("OID-37 after signing in a browser repeats nothing", func(t *testing.T) {
		for _, from := range []string{app.Portal + "/session/start", tool.URL} {
			b := app.Browser(t)
			b.Open(from)
			b.At("login")
			b.Login(Marie)
			if h := b.Hops[0]; h.Method != "POST" || h.Status != http.StatusSeeOther && h.Status != http.StatusFound {
				t.Errorf("%+v", h)
			}
			for _, h := range b.Hops[1:] {
				if h.Method != "GET" || h.Status == http.StatusTemporaryRedirect || h.Status == http.StatusPermanentRedirect || strings.Contains(h.URL, "Quatre") {
					t.Errorf("%+v", h)
				}
			}
		}
	})
}
