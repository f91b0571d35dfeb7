package e2e

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a server and its PostgreSQL, and makes the network fail.
type Proxy struct {
	Addr string

	target string
	mu     sync.Mutex
	mode   mode
	pairs  map[net.Conn]net.Conn // from the server, to PostgreSQL
	closed bool
	cuts   int // connections cut after a commit
}

type mode int

const (
	fine    mode = iota
	refuse       // connections end, new ones too
	swallow      // bytes go nowhere and nobody is told
	slow         // each answer takes two seconds more
	cut          // the answer to a COMMIT is lost with its connection
)

// committed is how PostgreSQL answers a COMMIT (CommandComplete, "Message Formats" of its manual). Transactions that only read have none.
var committed = []byte("C\x00\x00\x00\x0bCOMMIT\x00")

// Behind puts a proxy between the installation's server and its PostgreSQL; commands go straight. It belongs between Prepare and serve.
func (a *App) Behind(t *testing.T) *Proxy {
	t.Helper()
	u, err := url.Parse(a.setting("PORTIQUE_DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), target: u.Host, pairs: map[net.Conn]net.Conn{}}
	u.Host = p.Addr
	a.only = append(a.only, "PORTIQUE_DATABASE_URL="+u.String())
	go p.accept(l)
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.drop()
	})
	return p
}

// Set makes the network fail in another way from now on. Leaving swallow ends its connections: what was lost does not come back.
func (p *Proxy) Set(m mode) {
	p.mu.Lock()
	before := p.mode
	p.mode = m
	p.mu.Unlock()
	if m == refuse || before == swallow {
		p.drop()
	}
}

// Cuts is how many commits have lost their answer.
func (p *Proxy) Cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

func (p *Proxy) now() mode {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode
}

func (p *Proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a, b := range p.pairs {
		a.Close()
		b.Close()
	}
}

func (p *Proxy) accept(l net.Listener) {
	for {
		server, err := l.Accept()
		if err != nil {
			return
		}
		if p.now() == refuse {
			server.Close()
			continue
		}
		database, err := net.Dial("tcp", p.target)
		if err != nil {
			server.Close()
			continue
		}
		p.mu.Lock()
		p.pairs[server] = database
		closed := p.closed
		p.mu.Unlock()
		if closed {
			server.Close()
			database.Close()
			continue
		}
		go p.pipe(database, server, func([]byte) bool { return true })
		go func() {
			p.pipe(server, database, func(b []byte) bool {
				if p.now() == slow {
					time.Sleep(2 * time.Second)
				}
				if p.now() != cut || !bytes.Contains(b, committed) {
					return true
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				p.cuts++
				return false
			})
			p.mu.Lock()
			delete(p.pairs, server)
			p.mu.Unlock()
		}()
	}
}

// pipe copies until an end closes or look says no.
func (p *Proxy) pipe(to, from net.Conn, look func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && p.now() != swallow {
			if !look(b[:n]) {
				return
			}
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
