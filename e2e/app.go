package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// App is one running installation: the built binary, its database, and the mailbox its letters arrive in.
type App struct {
	Portal   string // origin of each door, without a final slash
	Auth     string
	Operator string
	Engine   string // "sqlite" or "postgres"
	Mail     *Mailbox

	dir    string
	env    []string
	roots  *x509.CertPool // who vouches for the doors on https; nil on http
	only   []string       // settings of this server alone, not of commands beside it
	dial   string         // host:port where this node listens, when it is not where its public addresses lead
	server *exec.Cmd      // nil while it was killed
	exited chan struct{}  // closed once the server has gone
	log    *lockedBuffer

	connect sync.Once
	wire    *http.Transport

	clock struct {
		sync.Mutex
		ahead time.Duration
	}
}

// EachEngine runs a journey once on SQLite and once on PostgreSQL, side by side, each with an installation of its own.
func EachEngine(t *testing.T, journey func(t *testing.T, app *App), settings ...string) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			journey(t, Start(t, engine, settings...))
		})
	}
}

// Start builds the program if this run has not done so yet, starts `portique serve` on free loopback ports and returns once it
// is ready. The server is stopped when the test ends; its log is shown if the test failed. Each setting is "NAME=value".
func Start(t *testing.T, engine string, settings ...string) *App {
	t.Helper()
	a := prepare(t, engine, "http", settings...)
	a.serve(t)
	return a
}

// StartTLS is Start with the doors on https, as in production: cookies and headers differ there.
func StartTLS(t *testing.T, engine string, settings ...string) *App {
	t.Helper()
	a := prepare(t, engine, "https", settings...)
	a.serve(t)
	return a
}

// Prepare is Start without the server: serve starts it.
func Prepare(t *testing.T, engine string, settings ...string) *App {
	t.Helper()
	return prepare(t, engine, "http", settings...)
}

func prepare(t *testing.T, engine, scheme string, settings ...string) *App {
	t.Helper()
	a := &App{Engine: engine, dir: t.TempDir(), log: new(lockedBuffer)}
	a.Mail = newMailbox(t)
	ports := freePorts(t, 3)
	a.Portal = fmt.Sprintf("%s://localhost:%d", scheme, ports[0])
	a.Auth = fmt.Sprintf("%s://localhost:%d", scheme, ports[1])
	a.Operator = fmt.Sprintf("%s://localhost:%d", scheme, ports[2])
	if scheme == "https" {
		settings = append(a.certificate(t), settings...)
	}
	key := make([]byte, 32)
	rand.Read(key)
	// The environment starts empty: a PORTIQUE_ variable of the person running the tests must not reach the server.
	a.env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + a.dir,
		"TMPDIR=" + os.TempDir(),
		"PORTIQUE_PORTAL_URL=" + a.Portal,
		"PORTIQUE_AUTH_URL=" + a.Auth,
		"PORTIQUE_OPERATOR_URL=" + a.Operator,
		"PORTIQUE_DATABASE_URL=" + freshDatabase(t, engine, a.dir),
		"PORTIQUE_MASTER_KEY=" + base64.StdEncoding.EncodeToString(key),
		"PORTIQUE_SMTP_URL=smtp://" + a.Mail.Addr + "?tls=none",
		"PORTIQUE_MAIL_FROM=ne-pas-repondre@operateur.example",
		"PORTIQUE_SUPPORT_EMAIL=" + SupportEmail,
		"PORTIQUE_TEST_MODE=on",
		"PORTIQUE_TEST_CLOCK_FILE=" + filepath.Join(a.dir, "clock"),
	}, settings...)
	a.Advance(t, 0)
	a.watch(t)
	return a
}

// watch looks at the server when the test ends: it stops by itself, and its log tells why the test failed.
func (a *App) watch(t *testing.T) {
	t.Cleanup(func() {
		a.stop(t)
		if strings.Contains(a.log.String(), "WARNING: DATA RACE") {
			t.Error("the race detector complains in the server's log")
		}
		if t.Failed() {
			t.Logf("log of the server (%s):\n%s", a.Engine, tail(a.log.String(), 16_000))
		}
	})
}

// SupportEmail is the support contact of every installation started here.
const SupportEmail = "assistance@operateur.example"

// connections are those of calls without a browser, kept for the next.
func (a *App) connections() *http.Transport {
	a.connect.Do(func() {
		a.wire = a.transport()
		a.wire.MaxIdleConnsPerHost, a.wire.IdleConnTimeout, a.wire.DisableCompression = 8, 5*time.Second, true
	})
	return a.wire
}

