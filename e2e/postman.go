package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Postman is a mail server that misbehaves at a step of the conversation: connect, EHLO, MAIL, RCPT, DATA or end (after the final
// dot). What it takes goes to the mailbox of the test.
type Postman struct {
	Addr string
	TLS  *tls.Config // offers STARTTLS

	mailbox *Mailbox
	mu      sync.Mutex
	acts    map[string]act // by step, or by step and domain: "RCPT stuck.example"
	seen    map[string]int // how often a step, or a step of a domain, was reached
	ids     map[string]map[string]int
	clear   []string // the lines that came unencrypted
	hung    []net.Conn
}

// act is what happens at a step; the zero value is what should.
type act struct {
	answer string        // instead of the usual one
	hang   bool          // no answer
	drop   bool          // the connection ends without an answer
	pace   time.Duration // between two bytes of the answer
}

func newPostman(t *testing.T, mailbox *Mailbox) *Postman {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Postman{Addr: l.Addr().String(), mailbox: mailbox, acts: map[string]act{}, seen: map[string]int{}, ids: map[string]map[string]int{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	t.Cleanup(func() { l.Close(); p.Heal() })
	return p
}

// On makes a step go wrong from now on, for everybody or, as "RCPT stuck.example", for a domain.
func (p *Postman) On(step string, a act) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acts[step] = a
}

// Heal makes everything go well again; who was left hanging, or would wait for long, is cut off.
func (p *Postman) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acts = map[string]act{}
	for _, c := range p.hung {
		c.Close()
	}
	p.hung = nil
}

// Reached waits until a step was reached n times.
func (p *Postman) Reached(t *testing.T, step string, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		p.mu.Lock()
		got := p.seen[step]
		p.mu.Unlock()
		if got >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s was reached %d times, not %d", step, got, n)
		}
	}
}

// MessageIDs are those of the contents that came for an address, taken or not, with how often each did.
func (p *Postman) MessageIDs(to string) map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids[to]
}

// Clear is what came unencrypted.
func (p *Postman) Clear() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.clear, "\n")
}

func (p *Postman) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	encrypted := false
	var to, domain string
	// say answers a step as it should, unless the step misbehaves; false ends the conversation.
	say := func(step, usual string) bool {
		p.mu.Lock()
		p.seen[step]++
		a, found := p.acts[step+" "+domain]
		if domain != "" {
			p.seen[step+" "+domain]++
		}
		if !found {
			a = p.acts[step]
		}
		if a.hang || a.pace >= time.Second {
			p.hung = append(p.hung, c)
		}
		p.mu.Unlock()
		if a.hang {
			_, _ = io.Copy(io.Discard, c) // until one of us ends it
			return false
		}
		if a.drop {
			return false
		}
		if a.answer != "" {
			usual = a.answer
		}
		for _, b := range []byte(usual + "\r\n") {
			if _, err := c.Write([]byte{b}); err != nil {
				return false
			}
			time.Sleep(a.pace)
		}
		return true
	}
	if !say("connect", "220 localhost") {
		return
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if line = strings.TrimSpace(line); !encrypted {
			p.mu.Lock()
			p.clear = append(p.clear, line)
			p.mu.Unlock()
		}
		verb, rest, _ := strings.Cut(line, " ")
		ok := true
		switch strings.ToUpper(verb) {
		case "EHLO":
			if p.TLS != nil && !encrypted {
				ok = say("EHLO", "250-localhost\r\n250 STARTTLS")
			} else {
				ok = say("EHLO", "250-localhost\r\n250 AUTH PLAIN LOGIN")
			}
		case "STARTTLS":
			if !say("STARTTLS", "220 go on") {
				return
			}
			secured := tls.Server(c, p.TLS)
			if secured.Handshake() != nil {
				return
			}
			c, r, encrypted = secured, bufio.NewReader(secured), true
		case "MAIL":
			to, domain = "", ""
			ok = say("MAIL", "250 ok")
		case "RCPT":
			to = strings.ToLower(strings.Trim(strings.TrimPrefix(strings.ToUpper(rest), "TO:"), "<>"))
			_, domain, _ = strings.Cut(to, "@")
			ok = say("RCPT", "250 ok")
		case "DATA":
			if ok = say("DATA", "354 go on"); ok {
				p.mu.Lock()
				_, refused := p.acts["DATA "+domain]
				p.mu.Unlock()
				if refused {
					continue
				}
				ok = p.take(r, to) && say("end", "250 taken")
			}
		case "QUIT":
			say("QUIT", "221 bye")
			return
		default:
			ok = say(verb, "250 ok")
		}
		if !ok {
			return
		}
	}
}

// take reads a content and puts it in the mailbox unless its end will be refused.
func (p *Postman) take(r *bufio.Reader, to string) bool {
	var content strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		content.WriteString(strings.TrimPrefix(line, "."))
	}
	letter, err := readMail([]byte(content.String()))
	if err != nil {
		return false
	}
	letter.To = to
	_, domain, _ := strings.Cut(to, "@")
	p.mu.Lock()
	if p.ids[to] == nil {
		p.ids[to] = map[string]int{}
	}
	p.ids[to][letter.MessageID]++
	a := p.acts["end "+domain]
	p.mu.Unlock()
	if a.answer == "" {
		p.mailbox.mu.Lock()
		p.mailbox.letters = append(p.mailbox.letters, letter)
		close(p.mailbox.arrived)
		p.mailbox.arrived = make(chan struct{})
		p.mailbox.mu.Unlock()
	}
	return true
}

// smtpURL is the setting that sends the letters of a server to the postman.
func (p *Postman) smtpURL(user, mode string) string {
	return fmt.Sprintf("PORTIQUE_SMTP_URL=smtp://%s%s?tls=%s", user, p.Addr, mode)
}
