// Package mailtest is a mail server for tests: a real one, in process, whose
// answers are scripted by recipient.
package mailtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// Script is how the server behaves; the zero value accepts everything.
type Script struct {
	Mail *smtp.SMTPError // answer to MAIL: for everybody only, the recipient is not known yet
	Rcpt *smtp.SMTPError // answer to RCPT
	Data *smtp.SMTPError // answer to the end of DATA
	Hang bool            // never answer RCPT
	Slow time.Duration   // take that long before accepting
	Drop bool            // keep the content, then break the connection without an answer
}

// Refuse makes an SMTP answer.
func Refuse(code int) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 2, 0}, Message: "refused by the test"}
}

// Received is one message that the server took.
type Received struct {
	From, To  string
	Header    netmail.Header
	Raw       []byte
	MessageID string
}

// Server is a running mail server.
type Server struct {
	Addr string

	mu       sync.Mutex
	scripts  map[string]Script
	received []Received
	tries    map[string]int
	now, max map[string]int // deliveries at once, by domain
	closed   chan struct{}
}

// New starts a server without TLS on loopback, stopped with the test.
func New(t testing.TB) *Server { return start(t, nil) }

// NewTLS starts a server that offers STARTTLS, or that speaks TLS from the
// first byte when implicit is true.
func NewTLS(t testing.TB, config *tls.Config, implicit bool) *Server {
	if !implicit {
		return start(t, func(s *smtp.Server, l net.Listener) net.Listener { s.TLSConfig = config; return l })
	}
	return start(t, func(_ *smtp.Server, l net.Listener) net.Listener { return tls.NewListener(l, config) })
}

func start(t testing.TB, prepare func(*smtp.Server, net.Listener) net.Listener) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &Server{Addr: l.Addr().String(), scripts: map[string]Script{}, tries: map[string]int{},
		now: map[string]int{}, max: map[string]int{}, closed: make(chan struct{})}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: m, conn: c}, nil }))
	s.Domain, s.ErrorLog = "localhost", quiet{}
	if prepare != nil {
		l = prepare(s, l)
	}
	go s.Serve(l)
	t.Cleanup(func() {
		close(m.closed)
		_ = s.Close()
	})
	return m
}

// On sets the script of a recipient, or of everybody without one of their own
// ("").
func (m *Server) On(to string, s Script) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scripts[to] = s
}

// Received lists what was taken so far.
func (m *Server) Received() []Received {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Received(nil), m.received...)
}

// Tries counts the RCPT commands for an address.
func (m *Server) Tries(to string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tries[to]
}

// Busiest is the greatest number of deliveries to a domain at once.
func (m *Server) Busiest(domain string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.max[domain]
}

func (m *Server) script(to string) Script {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.scripts[to]; ok {
		return s
	}
	return m.scripts[""]
}

func (s *session) begin(domain string) {
	m := s.server
	m.mu.Lock()
	defer m.mu.Unlock()
	s.domain = domain
	m.now[domain]++
	m.max[domain] = max(m.max[domain], m.now[domain])
}

type session struct {
	server   *Server
	conn     *smtp.Conn
	from, to string
	domain   string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	if e := s.server.script("").Mail; e != nil {
		return e
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.server.mu.Lock()
	s.server.tries[to]++
	s.server.mu.Unlock()
	_, domain, _ := strings.Cut(to, "@")
	s.begin(domain)
	script := s.server.script(to)
	wait := time.NewTimer(script.Slow)
	defer wait.Stop()
	done := wait.C
	if script.Hang {
		done = nil
	}
	select {
	case <-done:
	case <-s.server.closed:
		return errors.New("the test is over")
	}
	if script.Rcpt != nil {
		return script.Rcpt
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	script := s.server.script(s.to)
	if script.Data != nil {
		return script.Data
	}
	message, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	s.server.received = append(s.server.received, Received{From: s.from, To: s.to, Header: message.Header, Raw: raw,
		MessageID: message.Header.Get("Message-ID")})
	s.server.mu.Unlock()
	if script.Drop {
		s.conn.Conn().Close()
		return errors.New("dropped")
	}
	return nil
}

// Reset may come from the goroutine that stops the server.
func (s *session) Reset() {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.domain != "" {
		s.server.now[s.domain]--
		s.domain = ""
	}
}

func (s *session) Logout() error { s.Reset(); return nil }

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
