package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// installation is one Portique on one engine, with the floors beside it.
type installation struct {
	options
	pinned   bool
	engine   string
	dir      string
	portal   string
	auth     string
	env      []string
	codes    []member
	server   *exec.Cmd
	exited   chan struct{}
	log      *os.File
	floors   *floors
	floor    *exec.Cmd
	clients  map[string]string // secret of each tool
	cleaners []func()
}

type member struct{ siren, code string }

const (
	password = "Gravillon-7431!"
	callback = "http://127.0.0.1:9/callback" // nobody listens: the load generator reads the address and stays
	pkce     = "bench-verifier-of-at-least-forty-three-characters"
	slots    = 16 // connections of single requests
	browsers = 8  // of whole sign-ins
)

var challenge = func() string {
	sum := sha256.Sum256([]byte(pkce))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}()

func newInstallation(ctx context.Context, o options, pinned bool, engine string) (*installation, error) {
	dir, err := os.MkdirTemp("", "portique-bench-")
	if err != nil {
		return nil, err
	}
	in := &installation{options: o, pinned: pinned, engine: engine, dir: dir, clients: map[string]string{}}
	in.cleaners = append(in.cleaners, func() { os.RemoveAll(dir) })
	databases := [2]string{"sqlite:" + filepath.Join(dir, "portique.db"), filepath.Join(dir, "floor.db")}
	if engine == "postgres" {
		for i := range databases {
			if databases[i], err = in.postgresDatabase(ctx); err != nil {
				return in, err
			}
		}
	}
	var ports [3]int
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return in, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	in.portal, in.auth = fmt.Sprintf("http://localhost:%d", ports[0]), fmt.Sprintf("http://localhost:%d", ports[1])
	key := make([]byte, 32)
	rand.Read(key)
	in.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(),
		"PORTIQUE_PORTAL_URL=" + in.portal, "PORTIQUE_AUTH_URL=" + in.auth, fmt.Sprintf("PORTIQUE_OPERATOR_URL=http://localhost:%d", ports[2]),
		"PORTIQUE_DATABASE_URL=" + databases[0], "PORTIQUE_MASTER_KEY=" + base64.StdEncoding.EncodeToString(key),
		// Letters stay in the outbox: port 9 of this machine refuses, and each is tried again later.
		"PORTIQUE_SMTP_URL=smtp://127.0.0.1:9?tls=none", "PORTIQUE_MAIL_FROM=no-reply@bench.example", "PORTIQUE_SUPPORT_EMAIL=help@bench.example"}
	return in, in.startFloor(ctx, databases[1])
}

// Close stops what was started, each by its own process, and takes everything away.
func (in *installation) Close() {
	in.stop(in.server)
	in.stop(in.floor)
	for i := len(in.cleaners) - 1; i >= 0; i-- {
		in.cleaners[i]()
	}
}

func (in *installation) stop(c *exec.Cmd) {
	if c == nil || c.Process == nil {
		return
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		_ = c.Process.Kill()
		<-ended
	}
}

// postgresDatabase makes an empty database on the server named, dropped at the end.
func (in *installation) postgresDatabase(ctx context.Context) (string, error) {
	name := "bench_" + strings.ToLower(rand.Text()[:16])
	admin := func(ctx context.Context, statement string) error {
		c, err := pgx.Connect(ctx, in.Postgres)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		_, err = c.Exec(ctx, statement)
		return err
	}
	if err := admin(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	in.cleaners = append(in.cleaners, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := admin(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			fmt.Fprintln(os.Stderr, "bench: dropping", name+":", err)
		}
	})
	u, err := url.Parse(in.Postgres)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

func (in *installation) startFloor(ctx context.Context, database string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	in.floor = onServerCore(ctx, in.pinned, self, "floor", "-engine", in.engine, "-database", database)
	in.floor.Env = append(os.Environ(), "GOGC=300") // as Portique sets itself; see server.Tune
	if in.engine == "sqlite" {
		in.floor.Env = append(in.floor.Env, "GOMAXPROCS=2")
	}
	in.floor.Stderr = os.Stderr
	out, err := in.floor.StdoutPipe()
	if err != nil {
		return err
	}
	if err := in.floor.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the floors did not start: %w", err)
	}
	in.floors = &floors{origin: strings.TrimSpace(line)}
	in.floors.c, err = dial(in.floors.origin)
	return err
}

