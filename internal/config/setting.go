package config

import (
	"net/url"
	"slices"
	"strings"
)

// Setting is one variable as it counts. Its value is fit to be shown: what is
// secret in it is masked.
type Setting struct {
	Name    string // PORTIQUE_…
	Value   string
	Default bool   // not given by the environment
	File    string // where NAME_FILE read it
	Note    string // what an absent value means
}

// Mask stands for a secret.
const Mask = "xxxxx"

// effective masks secrets, fills in the values that follow from others, and
// sorts by name.
func (c *Config) effective(settings []Setting) []Setting {
	for i := range settings {
		s := &settings[i]
		switch s.Name {
		case prefix + "PORTAL_URL":
			s.Value = c.PortalURL
		case prefix + "AUTH_URL":
			s.Value = c.AuthURL
		case prefix + "OPERATOR_URL":
			s.Value = c.OperatorURL
		case prefix + "LISTEN":
			s.Value = strings.Join(c.Listen, ",")
		case prefix + "MAIL_FROM":
			s.Value = c.MailFrom
		case prefix + "MASTER_KEY":
			if s.Value != "" {
				s.Value = Mask
			} else {
				s.Note = "kept in " + c.ownKeyFile()
			}
		case prefix + "SMTP_URL":
			if s.Value == "" {
				s.Note = "serve needs it"
			}
		case prefix + "LOG_FORMAT":
			if s.Value == "" {
				s.Note = "text on a terminal, else json"
			}
		}
		s.Value = masked(s.Value)
	}
	slices.SortFunc(settings, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return settings
}

// masked hides the password of an address, wherever an address may hold one.
func masked(value string) string {
	scheme, _, address := strings.Cut(value, "://")
	if !address {
		return value
	}
	u, err := url.Parse(value)
	if err != nil {
		return scheme + "://" + Mask
	}
	changed := false
	if _, there := u.User.Password(); there {
		u.User, changed = url.UserPassword(u.User.Username(), Mask), true
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "pass") {
			query.Set(name, Mask)
			u.RawQuery, changed = query.Encode(), true
		}
	}
	if !changed {
		return value
	}
	return u.String()
}
