package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"portique"
)

// StepTimeout is how long the mail server may take to answer one command.
const StepTimeout = 20 * time.Second

// farewell is how long the mail server may take to say goodbye once it has the
// letter.
const farewell = time.Second

// attemptTimeout bounds a whole attempt, so that a server that answers each
// command at the last moment does not outlast the lease of a letter.
const attemptTimeout = 80 * time.Second

// SenderOptions are the mail server and who letters come from.
type SenderOptions struct {
	URL      string         // smtp://[user:pass@]host:port?tls=starttls|implicit|none
	From     string         // a plain address
	FromName string         // the portal's name
	ReplyTo  string         // support; may be empty
	RootCAs  *x509.CertPool // nil: the system's
	Step     time.Duration  // StepTimeout when zero
}

// Sender sends messages through one SMTP server, one connection per message. It
// is safe for concurrent use.
type Sender struct {
	host     string
	port     int
	user     string
	password string
	mode     string // starttls, implicit, none
	tls      *tls.Config
	from     netmail.Address
	replyTo  *netmail.Address
	step     time.Duration
}

// NewSender checks the options. Its errors name the variable to mend.
func NewSender(o SenderOptions) (*Sender, error) {
	refuse := func(format string, args ...any) (*Sender, error) {
		return nil, fmt.Errorf("PORTIQUE_SMTP_URL: "+format, args...)
	}
	u, err := url.Parse(o.URL)
	if err != nil { // the error would repeat the password
		return refuse("it is not smtp://[user:pass@]host:port?tls=starttls|implicit|none")
	}
	host := u.Hostname()
	port, err := strconv.Atoi(u.Port())
	if u.Scheme != "smtp" || host == "" || err != nil || port < 1 || port > 65535 || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		return refuse("it is not smtp://[user:pass@]host:port?tls=starttls|implicit|none")
	}
	query := u.Query()
	mode := query.Get("tls")
	if query.Del("tls"); len(query) > 0 {
		return refuse("it has a parameter other than tls")
	}
	switch mode {
	case "":
		mode = "starttls"
	case "starttls", "implicit":
	case "none":
		if !portique.Loopback(host) {
			return refuse("tls=none is for this machine only (localhost): letters carry links that let people in; use tls=starttls or tls=implicit")
		}
	default:
		return refuse("tls is starttls, implicit or none, not %q", mode)
	}
	s := &Sender{host: host, port: port, mode: mode, step: o.Step,
		tls: &tls.Config{ServerName: host, RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}}
	if s.step == 0 {
		s.step = StepTimeout
	}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	if s.user != "" && mode == "none" {
		return refuse("a user and a password need tls=starttls or tls=implicit")
	}
	from, err := portique.ParseEmail("from", o.From)
	if err != nil {
		if from, err = looseAddress(o.From); err != nil {
			return nil, fmt.Errorf("PORTIQUE_MAIL_FROM: %q is not a plain address", o.From)
		}
	}
	s.from = netmail.Address{Name: portique.CleanText(o.FromName), Address: from}
	if o.ReplyTo != "" {
		reply, err := portique.ParseEmail("reply-to", o.ReplyTo)
		if err != nil {
			if reply, err = looseAddress(o.ReplyTo); err != nil {
				return nil, fmt.Errorf("PORTIQUE_SUPPORT_EMAIL: %q is not a plain address", o.ReplyTo)
			}
		}
		s.replyTo = &netmail.Address{Address: reply}
	}
	return s, nil
}

var localAddress = regexp.MustCompile(`^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}$`)

// looseAddress takes an operator's own address on a host without a dot, as in
// no-reply@localhost.
func looseAddress(s string) (string, error) {
	if !localAddress.MatchString(s) {
		return "", errors.New("not an address")
	}
	return s, nil
}

var messageID = regexp.MustCompile(`^<[A-Za-z0-9._-]+@[A-Za-z0-9.-]+>$`)

