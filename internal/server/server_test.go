package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/company"
	"portique/internal/config"
	"portique/internal/store"
	"portique/internal/web"
	"portique/internal/web/static"
)

func newServer(t *testing.T, more ...string) http.Handler {
	t.Helper()
	return newNode(t, more...).Handler()
}

func newNode(t *testing.T, more ...string) *Server {
	t.Helper()
	c, err := config.Load(append([]string{"PORTIQUE_PORTAL_URL=https://ws.opco.example", "PORTIQUE_AUTH_URL=https://auth.opco.example",
		"PORTIQUE_OPERATOR_URL=https://gestion.opco.example", "PORTIQUE_SMTP_URL=smtp://127.0.0.1:1?tls=none",
		"PORTIQUE_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "portique.db")}, more...))
	if err != nil {
		t.Fatal(err)
	}
	app, err := OpenApp(t.Context(), c, MakeNew)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	s, err := New(app, Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// F-19: what the start did not come to see, a page far inside the file that went bad, is found once the server serves, and stops it.
func TestDamageFoundLater(t *testing.T) {
	node := newNode(t)
	path := strings.TrimPrefix(node.app.Config.DatabaseURL, "sqlite:")
	var members strings.Builder
	members.WriteString("siren;name;member_code\n")
	for i := range 3000 {
		for check := range 10 {
			if siren, err := portique.ParseSIREN(fmt.Sprintf("%08d%d", 10_000_000+i, check)); err == nil {
				fmt.Fprintf(&members, "%s;Société de Tir %d;Canon-%06d\n", siren, i, i)
			}
		}
	}
	if _, err := node.app.Companies.Import(t.Context(), portique.Actor{Door: portique.DoorCommand}, strings.NewReader(members.String()), company.Options{}); err != nil {
		t.Fatal(err)
	}
	node.app.Close()
	app, err := OpenApp(t.Context(), node.app.Config, CheckOnly) // without the look of a start
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xa5}, page), info.Size()/page/2*page); err != nil {
		t.Fatal(err)
	}
	s, err := New(app, Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Run(ctx, nil); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("the server stopped with %v", err)
	}
}

var hosts = map[string]string{"portal": "ws.opco.example", "auth": "auth.opco.example"}

func ask(h http.Handler, method, host, path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://"+host+path, strings.NewReader(""))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// No form of another site is taken, whoever may call the route: and none that carries our cookie without saying where it comes from.
func TestCrossOrigin(t *testing.T) {
	h := newServer(t)
	ours := "__Host-portique_signup=x"
	posts := 0
	for _, route := range web.Routes() {
		if route.Method != http.MethodPost {
			continue
		}
		posts++
		host := hosts[string(route.Host)]
		path := strings.NewReplacer("{siren}", "552100554", "{id}", "0190a0a0-0000-7000-8000-000000000000").Replace(route.Path)
		for name, c := range map[string]struct {
			header  http.Header
			refused bool
		}{
			"another site":                      {http.Header{"Origin": {"https://evil.example"}}, true},
			"another site, by the newer header": {http.Header{"Sec-Fetch-Site": {"cross-site"}}, true},
			"a neighbour":                       {http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://forum.opco.example"}}, true},
			"the same name, another port":       {http.Header{"Origin": {"https://" + host + ":8443"}}, true},
			"nobody":                            {http.Header{"Origin": {"null"}}, true},
			"a frame without an origin":         {http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}}, true},
			"our own page under no-referrer":    {http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"same-origin"}, "Cookie": {ours}}, false},
			"silence with our cookie":           {http.Header{"Cookie": {ours}}, true},
			"silence with another's cookie":     {http.Header{"Cookie": {"x=portique_"}}, false},
			"our own page":                      {http.Header{"Sec-Fetch-Site": {"same-origin"}, "Cookie": {ours}}, false},
			"our own page, by the older header": {http.Header{"Origin": {"https://" + host}, "Cookie": {ours}}, false},
			"a script":                          {nil, false},
		} {
			if w := ask(h, "POST", host, path, c.header); (w.Code == http.StatusForbidden) != c.refused || w.Code >= 500 {
				t.Errorf("%s %s from %s: %d", route.Host, path, name, w.Code)
			}
		}
	}
	if posts < 15 {
		t.Errorf("only %d forms", posts)
	}
	// Programs call the endpoints of OpenID Connect from anywhere.
	if w := ask(h, "POST", hosts["auth"], "/oauth/token", http.Header{"Origin": {"https://tool.example"}}); w.Code != http.StatusUnauthorized && w.Code != http.StatusBadRequest {
		t.Errorf("the token endpoint answers %d", w.Code)
	}
}

