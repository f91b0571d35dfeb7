package outgoing

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Only addresses of the public network are called, whatever form they come in.
func TestAllowed(t *testing.T) {
	for address, ok := range map[string]bool{
		"93.184.216.34:443": true, "[2606:2800:220:1::1]:443": true, "9.9.9.9:80": true,
		"127.0.0.1:80": false, "127.8.8.8:80": false, "[::1]:80": false, "[::ffff:127.0.0.1]:80": false,
		"10.0.0.1:80": false, "172.16.9.9:80": false, "192.168.1.1:80": false, "[::ffff:10.0.0.1]:80": false, "[fd00::1]:80": false,
		"169.254.169.254:80": false, "[fe80::1]:80": false, "0.0.0.0:80": false, "[::]:80": false, "100.64.0.1:80": false,
		"224.0.0.1:80": false, "255.255.255.255:80": false, "240.0.0.1:80": false, "192.0.2.1:80": false, "198.18.0.1:80": false,
		"[64:ff9b::7f00:1]:80": false, "[2002:7f00:1::]:80": false, "[2001:db8::1]:80": false, "[ff02::1]:80": false,
		"[fec0::1]:80": false, "[::7f00:1]:80": false, "[::ffff:0:127.0.0.1]:80": false, "168.63.129.16:80": false,
		"nonsense": false,
	} {
		if err := allowed(address, false); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	if allowed("127.0.0.1:80", true) != nil || allowed("[::1]:80", true) != nil || allowed("10.0.0.1:80", true) == nil {
		t.Error("this machine, and it alone, may be called where that is allowed")
	}
}

// No redirect is followed, no long answer read, no address of this machine called.
func TestDo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/long":
			_, _ = w.Write([]byte(strings.Repeat("x", MaxAnswer+1)))
		}
	}))
	defer server.Close()
	get := func(c *Client, path string) (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		status, _, err := c.Do(r)
		return status, err
	}
	here := New(Options{Loopback: true})
	if status, err := get(here, "/"); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	if status, err := get(here, "/away"); status != 302 || err != nil {
		t.Errorf("a redirect: %d %v", status, err)
	}
	if _, err := get(here, "/long"); err == nil {
		t.Error("a long answer was read")
	}
	if _, err := get(New(Options{}), "/"); !errors.Is(err, ErrPrivate) {
		t.Errorf("this machine was called: %v", err)
	}
}