// certificate makes a certificate for this machine, and returns the settings that name it.
func (a *App) certificate(t *testing.T) []string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.roots = x509.NewCertPool()
	pair := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.roots.AppendCertsFromPEM([]byte(pair))
	return []string{"PORTIQUE_TLS_CERT=" + a.File(t, "cert.pem", pair),
		"PORTIQUE_TLS_KEY=" + a.File(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))}
}

// Restart stops the server and starts it again on the same database: what was acknowledged must still be there.
func (a *App) Restart(t *testing.T) {
	t.Helper()
	a.stop(t)
	a.serve(t)
}

// serve starts the server and waits until it says that it is ready.
func (a *App) serve(t *testing.T) {
	t.Helper()
	a.server = exec.Command(binary(t), "serve")
	a.server.Env, a.server.Dir = append(slices.Clone(a.env), a.only...), a.dir
	a.server.Stdout, a.server.Stderr = a.log, a.log
	if err := a.server.Start(); err != nil {
		t.Fatalf("starting the server: %v", err)
	}
	exited := make(chan struct{})
	a.exited = exited
	go func(c *exec.Cmd) { _ = c.Wait(); close(exited) }(a.server)
	last := "no answer"
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-a.exited:
			t.Fatalf("the server stopped at once (%v):\n%s", a.server.ProcessState, a.log)
		default:
		}
		if status, err := a.health("/readyz"); err != nil {
			last = err.Error()
		} else if status == http.StatusOK {
			return
		} else {
			last = http.StatusText(status)
		}
	}
	a.stop(t)
	t.Fatalf("the server was not ready after 30 s (%s):\n%s", last, a.log)
}

