package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// engineRun collects the lines of one engine.
type engineRun struct {
	*installation
	items []*item
}

// measure takes limit and Portique in turn and adds a line. A measure returns its sample and how many requests went wrong.
type measure func() (sample, int, error)

func (e *engineRun) line(name, unit, limitIs, target string, limit, ours measure) error {
	it := &item{Engine: e.engine, Name: name, Unit: unit, LimitIs: limitIs, Target: target}
	if !strings.Contains(name, e.Only) {
		return nil
	}
	for range e.Rounds {
		if limit != nil {
			s, failures, err := e.timed(e.floor.Process.Pid, limit)
			if err != nil || failures > 0 {
				return fmt.Errorf("%s, limit: %d failures, %w", name, failures, err)
			}
			it.Limits = append(it.Limits, s)
		}
		s, failures, err := e.timed(e.server.Process.Pid, ours)
		it.Failures += failures
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s on %s: %v\n", name, e.engine, err)
		}
		it.Portique = append(it.Portique, s)
	}
	e.add(it)
	return nil
}

// timed adds to a measure what a process spent on it.
func (e *engineRun) timed(pid int, m measure) (sample, int, error) {
	before := cpu(pid)
	s, failures, err := m()
	if s.n > 0 && before > 0 && s.CPU == 0 {
		s.CPU = float64((cpu(pid) - before).Nanoseconds()) / float64(s.n) / 1000
	}
	return s, failures, err
}

func (e *engineRun) add(it *item) {
	it.Limit, it.Ours = median(it.Limits), median(it.Portique)
	if it.Limit.Rate > 0 {
		it.Ratio = it.Ours.Rate / it.Limit.Rate
	}
	e.items = append(e.items, it)
}

// repeat measures one request, the same each time, over several connections.
func repeat(origin string, n int, each time.Duration, status int, request func(c *conn, worker int) []byte) measure {
	return func() (sample, int, error) {
		conns, requests := make([]*conn, n), make([][]byte, n)
		for i := range conns {
			c, err := dial(origin)
			if err != nil {
				return sample{}, 0, err
			}
			defer c.Close()
			conns[i], requests[i] = c, request(c, i)
		}
		step := func(w int) error {
			_, err := conns[w].expect(status, requests[w])
			return err
		}
		warm, failures, err := load(n, each/8, step)
		if err != nil {
			return sample{}, failures, err
		}
		s, failures, err := load(n, each, step)
		s.n += warm.n
		return s, failures, err
	}
}

func (e *engineRun) floorGet(path string) measure {
	return repeat(e.floors.origin, slots, e.Each, http.StatusOK, func(c *conn, _ int) []byte { return c.get(path, "Authorization: Bearer bench\r\n") })
}

// floorStatic is net/http with a static answer as long as the one that request gets from origin.
func (e *engineRun) floorStatic(origin string, request func(c *conn, worker int) []byte) measure {
	return func() (sample, int, error) {
		c, err := dial(origin)
		if err != nil {
			return sample{}, 0, err
		}
		defer c.Close()
		a, err := c.expect(http.StatusOK, request(c, 0))
		if err != nil {
			return sample{}, 0, err
		}
		return e.floorGet("/static/" + strconv.Itoa(len(a.Body)))()
	}
}

func (e *engineRun) floorToken(algorithm string) measure {
	return repeat(e.floors.origin, slots, e.Each, http.StatusOK, func(c *conn, _ int) []byte {
		return c.post("/token", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("bench:secret"))+"\r\n",
			"grant_type=authorization_code&code=c&redirect_uri=r&code_verifier=v&alg="+algorithm)
	})
}

func (e *engineRun) floorLimit(of string) measure {
	return func() (sample, int, error) {
		s, err := e.floors.limit(of, e.Each, 0)
		return s, 0, err
	}
}

func measureEngine(ctx context.Context, o options, pinned bool, engine string) ([]*item, error) {
	in, err := newInstallation(ctx, o, pinned, engine)
	if in != nil {
		defer in.Close()
	}
	if err != nil {
		return nil, err
	}
	e := &engineRun{installation: in}
	if err := e.importing(ctx); err != nil {
		return nil, err
	}
	if err := e.starting(ctx); err != nil {
		return nil, err
	}
	if err := e.populate(ctx); err != nil {
		return nil, err
	}
	for _, some := range []func() error{e.machine, e.single, e.people} {
		if err := some(); err != nil {
			return nil, err
		}
	}
	return e.items, nil
}