// Whoever opens the address of a program in a browser learns that it is one; the pages stay unknown to other methods.
func TestWrongMethods(t *testing.T) {
	h := newServer(t)
	for _, c := range []struct {
		method, path, allow string
		status              int
	}{
		{"GET", "/oauth/token", "POST", 405},
		{"PUT", "/oauth/token", "POST", 405},
		{"GET", "/oauth/introspect", "POST", 405},
		{"GET", "/oauth/revoke", "POST", 405},
		{"GET", "/oauth/par", "POST", 405},
		{"GET", "/oauth/device", "POST", 405},
		{"DELETE", "/oauth/userinfo", "GET, POST", 405},
		{"POST", "/oauth/keys", "GET", 405},
		{"POST", "/.well-known/openid-configuration", "GET", 405},
		{"DELETE", "/login", "", 404},
		{"GET", "/oauth/tokens", "", 404},
	} {
		w := ask(h, c.method, hosts["auth"], c.path, nil)
		if w.Code != c.status || w.Header().Get("Allow") != c.allow || (c.status == 405) != strings.Contains(w.Body.String(), "this address takes "+c.allow) {
			t.Errorf("%s %s: %d, Allow %q, %s", c.method, c.path, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
}

// Doors answer to their own names only; every answer carries the headers.
func TestHosts(t *testing.T) {
	h := newServer(t)
	for host, code := range map[string]int{"ws.opco.example": 200, "WS.opco.example": 200, "auth.opco.example": 303, "gestion.opco.example": 421,
		"evil.example": 421, "ws.opco.example.evil.example": 421, "ws.opco.example:8443": 421, "127.0.0.1": 421} {
		w := ask(h, "GET", host, "/", http.Header{"X-Forwarded-Host": {"evil.example"}})
		if w.Code != code || strings.Contains(w.Body.String(), "evil.example") {
			t.Errorf("%s: %d", host, w.Code)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Strict-Transport-Security": "max-age=31536000", "Cross-Origin-Opener-Policy": "same-origin"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", host, name, got)
			}
		}
		if p := w.Header().Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || !strings.Contains(p, "frame-ancestors 'none'") {
			t.Errorf("%s: %s", host, p)
		}
	}
	// An address that is not in its shortest form is not there: a redirect would send a form twice.
	for _, path := range []string{"//tools", "/x/../tools", "/%2e/tools", "/tools/..%2ftools", "/static//x", "//evil.example/"} {
		for _, method := range []string{"GET", "POST"} {
			if w := ask(h, method, "ws.opco.example", path, nil); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d %s", method, path, w.Code, w.Header().Get("Location"))
			}
		}
	}
	for path, body := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if w := ask(h, "GET", "any.example", path, nil); w.Code != 200 || w.Body.String() != body {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

// A document that is written already is answered before the doors, and just as behind them: a host in capitals goes there.
func TestDocuments(t *testing.T) {
	h := newServer(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth/keys", "/oauth/keys"} {
		for _, known := range []string{"", ask(h, "GET", "AUTH.opco.example", path, nil).Header().Get("Etag")} {
			asked := http.Header{"If-None-Match": {known}}
			behind, before := ask(h, "GET", "AUTH.opco.example", path, asked), ask(h, "GET", "auth.opco.example", path, asked)
			if before.Code != behind.Code || (before.Code == 304) != (known != "") || before.Body.String() != behind.Body.String() || !maps.EqualFunc(before.Header(), behind.Header(), slices.Equal) {
				t.Errorf("%s: %d %v, behind the doors %d %v", path, before.Code, before.Header(), behind.Code, behind.Header())
			}
		}
		if w := ask(h, "GET", hosts["portal"], path, nil); w.Code != 404 {
			t.Errorf("%s at the portal: %d", path, w.Code)
		}
	}
}

// The source of a request is the right-most address that no proxy of ours vouches for.
func TestSource(t *testing.T) {
	for _, c := range []struct{ proxies, peer, forwarded, want string }{
		{"", "203.0.113.9:1234", "198.51.100.1", "203.0.113.9"}, // no proxy: nobody else is believed
		{"10.0.0.0/8", "203.0.113.9:1234", "198.51.100.1", "203.0.113.9"},
		{"10.0.0.0/8", "10.0.0.1:1234", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.0/8", "10.0.0.1:1234", "1.1.1.1, 198.51.100.1", "198.51.100.1"},
		{"10.0.0.0/8", "10.0.0.1:1234", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{"10.0.0.0/8", "10.0.0.1:1234", "1.1.1.1:99, 198.51.100.1:5678, [::ffff:10.0.0.2]:80", "198.51.100.1"}, // with their ports
		{"fd00::/8", "[fd00::1]:1234", "[2001:db8::1]:5678", "2001:db8::1"},
		{"fd00::/8", "[fd00::1]:1234", "[2001:db8::1]", "2001:db8::1"},
		{"10.0.0.0/8", "10.0.0.1:1234", "", "10.0.0.1"},
		{"10.0.0.0/8", "10.0.0.1:1234", "198.51.100.1, junk", "10.0.0.1"},
		{"10.0.0.0/8", "10.0.0.1:1234", "junk, 198.51.100.1", "198.51.100.1"},
		{"10.0.0.0/8", "[::ffff:10.0.0.1]:1234", "2001:db8::1", "2001:db8::1"},
		{"fd00::/8", "[fd00::1]:1234", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.0/8", "unix", "198.51.100.1", ""},
	} {
		cfg, err := config.Load([]string{"PORTIQUE_TRUSTED_PROXIES=" + c.proxies})
		if err != nil {
			t.Fatal(err)
		}
		s := &Server{app: &App{Config: cfg}}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := s.source(r); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// DOS-03: who sends or reads too slowly is dropped, and who does not is served.
func TestSlowClientsAreDropped(t *testing.T) {
	h := newNode(t).httpServer()
	if h.ReadHeaderTimeout == 0 || h.ReadTimeout == 0 || h.WriteTimeout == 0 || h.IdleTimeout == 0 || h.MaxHeaderBytes == 0 {
		t.Fatalf("%+v", h)
	}
	h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout = 200*time.Millisecond, 300*time.Millisecond, 400*time.Millisecond, 300*time.Millisecond
	closed := make(chan net.Conn, 10)
	h.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- c
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go h.Serve(l)
	defer h.Close()
	page := "GET " + static.URL("portique.css") + " HTTP/1.1\r\nHost: ws.opco.example\r\n\r\n"
	for name, begin := range map[string]func(c net.Conn){
		"says nothing":  func(net.Conn) {},
		"half a header": func(c net.Conn) { fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: ws.opc") },
		"half a body": func(c net.Conn) {
			fmt.Fprint(c, "POST /language HTTP/1.1\r\nHost: ws.opco.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nlang")
		},
		"idles": func(c net.Conn) { fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") },
		"does not read": func(c net.Conn) {
			_ = c.(*net.TCPConn).SetReadBuffer(4096)
			go fmt.Fprint(c, strings.Repeat(page, 2000))
		},
	} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begin(c)
		answer, err := http.Get("http://" + l.Addr().String() + "/healthz")
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%s: another client: %v", name, err)
		} else {
			answer.Body.Close()
		}
		for dropped := false; !dropped; {
			select {
			case other := <-closed:
				dropped = other.RemoteAddr().String() == c.LocalAddr().String()
			case <-time.After(10 * time.Second):
				t.Fatalf("one that %s is still there", name)
			}
		}
	}
}

// A request has its time: what it waits for then is told as an absence, in a page, and the reader is not left without an answer.
func TestRequestsEnd(t *testing.T) {
	s := newNode(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "https://"+hosts["portal"]+"/companies", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-portique_portal", Value: "0190a0a0-0000-7000-8000-000000000000.x"})
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `data-page="error"`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
