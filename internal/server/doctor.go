package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"portique/internal/config"
	"portique/internal/oidc"
	"portique/internal/secret"
	"portique/internal/store"
)

// Health is what a check found.
type Health string

// What a check finds. Only Failed keeps an installation from working.
const (
	OK      Health = "ok"
	Warning Health = "warning"
	Failed  Health = "failed"
)

// Check is one line of a diagnosis.
type Check struct {
	Name   string
	Health Health
	Detail string
	Mend   string // what to do, unless all is well or Detail says it
}

const (
	askTime      = 5 * time.Second // for one step of a server to answer
	lookTime     = 10 * time.Minute
	clockApart   = 5 * time.Second
	roomLow      = 1 << 30
	roomNone     = 100 << 20
	letterLate   = 15 * time.Minute
	firstVersion = 2026 // no clock of ours has shown an earlier year
)

type diagnosis struct {
	ctx    context.Context
	c      *config.Config
	checks []Check
}

func (d *diagnosis) add(name string, health Health, mend, detail string, args ...any) {
	d.checks = append(d.checks, Check{name, health, oneLine(fmt.Sprintf(detail, args...)), mend})
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Diagnose looks at everything an installation needs, without changing
// anything, whether or not its server runs.
func Diagnose(ctx context.Context, c *config.Config) []Check {
	d := &diagnosis{ctx: ctx, c: c}
	d.add("configuration", OK, "", "%d settings, %d of them given", len(c.Settings), given(c.Settings))
	if c.TestMode {
		d.add("test mode", Warning, "unset PORTIQUE_TEST_MODE in production", "the clock may be moved and calls may reach this machine")
	}
	for _, name := range c.NoEffect {
		d.add("configuration", Warning, "leave it out until a version that uses it", "%s is accepted but not used yet", name)
	}
	if c.SupportEmail == "" {
		d.add("support", Warning, "set PORTIQUE_SUPPORT_EMAIL", "nobody is told of requests that no administrator answers, and letters give no address for help")
	}
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			d.add("trusted proxies", Warning, "name your proxies' own addresses", "PORTIQUE_TRUSTED_PROXIES trusts everybody (%s): who writes X-Forwarded-For chooses the address that is counted", p)
		}
	}
	if n := len(c.BrandLetters); n > 0 {
		if err := CheckLetters(c); err != nil {
			d.add("letters", Failed, "mend the file, or take it away: ours is then sent", "%v", err)
		} else {
			d.add("letters", OK, "", "%d of your own", n)
		}
	}
	keys := d.key()
	d.database(keys)
	d.mail()
	d.doors()
	if now := time.Now(); now.Year() < firstVersion {
		d.add("clock", Failed, "set the machine's clock", "the machine's clock says %s", now.Format(time.DateTime))
	}
	return d.checks
}

func given(settings []config.Setting) int {
	n := 0
	for _, s := range settings {
		if !s.Default {
			n++
		}
	}
	return n
}

// keyBeside is said at the start of a server and by the command doctor.
func keyBeside(path string) string {
	return "the master key " + path + " lies in clear beside the database: who copies this folder can read the codes and letters: " +
		"links and codes of waiting letters, keys that sign, guesses at member codes; " +
		"move it to a folder of its own, outside the backups of this one, and name it in PORTIQUE_MASTER_KEY_FILE"
}

func (d *diagnosis) key() *secret.Keys {
	master, err := d.c.ReadKey()
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			if path := store.SQLitePath(d.c.DatabaseURL); size(path) > 0 {
				d.add("master key", Failed, "restore the key from your backup, or set PORTIQUE_MASTER_KEY_FILE", "%s is missing but %s exists", d.c.KeyBeside(), path)
			} else {
				d.add("master key", OK, "", "none yet: the first start makes one, %s", d.c.KeyBeside())
			}
			return nil
		}
		d.add("master key", Failed, "", "%v", err)
		return nil
	}
	keys, err := secret.NewKeys(master)
	if err != nil {
		d.add("master key", Failed, "make one with: head -c 32 /dev/urandom | base64", "%v", err)
		return nil
	}
	file := d.c.MasterKeyFile
	if beside := d.c.KeyBeside(); beside != "" {
		file = beside
		says, mend, _ := strings.Cut(keyBeside(beside), "; move ")
		d.add("master key", Warning, "move "+mend, "%s", says)
	} else if file != "" {
		d.add("master key", OK, "", "in %s", file)
	} else {
		d.add("master key", OK, "", "in PORTIQUE_MASTER_KEY")
	}
	d.readers("master key", file)
	return keys
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// readers warns of a file that others than its owner may read.
func (d *diagnosis) readers(name, path string) {
	info, err := os.Stat(path)
	if path == "" || err != nil {
		return
	}
	mode := info.Mode().Perm()
	if folder, err := os.Stat(filepath.Dir(path)); err == nil && folder.Mode().Perm()&0o001 == 0 {
		mode &^= 0o006 // nobody else gets as far
	}
	switch {
	case mode&0o006 != 0:
		d.add(name, Failed, "chmod 600 "+path, "%s can be read by everybody on this machine (mode %04o)", path, info.Mode().Perm())
	case mode&0o020 != 0:
		d.add(name, Warning, "chmod 600 "+path, "%s can be written by its group (mode %04o)", path, info.Mode().Perm())
	}
}

