package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"portique"
)

var goodKey = base64.StdEncoding.EncodeToString([]byte("a master key for tests, 32 bytes"))

func TestDefaults(t *testing.T) {
	c, err := Load([]string{"HOME=/root", "PORTIQUEX=1"})
	if err != nil {
		t.Fatal(err)
	}
	if c.PortalURL != "http://localhost:8080" || c.AuthURL != "http://localhost:8081" || c.OperatorURL != "http://localhost:8082" || c.Secure() {
		t.Errorf("doors: %s %s %s", c.PortalURL, c.AuthURL, c.OperatorURL)
	}
	if want := []string{"127.0.0.1:8080", "[::1]:8080", "127.0.0.1:8081", "[::1]:8081"}; !slices.Equal(c.Listen, want) {
		t.Errorf("listens on %v", c.Listen)
	}
	if c.DatabaseURL != "sqlite:portique.db" || !c.Migrate || c.MasterKey != nil || c.TestMode || !c.SignUp || c.Language != "fr" ||
		c.Timezone.String() != "Europe/Paris" || c.PasswordPolicy != portique.PolicyGuide || c.ClaimPolicy != "code" || c.MemberCodeBits != 26 ||
		c.OperatorName != "l'Opcommerce" || c.PortalName != "Web Services Entreprises" || c.LogLevel != "info" || c.LogFormat != "" ||
		c.JournalRetention != 365*24*time.Hour || c.MailFrom != "no-reply@portique.localhost" || len(c.TrustedProxies) != 0 {
		t.Errorf("%+v", c)
	}
}

// load reads a configuration with nothing on loopback, and more variables or others.
func load(t *testing.T, more ...string) (*Config, error) {
	t.Helper()
	environ := []string{"PORTIQUE_PORTAL_URL=https://ws.opco.example", "PORTIQUE_AUTH_URL=https://auth.opco.example",
		"PORTIQUE_OPERATOR_URL=https://gestion.opco.example"}
	for _, one := range more {
		name, _, _ := strings.Cut(one, "=")
		environ = slices.DeleteFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	}
	return Load(append(environ, more...))
}

