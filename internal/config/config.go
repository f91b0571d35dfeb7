// Package config reads the configuration from the environment, once, at the
// start. Whatever is wrong is refused there, naming the variable.
package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"portique"
)

// Config is the effective configuration. Each field is the variable
// PORTIQUE_… of docs/operating.md.
type Config struct {
	PortalURL, AuthURL, OperatorURL string // origins, without a slash at the end
	Listen                          []string
	TLSCert, TLSKey                 string
	TrustedProxies                  []netip.Prefix
	DatabaseURL                     string
	Migrate                         bool
	MasterKey                       []byte // nil: kept in the data folder (SQLite)
	SMTPURL                         string
	MailFrom                        string
	SupportEmail                    string
	SupportPhone                    string
	OperatorName                    string
	PortalName                      string
	BrandDir                        string
	BrandLogo, BrandTheme           []byte            // logo.svg and theme.css of BrandDir; nil without
	BrandLetters                    map[string]string // of its folder letter, by file name; nil without
	BrandColor                      string
	LegalURL                        string
	AccessibilityURL                string
	Timezone                        *time.Location
	Language                        string
	SignUp                          bool
	MemberCodeBits                  int
	JournalRetention                time.Duration
	AccessLogRetention              time.Duration
	PasswordPolicy                  portique.PasswordPolicy
	ClaimPolicy                     portique.ClaimPolicy
	ExtraCA                         string
	LogFormat                       string // text, json, "" to choose by terminal
	LogLevel                        string
	MetricsListen                   string
	TestMode                        bool
	TestClockFile                   string
	NoEffect                        []string // names set that this version accepts but does not use yet
	Settings                        []Setting
	MasterKeyFile                   string // the file the key was given in, "" without one
}

// Secure says whether people reach the doors by HTTPS.
func (c *Config) Secure() bool { return strings.HasPrefix(c.AuthURL, "https://") }

const (
	prefix        = "PORTIQUE_"
	maxRetention  = 100 * 365 * 24 * time.Hour // a time.Duration overflows at 292 years
	masterKeySize = 32                         // bytes
	minCodeBits   = 26                         // of member codes that are proof enough by themselves
)

type reader struct {
	values   map[string]string
	files    map[string]string // where a value was read, by name
	settings []Setting         // in the order they are asked for, which makes the list complete
	errs     []error
}

func (r *reader) fail(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(prefix+name+": "+format, args...))
}

func (r *reader) get(name, fallback string) string {
	v, set := r.values[prefix+name]
	if !set {
		v = fallback
	}
	r.settings = append(r.settings, Setting{Name: prefix + name, Value: v, Default: !set, File: r.files[prefix+name]})
	return v
}

func (r *reader) knows(name string) bool {
	return slices.ContainsFunc(r.settings, func(s Setting) bool { return s.Name == name })
}

func (r *reader) oneOf(name, fallback string, allowed ...string) string {
	v := r.get(name, fallback)
	if !slices.Contains(allowed, v) {
		r.fail(name, "%q is not one of %s", v, strings.Join(allowed, ", "))
	}
	return v
}

func (r *reader) onOff(name, fallback string) bool {
	return r.oneOf(name, fallback, "on", "off") == "on"
}

func (r *reader) line(name, fallback string, max int) string {
	v := r.get(name, fallback)
	switch {
	case v == "" && fallback != "":
		r.fail(name, "is empty; leave it out for %q", fallback)
	case portique.CleanText(v) != v || len([]rune(v)) > max:
		r.fail(name, "must be one plain line of at most %d characters", max)
	}
	return v
}

func (r *reader) email(name, fallback string) string {
	v := r.get(name, fallback)
	if v == "" {
		return v
	}
	email, err := portique.ParseEmail("", v)
	if local, host, _ := strings.Cut(v, "@"); err != nil && (local == "" || !portique.Loopback(host)) {
		r.fail(name, "%q is not an e-mail address", v)
	}
	if err != nil {
		return v // on this machine, as no-reply@localhost
	}
	return email
}

func (r *reader) link(name string) string {
	v := r.get(name, "")
	if v == "" {
		return v
	}
	if u, err := url.Parse(v); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		r.fail(name, "%q is not a web address", v)
	}
	return v
}

