package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Handmade is one request written by hand, as a browser of ours would never send it. Nothing is followed, no cookie is kept.
type Handmade struct {
	Method string
	Origin string // of the door
	Target string // path and query, sent as they are
	Header http.Header
	Cookie []*http.Cookie
	Body   string
}

// String names the request in a message.
func (r Handmade) String() string {
	return fmt.Sprintf("%s %s%.120s %v %d cookies %.200q", r.Method, r.Origin, r.Target, r.Header, len(r.Cookie), r.Body)
}

// sources counts the browsers and the handmade requests, so that each comes from an address of its own where the installation trusts
// the test as its proxy: what one address may do is not what those tests are about.
var sources atomic.Uint32

func ownAddress() string {
	n := sources.Add(1)
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
}

// Send sends a request and returns what came back; any goroutine may call it.
func (a *App) Send(r Handmade) (*Page, error) {
	door, err := url.Parse(r.Origin)
	if err != nil {
		return nil, err
	}
	request := &http.Request{Method: r.Method, URL: &url.URL{Scheme: door.Scheme, Host: door.Host, Opaque: r.Target}, Header: http.Header{},
		Host: door.Host, Body: http.NoBody}
	if r.Body != "" {
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader(r.Body)), int64(len(r.Body))
	}
	request.Header.Set("X-Forwarded-For", ownAddress())
	request.Header.Set("Accept-Language", "fr")
	for name, values := range r.Header {
		request.Header[name] = values
	}
	for _, c := range r.Cookie {
		request.AddCookie(c)
	}
	answer, err := a.connections().RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	return readAnswer(r.Origin+r.Target, answer)
}

func readAnswer(from string, answer *http.Response) (*Page, error) {
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(from)
	if err != nil { // the address is a hostile one
		if u, err = url.Parse(from[:strings.IndexByte(from[8:], '/')+8]); err != nil {
			return nil, err
		}
	}
	return newPage(u, answer, content)
}

// Raw writes bytes to a door and reads one answer: for what no HTTP library would send.
func (a *App) Raw(t *testing.T, door, bytes string) *Page {
	t.Helper()
	c := a.write(t, door, bytes)
	defer c.Close()
	method, _, _ := strings.Cut(bytes, " ")
	answer, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.80q: %v", bytes, err)
	}
	page, err := readAnswer(door+"/", answer)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// rawAnswers is Raw for the statuses of every answer that comes before the connection ends.
func (a *App) rawAnswers(t *testing.T, door, bytes string) (statuses []int) {
	t.Helper()
	c := a.write(t, door, bytes)
	defer c.Close()
	from := bufio.NewReader(c)
	for {
		answer, err := http.ReadResponse(from, &http.Request{Method: http.MethodPost})
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		statuses = append(statuses, answer.StatusCode)
	}
}

func (a *App) write(t *testing.T, door, bytes string) net.Conn {
	t.Helper()
	u, err := url.Parse(door)
	if err != nil {
		t.Fatal(err)
	}
	var c net.Conn
	if a.roots != nil {
		c, err = tls.Dial("tcp", u.Host, &tls.Config{RootCAs: a.roots})
	} else {
		c, err = net.DialTimeout("tcp", u.Host, 10*time.Second)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write([]byte(bytes)); err != nil {
		t.Fatal(err)
	}
	return c
}
