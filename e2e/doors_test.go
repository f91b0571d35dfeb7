package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// What every answer has, whatever was asked: headers, no cache, no way to another host. On https, as in production.
func TestDoors(t *testing.T) {
	app := StartTLS(t, "sqlite")
	shop := app.Import(t, 10)[0]
	app.Create(t, Marie)
	marie := app.SignIn(t, Marie)
	marie.Attach(shop)
	marie.At("activated")
	hers := marie.Cookies(app.Portal + "/")
	host := strings.TrimPrefix(app.Portal, "https://")

	send := func(t *testing.T, r Handmade) *Page {
		t.Helper()
		p, err := app.Send(r)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	judge := func(t *testing.T, what string, p *Page) {
		t.Helper()
		faults := append(headerFaults(p), aliveFaults(p)...)
		if p.Header.Get("Strict-Transport-Security") == "" {
			faults = append(faults, "no Strict-Transport-Security")
		}
		if to := p.Header.Get("Location"); to != "" {
			if at, err := p.URL.Parse(to); err != nil || !app.owns(at) {
				faults = append(faults, "leads to "+to)
			}
		}
		for _, f := range faults {
			t.Errorf("%s (%d): %s", what, p.Status, f)
		}
	}

	t.Run("WEB-03 the headers of every answer", func(t *testing.T) {
		for what, r := range map[string]Handmade{
			"a page":               {Method: "GET", Target: "/"},
			"its head":             {Method: "HEAD", Target: "/"},
			"a redirect":           {Method: "GET", Target: "/tools"},
			"a file":               {Method: "GET", Target: "/static/0/portique.css"},
			"no file":              {Method: "GET", Target: "/static/0/nothing.css"},
			"a folder":             {Method: "GET", Target: "/static"},
			"an icon":              {Method: "GET", Target: "/favicon.ico"},
			"nothing":              {Method: "GET", Target: "/nothing"},
			"another method":       {Method: "PUT", Target: "/tools", Header: http.Header{"Origin": {app.Portal}}},
			"options":              {Method: "OPTIONS", Target: "/tools"},
			"a trace":              {Method: "TRACE", Target: "/tools"},
			"an unknown method":    {Method: "FOO", Target: "/tools", Header: http.Header{"Origin": {app.Portal}}},
			"health":               {Method: "GET", Target: "/healthz"},
			"readiness":            {Method: "GET", Target: "/readyz"},
			"a refused form":       {Method: "POST", Target: "/companies/add"},
			"from another site":    {Method: "POST", Target: "/companies/add", Header: http.Header{"Origin": {"https://mal.example"}}},
			"too large":            {Method: "POST", Target: "/companies/add", Body: strings.Repeat("a", 1<<20), Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {app.Portal}}, Cookie: hers},
			"discovery":            {Method: "GET", Origin: app.Auth, Target: "/.well-known/openid-configuration"},
			"keys":                 {Method: "GET", Origin: app.Auth, Target: "/oauth/keys"},
			"a token refused":      {Method: "POST", Origin: app.Auth, Target: "/oauth/token"},
			"userinfo refused":     {Method: "GET", Origin: app.Auth, Target: "/oauth/userinfo"},
			"an unknown tool":      {Method: "GET", Origin: app.Auth, Target: "/oauth/authorize?client_id=x"},
			"a preflight":          {Method: "OPTIONS", Origin: app.Auth, Target: "/oauth/token", Header: http.Header{"Origin": {"https://mal.example"}, "Access-Control-Request-Method": {"POST"}}},
			"the head of a logout": {Method: "HEAD", Origin: app.Auth, Target: "/oauth/logout"},
		} {
			if r.Origin == "" {
				r.Origin = app.Portal
			}
			if p := send(t, r); p.Status >= 500 {
				t.Errorf("%s: %d", what, p.Status)
			} else {
				judge(t, what, p)
			}
		}
	})

	// Bytes as they are: what no library sends.
	raw := func(t *testing.T, line, host string, headers ...string) *Page {
		t.Helper()
		return app.Raw(t, app.Portal, line+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n"+strings.Join(headers, "")+"\r\n")
	}
	cookie := "Cookie: "
	for _, c := range hers {
		cookie += c.Name + "=" + c.Value + "; "
	}
	cookie = strings.TrimSuffix(cookie, "; ") + "\r\n"

	t.Run("WEB-08 no request hides in another", func(t *testing.T) {
		_, host, _ := strings.Cut(app.Auth, "://")
		form := "Host: " + host + "\r\nContent-Type: application/x-www-form-urlencoded\r\n"
		hidden := "GET /hidden HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
		for name, c := range map[string]struct {
			bytes  string
			status []int
		}{
			"a length and chunks":    {"POST /login HTTP/1.1\r\n" + form + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, []int{422}},
			"two lengths":            {"POST /login HTTP/1.1\r\n" + form + "Content-Length: 3\r\nContent-Length: 40\r\n\r\na=b" + hidden, []int{400}},
			"a length with a sign":   {"POST /login HTTP/1.1\r\n" + form + "Content-Length: +3\r\n\r\na=b" + hidden, []int{400}},
			"another encoding":       {"POST /login HTTP/1.1\r\n" + form + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden, []int{501}},
			"two encodings":          {"POST /login HTTP/1.1\r\n" + form + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden, []int{501}},
			"a name and a space":     {"POST /login HTTP/1.1\r\n" + form + "Content-Length : 3\r\n\r\na=b" + hidden, []int{400}},
			"an extension of chunks": {"POST /login HTTP/1.1\r\n" + form + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\na=b\r\n0\r\n\r\n" + hidden, []int{422}},
		} {
			answers := app.rawAnswers(t, app.Auth, c.bytes)
			if !slices.Equal(answers, c.status) {
				t.Errorf("%s: answered %v, not %v", name, answers, c.status)
			}
		}
	})

	t.Run("WEB-09 odd addresses open nothing and lead nowhere", func(t *testing.T) {
		users := "/companies/" + shop.SIREN + "/users"
		for _, path := range []string{"//mal.example", "//mal.example/", "//mal.example/..", "///mal.example/%2e%2e", "/\\mal.example", "/%5cmal.example/", "/%2f/mal.example/", "//mal.example/%2f..", "/.//mal.example",
			"/..//mal.example", "/static//mal.example/", "/static/..//mal.example", "/../../etc/passwd", "/static/../../etc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/..%2f..%2fetc%2fpasswd",
			"/./tools", "/x/../tools", "/%2e/tools", "/x/%2e%2e/tools", "//tools", "/tools/", "/tools/.", "/tools//", "/tools;a=b", "/tools;.css", "/TOOLS", "/Tools", "/tools%00", "/tools%00.css", "/%00", "/tools%20", "/tools.", "/tools%2e",
			"/tools%2f", "/tools%0d%0aX-Injected:%201", "/tools%ff", "/t%6fols%", "/%zz", "/" + strings.Repeat("a", 20_000), "/" + strings.Repeat("../", 3_000), strings.Replace(users, "/users", "/x/../users", 1), users + "/", users + ";x", users + "/..;/users",
			strings.ToUpper(users), "/companies/" + shop.SIREN + "%20/users", "*", "tools", "https://mal.example/tools", "https://" + host + "@mal.example/", "mal.example:443", "?x"} {
			for who, headers := range map[string]string{"a stranger": "", "Marie": cookie} {
				p := raw(t, "GET "+path, host, headers)
				what := fmt.Sprintf("GET %.60s by %s", path, who)
				// A request that cannot be read is refused before us, in a line of text without our headers.
				if p.Status == 400 && p.Header.Get("Content-Security-Policy") == "" || p.Status == 431 {
					if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") || p.Header.Get("Location") != "" {
						t.Errorf("%s: %d %v", what, p.Status, p.Header)
					}
					continue
				}
				judge(t, what, p)
				signIn := who == "a stranger" && p.Status == 303 && strings.HasPrefix(p.Header.Get("Location"), app.Portal+"/session/start?return=%2Fcompanies")
				if !signIn && !slices.Contains([]int{400, 404, 421}, p.Status) {
					t.Errorf("%s is answered %d %s, page %q", what, p.Status, p.Header.Get("Location"), p.Main())
				}
				if p.Header.Get("Cache-Control") != "no-store" && p.Status == 404 {
					t.Errorf("%s may be kept: %s", what, p.Header.Get("Cache-Control"))
				}
			}
		}
		// Posted, they reach no form either: nothing sends a password twice.
		for _, path := range []string{"//session/end", "/./session/end", "/x/../session/end", "/session/end/", "/session//end", "/SESSION/END", "/session/end;x", "/session/end%00"} {
			p := raw(t, "POST "+path, host, cookie, "Origin: "+app.Portal+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n")
			if p.Status != 404 && p.Status != 400 {
				t.Errorf("POST %s is answered %d %s", path, p.Status, p.Header.Get("Location"))
			}
		}
		if p := send(t, Handmade{Method: "GET", Origin: app.Portal, Target: "/companies", Cookie: hers}); p.Status != 200 {
			t.Errorf("Marie was signed out by an odd address: %s", p)
		}
	})

	t.Run("WEB-09 only the doors' own names are answered", func(t *testing.T) {
		for name, status := range map[string]int{host: 200, strings.ToUpper(host): 200, strings.Replace(host, ":", ".:", 1): 421, "mal.example": 421, "mal.example:443": 421,
			host + ".mal.example": 421, "localhost": 421, "localhost:1": 421, "127.0.0.1" + host[strings.IndexByte(host, ':'):]: 421, "localhost:0" + host[strings.IndexByte(host, ':')+1:]: 421,
			strings.TrimPrefix(app.Operator, "https://"): 421, "": 421} {
			p := raw(t, "GET /", name, "X-Forwarded-Host: mal.example\r\nX-Original-Url: /tools\r\nX-Rewrite-Url: /tools\r\nForwarded: host=mal.example\r\n")
			if p.Status != status && !(name == "" && p.Status == 400) {
				t.Errorf("Host %q: %d", name, p.Status)
			}
			if p.Status != 400 {
				judge(t, "Host "+name, p)
			}
			if strings.Contains(p.Body, "mal.example") {
				t.Errorf("Host %q comes back on the page", name)
			}
		}
		for _, lines := range []string{"Host: " + host + "\r\n", "Host: mal.example\r\n"} { // twice
			if p := raw(t, "GET /", host, lines); p.Status != 400 {
				t.Errorf("two Host headers: %d", p.Status)
			}
		}
	})

	t.Run("WEB-06 a cache keeps no private page, under no name", func(t *testing.T) {
		users := "/companies/" + shop.SIREN + "/users"
		for _, page := range []string{"/tools", "/companies", "/companies/add", users, "/companies/" + shop.SIREN + "/activated"} {
			for _, tail := range []string{"", "/x.css", "%2fx.css", ";x.js", ".css", "/", "?x.css", "?/static/0/portique.css", "%3fx.css", "%23x.css", "%0ax.css", "/..%2fstatic/0/portique.css", "/static/x.css"} {
				for _, method := range []string{"GET", "HEAD"} {
					p := send(t, Handmade{Method: method, Origin: app.Portal, Target: page + tail, Cookie: hers})
					if p.Header.Get("Cache-Control") != "no-store" {
						t.Errorf("%s %s%s (%d) may be kept: %q", method, page, tail, p.Status, p.Header.Get("Cache-Control"))
					}
					if tail != "" && tail[0] != '?' && p.Status != 404 {
						t.Errorf("%s %s%s is answered %d", method, page, tail, p.Status)
					}
				}
			}
		}
		// What may be kept says nothing of anybody, and sets no cookie.
		for _, file := range []string{"/static/0/portique.css", "/static/0/portique.js", "/favicon.ico"} {
			if p := send(t, Handmade{Method: "GET", Origin: app.Portal, Target: file, Cookie: hers}); strings.Contains(p.Body, Marie.Email) || len(p.cookies()) != 0 {
				t.Errorf("%s: %v", file, p.Header)
			}
		}
	})

	t.Run("WEB-03 in a fault", func(t *testing.T) {
		for _, p := range []*Page{
			raw(t, "OPTIONS *", host), raw(t, "CONNECT "+host, host), raw(t, "CONNECT mal.example:443", "mal.example:443"), raw(t, "GET http://mal.example/", host),
		} {
			judge(t, p.URL.String(), p)
			if p.Status < 400 {
				t.Errorf("answered %d", p.Status)
			}
		}
	})
}

// WEB-04: Chromium visits every page of the program's own list, signed out and signed in: nothing that the policy refuses, and nothing
// asked of another host. WEB-05: and no page of ours shows inside another.
func TestPagesInChromium(t *testing.T) {
	app := Start(t, "sqlite")
	shop := app.Import(t, 10)[0]
	app.Create(t, Marie)
	app.Create(t, Paul)
	app.NewTool(t, "formation", "Demandes de formation")
	app.Run(t, "", "membership", "grant", "--email", Marie.Email, "--siren", shop.SIREN, "--role", "administrator", "--reason", "essai")
	app.Run(t, "", "membership", "grant", "--email", Paul.Email, "--siren", shop.SIREN, "--role", "member", "--reason", "essai")
	var routes []route
	app.JSON(t, &routes, "routes")

	his := app.Membership(t, shop.SIREN, Paul).ID
	c := app.Chrome(t)
	visit := func() {
		for _, r := range routes {
			door := map[string]string{"portal": app.Portal, "auth": app.Auth}[r.Host]
			if r.Method != http.MethodGet || door == "" || strings.HasPrefix(r.Path, "/static/") || r.Path == "/oauth/logout" || r.Path == "/oauth/userinfo" {
				continue // asking to sign out is for the end; the others answer nothing that a browser shows
			}
			path := strings.NewReplacer("{siren}", shop.SIREN, "{id}", his, "{token}", strings.Repeat("a", 43)).Replace(r.Path)
			c.Open(door + path)
			c.Text()
		}
		c.Open(app.Portal + "/nothing")
	}
	visit()
	c.Open("/session/start")
	c.Fill("email", Marie.Email)
	c.Fill("password", "Pas!CeluiLa9")
	c.Submit("/login")
	c.Sees("ne vont pas ensemble")
	c.Fill("email", Marie.Email)
	c.Fill("password", Password)
	c.Submit("/login")
	c.At("tools")
	visit()
	c.Open(app.Auth + "/oauth/logout")
	c.At("logout-confirm")

	c.mu.Lock()
	asked := slices.Clone(c.asked)
	c.mu.Unlock()
	if len(asked) < 2*len(routes) {
		t.Errorf("only %d requests were seen", len(asked))
	}
	for _, a := range asked {
		if !strings.HasPrefix(a, app.Portal+"/") && !strings.HasPrefix(a, app.Auth+"/") && !strings.HasPrefix(a, "data:") && !strings.HasPrefix(a, "about:") {
			t.Errorf("asked of another host: %s", a)
		}
	}

	t.Run("WEB-05 framed", func(t *testing.T) {
		addresses := []string{app.Auth + "/login", app.Portal + "/companies/" + shop.SIREN + "/users", app.Portal + "/companies/add", app.Auth + "/oauth/logout", app.Portal + "/nothing"}
		frames := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, `<!doctype html><html lang="fr"><title>Cadre</title><main data-page="frame"><iframe src=%q></iframe></main></html>`, r.URL.Query().Get("of"))
		}))
		t.Cleanup(frames.Close)
		for _, address := range addresses {
			c.Open(frames.URL + "/?of=" + address)
			for deadline := time.Now().Add(20 * time.Second); !c.forgive("frame-ancestors"); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Errorf("%s shows inside a page of another host", address)
					break
				}
			}
		}
	})
}