// origin reads a public origin: scheme and host, nothing after.
func (r *reader) origin(name, fallback string) string {
	v := strings.TrimSuffix(r.get(name, fallback), "/")
	switch { // browsers never write the scheme's own port
	case strings.HasPrefix(v, "https://"):
		v = strings.TrimSuffix(v, ":443")
	case strings.HasPrefix(v, "http://"):
		v = strings.TrimSuffix(v, ":80")
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.ToLower(v) != v:
		r.fail(name, "%q is not an origin like https://ws.example.org", v)
	case u.Port() != "" && !isPort(u.Port()):
		r.fail(name, "%q: a port is a number from 1 to 65535", v)
	case u.Scheme == "https":
	case u.Scheme == "http" && portique.Loopback(u.Hostname()):
	default:
		r.fail(name, "%q must use https (http is for this machine only)", v)
	}
	return v
}

// address checks where to listen.
func (r *reader) address(name, v string) {
	if _, port, err := net.SplitHostPort(v); err != nil || port != "0" && !isPort(port) { // 0: any that is free
		r.fail(name, "%q is not host:port, with a port from 1 to 65535", v)
	}
}

func isPort(v string) bool {
	n, err := strconv.ParseUint(v, 10, 16)
	return err == nil && n > 0
}

func (r *reader) retention(name, fallback string) time.Duration {
	v := r.get(name, fallback)
	n, err := strconv.Atoi(strings.TrimRight(v, "dmoy"))
	day := 24 * time.Hour
	unit := map[string]time.Duration{"d": day, "mo": 365 * day / 12, "y": 365 * day}[strings.TrimLeft(v, "0123456789")]
	if err == nil && n > 0 && unit > 0 && n <= int(maxRetention/unit) {
		return time.Duration(n) * unit
	}
	r.fail(name, "%q is not a duration like 90d, 12mo or 2y, a century at most", v)
	return 0
}

// Load reads variables in the form of os.Environ. The error joins everything
// that is wrong, each part naming its variable.
func Load(environ []string) (*Config, error) {
	r := &reader{values: map[string]string{}, files: map[string]string{}}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if base, ok := strings.CutSuffix(name, "_FILE"); ok && name != prefix+"TEST_CLOCK_FILE" {
			b, err := os.ReadFile(value)
			if err != nil {
				r.errs = append(r.errs, fmt.Errorf("%s: %w", name, err))
				continue
			}
			if _, twice := r.values[base]; twice {
				r.errs = append(r.errs, fmt.Errorf("%s: %s is set too; keep one", name, base))
			}
			r.values[base], r.files[base] = strings.TrimRight(string(b), "\r\n"), value
			if r.values[base] == "" { // cut short, or not written yet: never the default instead
				r.errs = append(r.errs, fmt.Errorf("%s: %s is empty", name, value))
			}
			continue
		}
		if _, twice := r.values[name]; twice {
			r.errs = append(r.errs, fmt.Errorf("%s_FILE: %s is set too; keep one", name, name))
		}
		r.values[name] = value
	}

	c := &Config{
		PortalURL:   r.origin("PORTAL_URL", "http://localhost:8080"),
		AuthURL:     r.origin("AUTH_URL", "http://localhost:8081"),
		OperatorURL: r.origin("OPERATOR_URL", "http://localhost:8082"),
		TLSCert:     r.get("TLS_CERT", ""), TLSKey: r.get("TLS_KEY", ""),
		DatabaseURL:  r.get("DATABASE_URL", "sqlite:portique.db"),
		Migrate:      r.onOff("MIGRATE", "on"),
		SMTPURL:      r.get("SMTP_URL", ""),
		MailFrom:     r.email("MAIL_FROM", ""),
		SupportEmail: r.email("SUPPORT_EMAIL", ""),
		SupportPhone: r.line("SUPPORT_PHONE", "", 40),
		OperatorName: r.line("OPERATOR_NAME", "l'Opcommerce", 60),
		PortalName:   r.line("PORTAL_NAME", "Web Services Entreprises", 60),
		BrandDir:     r.get("BRAND_DIR", ""), BrandColor: r.get("BRAND_COLOR", ""),
		LegalURL: r.link("LEGAL_URL"), AccessibilityURL: r.link("ACCESSIBILITY_URL"),
		Language:           r.oneOf("LANGUAGE", "fr", "fr", "en"),
		SignUp:             r.onOff("SIGNUP", "on"),
		JournalRetention:   r.retention("JOURNAL_RETENTION", "12mo"),
		AccessLogRetention: r.retention("ACCESS_LOG_RETENTION", "6mo"),
		PasswordPolicy:     portique.PasswordPolicy(r.oneOf("PASSWORD_POLICY", "guide", "guide", "cnil", "anssi", "nist")),
		ClaimPolicy:        portique.ClaimPolicy(r.oneOf("CLAIM_POLICY", "code", "code", "code+contact", "code+operator")),
		ExtraCA:            r.get("EXTRA_CA", ""),
		LogFormat:          r.oneOf("LOG_FORMAT", "", "", "text", "json"),
		LogLevel:           r.oneOf("LOG_LEVEL", "info", "debug", "info", "warn", "error"),
		MetricsListen:      r.get("METRICS_LISTEN", ""),
		TestMode:           r.onOff("TEST_MODE", "off"),
		TestClockFile:      r.get("TEST_CLOCK_FILE", ""),
	}
	c.readHosts(r)
	c.readDatabase(r)
	c.readRest(r)
	for name := range r.values {
		if !r.knows(name) {
			r.errs = append(r.errs, fmt.Errorf("%s: no such setting; see docs/operating.md for the list", name))
		}
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	c.MasterKeyFile = r.files[prefix+"MASTER_KEY"]
	c.Settings = c.effective(r.settings)
	for _, name := range []string{"METRICS_LISTEN", "JOURNAL_RETENTION", "ACCESS_LOG_RETENTION"} {
		if _, set := r.values[prefix+name]; set {
			c.NoEffect = append(c.NoEffect, prefix+name)
		}
	}
	return c, nil
}