// health asks this node how it is, on a connection of its own.
func (a *App) health(path string) (status int, err error) {
	c := http.Client{Timeout: 5 * time.Second, Transport: a.transport()}
	defer c.CloseIdleConnections()
	answer, err := c.Get(a.Portal + path)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// transport reaches this node, whatever the host of an address: the Host header stays that of the address. It trusts the doors'
// certificate, if they have one.
func (a *App) transport() *http.Transport {
	t := &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 10 * time.Second, TLSClientConfig: &tls.Config{RootCAs: a.roots}}
	if a.dial != "" {
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if origin := "http://" + address; origin == a.Portal || origin == a.Auth {
				address = a.dial
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	}
	return t
}

// Node starts one more server of the same installation: same database, mailbox, key and public addresses, reached at an address
// and set by a clock of its own. Only PostgreSQL has several.
func (a *App) Node(t *testing.T, settings ...string) *App {
	t.Helper()
	n := &App{Portal: a.Portal, Auth: a.Auth, Operator: a.Operator, Engine: a.Engine, Mail: a.Mail, env: a.env, dir: t.TempDir(), log: new(lockedBuffer)}
	n.dial = fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	n.only = append([]string{"PORTIQUE_LISTEN=" + n.dial, "PORTIQUE_TEST_CLOCK_FILE=" + filepath.Join(n.dir, "clock")}, settings...)
	n.Advance(t, 0)
	n.watch(t)
	n.serve(t)
	return n
}

// Kill ends the server as a power cut does, and returns once it has gone.
func (a *App) Kill() {
	_ = a.server.Process.Kill()
	<-a.exited
	a.server = nil
}

// stop asks the server to stop, by its own process number, and insists that it does so by itself.
func (a *App) stop(t *testing.T) {
	t.Helper()
	if a.server == nil {
		return
	}
	select {
	case <-a.exited:
		if !a.server.ProcessState.Success() {
			t.Errorf("the server had stopped by itself: %v", a.server.ProcessState)
		}
		return
	default:
	}
	_ = a.server.Process.Signal(syscall.SIGTERM)
	select {
	case <-a.exited:
		if !a.server.ProcessState.Success() {
			t.Errorf("the server did not stop cleanly: %v", a.server.ProcessState)
		}
	case <-time.After(20 * time.Second):
		t.Error("the server did not stop within 20 s")
		_ = a.server.Process.Kill()
		<-a.exited
	}
}

// Log returns what the server has written so far.
func (a *App) Log() string { return a.log.String() }

// Advance moves the clock of the installation forward. Sessions, links and codes grow older; nobody waits.
func (a *App) Advance(t *testing.T, d time.Duration) {
	t.Helper()
	a.clock.Lock()
	defer a.clock.Unlock()
	a.clock.ahead += d
	file := filepath.Join(a.dir, "clock")
	// Written aside and renamed: the server reads it at each use and must never see half of it.
	if err := os.WriteFile(file+".new", []byte(strconv.FormatInt(int64(a.clock.ahead/time.Second), 10)+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// Result is what a command left behind.
type Result struct {
	Stdout, Stderr string
	Status         int
}

// Try runs a command of the program beside the server and returns whatever happens.
func (a *App) Try(t *testing.T, stdin string, args ...string) Result {
	t.Helper()
	program := binary(t) // built first, perhaps
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	c.Env, c.Dir, c.Stdin = a.env, a.dir, strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("portique %s: %v", strings.Join(args, " "), err)
	}
	return Result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// Run runs a command that must succeed and returns what it printed.
func (a *App) Run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	r := a.Try(t, stdin, args...)
	if r.Status != 0 {
		t.Fatalf("portique %s: status %d\n%s%s", strings.Join(args, " "), r.Status, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// JSON runs a command with --json and decodes what it printed into v.
func (a *App) JSON(t *testing.T, v any, args ...string) {
	t.Helper()
	args = append(args, "--json")
	out := a.Run(t, "", args...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("portique %s: not the JSON expected: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Import makes a member file of n companies and imports it.
func (a *App) Import(t *testing.T, n int) Members {
	t.Helper()
	members := MemberFile(1, n)
	a.Run(t, "", "company", "import", a.File(t, "members.csv", members.CSV()))
	return members
}

// File writes a file beside the installation and returns its path.
func (a *App) File(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// -- the built program ---------------------------------------------------------------------------------------------------

var built struct {
	sync.Once
	dir, path string
	err       error
}

// binary returns the path of the program, built once per run. PORTIQUE_TEST_BINARY names one that is already there.
func binary(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		if built.path = os.Getenv("PORTIQUE_TEST_BINARY"); built.path != "" {
			return
		}
		if built.dir, built.err = os.MkdirTemp("", "portique-e2e-"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "portique")
		// The program is built by another process, which go test's cache does not see: looking at the sources from here lets it know
		// that this test depends on them.
		for _, folder := range []string{"cmd", "internal"} {
			_ = filepath.WalkDir(filepath.Join("..", folder), func(path string, _ fs.DirEntry, _ error) error {
				_, _ = os.Stat(path)
				return nil
			})
		}
		args := []string{"build", "-o", built.path}
		if Long() {
			args = append(args, "-race")
		}
		out, err := exec.Command("go", append(args, "portique/cmd/portique")...).CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("building the program: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// RunTests runs the tests of a package that uses this one, and takes away what was built. It belongs in TestMain.
func RunTests(m *testing.M) {
	status := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(status)
}

// Long tells whether the bigger counts were asked for (make test-long).
func Long() bool { return os.Getenv("PORTIQUE_TEST_LONG") != "" }

// skip leaves a test out, with the reason; where everything must run it fails instead.
func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// -- small things of the machine -------------------------------------------------------------------------------------------

// freshDatabase returns the URL of an empty database, which disappears with the test.
func freshDatabase(t *testing.T, engine, dir string) string {
	t.Helper()
	if engine == "sqlite" {
		return "sqlite:" + filepath.Join(dir, "portique.db")
	}
	server := os.Getenv("PORTIQUE_TEST_POSTGRES")
	if server == "" {
		skip(t, "no PostgreSQL: make test starts one, or PORTIQUE_TEST_POSTGRES names one")
	}
	name := "e2e_" + strings.ToLower(rand.Text()[:16])
	admin := func(statement string) error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		c, err := pgx.Connect(ctx, server)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		_, err = c.Exec(ctx, statement)
		return err
	}
	if err := admin("CREATE DATABASE " + name); err != nil {
		t.Fatalf("a fresh database: %v", err)
	}
	// Registered before the server's own cleanup, hence run after the server has stopped.
	t.Cleanup(func() {
		if err := admin("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("dropping the test database: %v", err)
		}
	})
	return withDatabase(server, name)
}

// withDatabase returns the URL of another database of the same server.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // pgx has already said what is wrong with it
	}
	u.Path = "/" + name
	return u.String()
}

// freePorts returns n ports in a row that nobody listens on, each given to one test of a run. They lie under those that systems
// take for the near end of a connection (from 32768 on Linux, 49152 elsewhere): one of these could be in use before a server
// listens, or while it is restarted.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	const from, below = 10_000, 32_000
	ports := make([]int, n)
next:
	for range 1000 {
		// The run begins anywhere, for another may be going on beside it.
		first := from + (portsBegin+int(portsGiven.Add(int64(n)))-n)%(below-from-n)
		for i := range n {
			ports[i] = first + i
			l, err := net.Listen("tcp", fmt.Sprintf(":%d", ports[i]))
			if err != nil {
				continue next
			}
			l.Close()
		}
		return ports
	}
	t.Fatal("no free ports")
	return nil
}

var (
	portsGiven atomic.Int64
	portsBegin = mathrand.IntN(20_000)
)

// lockedBuffer takes what a process writes while the test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}