// importing measures the first import of a member file, which fills an empty register, so once; its limit before and after.
func (e *engineRun) importing(ctx context.Context) error {
	path, err := e.memberFile(e.Lines)
	if err != nil {
		return err
	}
	it := &item{Engine: e.engine, Name: fmt.Sprintf("import of %s lines", number(float64(e.Lines))), Unit: "lines/s", LimitIs: "the rows alone, one transaction"}
	if e.engine == "postgres" {
		it.LimitIs = "the rows alone, by COPY"
	}
	for i := range 2 {
		s, err := e.floors.limit("import", 0, e.Lines)
		if err != nil {
			return err
		}
		it.Limits = append(it.Limits, s)
		if i == 0 {
			start := time.Now()
			if _, err := e.command(ctx, "", "company", "import", path); err != nil {
				return err
			}
			it.Portique = append(it.Portique, sample{Rate: float64(e.Lines) / time.Since(start).Seconds()})
		}
	}
	e.add(it)
	return nil
}

// starting measures a start on a full database, and leaves the server running.
func (e *engineRun) starting(ctx context.Context) error {
	start := &item{Engine: e.engine, Name: "start to first discovery", Unit: "ms", Target: "≤ 30"}
	for i := range 4 {
		e.stop(e.server)
		ms, err := e.serve(ctx)
		if err != nil {
			return err
		}
		if i > 0 { // the first one makes the signing key
			start.Portique = append(start.Portique, sample{Rate: ms})
		}
	}
	e.add(start)
	time.Sleep(300 * time.Millisecond)
	e.add(&item{Engine: e.engine, Name: "memory when idle", Unit: "MiB", Target: "≤ 30", Portique: []sample{{Rate: e.rss()}}})
	return nil
}

// machine measures the limits that no line below compares itself to directly.
func (e *engineRun) machine() error {
	names := map[string]string{"commit": "durable commits, one at a time", "ES256": "ID token signed ES256", "RS256": "ID token signed RS256"}
	if e.engine == "postgres" {
		names["commit"] = "durable commits, 16 connections"
	}
	for _, of := range []string{"commit", "ES256", "RS256"} {
		it := &item{Engine: e.engine, Name: names[of], Unit: "/s", LimitIs: "a limit itself"}
		for range e.Rounds {
			s, err := e.floors.limit(of, e.Each/2, 0)
			if err != nil {
				return err
			}
			it.Portique = append(it.Portique, sample{Rate: s.Rate})
		}
		e.add(it)
	}
	return nil
}

// single measures the requests that one connection repeats.
func (e *engineRun) single() error {
	const plain = "net/http, a static answer"
	if e.engine == "sqlite" { // no database in these two
		for path, name := range map[string]string{"/.well-known/openid-configuration": "discovery", "/oauth/keys": "JWKS"} {
			request := func(c *conn, _ int) []byte { return c.get(path, "") }
			if err := e.line(name, "/s", plain, "≥ 50 000", e.floorStatic(e.auth, request), repeat(e.auth, slots, e.Each, http.StatusOK, request)); err != nil {
				return err
			}
		}
	}
	pages := make([]*browser, slots)
	paths := make([]string, slots)
	for i := range pages {
		b, err := e.browser()
		if err != nil {
			return err
		}
		defer b.Close()
		a, err := b.get(b.auth, http.StatusSeeOther, authorizePath("bench"))
		if err != nil {
			return err
		}
		pages[i], paths[i] = b, a.Location
	}
	request := func(c *conn, i int) []byte { return c.get(paths[i], pages[i].headers(c)) }
	return e.line("sign-in page", "/s", plain, "≥ 18 000", e.floorStatic(e.auth, request), repeat(e.auth, slots, e.Each, http.StatusOK, request))
}