// command runs a command of the program where the server runs, and returns what it printed.
func (in *installation) command(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	c := onServerCore(ctx, in.pinned, in.Binary, args...)
	c.Env, c.Dir, c.Stdin = in.env, in.dir, strings.NewReader(stdin)
	var failed bytes.Buffer
	c.Stderr = &failed
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("portique %s: %w\n%s", strings.Join(args, " "), err, failed.Bytes())
	}
	return out, nil
}

// serve starts the server and returns how long it took until discovery answered, in milliseconds.
func (in *installation) serve(ctx context.Context) (float64, error) {
	log, err := os.OpenFile(filepath.Join(in.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, err
	}
	in.cleaners = append(in.cleaners, func() { log.Close() })
	in.server = onServerCore(ctx, in.pinned, in.Binary, "serve")
	in.server.Env, in.server.Dir, in.server.Stderr = in.env, in.dir, log
	start := time.Now()
	if err := in.server.Start(); err != nil {
		return 0, err
	}
	for time.Since(start) < 20*time.Second {
		if c, err := dial(in.auth); err == nil {
			_, err = c.expect(http.StatusOK, c.get("/.well-known/openid-configuration", ""))
			c.Close()
			if err == nil {
				return float64(time.Since(start).Microseconds()) / 1000, nil
			}
		}
		time.Sleep(500 * time.Microsecond)
	}
	text, _ := os.ReadFile(log.Name())
	return 0, fmt.Errorf("the server did not answer within 20 s:\n%s", text)
}

// rss is the memory of the server, in MiB. 0 where the system does not tell.
func (in *installation) rss() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", in.server.Process.Pid))
	for line := range strings.Lines(string(text)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(kb)[0])
			return float64(n) / 1024
		}
	}
	return 0
}

