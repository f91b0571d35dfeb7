package e2e

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// secrets are values that must be found nowhere, by what they are.
type secrets map[string]string

// in lists the secrets that a text holds: as they are, in hexadecimal, in base64. Digits count only when they stand alone, since
// any six of them are found in a long number.
func (s secrets) in(text string) []string {
	var found []string
	for what, value := range s {
		if onlyNumber.MatchString(value) {
			if regexp.MustCompile(`(^|[^0-9.])` + value + `($|[^0-9])`).MatchString(text) {
				found = append(found, what)
			}
			continue
		}
		for _, form := range []string{value, url.QueryEscape(value), hex.EncodeToString([]byte(value)),
			strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")} {
			if strings.Contains(text, form) {
				found = append(found, what)
				break
			}
		}
	}
	return found
}

var onlyNumber = regexp.MustCompile(`^[0-9]+$`)

// AUD-03, PWD-18, SES-15, MAI-05, WEB-11: a person walks the journey, errors are provoked at each step, and the secrets used on the
// way are looked for in everything that an operator keeps: the log at its most talkative, what commands print, the database.
func TestSecretsStaySecret(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		password := "Canari!7" + rand.Text()
		wrong := "Canari!8" + rand.Text()
		renewed := "Canari!9" + rand.Text()
		kept := secrets{"a password": password, "a wrong password": wrong, "the new password": renewed} // not in the database either
		other := secrets{}                                                                              // kept there for a reason
		for i, kv := range app.env {
			switch name, value, _ := strings.Cut(kv, "="); name {
			case "PORTIQUE_MASTER_KEY":
				kept["the master key"] = value
			case "PORTIQUE_DATABASE_URL":
				if u, err := url.Parse(value); err == nil && app.Engine == "postgres" {
					kept["the database's password"] = rand.Text()
					u.User = url.UserPassword(u.User.Username(), kept["the database's password"])
					app.env[i] = "PORTIQUE_DATABASE_URL=" + u.String()
				}
			}
		}
		app.env = append(app.env, "PORTIQUE_LOG_LEVEL=debug")
		app.Restart(t)
		members := app.Import(t, 3)
		app.Create(t, Lucie)
		shop := members[0]
		kept["a member code"] = shop.Code
		tool := app.NewTool(t, "formation", "Formation", "--device")
		kept["a client secret"] = tool.Secret

		// Astray puts a secret where a hurried person or a wrong link puts it.
		marie := app.Browser(t)
		astray := func(what string, token string) {
			kept[what] = token
			for _, at := range []string{"/validate/" + token, "/nowhere/" + token + "?token=" + token, "/" + token, "/oauth/" + token, "/companies/" + token + "/users",
				"/password/reset?token=" + token + "x"} {
				for _, door := range []string{app.Portal, app.Auth} {
					if p := marie.Go(door + at); p.Status >= 500 {
						t.Errorf("%s%s answered %d", door, at, p.Status)
					}
				}
			}
		}
		cookies := func(when string) {
			for _, door := range []string{app.Portal, app.Auth} {
				for _, c := range marie.Cookies(door) {
					if len(c.Value) >= 32 {
						kept["the cookie "+c.Name+" "+when] = c.Value
						if _, half, ok := strings.Cut(c.Value, "."); ok && len(half) >= 32 { // id and secret
							kept["the cookie "+c.Name+" "+when+", its secret"] = half
						}
					}
				}
			}
		}

		marie.Register(Marie, Fields{"password": {password}, "password_confirmation": {wrong}})
		marie.Register(Marie, Fields{"password": {password}, "password_confirmation": {password}})
		marie.At("register-sent")
		cookies("of the sign-up")
		letter := app.Mail.Wait(t, Marie.Email, "Validation")
		u, err := url.Parse(letter.Link(t, "/validate"))
		if err != nil {
			t.Fatal(err)
		}
		kept["a validation code"] = letter.Code
		astray("a validation link", u.Query().Get("token"))
		marie.Open(app.Auth + "/register/sent")
		marie.Submit("/register/code", Fields{"code": {"000000"}})
		marie.Open(u.String())
		marie.Submit("/validate", nil)
		marie.At("validated")

		marie.Open("/session/start")
		marie.Submit("/login", Fields{"email": {wrong}, "password": {Marie.Email}}) // in the wrong field
		marie.Submit("/login", Fields{"email": {Marie.Email}, "password": {wrong}})
		marie.Submit("/login", Fields{"email": {Marie.Email}, "password": {password}})
		marie.At("companies-add")
		cookies("signed in")
		marie.Attach(Member{SIREN: members[1].SIREN, Code: shop.Code})
		marie.Attach(shop)
		marie.At("activated")
		marie.Open("/tools")
		tile, _ := marie.Page().Tile("formation")
		marie.Go(tile.URL)
		marie.At("tool")
		visit := tool.Last()
		kept["an access token"] = visit.Token.AccessToken
		other["an ID token"] = visit.RawID // the portal's own are kept to sign out with
		tool.Hold()
		marie.Go(tile.URL)
		held := tool.Held(t)
		kept["an authorization code"] = held.Code
		other["a code verifier"] = held.Verifier
		for _, request := range []func() (int, string, error){
			func() (int, string, error) { o := *misled(tool, wrong); return o.Exchange(held) },
			func() (int, string, error) { return tool.Exchange(held) },
			func() (int, string, error) { return tool.Exchange(held) }, // a code twice
		} {
			if _, _, err := request(); err != nil {
				t.Fatal(err)
			}
		}
		if answer, err := http.Get(app.Auth + "/oauth/userinfo?access_token=" + visit.Token.AccessToken); err != nil {
			t.Fatal(err)
		} else {
			answer.Body.Close()
		}

		var device struct {
			Code     string `json:"device_code"`
			User     string `json:"user_code"`
			Complete string `json:"verification_uri_complete"`
		}
		proof := url.Values{"client_id": {tool.ID}, "client_secret": {tool.Secret}, "scope": {"openid"}}
		read(t, call(t, "POST", app.Auth+"/oauth/device", proof), &device)
		kept["a device's code"], kept["the code that it shows"], kept["the same, as it is compared"] = device.Code, device.User, strings.ReplaceAll(device.User, "-", "")
		marie.Open(device.Complete)
		marie.Submit("/device", nil)
		marie.At("device-confirm")
		proof.Set("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
		proof.Set("device_code", device.Code)
		call(t, "POST", app.Auth+"/oauth/token", proof)
		marie.Submit("/oauth/authorize/*/allow", nil)
		marie.At("device-done")

		stranger := app.Browser(t)
		stranger.Open(app.Auth + "/password/forgot")
		stranger.Submit("/password/forgot", Fields{"email": {Marie.Email}})
		u, err = url.Parse(app.Mail.Wait(t, Marie.Email, "nouveau mot de passe").Link(t, "/password/reset"))
		if err != nil {
			t.Fatal(err)
		}
		astray("a reset link", u.Query().Get("token"))
		stranger.Open(u.String())
		stranger.Submit("/password/reset", Fields{"password": {"x" + password}, "password_confirmation": {password}})
		stranger.Submit("/password/reset", Fields{"password": {renewed}, "password_confirmation": {renewed}})
		stranger.At("login")
		app.Mail.Wait(t, Marie.Email, "mot de passe a changé")
		for _, m := range app.Mail.To(Marie.Email) { // MAI-05: nothing but the one link and the one code it is there for
			for _, what := range (secrets{"a password": password, "the new one": renewed, "the member code": shop.Code, "the client secret": tool.Secret}).in(m.Text + m.HTML) {
				t.Errorf("the letter %q holds %s", m.Subject, what)
			}
		}

		// WEB-11: the database breaks under a page. It says so, and nothing of how.
		broken := app.database(t)
		for _, statement := range []string{"ALTER TABLE sign_up RENAME TO sign_up_away", "ALTER TABLE session RENAME TO session_away"} {
			if _, err := broken.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		marie.Open("/tools")
		stranger.Open(app.Auth + "/validate?token=" + kept["a validation link"])
		for _, p := range []*Page{marie.Page(), stranger.Page()} {
			if p.Status < http.StatusInternalServerError {
				t.Errorf("a broken database: %s", p)
			}
			for _, detail := range []string{"SQL", "sign_up", "session", "relation", "no such table", "goroutine", ".go:", "panic", app.dir} {
				if strings.Contains(p.Text(), detail) {
					t.Errorf("%s shows %q to everybody:\n%s", p, detail, p.Text())
				}
			}
		}
		for _, statement := range []string{"ALTER TABLE sign_up_away RENAME TO sign_up", "ALTER TABLE session_away RENAME TO session"} {
			if _, err := broken.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}

		// A mail server that repeats what it refuses.
		ca, address := parrot(t)
		kept["the mail server's password"] = rand.Text()
		app.env = append(app.env, "PORTIQUE_EXTRA_CA="+ca,
			"PORTIQUE_SMTP_URL=smtp://portique:"+kept["the mail server's password"]+"@"+address+"?tls=implicit")
		app.Restart(t)
		stranger.Open(app.Auth + "/password/forgot")
		stranger.Submit("/password/forgot", Fields{"email": {Lucie.Email}})
		until(t, "a refusal by the mail server", func() bool {
			return strings.Contains(app.Run(t, "", "letter", "list", "--status", "queued"), "535")
		})

		printed := ""
		for _, command := range []string{"doctor", "config", "letter list", "account list", "membership list", "request list", "tool list", "company list", "routes"} {
			for _, format := range []string{"", " --json"} {
				r := app.Try(t, "", strings.Fields(command+format)...)
				printed += r.Stdout + r.Stderr
			}
		}
		if !strings.Contains(printed, "xxxxx") || !strings.Contains(printed, "535") {
			t.Errorf("the commands say nothing of the mail server's settings and answer:\n%s", printed)
		}
		log := app.Log()
		if !strings.Contains(log, `"level":"DEBUG"`) || !strings.Contains(log, "request failed") || !strings.Contains(log, "535") || !strings.Contains(log, "/validate/…") {
			t.Error("the log misses what was provoked")
		}
		for _, list := range []secrets{kept, other} {
			for _, what := range list.in(log) {
				t.Errorf("the log holds %s", what)
			}
			for _, what := range list.in(printed) {
				t.Errorf("a command prints %s", what)
			}
		}
		for line := range strings.Lines(log) { // AUD-02: one event a line, whatever was sent
			if !json.Valid([]byte(line)) {
				t.Errorf("a line of the log is not one: %q", line)
			}
		}
		content := app.content(t)
		if !strings.Contains(content, Marie.Email) {
			t.Fatal("the database was not read")
		}
		for _, what := range kept.in(content) {
			t.Errorf("the database holds %s in clear", what)
		}
	})
}