func (d *diagnosis) database(keys *secret.Keys) {
	const name = "database"
	if err := store.CheckFile(d.c.DatabaseURL); err != nil {
		d.add(name, Failed, "", "%v", err)
		return
	}
	path := store.SQLitePath(d.c.DatabaseURL)
	if path != "" {
		d.room(path)
		if size(path) == 0 {
			if _, err := os.Stat(filepath.Dir(path)); err != nil {
				d.add(name, Failed, "make the folder, for the user that runs portique", "%s cannot be made: %v", path, err)
				return
			}
			d.add(name, Warning, "run portique serve, or portique migrate", "%s is not made yet", path)
			return
		}
		d.readers(name, path)
	}
	ctx, cancel := context.WithTimeout(d.ctx, askTime)
	db, err := store.OpenToLook(ctx, d.c.DatabaseURL, keys)
	cancel()
	if err != nil {
		d.add(name, Failed, "", "%v", err)
		return
	}
	defer db.Close()
	look, cancel := context.WithTimeout(d.ctx, lookTime)
	defer cancel()
	engine, err := db.Engine(look)
	if err != nil {
		d.add(name, Failed, "", "%v", db.Explain(err))
		return
	}
	d.add(name, OK, "", "%s answers", engine)
	if standby, err := db.Standby(look); err != nil || standby {
		d.add(name, Failed, "name the primary in PORTIQUE_DATABASE_URL", "this server is a standby, which takes no writes %s", text(err))
	}
	switch fragile, err := db.Fragile(look); {
	case err != nil:
		d.add("durability", Failed, "", "%v", db.Explain(err))
	case len(fragile) > 0:
		d.add("durability", Warning, "set it so in the database's configuration", "a power cut may take what was acknowledged: %s", strings.Join(fragile, ", "))
	default:
		d.add("durability", OK, "", "what is acknowledged is on the disk")
	}
	if path != "" {
		if err := db.CheckPages(look); err != nil {
			d.add("integrity", Failed, "", "%v", db.Explain(err))
		} else if look.Err() != nil {
			d.add("integrity", Warning, "run: sqlite3 FILE 'PRAGMA integrity_check'", "not looked at: it takes more than %s", lookTime)
		} else {
			d.add("integrity", OK, "", "no damage found")
		}
	}
	if d.schema(look, db) {
		d.content(look, db, keys)
	}
	d.clock(look, db)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return "(" + err.Error() + ")"
}

func (d *diagnosis) schema(ctx context.Context, db *store.DB) bool {
	const name = "schema"
	version, err := db.LookAtSchema(ctx)
	switch {
	case err == nil:
		d.add(name, OK, "", "version %d, this program's", version)
		return true
	case errors.Is(err, store.ErrNoSchema), errors.Is(err, store.ErrSchemaOld) && d.c.Migrate:
		d.add(name, Warning, "back up; portique serve brings it up, or portique migrate", "%v", err)
	default:
		d.add(name, Failed, "", "%v", db.Explain(err))
	}
	return false
}

