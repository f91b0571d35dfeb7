package mail

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/mail/mailtest"
)

const recipient = "jeanne.petit@martin.example"

func senderTo(t *testing.T, address, mode string, roots *x509.CertPool) *Sender {
	t.Helper()
	_, port, _ := net.SplitHostPort(address)
	s, err := NewSender(SenderOptions{URL: "smtp://localhost:" + port + "?tls=" + mode, From: "no-reply@opco.example",
		FromName: "Web Services Entreprises é", ReplyTo: "aide@opco.example", RootCAs: roots, Step: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sampleMessage(t *testing.T) *Message {
	t.Helper()
	m, err := newTestRenderer(t).Render(Sample(portique.LetterValidation, "fr", true))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSend(t *testing.T) {
	server := mailtest.New(t)
	m := sampleMessage(t)
	if err := senderTo(t, server.Addr, "none", nil).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := server.Received()
	if len(got) != 1 || got[0].To != recipient || got[0].From != "no-reply@opco.example" {
		t.Fatalf("received: %+v", got)
	}
	h := got[0].Header
	for name, want := range map[string]string{
		"To":             "<" + recipient + ">",
		"Reply-To":       "<aide@opco.example>",
		"Message-Id":     "<0197@opco.example>",
		"Auto-Submitted": "auto-generated",
		"Date":           "Mon, 30 Nov 2026 13:05:00 +0000",
		"Mime-Version":   "1.0",
	} {
		if h.Get(name) != want || len(h[name]) != 1 {
			t.Errorf("%s is %q, not %q", name, h[name], want)
		}
	}
	if subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject")); err != nil || subject != m.Subject {
		t.Errorf("the subject is %q (%v)", subject, err)
	}
	if from, err := netmail.ParseAddress(h.Get("From")); err != nil || from.Name != "Web Services Entreprises é" {
		t.Errorf("From is %q (%v)", h.Get("From"), err)
	}
	kind, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type is %q (%v)", h.Get("Content-Type"), err)
	}
	message, _ := netmail.ReadMessage(bytes.NewReader(got[0].Raw))
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for _, want := range []struct{ kind, content string }{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(part.Header.Get("Content-Type"), want.kind) {
			t.Errorf("a part is %q, not %s", part.Header.Get("Content-Type"), want.kind)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || strings.TrimSpace(strings.ReplaceAll(string(content), "\r\n", "\n")) != strings.TrimSpace(want.content) {
			t.Errorf("%s arrives altered (%v): %q", want.kind, err, content)
		}
	}
	for line := range bytes.Lines(got[0].Raw) {
		if len(line) > 1000 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
}

func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		to, all mailtest.Script
		outcome Outcome
		step    string
		code    int
	}{
		"4xx at RCPT":               {to: mailtest.Script{Rcpt: mailtest.Refuse(450)}, outcome: Temporary, step: "recipient", code: 450},
		"5xx at RCPT":               {to: mailtest.Script{Rcpt: mailtest.Refuse(550)}, outcome: PermanentRecipient, step: "recipient", code: 550},
		"sign-in asked at RCPT":     {to: mailtest.Script{Rcpt: mailtest.Refuse(530)}, outcome: QueueHold, step: "recipient", code: 530},
		"4xx at MAIL":               {all: mailtest.Script{Mail: mailtest.Refuse(451)}, outcome: Temporary, step: "sender", code: 451},
		"5xx at MAIL":               {all: mailtest.Script{Mail: mailtest.Refuse(550)}, outcome: QueueHold, step: "sender", code: 550},
		"4xx after DATA":            {to: mailtest.Script{Data: mailtest.Refuse(452)}, outcome: Temporary, step: "content", code: 452},
		"5xx after DATA":            {to: mailtest.Script{Data: mailtest.Refuse(554)}, outcome: Temporary, step: "content", code: 554},
		"no answer to RCPT":         {to: mailtest.Script{Hang: true}, outcome: Temporary, step: "recipient"},
		"connection lost at DATA":   {to: mailtest.Script{Drop: true}, outcome: Temporary, step: "content"},
		"slow, but within the step": {to: mailtest.Script{Slow: 100 * time.Millisecond}, outcome: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.New(t)
			server.On("", c.all)
			if c.all.Mail == nil {
				server.On(recipient, c.to)
			}
			err := senderTo(t, server.Addr, "none", nil).Send(t.Context(), sampleMessage(t))
			if c.outcome == -1 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			e, ok := errors.AsType[*SendError](err)
			if !ok || e.Outcome != c.outcome || e.Step != c.step || e.Code != c.code {
				t.Errorf("%v: %+v, want %v at %s, %d", err, e, c.outcome, c.step, c.code)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	answer := func(greeting string) {
		c, err := l.Accept()
		if err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
		for _, b := range []byte(greeting) { // a byte now and then does not prolong the step
			time.Sleep(100 * time.Millisecond)
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
		}
	}
	s := senderTo(t, l.Addr().String(), "none", nil)
	trickle := "220 " + strings.Repeat("trickling in, ", 20) + "slowly\r\n" // for half a minute
	for _, greeting := range []string{"", trickle} {
		go answer(greeting)
		begun := time.Now()
		if err := s.Send(t.Context(), sampleMessage(t)); OutcomeOf(err) != QueueHold || time.Since(begun) > 10*time.Second {
			t.Errorf("a silent server (%.20q) gives %v after %s", greeting, err, time.Since(begun))
		}
	}
	s.step = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	go answer("")
	time.AfterFunc(50*time.Millisecond, cancel)
	begun := time.Now()
	if err := s.Send(ctx, sampleMessage(t)); err == nil || time.Since(begun) > 10*time.Second {
		t.Errorf("stopping takes %s (%v)", time.Since(begun), err)
	}
	l.Close()
	if err := s.Send(t.Context(), sampleMessage(t)); OutcomeOf(err) != QueueHold {
		t.Errorf("a refused connection gives %v", err)
	}
}

func TestTLS(t *testing.T) {
	config, roots := certificate(t)
	for _, implicit := range []bool{false, true} {
		server := mailtest.NewTLS(t, config, implicit)
		mode := map[bool]string{false: "starttls", true: "implicit"}[implicit]
		if err := senderTo(t, server.Addr, mode, roots).Send(t.Context(), sampleMessage(t)); err != nil || len(server.Received()) != 1 {
			t.Errorf("%s: %v", mode, err)
		}
		// A certificate nobody vouches for: nothing leaves, the queue waits.
		if err := senderTo(t, server.Addr, mode, nil).Send(t.Context(), sampleMessage(t)); OutcomeOf(err) != QueueHold || len(server.Received()) != 1 {
			t.Errorf("%s with an unknown certificate: %v", mode, err)
		}
	}
	// STARTTLS taken out of the greeting: nothing leaves in clear.
	plain := mailtest.New(t)
	if err := senderTo(t, plain.Addr, "starttls", roots).Send(t.Context(), sampleMessage(t)); OutcomeOf(err) != QueueHold || len(plain.Received()) != 0 {
		t.Errorf("without STARTTLS: %v", err)
	}
}

func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

func TestNewSender(t *testing.T) {
	for _, c := range []struct {
		url, from string
		refused   string // a part of the error; empty: accepted
	}{
		{"smtp://mail.opco.example:587", "no-reply@opco.example", ""},
		{"smtp://user:p%40ss@mail.opco.example:465?tls=implicit", "no-reply@opco.example", ""},
		{"smtp://127.0.0.1:1025?tls=none", "no-reply@localhost", ""},
		{"smtp://[::1]:1025?tls=none", "no-reply@localhost", ""},
		{"smtp://mail.opco.example:25?tls=none", "no-reply@opco.example", "PORTIQUE_SMTP_URL"},
		{"smtp://user:secret@localhost:25?tls=none", "no-reply@opco.example", "PORTIQUE_SMTP_URL"},
		{"smtp://mail.opco.example", "no-reply@opco.example", "PORTIQUE_SMTP_URL"},
		{"smtps://mail.opco.example:465", "no-reply@opco.example", "PORTIQUE_SMTP_URL"},
		{"smtp://mail.opco.example:587?tls=maybe", "no-reply@opco.example", "PORTIQUE_SMTP_URL"},
		{"smtp://mail.opco.example:587?insecure=1", "no-reply@opco.example", "PORTIQUE_SMTP_URL"},
		{"smtp://mail.opco.example:0", "no-reply@opco.example", "PORTIQUE_SMTP_URL"},
		{"smtp://user:se cret@mail.opco.example:587", "no-reply@opco.example", "PORTIQUE_SMTP_URL"},
		{"", "no-reply@opco.example", "PORTIQUE_SMTP_URL"},
		{"smtp://mail.opco.example:587", "Portail <no-reply@opco.example>", "PORTIQUE_MAIL_FROM"},
		{"smtp://mail.opco.example:587", "a@b\r\nBcc: c@d.example", "PORTIQUE_MAIL_FROM"},
	} {
		_, err := NewSender(SenderOptions{URL: c.url, From: c.from})
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%s from %s: %v", c.url, c.from, err)
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused) || strings.Contains(err.Error(), "cret")):
			t.Errorf("%s from %q: %v", c.url, c.from, err)
		}
	}
}

// One recipient, whatever the address claims to be; no header but ours.
func TestNoInjection(t *testing.T) {
	server := mailtest.New(t)
	s := senderTo(t, server.Addr, "none", nil)
	for _, to := range []string{
		"a@b.example, c@d.example", "a@b.example\r\nRCPT TO:<c@d.example>", "<a@b.example> SIZE=1", `"a@b.example> "@c.example`,
		"a@b.example\n", "a(comment)@b.example", "Jeanne <a@b.example>", "",
	} {
		m := sampleMessage(t)
		if m.To = to; s.Send(t.Context(), m) == nil {
			t.Errorf("a message to %q leaves", to)
		}
	}
	m := sampleMessage(t)
	if m.MessageID = "<x@y.example>\r\nBcc: z@y.example"; s.Send(t.Context(), m) == nil {
		t.Error("a Message-ID brings a header")
	}
	if len(server.Received()) != 0 {
		t.Fatalf("received: %+v", server.Received())
	}
	m = sampleMessage(t)
	m.Subject = "Bonjour\r\nBcc: z@y.example\r\n\r\nbody"
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if h := server.Received()[0].Header; h.Get("Bcc") != "" || h.Get("Subject") != "Bonjour Bcc: z@y.example body" {
		t.Errorf("the subject brings a header: %v", h)
	}
}

// AUD-03: a mail server may quote what we sent; what is kept of its answer repeats no password, link or code.
func TestErrorsRepeatNoSecret(t *testing.T) {
	s, err := NewSender(SenderOptions{URL: "smtp://portique:canari@localhost:25", From: "no-reply@opco.example"})
	if err != nil {
		t.Fatal(err)
	}
	const link = "https://auth.opco.example/validate?token=abcdefgh01234567"
	answer := errors.New("554 spam: " + link + " (abcdefgh01234567, 123 456, 123\u202f456, 123456) after AHBvcnRpcXVlAGNhbmFyaQ== canari")
	got := s.hush(answer, []string{link, "123456"})
	if want := "554 spam: … (…, …, …, …) after … …"; got.Error() != want || !errors.Is(got, answer) {
		t.Errorf("kept: %s", got)
	}
	server := mailtest.New(t)
	m := sampleMessage(t)
	if len(m.Secrets) != 3 { // link, code, and the code to disown
		t.Errorf("the secrets of a letter: %q", m.Secrets)
	}
	refusal := mailtest.Refuse(550)
	refusal.Message = "no: " + m.Secrets[0]
	server.On(m.To, mailtest.Script{Rcpt: refusal})
	if err := senderTo(t, server.Addr, "none", nil).Send(t.Context(), m); OutcomeOf(err) != PermanentRecipient || strings.Contains(err.Error(), m.Secrets[0]) {
		t.Errorf("%v", err)
	}
}