func (c *Config) readHosts(r *reader) {
	hosts := map[string]string{}
	secure := strings.HasPrefix(c.AuthURL, "https://")
	for _, o := range []struct{ name, url string }{{"PORTAL_URL", c.PortalURL}, {"AUTH_URL", c.AuthURL}, {"OPERATOR_URL", c.OperatorURL}} {
		u, err := url.Parse(o.url)
		if err != nil || u.Host == "" {
			continue // already refused
		}
		key := u.Hostname()
		if portique.Loopback(key) {
			key = u.Host // ports tell the doors of one machine apart
		}
		if other, ok := hosts[key]; ok {
			r.fail(o.name, "the same host as %s%s: each door needs its own", prefix, other)
		}
		hosts[key] = o.name
		if strings.HasPrefix(o.url, "https://") != secure {
			r.fail(o.name, "all three doors use https, or none (on this machine)")
		}
	}
	listen := r.get("LISTEN", "")
	if listen == "" {
		for _, o := range []string{c.PortalURL, c.AuthURL} {
			u, err := url.Parse(o)
			if err != nil || u.Host == "" {
				continue
			}
			port := u.Port()
			if port == "" {
				port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
			}
			addresses := []string{":" + port}
			if portique.Loopback(u.Hostname()) {
				addresses = []string{"127.0.0.1:" + port, "[::1]:" + port}
			}
			for _, a := range addresses {
				if !slices.Contains(c.Listen, a) {
					c.Listen = append(c.Listen, a)
				}
			}
		}
	} else {
		for _, a := range strings.Split(listen, ",") {
			a = strings.TrimSpace(a)
			r.address("LISTEN", a)
			c.Listen = append(c.Listen, a)
		}
	}
	c.readFiles(r)
	if c.MetricsListen != "" {
		r.address("METRICS_LISTEN", c.MetricsListen)
	}
	for _, p := range strings.Split(r.get("TRUSTED_PROXIES", ""), ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		n, err := netip.ParsePrefix(p)
		if err != nil {
			r.fail("TRUSTED_PROXIES", "%q is not a network like 10.0.0.0/8", p)
		}
		c.TrustedProxies = append(c.TrustedProxies, n)
	}
	if c.TestMode {
		for _, o := range []struct{ name, url string }{{"PORTAL_URL", c.PortalURL}, {"AUTH_URL", c.AuthURL}, {"OPERATOR_URL", c.OperatorURL}} {
			if u, err := url.Parse(o.url); err == nil && !portique.Loopback(u.Hostname()) {
				r.fail("TEST_MODE", "%s%s is not on this machine", prefix, o.name)
			}
		}
		for _, a := range c.Listen {
			if host, _, _ := net.SplitHostPort(a); !portique.Loopback(host) {
				r.fail("TEST_MODE", "PORTIQUE_LISTEN %s is not on this machine", a)
			}
		}
	}
	if c.TestClockFile != "" && !c.TestMode {
		r.fail("TEST_CLOCK_FILE", "needs PORTIQUE_TEST_MODE=on")
	}
}