// certificate writes a certificate and its key.
func certificate(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"ws.opco.example"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestAccepted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	cert, key := certificate(t, t.TempDir())
	if err := os.WriteFile(file, []byte("fr\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, variables := range []string{
		"PORTIQUE_PORTAL_URL=https://ws.opco.example:8443/",
		"PORTIQUE_LISTEN=:443, 10.0.0.1:8443",
		"PORTIQUE_TLS_CERT=" + cert + " PORTIQUE_TLS_KEY=" + key,
		"PORTIQUE_TRUSTED_PROXIES=10.0.0.0/8,fd00::/8",
		"PORTIQUE_TRUSTED_PROXIES=",
		"PORTIQUE_DATABASE_URL=sqlite:/var/lib/portique/portique.db",
		"PORTIQUE_DATABASE_URL=postgres://p@db/portique PORTIQUE_MASTER_KEY=" + goodKey,
		"PORTIQUE_MIGRATE=off",
		"PORTIQUE_SMTP_URL=smtp://user:pass@mail.opco.example:587?tls=starttls",
		"PORTIQUE_MAIL_FROM=no-reply@opco.example",
		"PORTIQUE_SUPPORT_EMAIL=aide@opco.example",
		"PORTIQUE_SUPPORT_PHONE=01 23 45 67 89",
		"PORTIQUE_OPERATOR_NAME=l'Opcommerce",
		"PORTIQUE_BRAND_DIR=" + brandDir(t, "logo.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`),
		"PORTIQUE_BRAND_DIR=" + brandDir(t, "theme.css", ":root{--radius:0}"),
		"PORTIQUE_BRAND_COLOR=#0A4D68",
		"PORTIQUE_LEGAL_URL=https://opco.example/mentions",
		"PORTIQUE_ACCESSIBILITY_URL=https://opco.example/a11y",
		"PORTIQUE_TIMEZONE=Indian/Reunion",
		"PORTIQUE_LANGUAGE=en",
		"PORTIQUE_LANGUAGE_FILE=" + file,
		"PORTIQUE_SIGNUP=off",
		"PORTIQUE_MEMBER_CODE_BITS=49",
		"PORTIQUE_JOURNAL_RETENTION=2y PORTIQUE_ACCESS_LOG_RETENTION=90d",
		"PORTIQUE_PASSWORD_POLICY=cnil",
		"PORTIQUE_PASSWORD_POLICY=anssi",
		"PORTIQUE_PASSWORD_POLICY=nist",
		"PORTIQUE_CLAIM_POLICY=code",
		"PORTIQUE_EXTRA_CA=" + cert,
		"PORTIQUE_LOG_FORMAT=text PORTIQUE_LOG_LEVEL=debug",
		"PORTIQUE_METRICS_LISTEN=127.0.0.1:9090",
	} {
		more := strings.Split(strings.ReplaceAll(variables, " PORTIQUE", "\x00PORTIQUE"), "\x00")
		if _, err := load(t, more...); err != nil {
			t.Errorf("%s: %v", variables, err)
		}
	}
}

// F-25: each fault is refused in a line of its own that begins with the name of its variable.
func TestRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	file := filepath.Join(t.TempDir(), "file")
	empty := filepath.Join(t.TempDir(), "empty")
	cut := filepath.Join(t.TempDir(), "cut.pem")
	folder := t.TempDir()
	cert, key := certificate(t, folder)
	_, other := certificate(t, t.TempDir())
	whole, err := os.ReadFile(cert)
	if err == nil {
		err = errors.Join(os.WriteFile(cut, whole[:len(whole)/2], 0o600), os.WriteFile(empty, []byte("\n"), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("en\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ variables, names string }{
		{"PORTIQUE_PORTAL_URL=http://ws.opco.example", "PORTAL_URL PORTAL_URL"}, // not https, and not as the others
		{"PORTIQUE_PORTAL_URL=ws.opco.example", "PORTAL_URL"},
		{"PORTIQUE_PORTAL_URL=https://ws.opco.example/portail", "PORTAL_URL"},
		{"PORTIQUE_PORTAL_URL=https://ws.opco.example?x", "PORTAL_URL"},
		{"PORTIQUE_PORTAL_URL=https://u@ws.opco.example", "PORTAL_URL"},
		{"PORTIQUE_PORTAL_URL=https://WS.opco.example", "PORTAL_URL"},
		{"PORTIQUE_PORTAL_URL=https://auth.opco.example", "AUTH_URL"},
		{"PORTIQUE_OPERATOR_URL=https://auth.opco.example:8443", "OPERATOR_URL"}, // cookies ignore ports
		{"PORTIQUE_AUTH_URL=http://localhost:8081", "PORTAL_URL OPERATOR_URL"},
		{"PORTIQUE_LISTEN=8080", "LISTEN"},
		{"PORTIQUE_LISTEN=:8080,", "LISTEN"},
		{"PORTIQUE_TLS_CERT=" + file, "TLS_CERT"},
		{"PORTIQUE_TLS_CERT=" + file + " PORTIQUE_TLS_KEY=" + missing, "TLS_KEY"},
		{"PORTIQUE_TLS_CERT=" + cert + " PORTIQUE_TLS_KEY=" + other, "TLS_CERT"}, // another certificate's
		{"PORTIQUE_TLS_CERT=" + cut + " PORTIQUE_TLS_KEY=" + key, "TLS_CERT"},
		{"PORTIQUE_TLS_CERT=" + cert + " PORTIQUE_TLS_KEY=" + folder, "TLS_KEY"},
		{"PORTIQUE_TRUSTED_PROXIES=10.0.0.1", "TRUSTED_PROXIES"},
		{"PORTIQUE_DATABASE_URL=mysql://db", "DATABASE_URL MASTER_KEY"},
		{"PORTIQUE_DATABASE_URL=sqlite:", "DATABASE_URL MASTER_KEY"},
		{"PORTIQUE_DATABASE_URL=postgres://p@db/portique", "MASTER_KEY"},
		{"PORTIQUE_DATABASE_URL=postgres://p:two words@db/portique PORTIQUE_MASTER_KEY=" + goodKey, "DATABASE_URL"},
		{"PORTIQUE_DATABASE_URL=postgres://p:50%@db/portique PORTIQUE_MASTER_KEY=" + goodKey, "DATABASE_URL"},
		{"PORTIQUE_DATABASE_URL=sqlite:portique.db\n", "DATABASE_URL"},
		{"PORTIQUE_MASTER_KEY=short", "MASTER_KEY"},
		{"PORTIQUE_MASTER_KEY=", "MASTER_KEY"}, // a substitution that failed, never “make one”
		{"PORTIQUE_MASTER_KEY_FILE=" + empty, "MASTER_KEY_FILE"},
		{"PORTIQUE_DATABASE_URL=postgres://p@db/portique PORTIQUE_MASTER_KEY_FILE=" + empty, "MASTER_KEY_FILE"},
		{"PORTIQUE_MASTER_KEY_FILE=" + folder, "MASTER_KEY_FILE"},
		{"PORTIQUE_MASTER_KEY=" + goodKey[:20], "MASTER_KEY"}, // half written
		{"PORTIQUE_MASTER_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "MASTER_KEY"},
		{"PORTIQUE_MASTER_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, 31)), "MASTER_KEY"},
		{"PORTIQUE_MIGRATE=yes", "MIGRATE"},
		{"PORTIQUE_SMTP_URL=mail.opco.example:25", "SMTP_URL"},
		{"PORTIQUE_SMTP_URL=smtp://mail.opco.example", "SMTP_URL"},
		{"PORTIQUE_MAIL_FROM=Portail <no-reply@opco.example>", "MAIL_FROM"},
		{"PORTIQUE_SUPPORT_EMAIL=aide", "SUPPORT_EMAIL"},
		{"PORTIQUE_SUPPORT_PHONE=" + strings.Repeat("1", 41), "SUPPORT_PHONE"},
		{"PORTIQUE_OPERATOR_NAME=l'Op\ncommerce", "OPERATOR_NAME"},
		{"PORTIQUE_OPERATOR_NAME=", "OPERATOR_NAME"},
		{"PORTIQUE_PORTAL_NAME=", "PORTAL_NAME"},
		{"PORTIQUE_PORTAL_URL=https://ws.opco.example:99999", "PORTAL_URL"},
		{"PORTIQUE_LISTEN=127.0.0.1:99999", "LISTEN"},
		{"PORTIQUE_PORTAL_NAME=" + strings.Repeat("x", 61), "PORTAL_NAME"},
		{"PORTIQUE_BRAND_DIR=" + missing, "BRAND_DIR"},
		{"PORTIQUE_BRAND_DIR=" + file, "BRAND_DIR"},
		{"PORTIQUE_BRAND_DIR=" + filepath.Dir(file), "BRAND_DIR"}, // nothing of ours in it
		{"PORTIQUE_BRAND_COLOR=red", "BRAND_COLOR"},
		{"PORTIQUE_BRAND_COLOR=#0A4D6", "BRAND_COLOR"},
		{"PORTIQUE_BRAND_COLOR=#F0C040", "BRAND_COLOR"}, // nobody could read white on it
		{"PORTIQUE_LEGAL_URL=mentions", "LEGAL_URL"},
		{"PORTIQUE_ACCESSIBILITY_URL=javascript:alert(1)", "ACCESSIBILITY_URL"},
		{"PORTIQUE_TIMEZONE=Paris", "TIMEZONE"},
		{"PORTIQUE_TIMEZONE=Local", "TIMEZONE"},
		{"PORTIQUE_LANGUAGE=de", "LANGUAGE"},
		{"PORTIQUE_LANGUAGE=", "LANGUAGE"},
		{"PORTIQUE_SIGNUP=true", "SIGNUP"},
		{"PORTIQUE_MEMBER_CODE_BITS=many", "MEMBER_CODE_BITS CLAIM_POLICY"},
		{"PORTIQUE_MEMBER_CODE_BITS=20", "CLAIM_POLICY"}, // 6 digits are guessed too soon
		{"PORTIQUE_JOURNAL_RETENTION=12", "JOURNAL_RETENTION"},
		{"PORTIQUE_JOURNAL_RETENTION=0mo", "JOURNAL_RETENTION"},
		{"PORTIQUE_ACCESS_LOG_RETENTION=1d2", "ACCESS_LOG_RETENTION"},
		{"PORTIQUE_ACCESS_LOG_RETENTION=-1d", "ACCESS_LOG_RETENTION"},
		{"PORTIQUE_PASSWORD_POLICY=none", "PASSWORD_POLICY"},
		{"PORTIQUE_CLAIM_POLICY=none", "CLAIM_POLICY"},
		{"PORTIQUE_EXTRA_CA=" + missing, "EXTRA_CA"},
		{"PORTIQUE_EXTRA_CA=" + cut, "EXTRA_CA"},
		{"PORTIQUE_METRICS_LISTEN=9090", "METRICS_LISTEN"},
		{"PORTIQUE_LOG_FORMAT=xml", "LOG_FORMAT"},
		{"PORTIQUE_LOG_LEVEL=all", "LOG_LEVEL"},
		{"PORTIQUE_LANGAGE=fr", "LANGAGE"}, // a name nobody knows
		{"PORTIQUE_=x", ""},
		{"PORTIQUE_LANGAGE_FILE=" + file, "LANGAGE"},
		{"PORTIQUE_LANGUAGE_FILE=" + missing, "LANGUAGE_FILE"},
		{"PORTIQUE_LANGUAGE=fr PORTIQUE_LANGUAGE_FILE=" + file, "LANGUAGE_FILE"},
		{"PORTIQUE_LANGUAGE_FILE=" + file + " PORTIQUE_LANGUAGE=fr", "LANGUAGE_FILE"},
		{"PORTIQUE_TEST_CLOCK_FILE=" + file, "TEST_CLOCK_FILE"},
		{"PORTIQUE_TEST_MODE=1", "TEST_MODE"},
		{"PORTIQUE_SIGNUP=1 PORTIQUE_LANGUAGE=de PORTIQUE_LOG_LEVEL=all", "LANGUAGE SIGNUP LOG_LEVEL"}, // all at once
	} {
		more := strings.Split(strings.ReplaceAll(c.variables, " PORTIQUE", "\x00PORTIQUE"), "\x00")
		config, err := load(t, more...)
		if err == nil || config != nil {
			t.Errorf("%s is accepted", c.variables)
			continue
		}
		var names []string
		for line := range strings.SplitSeq(err.Error(), "\n") {
			name, _, _ := strings.Cut(line, ":")
			names = append(names, strings.TrimPrefix(name, "PORTIQUE_"))
		}
		if got := strings.Join(names, " "); got != c.names {
			t.Errorf("%s: the faults are of %q, want %q:\n%v", c.variables, got, c.names, err)
		}
	}
}

// The test mode stays on this machine: every door and every listener.
// Browsers leave the scheme's own port out, and so do the origins we compare with theirs.
func TestOwnPort(t *testing.T) {
	c, err := Load([]string{"PORTIQUE_PORTAL_URL=https://ws.opco.example:443", "PORTIQUE_AUTH_URL=https://auth.opco.example:443/",
		"PORTIQUE_OPERATOR_URL=https://op.opco.example:8443"})
	if err != nil || c.PortalURL != "https://ws.opco.example" || c.AuthURL != "https://auth.opco.example" || c.OperatorURL != "https://op.opco.example:8443" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestTestMode(t *testing.T) {
	if c, err := Load([]string{"PORTIQUE_TEST_MODE=on", "PORTIQUE_TEST_CLOCK_FILE=/tmp/clock"}); err != nil || !c.TestMode || c.TestClockFile != "/tmp/clock" {
		t.Fatal(err)
	}
	for variable, lines := range map[string]int{
		"PORTIQUE_LISTEN=:8080": 1, "PORTIQUE_LISTEN=0.0.0.0:8080,127.0.0.1:8081": 1, "PORTIQUE_LISTEN=192.168.1.2:8080": 1, "PORTIQUE_LISTEN=opco.example:80": 1,
	} {
		_, err := Load([]string{"PORTIQUE_TEST_MODE=on", variable})
		if err == nil || strings.Count(err.Error(), "PORTIQUE_TEST_MODE: ") != lines {
			t.Errorf("%s: %v", variable, err)
		}
	}
	if _, err := load(t, "PORTIQUE_TEST_MODE=on"); err == nil || strings.Count(err.Error(), "PORTIQUE_TEST_MODE: ") != 4 {
		t.Errorf("in production: %v", err)
	}
}

func TestKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	database := filepath.Join(dir, "portique.db")
	load := func(more ...string) *Config {
		t.Helper()
		c, err := Load(append(more, "PORTIQUE_DATABASE_URL=sqlite:"+database))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	// Made on the first start, once, even by several processes.
	keys := make([]string, 8)
	var all sync.WaitGroup
	for i := range keys {
		c := load()
		all.Go(func() {
			key, err := c.Key()
			if err != nil {
				t.Error(err)
			}
			keys[i] = string(key)
		})
	}
	all.Wait()
	for _, k := range keys {
		if len(k) != 32 || k != keys[0] || k == string(make([]byte, 32)) {
			t.Fatalf("keys %x", keys)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
	info, err := os.Stat(filepath.Join(dir, "master.key"))
	if err != nil || info.Mode().Perm() != 0o600 || len(files) != 1 || len(hidden) != 0 {
		t.Errorf("%v, %v, %v, %v", info, files, hidden, err)
	}
	// The configured one goes first.
	if key, err := load("PORTIQUE_MASTER_KEY=" + goodKey).Key(); err != nil || string(key) != "a master key for tests, 32 bytes" {
		t.Errorf("%q, %v", key, err)
	}

	// Beside a database, a missing or broken key is never replaced.
	if err := os.WriteFile(database, []byte("SQLite"), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := load().Key(); err != nil || string(key) != keys[0] {
		t.Errorf("%x, %v", key, err)
	}
	for _, content := range []string{"", "not base64", base64.StdEncoding.EncodeToString([]byte("too short"))} {
		if err := os.WriteFile(filepath.Join(dir, "master.key"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load().Key(); err == nil || !strings.Contains(err.Error(), "master.key") {
			t.Errorf("a key file of %q: %v", content, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := load().Key(); err == nil || !strings.Contains(err.Error(), "PORTIQUE_MASTER_KEY") {
		t.Errorf("a database without its key: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "master.key")); err == nil {
		t.Error("a new key was made beside an old database")
	}
}

// The list of settings is what Load asks for, so that none can be forgotten; the page for operators names each of them and no other.
func TestSettings(t *testing.T) {
	c, err := load(t, "PORTIQUE_DATABASE_URL=postgres://portique:canari-1@db/portique?sslpassword=canari-2", "PORTIQUE_MASTER_KEY="+goodKey,
		"PORTIQUE_SMTP_URL=smtp://portique:canari%203@mail.opco.example:587")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]Setting{}
	for _, s := range c.Settings {
		if _, twice := shown[s.Name]; twice {
			t.Errorf("%s is listed twice", s.Name)
		}
		shown[s.Name] = s
		if strings.Contains(s.Value, "canari") || strings.Contains(s.Value, goodKey) {
			t.Errorf("%s shows its secret: %s", s.Name, s.Value)
		}
	}
	for name, want := range map[string]Setting{
		"DATABASE_URL": {Value: "postgres://portique:xxxxx@db/portique?sslpassword=xxxxx"},
		"MASTER_KEY":   {Value: "xxxxx"},
		"SMTP_URL":     {Value: "smtp://portique:xxxxx@mail.opco.example:587"},
		"LANGUAGE":     {Value: "fr", Default: true},
		"LISTEN":       {Value: ":443", Default: true},
		"MAIL_FROM":    {Value: "no-reply@ws.opco.example", Default: true},
	} {
		want.Name = prefix + name
		if shown[want.Name] != want {
			t.Errorf("%+v, want %+v", shown[want.Name], want)
		}
	}

	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) > 2 || strings.HasPrefix(line, "`PORTIQUE_") || strings.HasPrefix(line, "Accepted, used by a later") {
			first := line
			if len(cells) > 2 {
				first = cells[1]
			}
			for _, name := range regexp.MustCompile("`(PORTIQUE_[A-Z_]+)`").FindAllStringSubmatch(first, -1) {
				table[name[1]] = true
			}
		}
	}
	for name := range table {
		if _, known := shown[name]; !known {
			t.Errorf("docs/operating.md names %s, which the program does not know", name)
		}
	}
	for name := range shown {
		if !table[name] {
			t.Errorf("docs/operating.md does not describe %s", name)
		}
	}
}
