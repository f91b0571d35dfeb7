// Package server puts the parts together: services on a database, doors on
// hosts, listeners, and a stop that loses nothing.
package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/account"
	"portique/internal/company"
	"portique/internal/config"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/telemetry"
	"portique/internal/tool"
)

// App is the services of an installation, without any door.
type App struct {
	Config    *config.Config
	DB        *store.DB
	Keys      *secret.Keys
	Accounts  *account.Service
	Sessions  *session.Service
	Access    *access.Service
	Tools     *tool.Service
	Companies *company.Service
	Now       func() time.Time
}

// Schema says what opening may do to the database's schema.
type Schema int

// What opening does. Only a server, which locks a SQLite file first, and the
// command migrate upgrade a database that is in use; other commands make the
// schema of an empty one and refuse an older one.
const (
	CheckOnly Schema = iota
	MakeNew
	Upgrade
	Serve // lock, then upgrade unless the configuration says not to
)

// OpenApp opens the database and makes the services.
func OpenApp(ctx context.Context, c *config.Config, schema Schema) (*App, error) {
	if err := store.CheckFile(c.DatabaseURL); err != nil { // before a key is made for it
		return nil, err
	}
	if path := store.SQLitePath(c.DatabaseURL); schema == CheckOnly && path != "" {
		if _, err := os.Stat(path); err != nil {
			return nil, errors.New(path + ": there is no database yet; portique serve, or portique migrate, makes one")
		}
	}
	master, err := c.Key()
	if err != nil {
		return nil, err
	}
	keys, err := secret.NewKeys(master)
	if err != nil {
		return nil, err
	}
	now := Clock(c.TestClockFile)
	_, domain, _ := strings.Cut(c.MailFrom, "@")
	options := store.Options{URL: c.DatabaseURL, Now: now, Keys: keys, MailDomain: domain}
	if schema == Serve { // commands may take their time
		options.Patience = requestTime
	}
	db, err := store.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	if schema == Serve {
		if err = db.Lock(); err == nil {
			err = db.CheckPagesBriefly(ctx)
		}
	}
	switch {
	case err != nil:
	case schema == Upgrade, schema == Serve && c.Migrate:
		_, err = db.Migrate(ctx)
	case schema == MakeNew && c.Migrate:
		err = db.MigrateNew(ctx)
	default:
		err = db.CheckSchema(ctx)
	}
	if err == nil {
		err = db.CheckKeys(ctx)
	}
	if err == nil {
		err = db.Mark()
	}
	if err != nil {
		err = db.Explain(err)
		db.Close()
		return nil, err
	}
	// A hash takes 19 MiB and a core: more at once than cores gains nothing.
	hasher, err := secret.NewHasher(cores)
	if err != nil {
		db.Close()
		return nil, err
	}
	common, err := secret.LoadCommonPasswords()
	if err != nil {
		db.Close()
		return nil, err
	}
	rule := portique.PasswordRule{Policy: c.PasswordPolicy, Common: common.Has, Site: []string{c.OperatorName, c.PortalName}}
	return &App{
		Config: c, DB: db, Keys: keys, Now: now,
		Accounts: account.New(db, keys, hasher, rule, c.AuthURL),
		Sessions: session.New(db, keys, hasher, session.Options{Language: c.Language, Support: c.SupportEmail}),
		Access: access.New(db, keys, access.Options{Language: c.Language, Support: c.SupportEmail, PortalURL: c.PortalURL,
			Policy: c.ClaimPolicy, MemberCodeBits: c.MemberCodeBits}),
		Tools:     tool.New(db),
		Companies: company.New(db, keys),
	}, nil
}

// Close closes the database.
func (a *App) Close() error { return a.DB.Close() }

// Clock is the time of the installation: the machine's, moved by the seconds
// written in the test clock's file, which is read at each use.
func Clock(testClockFile string) func() time.Time {
	if testClockFile == "" {
		return time.Now
	}
	return func() time.Time {
		now := time.Now()
		b, err := os.ReadFile(testClockFile)
		if err != nil {
			return now
		}
		seconds, err := strconv.ParseFloat(strings.TrimSpace(string(b)), 64)
		if err != nil {
			return now
		}
		return now.Add(time.Duration(seconds * float64(time.Second)))
	}
}

// NewLogger makes the log of a process: text on a terminal, JSON elsewhere,
// unless the configuration says which. Nobody waits for who reads it; flush
// writes what is left.
func NewLogger(c *config.Config, out *os.File) (log *slog.Logger, flush func()) {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked when it was read
	options := &slog.HandlerOptions{Level: level}
	format := c.LogFormat
	if format == "" {
		format = "json"
		if info, err := out.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			format = "text"
		}
	}
	to := func(w io.Writer) *slog.Logger {
		if format == "text" {
			return slog.New(withRequest(slog.NewTextHandler(w, options)))
		}
		return slog.New(withRequest(slog.NewJSONHandler(w, options)))
	}
	direct := to(out)
	w := telemetry.NewWriter(out, func(lost int64) {
		direct.Warn("the log is read too slowly: lines were dropped", "lines", lost)
	})
	return to(w), w.Close
}