// readFiles reads the files that settings name as the server will, so that a
// cut or foreign one is refused before anything starts.
func (c *Config) readFiles(r *reader) {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		r.fail("TLS_CERT", "needs PORTIQUE_TLS_KEY, and the other way round")
	}
	faults := len(r.errs)
	content := map[string][]byte{}
	for _, f := range []struct{ name, path string }{{"TLS_CERT", c.TLSCert}, {"TLS_KEY", c.TLSKey}, {"EXTRA_CA", c.ExtraCA}} {
		if f.path == "" {
			continue
		}
		b, err := os.ReadFile(f.path)
		if err != nil {
			r.fail(f.name, "%v", err)
		}
		content[f.name] = b
	}
	if c.BrandDir != "" {
		if err := c.readBrand(); err != nil {
			r.fail("BRAND_DIR", "%v", err)
		}
	}
	if len(r.errs) > faults {
		return
	}
	if c.TLSCert != "" && c.TLSKey != "" {
		if _, err := tls.X509KeyPair(content["TLS_CERT"], content["TLS_KEY"]); err != nil {
			r.fail("TLS_CERT", "%s and PORTIQUE_TLS_KEY do not make a pair: %v", c.TLSCert, err)
		}
	}
	if c.ExtraCA != "" && !x509.NewCertPool().AppendCertsFromPEM(content["EXTRA_CA"]) {
		r.fail("EXTRA_CA", "%s holds no certificate in PEM form", c.ExtraCA)
	}
}

func (c *Config) readDatabase(r *reader) {
	lite := strings.HasPrefix(c.DatabaseURL, "sqlite:") && len(c.DatabaseURL) > len("sqlite:")
	if !lite && !strings.HasPrefix(c.DatabaseURL, "postgres://") && !strings.HasPrefix(c.DatabaseURL, "postgresql://") {
		r.fail("DATABASE_URL", "is sqlite:PATH or postgres://…")
	} else if _, err := url.Parse(c.DatabaseURL); !lite && err != nil || portique.CleanText(c.DatabaseURL) != c.DatabaseURL {
		r.fail("DATABASE_URL", "cannot be read: percent-encode what is special in the user and the password") // err would repeat them
	}
	key := r.get("MASTER_KEY", "")
	if _, set := r.values[prefix+"MASTER_KEY"]; set && key == "" && r.files[prefix+"MASTER_KEY"] == "" {
		r.fail("MASTER_KEY", "is empty: give the key, or leave the variable out")
		return
	}
	switch {
	case key != "":
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key))
		if err != nil || len(b) != masterKeySize {
			r.fail("MASTER_KEY", "is %d random bytes in base64; make one with: head -c %d /dev/urandom | base64", masterKeySize, masterKeySize)
		}
		if err == nil && len(b) == masterKeySize && bytes.Count(b, b[:1]) == masterKeySize {
			r.fail("MASTER_KEY", "is %d times one byte, not random bytes; make one with: head -c %[1]d /dev/urandom | base64", masterKeySize)
		}
		c.MasterKey = b
	case lite, r.files[prefix+"MASTER_KEY"] != "": // an empty file was refused already
	default:
		r.fail("MASTER_KEY", "is required with PostgreSQL; make one with: head -c %d /dev/urandom | base64", masterKeySize)
	}
}

