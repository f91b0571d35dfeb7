package config

import (
	"net/url"
	"strings"
	"testing"
)

// Whatever is in the environment, the configuration is refused with the names of its variables, or it can be used.
func FuzzLoad(f *testing.F) {
	for _, environ := range []string{
		"", "PORTIQUE_PORTAL_URL=https://ws.opco.example\nPORTIQUE_AUTH_URL=https://auth.opco.example\nPORTIQUE_OPERATOR_URL=https://op.opco.example",
		"PORTIQUE_PORTAL_URL=http://[::1]:8080\nPORTIQUE_LISTEN=:1,[::]:2,x", "PORTIQUE_LISTEN=,\nPORTIQUE_TRUSTED_PROXIES=10.0.0.0/8,::1/128,x", "PORTIQUE_X=1\nOTHER\n=",
		"PORTIQUE_SMTP_URL=smtp://user:p%40ss@mail.example:587?tls=implicit\nPORTIQUE_MAIL_FROM=a@x.example", "PORTIQUE_MASTER_KEY=AAAA\nPORTIQUE_DATABASE_URL=postgres://u:p@h/d",
		"PORTIQUE_BRAND_COLOR=#0A4D68\nPORTIQUE_TIMEZONE=Local\nPORTIQUE_LANGUAGE=de", "PORTIQUE_JOURNAL_RETENTION=999999999999y", "PORTIQUE_ACCESS_LOG_RETENTION=700y\nPORTIQUE_MEMBER_CODE_BITS=30",
		"PORTIQUE_TEST_MODE=on\nPORTIQUE_TEST_CLOCK_FILE=x", "PORTIQUE_OPERATOR_NAME=\x1b[31m\nPORTIQUE_LEGAL_URL=javascript://x\nPORTIQUE_CLAIM_POLICY=none",
	} {
		f.Add(environ)
	}
	f.Fuzz(func(t *testing.T, text string) {
		environ := strings.Split(text, "\n")
		for _, variable := range environ {
			if name, _, _ := strings.Cut(variable, "="); strings.HasSuffix(name, "_FILE") || strings.HasPrefix(name, "PORTIQUE_TLS_") || name == "PORTIQUE_EXTRA_CA" || name == "PORTIQUE_TIMEZONE" {
				return // reads files of this machine
			}
		}
		c, err := Load(environ)
		if (c == nil) == (err == nil) {
			t.Fatalf("%+v, %v", c, err)
		}
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if !strings.HasPrefix(line, prefix) {
					t.Fatalf("a fault without its variable: %q", line)
				}
			}
			return
		}
		for _, origin := range []string{c.PortalURL, c.AuthURL, c.OperatorURL} {
			if u, err := url.Parse(origin); err != nil || u.Host == "" || u.Path != "" || u.Scheme != "http" && u.Scheme != "https" {
				t.Fatalf("%q is no origin", origin)
			}
		}
		if len(c.Listen) == 0 || c.JournalRetention <= 0 || c.AccessLogRetention <= 0 || c.MemberCodeBits < 26 || c.Timezone == nil || c.MailFrom == "" {
			t.Fatalf("%+v", c)
		}
	})
}
