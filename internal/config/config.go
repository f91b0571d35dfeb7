// Package config reads the configuration from the environment, once, at the
// start. Whatever is wrong is refused there, naming the variable.
package config

import (
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
}

// Secure says whether people reach the doors by HTTPS.
func (c *Config) Secure() bool { return strings.HasPrefix(c.AuthURL, "https://") }

const (
	prefix        = "PORTIQUE_"
	masterKeySize = 32 // bytes
	minCodeBits   = 26 // of member codes that are proof enough by themselves
)

type reader struct {
	values map[string]string
	known  map[string]bool
	errs   []error
}

func (r *reader) fail(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(prefix+name+": "+format, args...))
}

func (r *reader) get(name, fallback string) string {
	r.known[prefix+name] = true
	if v, ok := r.values[prefix+name]; ok {
		return v
	}
	return fallback
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
	if portique.CleanText(v) != v || len([]rune(v)) > max {
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
	case u.Scheme == "https":
	case u.Scheme == "http" && portique.Loopback(u.Hostname()):
	default:
		r.fail(name, "%q must use https (http is for this machine only)", v)
	}
	return v
}

func (r *reader) retention(name, fallback string) time.Duration {
	v := r.get(name, fallback)
	n, err := strconv.Atoi(strings.TrimRight(v, "dmoy"))
	day := 24 * time.Hour
	if err == nil && n > 0 {
		switch strings.TrimLeft(v, "0123456789") {
		case "d":
			return time.Duration(n) * day
		case "mo":
			return time.Duration(n) * 365 * day / 12
		case "y":
			return time.Duration(n) * 365 * day
		}
	}
	r.fail(name, "%q is not a duration like 90d, 12mo or 2y", v)
	return 0
}

// Load reads variables in the form of os.Environ. The error joins everything
// that is wrong, each part naming its variable.
func Load(environ []string) (*Config, error) {
	r := &reader{values: map[string]string{}, known: map[string]bool{}}
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
			r.values[base] = strings.TrimRight(string(b), "\r\n")
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
		if !r.known[name] {
			r.errs = append(r.errs, fmt.Errorf("%s: no such setting; see docs/operating.md for the list", name))
		}
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	for _, name := range []string{"BRAND_DIR", "METRICS_LISTEN", "JOURNAL_RETENTION", "ACCESS_LOG_RETENTION"} {
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
			if _, port, err := net.SplitHostPort(a); err != nil || port == "" {
				r.fail("LISTEN", "%q is not host:port", a)
			}
			c.Listen = append(c.Listen, a)
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		r.fail("TLS_CERT", "needs PORTIQUE_TLS_KEY, and the other way round")
	}
	for _, f := range []struct{ name, path string }{{"TLS_CERT", c.TLSCert}, {"TLS_KEY", c.TLSKey}, {"EXTRA_CA", c.ExtraCA}, {"BRAND_DIR", c.BrandDir}} {
		if f.path != "" {
			if _, err := os.Stat(f.path); err != nil {
				r.fail(f.name, "%v", err)
			}
		}
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

func (c *Config) readDatabase(r *reader) {
	lite := strings.HasPrefix(c.DatabaseURL, "sqlite:") && len(c.DatabaseURL) > len("sqlite:")
	if !lite && !strings.HasPrefix(c.DatabaseURL, "postgres://") && !strings.HasPrefix(c.DatabaseURL, "postgresql://") {
		r.fail("DATABASE_URL", "is sqlite:PATH or postgres://…")
	}
	key := r.get("MASTER_KEY", "")
	switch {
	case key != "":
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key))
		if err != nil || len(b) != masterKeySize {
			r.fail("MASTER_KEY", "is %d random bytes in base64; make one with: head -c %d /dev/urandom | base64", masterKeySize, masterKeySize)
		}
		c.MasterKey = b
	case !lite:
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

// Key returns the master key: the configured one, or with SQLite the one in
// the data folder, made on the first start. A database without its key is
// refused: a new key would make its codes and letters useless.
func (c *Config) Key() ([]byte, error) {
	if c.MasterKey != nil {
		return c.MasterKey, nil
	}
	db, err := filepath.Abs(strings.TrimPrefix(strings.TrimPrefix(c.DatabaseURL, "sqlite:"), "//"))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(filepath.Dir(db), "master.key")
	for range 2 {
		b, err := os.ReadFile(path)
		if err == nil {
			key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
			if err != nil || len(key) != masterKeySize {
				return nil, fmt.Errorf("%s does not hold a master key: restore it from your backup", path)
			}
			return key, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
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