// misled is a tool whose secret is wrong.
func misled(o *Tool, secret string) *Tool {
	return &Tool{ID: o.ID, Secret: secret, Endpoint: o.Endpoint, client: o.client}
}

// content is everything the database holds: the bytes of the files, or every row as text.
func (a *App) content(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	if a.Engine == "sqlite" {
		for _, end := range []string{"", "-wal"} {
			b, err := os.ReadFile(filepath.Join(a.dir, "portique.db"+end))
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
		return all.String()
	}
	db := a.database(t)
	read := func(query string) (list []string) {
		rows, err := db.QueryContext(context.Background(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			list = append(list, s)
		}
		return list
	}
	for _, table := range read("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()") {
		fmt.Fprintln(&all, strings.Join(read(fmt.Sprintf("SELECT t::text FROM %q t", table)), "\n"))
	}
	return all.String()
}

// parrot is a mail server behind TLS that refuses every sign-in and repeats the line it got. It returns the file of the authority
// to trust, and its address.
func parrot(t *testing.T) (ca, address string) {
	t.Helper()
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
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	talk := func(c net.Conn) {
		defer c.Close()
		fmt.Fprint(c, "220 parrot ESMTP\r\n")
		for lines := bufio.NewScanner(c); lines.Scan(); {
			switch verb, rest, _ := strings.Cut(lines.Text(), " "); strings.ToUpper(verb) {
			case "EHLO":
				fmt.Fprint(c, "250-parrot\r\n250 AUTH PLAIN\r\n")
			case "AUTH":
				_, line, _ := strings.Cut(rest, " ")
				plain, _ := base64.StdEncoding.DecodeString(line)
				_, password, _ := strings.Cut(strings.TrimPrefix(string(plain), "\x00"), "\x00")
				fmt.Fprintf(c, "535 5.7.8 you said %s which is the password %s\r\n", line, password)
			case "QUIT":
				fmt.Fprint(c, "221 bye\r\n")
				return
			default:
				fmt.Fprint(c, "250 ok\r\n")
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go talk(c)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return ca, "localhost:" + port
}

// LOG-14, WEB-12: a new installation has no account that anybody knows, no page to make one, and no back door for machines.
func TestNewInstallation(t *testing.T) {
	app := Start(t, "sqlite")
	b := app.Browser(t)
	for _, who := range [][2]string{{"admin@localhost", "admin"}, {"admin@operateur.example", "admin"}, {SupportEmail, "Portique1!"}, {"ne-pas-repondre@operateur.example", "password"}} {
		b.Open("/session/start")
		b.Submit("/login", Fields{"email": {who[0]}, "password": {who[1]}})
		b.At("login")
	}
	if accounts := strings.TrimSpace(app.Run(t, "", "account", "list", "--json")); accounts != "[]" {
		t.Errorf("a new installation has accounts: %s", accounts)
	}
	for _, door := range []string{app.Portal, app.Auth} {
		for _, path := range []string{"/setup", "/install", "/admin", "/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/config", "/status", "/.env", "/.git/config", "/portique.db"} {
			if p := b.Go(door + path); p.Status != http.StatusNotFound {
				t.Errorf("%s%s answers %d", door, path, p.Status)
			}
		}
		for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
			answer, err := http.Get(door + path)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if string(body) != want || answer.Header.Get("Server") != "" {
				t.Errorf("%s%s says %q, Server %q", door, path, body, answer.Header.Get("Server"))
			}
		}
	}
}
