package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"portique/internal/config"
	"portique/internal/mail/mailtest"
	"portique/internal/store/storetest"
)

// OPR-08: a command line is read by everybody on the machine and kept in a history, so that no flag takes a secret: they come by
// standard input or a file.
func TestNoSecretOnTheCommandLine(t *testing.T) {
	var c commands
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if n, ok := node.(*kong.Node); ok {
			values := slices.Clone(n.Positional)
			for _, f := range n.Flags {
				values = append(values, f.Value)
			}
			for _, v := range values {
				for _, word := range []string{"password", "secret", "token", "key", "code"} {
					if strings.Contains(strings.ToLower(v.Name), word) && !v.IsBool() {
						t.Errorf("%s takes %s on the command line", n.FullPath(), v.Name)
					}
				}
			}
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The configuration is printed as it counts: every setting, one line each, without a secret, or every fault.
func TestConfig(t *testing.T) {
	s := newShell(t)
	master := s.file("key", "YW5vdGhlciBtYXN0ZXIga2V5LCBvZiAzMiBieXRlcyE=\n")
	s.environ = []string{"PORTIQUE_DATABASE_URL=postgres://portique:canari@db/portique", "PORTIQUE_MASTER_KEY_FILE=" + master,
		"PORTIQUE_SMTP_URL=smtp://portique:canari@mail.opco.example:587", "PORTIQUE_LANGUAGE=en"}
	c, err := config.Load(s.environ)
	if err != nil {
		t.Fatal(err)
	}
	out := s.ok("", "config")
	if lines := strings.Count(out, "\n"); lines != len(c.Settings) {
		t.Errorf("%d lines for %d settings", lines, len(c.Settings))
	}
	for _, line := range []string{"PORTIQUE_DATABASE_URL=postgres://portique:xxxxx@db/portique\n", "PORTIQUE_MASTER_KEY=xxxxx  # from " + master + "\n",
		"PORTIQUE_LANGUAGE=en\n", "PORTIQUE_SIGNUP=on  # default\n", "PORTIQUE_LISTEN=127.0.0.1:8080,"} {
		if !strings.Contains(out, line) {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}
	listed := array(t, s.ok("", "config", "--json"), "name source", "value file note")
	if len(listed) != len(c.Settings) || strings.Contains(out, "canari") || strings.Contains(out, "YW5v") {
		t.Errorf("%d listed; %s", len(listed), out)
	}
	if left, _ := os.ReadDir(s.dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}

	s.environ = append(s.environ, "PORTIQUE_COLOUR=red", "PORTIQUE_SIGNUP=yes")
	for _, command := range []string{"config", "config --json", "doctor", "serve"} {
		code, out, errs := s.run("", strings.Fields(command)...)
		if told := out + errs; code != 1 || !strings.Contains(told, "PORTIQUE_COLOUR: ") || !strings.Contains(told, "PORTIQUE_SIGNUP: ") || strings.Contains(told, "canari") {
			t.Errorf("%s: status %d\n%s", command, code, told)
		}
	}
	// A letter of the operator's own that nobody could write is refused by file and variable, before a database is made.
	s = newShell(t)
	brand := t.TempDir()
	if err := os.MkdirAll(filepath.Join(brand, "letter"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.environ = append(s.environ, "PORTIQUE_SMTP_URL=smtp://127.0.0.1:9?tls=none", "PORTIQUE_BRAND_DIR="+brand)
	for name, text := range map[string]string{"reset.fr.txt": "Subject: x\n\n{{.raison}}\n", "postcard.fr.txt": "Subject: x\n"} {
		path := filepath.Join(brand, "letter", name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.fails(1, "PORTIQUE_BRAND_DIR: "+path+": ", "", "config")
		s.fails(1, "PORTIQUE_BRAND_DIR: "+path+": ", "", "serve")
		if code, out, _ := s.run("", "doctor"); code != 1 || !strings.Contains(out, "failed   letters: PORTIQUE_BRAND_DIR: "+path) {
			t.Errorf("doctor: status %d\n%s", code, out)
		}
		os.Remove(path)
	}
	if err := os.WriteFile(filepath.Join(brand, "letter", "reset.fr.txt"), []byte("Subject: x\n\n{{button \"x\" .link}}\n\n--\n\n{{template \"sender\"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.ok("", "config")
	if _, out, _ := s.run("", "doctor"); !strings.Contains(out, "ok       letters: 1 of your own") {
		t.Errorf("doctor: %s", out)
	}
	if left, _ := os.ReadDir(s.dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	// What only the mail package knows is refused here too, and before a database is made.
	s = newShell(t)
	s.environ = append(s.environ, "PORTIQUE_SMTP_URL=smtp://mail.opco.example:25?tls=none")
	s.fails(1, "PORTIQUE_SMTP_URL: tls=none", "", "config")
	s.fails(1, "PORTIQUE_SMTP_URL: tls=none", "", "serve")
	if left, _ := os.ReadDir(s.dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// lines runs doctor and returns what it says of each check, the worst first.
func (s *shell) lines() (code int, said map[string]string) {
	s.t.Helper()
	code, out, errs := s.run("", "doctor", "--json")
	if errs != "" {
		s.t.Errorf("doctor: %s", errs)
	}
	said = map[string]string{}
	for _, check := range array(s.t, out, "check status detail", "mend") {
		name, status := check["check"].(string), check["status"].(string)
		line := status + ": " + check["detail"].(string)
		if mend, there := check["mend"].(string); there {
			line += " → " + mend
		}
		if before, there := said[name]; !there || strings.HasPrefix(before, "ok") || status == "failed" {
			said[name] = line
		}
	}
	return code, said
}

// with is an environment where one variable says something else.
func with(environ []string, variable string) []string {
	name, _, _ := strings.Cut(variable, "=")
	return append(slices.DeleteFunc(slices.Clone(environ), func(kv string) bool { return strings.HasPrefix(kv, name+"=") }), variable)
}

func expect(t *testing.T, said map[string]string, want map[string]string) {
	t.Helper()
	for check, says := range want {
		status, words, _ := strings.Cut(says, ": ")
		if !strings.HasPrefix(said[check], status+": ") || !strings.Contains(said[check], words) {
			t.Errorf("%s: %q, want %q", check, said[check], says)
		}
	}
}

// A healthy installation, and one thing wrong at a time. Nothing is ever written.
func TestDoctor(t *testing.T) {
	for _, engine := range storetest.Engines {
		t.Run(engine, func(t *testing.T) {
			ready := "ready\n"
			status := http.StatusOK
			door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(ready))
			}))
			defer door.Close()
			other := httptest.NewServer(door.Config.Handler)
			defer other.Close()
			post := mailtest.New(t)
			s := newShell(t)
			keys := t.TempDir()
			key := filepath.Join(keys, "master.key")
			if err := os.WriteFile(key, []byte("YW5vdGhlciBtYXN0ZXIga2V5LCBvZiAzMiBieXRlcyE=\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(post.Addr)
			healthy := []string{"PORTIQUE_DATABASE_URL=" + storetest.URLs(t)[engine], "PORTIQUE_MASTER_KEY_FILE=" + key, "PORTIQUE_SUPPORT_EMAIL=aide@opco.example",
				"PORTIQUE_SMTP_URL=smtp://127.0.0.1:" + port + "?tls=none", "PORTIQUE_PORTAL_URL=" + door.URL, "PORTIQUE_AUTH_URL=" + other.URL,
				"PORTIQUE_OPERATOR_URL=http://localhost:1"}
			s.environ = healthy
			if engine == "sqlite" {
				if code, said := s.lines(); code != 0 || !strings.Contains(said["database"], "is not made yet") {
					t.Errorf("before the first start: %d, %v", code, said)
				}
				if path := strings.TrimPrefix(healthy[0], "PORTIQUE_DATABASE_URL=sqlite:"); files(t, filepath.Dir(path)) != "" {
					t.Error("looking made a database")
				}
				s.environ = with(healthy, "PORTIQUE_DATABASE_URL=sqlite:/nowhere/at/all/portique.db")
				code, said := s.lines()
				if expect(t, said, map[string]string{"database": "failed: cannot be made"}); code != 1 || !strings.Contains(said["database"], "make the folder") {
					t.Errorf("a folder that is missing: %d, %v", code, said)
				}
				s.environ = healthy
			} else if code, said := s.lines(); code != 0 || !strings.HasPrefix(said["schema"], "warning: the database is empty") {
				t.Errorf("before the first start: %d, %v", code, said)
			}
			s.ok("", "company", "list")
			code, said := s.lines()
			if code != 0 {
				t.Errorf("a healthy installation: %v", said)
			}
			expect(t, said, map[string]string{"configuration": "ok: settings", "master key": "ok: of this database", "schema": "ok: version",
				"letters": "ok: 0 wait", "clock": "ok: ", "mail server": "ok: answers", "portal": "ok: is ready", "auth": "ok: is ready", "signing keys": "ok: none yet: the first sign-in makes one"})
			if engine == "sqlite" {
				expect(t, said, map[string]string{"database": "ok: SQLite", "durability": "ok: ", "integrity": "ok: ", "disk": "ok: "})
			} else {
				expect(t, said, map[string]string{"database": "ok: PostgreSQL", "durability": "warning: fsync is off"}) // as test servers are
			}

			// A letter that waits for long.
			s.ok(password, "account", "create", "--email", "luc@martin.example", "--first-name", "Luc", "--last-name", "Martin", "--password-stdin")
			clock := s.file("clock", "7200\n")
			s.environ = append(slices.Clone(healthy), "PORTIQUE_TEST_MODE=on", "PORTIQUE_TEST_CLOCK_FILE="+clock)
			_, said = s.lines()
			expect(t, said, map[string]string{"letters": "warning: 1 wait, the first since 2h0m0s", "test mode": "warning: "})
			s.environ = append(with(healthy, "PORTIQUE_SUPPORT_EMAIL="), "PORTIQUE_TRUSTED_PROXIES=10.0.0.0/8,0.0.0.0/0")
			_, said = s.lines()
			expect(t, said, map[string]string{"support": "warning: nobody is told", "trusted proxies": "warning: trusts everybody (0.0.0.0/0)"})

			// Doors: not there, not ready, somebody else.
			s.environ = with(healthy, "PORTIQUE_PORTAL_URL=http://localhost:2")
			code, said = s.lines()
			expect(t, said, map[string]string{"portal": "warning: is not reachable from here"})
			if code != 0 {
				t.Errorf("a server that is not started yet is no fault: %d %v", code, said)
			}
			s.environ = healthy
			status, ready = http.StatusServiceUnavailable, "not ready\n"
			code, said = s.lines()
			expect(t, said, map[string]string{"portal": "failed: is not ready", "auth": "failed: is not ready"})
			if code != 1 {
				t.Errorf("not ready: status %d", code)
			}
			status, ready = http.StatusOK, "welcome to nginx"
			_, said = s.lines()
			expect(t, said, map[string]string{"portal": "failed: answered by something else"})

			// The key where everybody reads it.
			if err := os.Chmod(key, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(keys, 0o755); err != nil {
				t.Fatal(err)
			}
			_, said = s.lines()
			expect(t, said, map[string]string{"master key": "failed: can be read by everybody"})
			if engine == "sqlite" { // and beside the database
				path := strings.TrimPrefix(healthy[0], "PORTIQUE_DATABASE_URL=sqlite:")
				beside := filepath.Join(filepath.Dir(path), "any-name")
				content, err := os.ReadFile(key)
				if err == nil {
					err = os.WriteFile(beside, content, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				s.environ = with(healthy, "PORTIQUE_MASTER_KEY_FILE="+beside)
				_, said = s.lines()
				expect(t, said, map[string]string{"master key": "warning: who copies this folder can read the codes and letters"})
			}
		})
	}
}

// A mail server that is away, that strips STARTTLS, whose certificate is another's, that says no.
func TestDoctorAndMail(t *testing.T) {
	s := newShell(t)
	s.ok("", "company", "list")
	base := s.environ
	ask := func(url string, more ...string) string {
		s.environ = append(append(slices.Clone(base), "PORTIQUE_SMTP_URL="+url), more...)
		_, said := s.lines()
		return said["mail server"]
	}
	if said := ask("smtp://127.0.0.1:1?tls=none"); !strings.HasPrefix(said, "failed: ") || !strings.Contains(said, "refused") {
		t.Error(said)
	}
	_, port, _ := net.SplitHostPort(mailtest.New(t).Addr)
	if said := ask("smtp://localhost:" + port); !strings.HasPrefix(said, "failed: ") || !strings.Contains(said, "STARTTLS") {
		t.Error(said)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secured := mailtest.NewTLS(t, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, false)
	_, port, _ = net.SplitHostPort(secured.Addr)
	if said := ask("smtp://localhost:" + port); !strings.HasPrefix(said, "failed: ") || !strings.Contains(said, "certificate") {
		t.Error(said)
	}
	ca := "PORTIQUE_EXTRA_CA=" + s.file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	if said := ask("smtp://localhost:"+port, ca, "PORTIQUE_SUPPORT_EMAIL=aide@opco.example"); !strings.HasPrefix(said, "ok: ") || !strings.Contains(said, "TLS 1.3") {
		t.Error(said)
	}
	if said := ask("smtp://portique:canari@localhost:"+port, ca); !strings.HasPrefix(said, "failed: ") || strings.Contains(said, "canari") {
		t.Error(said)
	}
	if len(secured.Received()) != 0 {
		t.Error("looking sent a letter")
	}
}