func (d *diagnosis) content(ctx context.Context, db *store.DB, keys *secret.Keys) {
	if keys != nil {
		if err := db.LookAtKey(ctx); err != nil {
			d.add("master key", Failed, "", "%v", db.Explain(err))
		} else {
			d.add("master key", OK, "", "it is the one of this database")
			if n, err := oidc.LookAtKeys(ctx, db, keys); err != nil {
				d.add("signing keys", Failed, "", "%v", db.Explain(err))
			} else if n == 0 {
				d.add("signing keys", OK, "", "none yet: the first sign-in makes one")
			} else {
				d.add("signing keys", OK, "", "%d, all open", n)
			}
		}
	}
	var queued, dead int
	var oldest time.Time
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		queued, dead, oldest, err = tx.Outbox()
		return err
	})
	now := Clock(d.c.TestClockFile)()
	switch late := now.Sub(oldest); {
	case err != nil:
		d.add("letters", Failed, "", "%v", db.Explain(err))
	case queued > 0 && late > letterLate:
		d.add("letters", Warning, "portique letter list --status queued says why", "%d wait, the first since %s; %d given up", queued, late.Round(time.Minute), dead)
	case dead > 0:
		d.add("letters", Warning, "portique letter list --status dead says why; letter retry queues one again", "%d given up; %d wait", dead, queued)
	default:
		d.add("letters", OK, "", "%d wait, none given up", queued)
	}
}

func (d *diagnosis) clock(ctx context.Context, db *store.DB) {
	before := time.Now()
	theirs, err := db.Clock(ctx)
	if err != nil {
		d.add("clock", Failed, "look at the database", "%v", err)
		return
	}
	apart := theirs.Sub(before.Add(time.Since(before) / 2)).Abs()
	if apart > clockApart {
		d.add("clock", Warning, "keep both machines on time (NTP)", "the database's clock and this machine's are %s apart", apart.Round(time.Second))
		return
	}
	d.add("clock", OK, "", "%s", time.Now().UTC().Format(time.RFC3339))
}

// room looks at the disk of a SQLite file.
func (d *diagnosis) room(path string) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &fs); err != nil {
		return // the folder is not made yet
	}
	free := uint64(fs.Bavail) * uint64(fs.Bsize) //nolint:unconvert // the types differ between systems
	health, mend := OK, ""
	switch {
	case free < roomNone:
		health, mend = Failed, "make room: a full disk stops every change"
	case free < roomLow:
		health, mend = Warning, "make room: a full disk stops every change"
	}
	d.add("disk", health, mend, "%d MiB free beside the database", free>>20)
}

func (d *diagnosis) mail() {
	const name = "mail server"
	if d.c.SMTPURL == "" {
		d.add(name, Failed, "set PORTIQUE_SMTP_URL: serve refuses to start without it", "none is configured")
		return
	}
	sender, err := newSender(d.c, askTime)
	if err != nil {
		d.add(name, Failed, "mend the setting", "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, 4*askTime)
	defer cancel()
	how, err := sender.Probe(ctx)
	if err != nil {
		d.add(name, Failed, "mend PORTIQUE_SMTP_URL or the server; letters wait meanwhile", "%v", err)
		return
	}
	d.add(name, OK, "", "%s", how)
	if d.c.SupportEmail == "" {
		d.add(name, Warning, "set PORTIQUE_SUPPORT_EMAIL", "nobody is told of requests that no administrator answers")
	}
}

// doors asks each door whether it is ready, by the address that people use.
func (d *diagnosis) doors() {
	roots, err := extraCA(d.c.ExtraCA)
	if err != nil {
		d.add("addresses", Failed, "mend PORTIQUE_EXTRA_CA", "%v", err)
		return
	}
	client := &http.Client{
		Timeout:       askTime,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for _, door := range []struct{ name, origin string }{{"portal", d.c.PortalURL}, {"auth", d.c.AuthURL}} {
		r, err := http.NewRequestWithContext(d.ctx, http.MethodGet, door.origin+"/readyz", nil)
		if err != nil {
			d.add(door.name, Failed, "mend its URL", "%v", err)
			continue
		}
		answer, err := client.Do(r)
		if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			d.add(door.name, Failed, "renew the certificate, or mend what serves it", "%s: %v", door.origin, certificate)
			continue
		}
		if err != nil {
			d.add(door.name, Warning, "start portique serve; look at the proxy, the name and the firewall", "%s is not reachable from here: %v", door.origin, err)
			continue
		}
		body, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10)) // cut short, it is not the answer we know
		answer.Body.Close()
		switch {
		case answer.StatusCode == http.StatusOK && string(body) == readyLine+"\n":
			d.add(door.name, OK, "", "%s is ready", door.origin)
		case answer.StatusCode == http.StatusServiceUnavailable && strings.HasPrefix(string(body), "not ready"):
			d.add(door.name, Failed, "the server's log says why", "%s is not ready", door.origin)
		default:
			d.add(door.name, Failed, "look at the proxy: /readyz must reach Portique with its Host header", "%s is answered by something else (%s)", door.origin, answer.Status)
		}
	}
}