func (c *Config) readRest(r *reader) {
	zone := r.get("TIMEZONE", "Europe/Paris")
	var err error
	if c.Timezone, err = time.LoadLocation(zone); err != nil || zone == "Local" || zone == "" {
		r.fail("TIMEZONE", "%q is not a time zone like Europe/Paris", zone)
	}
	bits := r.get("MEMBER_CODE_BITS", "26")
	if c.MemberCodeBits, err = strconv.Atoi(bits); err != nil || c.MemberCodeBits < 1 || c.MemberCodeBits > 256 {
		r.fail("MEMBER_CODE_BITS", "%q is not a number of bits", bits)
	}
	if c.ClaimPolicy == portique.ClaimByCode && c.MemberCodeBits < minCodeBits {
		r.fail("CLAIM_POLICY", "code needs member codes of at least %d bits (8 digits); PORTIQUE_MEMBER_CODE_BITS says %d: choose code+contact or code+operator, or longer codes",
			minCodeBits, c.MemberCodeBits)
	}
	if c.BrandColor != "" {
		if err := checkColor(c.BrandColor); err != nil {
			r.fail("BRAND_COLOR", "%v", err)
		}
	}
	if c.MailFrom == "" {
		if u, err := url.Parse(c.PortalURL); err == nil {
			host := u.Hostname()
			if portique.Loopback(host) {
				host = "portique.localhost"
			}
			c.MailFrom = "no-reply@" + host
		}
	}
	if c.SMTPURL != "" {
		if u, err := url.Parse(c.SMTPURL); err != nil || u.Scheme != "smtp" || u.Hostname() == "" || u.Port() == "" {
			r.fail("SMTP_URL", "is smtp://[user:password@]host:port?tls=starttls|implicit|none")
		}
	}
}

// checkColor refuses a colour whose contrast with white is under 4.5 (WCAG 2.2).
func checkColor(s string) error {
	v, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return fmt.Errorf("%q is not a colour like #0A4D68", s)
	}
	if ratio := 1.05 / (luminance(uint32(v)) + 0.05); ratio < 4.5 {
		return fmt.Errorf("%s has a contrast of %.1f with white; it needs 4.5", s, ratio)
	}
	return nil
}

func luminance(rgb uint32) float64 {
	l := 0.0
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		v := float64(rgb>>(8*i)&0xff) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}

// databaseFile is the SQLite file, "" on PostgreSQL.
func (c *Config) databaseFile() string {
	path, lite := strings.CutPrefix(c.DatabaseURL, "sqlite:")
	if !lite {
		return ""
	}
	path = strings.TrimPrefix(path, "//")
	if abs, err := filepath.Abs(path); err == nil { // fails only in a folder that is gone
		return abs
	}
	return path
}

// ownKeyFile is where the key lies when none is given.
func (c *Config) ownKeyFile() string {
	return filepath.Join(filepath.Dir(c.databaseFile()), "master.key")
}

// KeyBeside is the master key's file when it lies in clear in the folder of the
// SQLite database, "" otherwise: who copies that folder has both.
func (c *Config) KeyBeside() string {
	db := c.databaseFile()
	switch {
	case db == "":
		return ""
	case c.MasterKey == nil:
		return c.ownKeyFile()
	case c.MasterKeyFile == "":
		return ""
	}
	folder := func(path string) string {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return filepath.Dir(path)
	}
	if folder(c.MasterKeyFile) != folder(db) {
		return ""
	}
	return c.MasterKeyFile
}

// Key returns the master key: the configured one, or with SQLite the one in
// the data folder, made on the first start. A database without its key is
// refused: a new key would make its codes and letters useless.
func (c *Config) Key() ([]byte, error) {
	if c.MasterKey != nil {
		return c.MasterKey, nil
	}
	db, path := c.databaseFile(), c.ownKeyFile()
	for range 2 {
		key, err := c.ReadKey()
		if !errors.Is(err, os.ErrNotExist) {
			return key, err
		}
		if info, err := os.Stat(db); err == nil && info.Size() > 0 {
			return nil, fmt.Errorf("%s is missing but %s exists: restore the key from your backup, or set PORTIQUE_MASTER_KEY", path, db)
		}
		if err := writeKey(path); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s cannot be read", path)
}

// ReadKey is Key without making one: os.ErrNotExist when it is to be made.
func (c *Config) ReadKey() ([]byte, error) {
	if c.MasterKey != nil {
		return c.MasterKey, nil
	}
	path := c.ownKeyFile()
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != masterKeySize {
		return nil, fmt.Errorf("%s does not hold a master key: restore it from your backup", path)
	}
	return key, nil
}