// people measures what needs somebody signed in.
func (e *engineRun) people() error {
	var attached atomic.Int64
	attach := func(b *browser) error {
		m := e.codes[int(attached.Add(1)-1)%len(e.codes)]
		_, err := b.post(b.portal, http.StatusSeeOther, "/companies/add", url.Values{"siren": {m.siren}, "member_code": {m.code}})
		return err
	}
	// The first sixteen have one company each, the others add companies at the end.
	everybody := make([]*browser, 2*slots)
	for i := range everybody {
		b, err := e.browser()
		if err != nil {
			return err
		}
		defer b.Close()
		if err := b.enterPortal(email(i)); err != nil {
			return err
		}
		if err := attach(b); err != nil {
			return err
		}
		everybody[i] = b
	}

	// Codes are fetched first and redeemed then; each phase is measured.
	var last []string // access tokens, one for each browser
	server := e.server.Process.Pid
	exchange := func(client string, n int64) (authorized, redeemed sample, failures int, err error) {
		codes := make(chan string, n)
		var asked atomic.Int64
		authorized, failures, err = load(slots, time.Minute, func(w int) error {
			if asked.Add(1) > n {
				return errOver
			}
			a, err := everybody[w].get(everybody[w].auth, http.StatusSeeOther, authorizePath(client))
			if err != nil {
				return err
			}
			c, err := code(a.Location)
			codes <- c
			return err
		})
		close(codes)
		if err != nil {
			return
		}
		requests := make([][][]byte, slots)
		for i := 0; ; i++ {
			c, ok := <-codes
			if !ok {
				break
			}
			w := i % slots
			requests[w] = append(requests[w], e.tokenRequest(everybody[w].auth, client, c))
		}
		before := cpu(server)
		next, kept := make([]int, slots), make([]string, slots)
		redeemed, failures, err = load(slots, time.Minute, func(w int) error {
			if next[w] == len(requests[w]) {
				return errOver
			}
			a, err := everybody[w].auth.expect(http.StatusOK, requests[w][next[w]])
			if next[w]++; next[w] == len(requests[w]) {
				var t tokens
				_ = json.Unmarshal(a.Body, &t)
				kept[w] = t.Access
			}
			return err
		})
		last, redeemed.CPU = kept, float64((cpu(server)-before).Nanoseconds())/float64(max(1, redeemed.n))/1000
		return
	}
	var again []sample
	target := "≥ 3 600, p99 ≤ 15"
	if e.engine == "postgres" {
		target = ""
	}
	err := e.line("code exchange, ES256", "/s", "a bare token endpoint, ES256", target, e.floorToken("ES256"), func() (sample, int, error) {
		authorized, redeemed, failures, err := exchange("bench", 1600)
		if failures == 0 && err == nil {
			again = append(again, sample{Rate: 1 / (1/authorized.Rate + 1/redeemed.Rate), P50: authorized.P50 + redeemed.P50, P99: authorized.P99 + redeemed.P99})
		}
		return redeemed, failures, err
	})
	if err != nil {
		return err
	}
	if len(again) > 0 {
		e.add(&item{Engine: e.engine, Name: "one more tool: authorize, code, token", Unit: "/s", Target: "≥ 1 500", Portique: again})
	}
	if last == nil {
		if _, _, _, err := exchange("bench", slots); err != nil {
			return err
		}
	}
	mine := last
	err = e.line("code exchange, RS256", "/s", "a bare token endpoint, RS256", "≥ 85 % of the limit", e.floorToken("RS256"), func() (sample, int, error) {
		_, redeemed, failures, err := exchange("bench-rs", 600)
		return redeemed, failures, err
	})
	if err != nil {
		return err
	}
	err = e.line("userinfo", "/s", "net/http, SHA-256, one read", "≥ 18 000", e.floorGet("/read"),
		repeat(e.auth, slots, e.Each, http.StatusOK, func(c *conn, i int) []byte {
			return c.get("/oauth/userinfo", "Authorization: Bearer "+mine[i]+"\r\n")
		}))
	if err != nil {
		return err
	}

	// Sixteen chains: each answer brings the token of the next request.
	refresh := func(client string) measure {
		return func() (sample, int, error) {
			chain := make([]tokens, slots)
			for w := range chain {
				var err error
				if chain[w], err = everybody[w].lasting(client); err != nil {
					return sample{}, 0, err
				}
			}
			return load(slots, e.Each, func(w int) error {
				c := everybody[w].auth
				a, err := c.expect(http.StatusOK, e.asTool(c, client, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {chain[w].Refresh}}))
				if err == nil {
					err = json.Unmarshal(a.Body, &chain[w])
				}
				return err
			})
		}
	}
	if err := e.line("refresh, ES256", "/s", "a bare token endpoint, ES256", "≥ 4 500", e.floorToken("ES256"), refresh("bench")); err != nil {
		return err
	}
	if err := e.line("refresh, RS256", "/s", "a bare token endpoint, RS256", "≥ 85 % of the limit", e.floorToken("RS256"), refresh("bench-rs")); err != nil {
		return err
	}
	err = e.line("client credentials", "/s", "a bare token endpoint, nothing signed", "≥ 8 000", e.floorToken("none"),
		repeat(e.auth, slots, e.Each, http.StatusOK, func(c *conn, _ int) []byte {
			return e.asTool(c, "bench", "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
		}))
	if err != nil {
		return err
	}
	err = e.line("introspection", "/s", "net/http, SHA-256, one read", "≥ 18 000", e.floorGet("/read"),
		repeat(e.auth, slots, e.Each, http.StatusOK, func(c *conn, i int) []byte {
			return e.asTool(c, "bench", "/oauth/introspect", url.Values{"token": {mine[i]}})
		}))
	if err != nil {
		return err
	}

	err = e.line("full sign-in, 4 requests and the token", "/s", "argon2id 19 MiB t=2 p=1 alone", "≥ 85 % of the limit", e.floorLimit("argon2id"), func() (sample, int, error) {
		fresh := make([]*browser, browsers)
		for i := range fresh {
			var err error
			if fresh[i], err = e.browser(); err != nil {
				return sample{}, 0, err
			}
			defer fresh[i].Close()
		}
		return load(browsers, 3*e.Each, func(w int) error { return fresh[w].wholeSignIn(email(w)) })
	})
	if err != nil {
		return err
	}
	err = e.line("code exchange while 32 people sign in", "/s", "", "p99 ≤ 20", nil, func() (sample, int, error) {
		var over atomic.Bool
		var crowd sync.WaitGroup
		defer crowd.Wait()
		defer over.Store(true)
		for i := range 2 * slots {
			b, err := e.browser()
			if err != nil {
				return sample{}, 0, err
			}
			crowd.Go(func() {
				defer b.Close()
				for !over.Load() {
					if err := b.wholeSignIn(email(i)); err != nil { // 503: too many at once, and the connection goes with it
						b.Close()
						if b, err = e.browser(); err != nil {
							return
						}
					}
				}
			})
		}
		_, redeemed, failures, err := exchange("bench", 800)
		return redeemed, failures, err
	})
	if err != nil {
		return err
	}
	request := func(c *conn, i int) []byte { return c.get("/tools", everybody[i].headers(c)) }
	err = e.line("tools page, one company, four tools", "/s", "net/http, a static answer", "", e.floorStatic(e.portal, request),
		repeat(e.portal, slots, e.Each, http.StatusOK, request))
	if err != nil {
		return err
	}
	return e.line("attach a company", "/s", "durable commits alone", "", e.floorLimit("commit"), func() (sample, int, error) {
		return load(slots, e.Each, func(w int) error { return attach(everybody[slots+w]) })
	})
}

// wholeSignIn is what a tool's visitor goes through who was nowhere signed in: the request, the page, the password, the way
// back, and the tool redeeming its code.
func (b *browser) wholeSignIn(email string) error {
	b.cookies = map[string]string{}
	a, err := b.get(b.auth, http.StatusSeeOther, authorizePath("bench"))
	if err != nil {
		return err
	}
	back, err := b.signIn(a.Location, email)
	if err != nil {
		return err
	}
	c, err := code(back)
	if err != nil {
		return err
	}
	_, err = b.auth.expect(http.StatusOK, b.in.tokenRequest(b.auth, "bench", c))
	return err
}
