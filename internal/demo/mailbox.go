// Package demo is the street around the house, for one machine: a mail server
// with a page to read what it received, and tools that are real OpenID Connect
// clients. Nothing of it runs in an installation, and nothing is kept: what
// people see lives in memory until the program ends.
package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"encoding/base64"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/html"
)

const (
	keptMessages  = 1000
	largestLetter = 1 << 20 // bytes
)

// Mailbox is a mail server that keeps what it receives and shows it on a page.
// It accepts every address and sends nothing on.
type Mailbox struct {
	smtp  *smtp.Server
	pages http.Handler

	mu       sync.RWMutex
	last     int
	messages []*Received // oldest first
}

// Received is one message, as one of its recipients got it.
type Received struct {
	ID      string    `json:"id"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	At      time.Time `json:"at"`
	Links   []string  `json:"links"`
	Code    string    `json:"code"` // the first number of six digits, or empty

	From    string        `json:"-"`
	Headers []HeaderField `json:"-"`
	Raw     string        `json:"-"`
}

// HeaderField is one line of a header, decoded.
type HeaderField struct{ Name, Value string }

// MailboxOptions are what the page needs.
type MailboxOptions struct {
	Hosts     []string // values of Host that it answers, ports included
	PortalURL string
}

// NewMailbox makes an empty mailbox: ServeSMTP fills it, ServeHTTP shows it.
func NewMailbox(o MailboxOptions) *Mailbox {
	m := &Mailbox{}
	m.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{mailbox: m}, nil }))
	m.smtp.Domain = "localhost"
	m.smtp.MaxMessageBytes, m.smtp.MaxRecipients = largestLetter, 50
	m.smtp.ReadTimeout, m.smtp.WriteTimeout = 30*time.Second, 30*time.Second
	m.smtp.ErrorLog = silent{}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		to := strings.TrimSpace(r.URL.Query().Get("to"))
		show(w, r, http.StatusOK, "mailbox", map[string]any{"To": to, "Messages": m.Messages(to), "Portal": o.PortalURL})
	})
	mux.HandleFunc("GET /messages.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(m.Messages(strings.TrimSpace(r.URL.Query().Get("to"))))
	})
	mux.HandleFunc("GET /messages/{id}", m.one(func(w http.ResponseWriter, r *http.Request, l *Received) {
		show(w, r, http.StatusOK, "message", map[string]any{"Message": l, "Text": pieces(l.Text), "Portal": o.PortalURL})
	}))
	mux.HandleFunc("GET /messages/{id}/html", m.one(func(w http.ResponseWriter, _ *http.Request, l *Received) {
		// The letter is somebody else's page: no script, nothing fetched, links
		// open outside the frame.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "+
			"frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox")
		w.Header().Del("Cross-Origin-Opener-Policy") // a sandboxed page has no origin to be the same
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, outward(l.HTML))
	}))
	mux.HandleFunc("GET /messages/{id}/raw", m.one(func(w http.ResponseWriter, _ *http.Request, l *Received) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, l.Raw)
	}))
	mux.Handle("GET /demo.css", asset("demo.css"))
	mux.Handle("GET /favicon.svg", asset("favicon.svg"))
	mux.HandleFunc("/", missing(o.PortalURL))
	m.pages = door(o.Hosts, mux)
	return m
}

// ServeSMTP receives mail until Close. It refuses a listener that other
// machines could reach.
func (m *Mailbox) ServeSMTP(l net.Listener) error {
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return fmt.Errorf("the mailbox listens on this machine only, not on %s", l.Addr())
	}
	if err := m.smtp.Serve(l); !errors.Is(err, smtp.ErrServerClosed) {
		return err
	}
	return nil
}

// Close stops receiving.
func (m *Mailbox) Close() error { return m.smtp.Close() }

// ServeHTTP shows the mailbox.
func (m *Mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.pages.ServeHTTP(w, r) }

// Messages lists what an address received ("" for all), newest first.
func (m *Mailbox) Messages(to string) []*Received {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := []*Received{}
	for _, l := range slices.Backward(m.messages) {
		if to == "" || strings.EqualFold(l.To, to) {
			list = append(list, l)
		}
	}
	return list
}

func (m *Mailbox) one(serve func(http.ResponseWriter, *http.Request, *Received)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m.mu.RLock()
		i := slices.IndexFunc(m.messages, func(l *Received) bool { return l.ID == r.PathValue("id") })
		var l *Received
		if i >= 0 {
			l = m.messages[i]
		}
		m.mu.RUnlock()
		if l == nil {
			show(w, r, http.StatusNotFound, "problem", map[string]any{"Key": "message_gone", "Back": "/"})
			return
		}
		serve(w, r, l)
	}
}

func (m *Mailbox) keep(from string, to []string, raw []byte) {
	letter := open(raw)
	letter.From, letter.At = from, time.Now().UTC().Truncate(time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, address := range to {
		one := *letter
		m.last++
		one.ID, one.To = strconv.Itoa(m.last), address
		m.messages = append(m.messages, &one)
	}
	if extra := len(m.messages) - keptMessages; extra > 0 {
		m.messages = slices.Delete(m.messages, 0, extra)
	}
}

// delivery is one conversation with a sender.
type delivery struct {
	mailbox *Mailbox
	from    string
	to      []string
}

func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	d.from, d.to = from, nil
	return nil
}

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	d.mailbox.keep(d.from, d.to, raw)
	return nil
}

func (d *delivery) Reset()        { d.from, d.to = "", nil }
func (d *delivery) Logout() error { return nil }

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// open takes a message apart. One that cannot be read is still there, raw.
func open(raw []byte) *Received {
	l := &Received{Raw: string(raw), Links: []string{}}
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		l.Text = l.Raw
		return l
	}
	words := new(mime.WordDecoder)
	decode := func(s string) string {
		if plain, err := words.DecodeHeader(s); err == nil {
			return plain
		}
		return s
	}
	l.Subject = decode(message.Header.Get("Subject"))
	for name, values := range message.Header {
		for _, v := range values {
			l.Headers = append(l.Headers, HeaderField{name, decode(v)})
		}
	}
	slices.SortStableFunc(l.Headers, func(a, b HeaderField) int { return strings.Compare(a.Name, b.Name) })
	l.part(message.Header.Get, message.Body, 0)
	for _, address := range addresses.FindAllString(l.Text, -1) {
		l.link(strings.TrimRight(address, ".,;:!?»"))
	}
	if page, err := html.Parse(strings.NewReader(l.HTML)); err == nil {
		for n := range page.Descendants() {
			if n.Type == html.ElementNode && n.Data == "a" {
				for _, a := range n.Attr {
					if a.Key == "href" && strings.HasPrefix(a.Val, "http") {
						l.link(a.Val)
					}
				}
			}
		}
	}
	l.Code = sixDigits(l.Text)
	return l
}

func (l *Received) link(address string) {
	if !slices.Contains(l.Links, address) {
		l.Links = append(l.Links, address)
	}
}

func (l *Received) part(header func(string) string, body io.Reader, depth int) {
	kind, parameters, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth < 5 {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			l.part(p.Header.Get, p, depth+1)
		}
	}
	switch strings.ToLower(header("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, _ := io.ReadAll(body)
	switch {
	case kind == "text/plain" && l.Text == "":
		l.Text = strings.ReplaceAll(string(content), "\r\n", "\n")
	case kind == "text/html" && l.HTML == "":
		l.HTML = string(content)
	}
}

var addresses = regexp.MustCompile(`https?://[^\s<>"'()]+`)

// piece is a stretch of text, or an address to follow.
type piece struct{ Text, URL string }

// pieces cuts a text around its addresses.
func pieces(text string) []piece {
	var list []piece
	from := 0
	for _, at := range addresses.FindAllStringIndex(text, -1) {
		address := strings.TrimRight(text[at[0]:at[1]], ".,;:!?»")
		list = append(list, piece{Text: text[from:at[0]]}, piece{Text: address, URL: address})
		from = at[0] + len(address)
	}
	return append(list, piece{Text: text[from:]})
}

var numbers = regexp.MustCompile(`\d(?:[ \x{00a0}\x{202f}]?\d)*`)

// sixDigits is the first number of exactly six digits outside an address.
func sixDigits(text string) string {
	for _, n := range numbers.FindAllString(addresses.ReplaceAllString(text, ""), -1) {
		digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, n)
		if len(digits) == 6 {
			return digits
		}
	}
	return ""
}

// outward makes the links of a letter open in a page of their own: the frame it
// is shown in can open nothing else.
func outward(page string) string {
	const base = `<base target="_blank">`
	if i := strings.Index(page, "<head>"); i >= 0 {
		return page[:i+len("<head>")] + base + page[i+len("<head>"):]
	}
	return base + page
}