// Send sends one message to its one recipient. Its error is a *SendError.
func (s *Sender) Send(ctx context.Context, m *Message) error {
	err := s.send(ctx, m)
	if err == nil {
		return nil
	}
	err.Err = s.hush(err.Err, m.Secrets)
	return err
}

func (s *Sender) send(ctx context.Context, m *Message) *SendError {
	msg, err := s.compose(m)
	if err != nil {
		return &SendError{Outcome: Temporary, Step: "content", Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	c := &call{}
	defer c.hangUp()
	if failed := s.dial(ctx, c); failed != nil {
		return failed
	}
	err = c.client.SendWithSMTPClient(c.session, msg)
	if err == nil || msg.IsDelivered() { // the server took it: what follows changes nothing
		c.goodbye()
		return nil
	}
	return classify(err)
}

// Probe goes as far as a letter would without sending one: connection,
// encryption, signing in. It says how the server was reached.
func (s *Sender) Probe(ctx context.Context) (string, error) {
	c := &call{}
	defer c.hangUp()
	if failed := s.dial(ctx, c); failed != nil {
		return "", s.hush(failed.Err, nil)
	}
	how := "without encryption"
	if state, ok := c.session.TLSConnectionState(); ok {
		how = tls.VersionName(state.Version)
	}
	if s.user != "" {
		how += ", signed in as " + s.user
	}
	c.goodbye()
	return net.JoinHostPort(s.host, strconv.Itoa(s.port)) + " answers, " + how, nil
}

// hushed is an error whose text repeats no secret.
type hushed struct {
	text string
	err  error
}

func (h hushed) Error() string { return h.text }
func (h hushed) Unwrap() error { return h.err }

// hush takes out of an error what a mail server may have quoted: the line we
// signed in with, a link of the letter (filters like to show the one they
// object to), a code.
func (s *Sender) hush(err error, secrets []string) error {
	if s.password != "" {
		secrets = append([]string{s.password, base64.StdEncoding.EncodeToString([]byte(s.password)),
			base64.StdEncoding.EncodeToString([]byte("\x00" + s.user + "\x00" + s.password))}, secrets...)
	}
	return Hush(err, secrets)
}

// Hush takes the secrets of a letter out of an error.
func Hush(err error, secrets []string) error {
	text := err.Error()
	for _, one := range secrets {
		forms := []string{one}
		if _, token, ok := strings.Cut(one, "token="); ok {
			forms = append(forms, token)
		}
		if half := len(one) / 2; len(one) <= 8 { // a code, as letters show it
			forms = append(forms, one[:half]+" "+one[half:], one[:half]+"\u202f"+one[half:], one[:half]+"\u00a0"+one[half:])
		}
		for _, form := range forms {
			if form != "" {
				text = strings.ReplaceAll(text, form, "…")
			}
		}
	}
	return hushed{text, err}
}

// call is a conversation with the mail server.
type call struct {
	conn    *stepConn
	client  *gomail.Client
	session *smtp.Client
}

// hangUp ends the connection, whatever became of it: go-mail leaves it open when
// a greeting fails.
func (c *call) hangUp() {
	if c.conn != nil {
		c.conn.Close()
	}
}

// goodbye ends the conversation. A server that does not answer it holds nobody.
func (c *call) goodbye() {
	c.conn.step = min(c.conn.step, farewell)
	_ = c.client.CloseWithSMTPClient(c.session)
}

// dial connects, encrypts and signs in.
func (s *Sender) dial(ctx context.Context, c *call) *SendError {
	options := []gomail.Option{
		gomail.WithPort(s.port),
		gomail.WithTimeout(attemptTimeout), // each step has its own, see stepConn
		gomail.WithoutNoop(),
		gomail.WithoutSMTPUTF8(), // addresses are ASCII
		gomail.WithTLSConfig(s.tls),
		gomail.WithHELO(heloName(s.from.Address)),
		gomail.WithDialContextFunc(func(dial context.Context, network, address string) (net.Conn, error) {
			// The dialling context ends with the dial; the attempt's lasts.
			raw, err := (&net.Dialer{Timeout: s.step}).DialContext(dial, network, address)
			if err != nil {
				return nil, err
			}
			stop := context.AfterFunc(ctx, func() { raw.Close() })
			c.conn = &stepConn{Conn: raw, step: s.step, stop: stop}
			if s.mode == "implicit" {
				return tls.Client(c.conn, s.tls), nil
			}
			return c.conn, nil
		}),
	}
	switch s.mode {
	case "starttls":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "implicit": // already encrypted: this only makes go-mail notice it
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.user != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	var err error
	if c.client, err = gomail.NewClient(s.host, options...); err != nil {
		return &SendError{Outcome: QueueHold, Step: "connect", Err: err}
	}
	if c.session, err = c.client.DialToSMTPClientWithContext(ctx); err != nil {
		return &SendError{Outcome: QueueHold, Step: "connect", Code: answerCode(err), Err: err}
	}
	return nil
}

func (s *Sender) compose(m *Message) (*gomail.Msg, error) {
	to, err := portique.ParseEmail("to", m.To)
	if err != nil || to != m.To {
		return nil, fmt.Errorf("%q is not one plain address", m.To)
	}
	if !messageID.MatchString(m.MessageID) {
		return nil, fmt.Errorf("%q is not a Message-ID", m.MessageID)
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&s.from)
	msg.ToMailAddress(&netmail.Address{Address: to})
	if s.replyTo != nil {
		msg.ReplyToMailAddress(s.replyTo)
	}
	// "=?" typed into a name would be read as an encoded word (RFC 2047).
	msg.Subject(strings.ReplaceAll(portique.CleanText(m.Subject), "=?", "= ?"))
	msg.SetMessageIDWithValue(strings.Trim(m.MessageID, "<>"))
	date := m.Date
	if date.IsZero() {
		date = time.Now()
	}
	msg.SetDateWithValue(date)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

func heloName(from string) string {
	_, domain, _ := strings.Cut(from, "@")
	return domain
}

// classify says what a failure after the connection means.
func classify(err error) *SendError {
	e := &SendError{Outcome: Temporary, Step: "content", Code: answerCode(err), Err: err}
	s, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return e
	}
	if c := s.ErrorCode(); c != 0 {
		e.Code = c
	}
	switch s.Reason {
	case gomail.ErrSMTPMailFrom:
		e.Step = "sender"
		if e.Code >= 500 {
			e.Outcome = QueueHold
		}
	case gomail.ErrSMTPRcptTo:
		e.Step = "recipient"
		switch {
		case e.Code == 530 || e.Code == 535 || e.Code == 538: // it asks us to sign in
			e.Outcome = QueueHold
		case e.Code >= 500:
			e.Outcome = PermanentRecipient
		}
	case gomail.ErrConnCheck:
		e.Step, e.Outcome = "connect", QueueHold
	default:
		// Some servers look at the address only once they have the content.
		if e.Code >= 500 && strings.HasPrefix(s.EnhancedStatusCode(), "5.1.") {
			e.Step, e.Outcome = "recipient", PermanentRecipient
		}
	}
	return e
}

func answerCode(err error) int {
	if t, ok := errors.AsType[*textproto.Error](err); ok {
		return t.Code
	}
	return 0
}

// stepConn gives the server one step's time to answer from each thing we send,
// and to greet us; bytes that trickle in do not prolong it.
type stepConn struct {
	net.Conn
	step    time.Duration
	started bool
	stop    func() bool
}

func (c *stepConn) Read(b []byte) (int, error) {
	if !c.started {
		c.started = true
		if err := c.Conn.SetDeadline(time.Now().Add(c.step)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(b)
}

func (c *stepConn) Write(b []byte) (int, error) {
	c.started = true
	if err := c.Conn.SetDeadline(time.Now().Add(c.step)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// SetDeadline ignores go-mail's, which covers several steps at once.
func (c *stepConn) SetDeadline(time.Time) error { return nil }

func (c *stepConn) Close() error {
	c.stop()
	return c.Conn.Close()
}
