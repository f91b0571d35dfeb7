package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"encoding/base64"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/html"
)

// Mailbox is the mail server of the test: it accepts every letter and keeps it for whoever waits.
type Mailbox struct {
	Addr string // host:port

	mu      sync.Mutex
	letters []*Mail
	refuse  map[string]*smtp.SMTPError
	tries   map[string]int
	arrived chan struct{} // closed and replaced at each arrival
}

// Mail is one letter as its reader sees it.
type Mail struct {
	To        string // the envelope's recipient
	From      string
	Subject   string
	MessageID string
	Header    mail.Header
	Text      string
	HTML      string
	Links     []string // every address of the letter, text first, once each
	Code      string   // the first six-digit code of the text, or empty
	taken     bool
}

// patience is how long a letter may take to leave the outbox and arrive.
const patience = 20 * time.Second

func newMailbox(t *testing.T) *Mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &Mailbox{Addr: l.Addr().String(), refuse: map[string]*smtp.SMTPError{}, tries: map[string]int{}, arrived: make(chan struct{})}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{mailbox: m}, nil }))
	s.Domain, s.EnableSMTPUTF8 = "localhost", true
	s.ErrorLog = quiet{}
	go s.Serve(l)
	t.Cleanup(func() { _ = s.Close() })
	return m
}

// Wait returns the oldest letter to an address whose subject contains some words and which no earlier Wait returned.
func (m *Mailbox) Wait(t *testing.T, to, subjectContains string) *Mail {
	t.Helper()
	deadline := time.After(patience)
	for {
		m.mu.Lock()
		arrived := m.arrived
		for _, l := range m.letters {
			if !l.taken && strings.EqualFold(l.To, to) && strings.Contains(strings.ToLower(Plain(l.Subject)), strings.ToLower(Plain(subjectContains))) {
				l.taken = true
				m.mu.Unlock()
				return l
			}
		}
		m.mu.Unlock()
		select {
		case <-arrived:
		case <-deadline:
			t.Fatalf("no letter %q to %s within %s; arrived so far:\n%s", subjectContains, to, patience, m)
		}
	}
}

// None fails the test if a letter that nobody has taken arrives for an address within a moment.
func (m *Mailbox) None(t *testing.T, to string, within time.Duration) {
	t.Helper()
	time.Sleep(within)
	for _, l := range m.To(to) {
		if !l.taken {
			t.Errorf("an unexpected letter to %s: %q", to, l.Subject)
		}
	}
}

// To returns every letter an address has received.
func (m *Mailbox) To(to string) []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Mail
	for _, l := range m.letters {
		if strings.EqualFold(l.To, to) {
			found = append(found, *l)
		}
	}
	return found
}

// Refuse makes the server answer RCPT for an address with an error; code 0 takes it back.
func (m *Mailbox) Refuse(to string, code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if code == 0 {
		delete(m.refuse, strings.ToLower(to))
		return
	}
	m.refuse[strings.ToLower(to)] = &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 2, 0}, Message: "refused by the test"}
}

// Tries returns how many deliveries to an address were begun, refused ones included.
func (m *Mailbox) Tries(to string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tries[strings.ToLower(to)]
}

// String lists the letters, for a failure message.
func (m *Mailbox) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.letters) == 0 {
		return "  (none)"
	}
	var b strings.Builder
	for _, l := range m.letters {
		fmt.Fprintf(&b, "  %s: %s\n", l.To, l.Subject)
	}
	return b.String()
}

// Link returns the address of the letter whose path begins with path.
func (m *Mail) Link(t *testing.T, path string) string {
	t.Helper()
	for _, l := range m.Links {
		if u, err := url.Parse(l); err == nil && strings.HasPrefix(u.Path, path) {
			return l
		}
	}
	t.Fatalf("the letter %q has no link to %s; it has %v", m.Subject, path, m.Links)
	return ""
}

// Has tells whether both the text and the HTML of the letter say something.
func (m *Mail) Has(words string) bool {
	return strings.Contains(Plain(m.Text), Plain(words)) && strings.Contains(Plain(htmlText(m.HTML)), Plain(words))
}

// -- receiving -------------------------------------------------------------------------------------------------------------

// delivery is one SMTP transaction.
type delivery struct {
	mailbox *Mailbox
	to      []string
}

func (d *delivery) Mail(string, *smtp.MailOptions) error { d.to = nil; return nil }
func (d *delivery) Reset()                               { d.to = nil }
func (d *delivery) Logout() error                        { return nil }

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.mailbox.mu.Lock()
	defer d.mailbox.mu.Unlock()
	d.mailbox.tries[strings.ToLower(to)]++
	if err := d.mailbox.refuse[strings.ToLower(to)]; err != nil {
		return err
	}
	d.to = append(d.to, to)
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	letter, err := readMail(raw)
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: "unreadable: " + err.Error()}
	}
	d.mailbox.mu.Lock()
	defer d.mailbox.mu.Unlock()
	for _, to := range d.to {
		one := *letter
		one.To = to
		d.mailbox.letters = append(d.mailbox.letters, &one)
	}
	close(d.mailbox.arrived)
	d.mailbox.arrived = make(chan struct{})
	return nil
}

// readMail takes a letter apart as a mail program does.
func readMail(raw []byte) (*Mail, error) {
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	m := &Mail{Header: message.Header, From: message.Header.Get("From"), MessageID: message.Header.Get("Message-ID")}
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject")); err != nil {
		return nil, err
	}
	if err := m.readPart(message.Header.Get, message.Body); err != nil {
		return nil, err
	}
	m.Links = links(m.Text, m.HTML)
	m.Code = sixDigits(m.Text)
	return m, nil
}

func (m *Mail) readPart(header func(string) string, body io.Reader) error {
	kind, parameters, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			p, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := m.readPart(p.Header.Get, p); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(header("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	switch {
	case kind == "text/plain" && m.Text == "":
		m.Text = strings.ReplaceAll(string(content), "\r\n", "\n")
	case kind == "text/html" && m.HTML == "":
		m.HTML = string(content)
	}
	return nil
}

var address = regexp.MustCompile(`https?://[^\s<>"'()]+`)

// links returns the addresses of a letter, those of the text first.
func links(text, page string) []string {
	var found []string
	for _, l := range address.FindAllString(text, -1) {
		found = append(found, strings.TrimRight(l, ".,;:!?»"))
	}
	if doc, err := html.Parse(strings.NewReader(page)); err == nil {
		for n := range doc.Descendants() {
			if n.Type == html.ElementNode && n.Data == "a" && strings.HasPrefix(attr(n, "href"), "http") {
				found = append(found, attr(n, "href"))
			}
		}
	}
	var once []string
	for _, l := range found {
		if !slices.Contains(once, l) {
			once = append(once, l)
		}
	}
	return once
}

var digits = regexp.MustCompile(`\d(?:[ \x{00a0}\x{202f}]?\d)*`)

// sixDigits returns the first number of exactly six digits, grouped or not, outside an address.
func sixDigits(text string) string {
	for _, found := range digits.FindAllString(address.ReplaceAllString(text, ""), -1) {
		code := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, found)
		if len(code) == 6 {
			return code
		}
	}
	return ""
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
