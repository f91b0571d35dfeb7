package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	msg, err := s.compose(m)
	if err != nil {
		return &SendError{Outcome: Temporary, Step: "content", Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	var conn *stepConn // go-mail leaves the connection open when a greeting fails
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
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
			conn = &stepConn{Conn: raw, step: s.step, stop: stop}
			if s.mode == "implicit" {
				return tls.Client(conn, s.tls), nil
			}
			return conn, nil
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
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return &SendError{Outcome: QueueHold, Step: "connect", Err: err}
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return &SendError{Outcome: QueueHold, Step: "connect", Code: answerCode(err), Err: err}
	}
	err = client.SendWithSMTPClient(session, msg)
	if err == nil || msg.IsDelivered() { // the server took it: what follows changes nothing
		conn.step = min(conn.step, farewell)
		_ = client.CloseWithSMTPClient(session)
		return nil
	}
	return classify(err)
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
	msg.Subject(portique.CleanText(m.Subject))
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