// memberFile writes a member file of n invented companies.
func (in *installation) memberFile(n int) (string, error) {
	var b strings.Builder
	b.WriteString("siren;name;member_code;status;contact_email;street;postcode;city;sector;successor\n")
	for i := range n {
		m := member{siren(300_00_000 + i*7), fmt.Sprintf("%08d", (i*7919+1234567)%100_000_000)}
		in.codes = append(in.codes, m)
		fmt.Fprintf(&b, "%s;Boulangerie Martin %d;%s;active;contact@martin-%d.example;%d rue de la République;35000;Rennes;Commerce de détail alimentaire;\n",
			m.siren, i, m.code, i, i%120+1)
	}
	path := filepath.Join(in.dir, "members.csv")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// siren completes eight digits by the ninth, which makes the Luhn sum a multiple of ten.
func siren(eight int) string {
	digits := fmt.Sprintf("%08d", eight)
	sum := 0
	for i := range 8 {
		n := int(digits[i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}

// populate adds the tools and the accounts.
func (in *installation) populate(ctx context.Context) error {
	for _, t := range [][2]string{{"bench", "ES256"}, {"bench-rs", "RS256"}, {"training", "ES256"}, {"contributions", "ES256"}} {
		out, err := in.command(ctx, "", "tool", "add", t[0], "--name", "Tool "+t[0], "--url", "http://127.0.0.1:9/", "--redirect-uri", callback, "--alg", t[1], "--json")
		if err != nil {
			return err
		}
		var added struct {
			ClientSecret string `json:"client_secret"`
		}
		if err := json.Unmarshal(out, &added); err != nil {
			return err
		}
		in.clients[t[0]] = added.ClientSecret
	}
	for i := range 2 * slots {
		_, err := in.command(ctx, password+"\n", "account", "create", "--email", email(i), "--first-name", "Jeanne", "--last-name", "Martin", "--validated", "--password-stdin", "--language", "fr")
		if err != nil {
			return err
		}
	}
	return nil
}

func email(i int) string { return fmt.Sprintf("person-%d@bench.example", i) }

// -- people ------------------------------------------------------------------------------------------------------------------

// browser is one person's: a connection to each host, and cookies, which do not care for ports.
type browser struct {
	in      *installation
	auth    *conn
	portal  *conn
	cookies map[string]string
}

func (in *installation) browser() (*browser, error) {
	a, err := dial(in.auth)
	if err != nil {
		return nil, err
	}
	p, err := dial(in.portal)
	if err != nil {
		return nil, err
	}
	return &browser{in, a, p, map[string]string{}}, nil
}

func (b *browser) Close() {
	b.auth.Close()
	b.portal.Close()
}

// headers of a request from one of our pages.
func (b *browser) headers(c *conn) string {
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	h := "Origin: http://" + c.host + "\r\n"
	if len(pairs) > 0 {
		h += "Cookie: " + strings.Join(pairs, "; ") + "\r\n"
	}
	return h
}

func (b *browser) note(a answer) {
	for _, pair := range a.Cookies {
		name, value, _ := strings.Cut(pair, "=")
		if value == "" {
			delete(b.cookies, name)
		} else {
			b.cookies[name] = value
		}
	}
}

func (b *browser) get(c *conn, status int, path string) (answer, error) {
	a, err := c.expect(status, c.get(path, b.headers(c)))
	b.note(a)
	return a, err
}

func (b *browser) post(c *conn, status int, path string, form url.Values) (answer, error) {
	a, err := c.expect(status, c.post(path, b.headers(c), form.Encode()))
	b.note(a)
	return a, err
}

// at finds the connection and the path of an address of ours.
func (b *browser) at(address string) (*conn, string) {
	if path, ok := strings.CutPrefix(address, b.in.portal); ok {
		return b.portal, path
	}
	return b.auth, strings.TrimPrefix(address, b.in.auth)
}

func authorizePath(client string, more ...string) string {
	return "/oauth/authorize?" + url.Values{"response_type": {"code"}, "client_id": {client}, "redirect_uri": {callback}, "scope": {strings.Join(append([]string{"openid profile email company"}, more...), " ")},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}}.Encode()
}

// signIn gives the password at the sign-in page of an authorization, and returns where that leads.
func (b *browser) signIn(page, email string) (string, error) {
	u, err := url.Parse(page)
	if err != nil {
		return "", err
	}
	if _, err := b.get(b.auth, http.StatusOK, u.RequestURI()); err != nil {
		return "", err
	}
	a, err := b.post(b.auth, http.StatusSeeOther, "/login", url.Values{"email": {email}, "password": {password}, "authorization": {u.Query().Get("authorization")}})
	if err != nil {
		return "", err
	}
	if a, err = b.get(b.auth, http.StatusSeeOther, a.Location); err != nil {
		return "", err
	}
	return a.Location, nil
}

// enterPortal signs a person in to the portal.
func (b *browser) enterPortal(email string) error {
	a, err := b.get(b.portal, http.StatusSeeOther, "/session/start")
	if err != nil {
		return err
	}
	c, path := b.at(a.Location)
	if a, err = b.get(c, http.StatusSeeOther, path); err != nil {
		return err
	}
	back, err := b.signIn(a.Location, email)
	if err != nil {
		return err
	}
	c, path = b.at(back)
	_, err = b.get(c, http.StatusSeeOther, path)
	return err
}

// code reads the code that an authorization gave.
func code(location string) (string, error) {
	u, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	if c := u.Query().Get("code"); c != "" {
		return c, nil
	}
	return "", errors.New("no code came back: " + location)
}

// tokenRequest is a tool's request to redeem a code.
func (in *installation) tokenRequest(c *conn, client, code string) []byte {
	return in.asTool(c, client, "/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {pkce}})
}

// asTool is a request of a tool that shows its secret.
func (in *installation) asTool(c *conn, client, path string, form url.Values) []byte {
	basic := base64.StdEncoding.EncodeToString([]byte(client + ":" + in.clients[client]))
	return c.post(path, "Authorization: Basic "+basic+"\r\n", form.Encode())
}

// tokens are what a tool gets that this line needs.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// lasting enters a tool that asks for refresh tokens.
func (b *browser) lasting(client string) (t tokens, err error) {
	a, err := b.get(b.auth, http.StatusSeeOther, authorizePath(client, "offline_access"))
	if err != nil {
		return t, err
	}
	c, err := code(a.Location)
	if err != nil {
		return t, err
	}
	if a, err = b.auth.expect(http.StatusOK, b.in.tokenRequest(b.auth, client, c)); err == nil {
		err = json.Unmarshal(a.Body, &t)
	}
	return t, err
}
