package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
	"golang.org/x/net/html"
)

// The cases REG and PWD of the catalogue that a stranger can try from outside, each under its name.

// onOne runs cases on one engine, those of another file on the other, and on both when the bigger counts were asked for. What depends on
// the engine is tried on both by the tests of the services.
func onOne(t *testing.T, engine string, cases func(t *testing.T, app *App)) {
	if Long() {
		EachEngine(t, cases)
		return
	}
	t.Run(engine, func(t *testing.T) { cases(t, Start(t, engine)) })
}

// answer is what came back to a program: no cookies, no redirect followed.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a request as a program does. header is names and values; a form is posted when it is not nil.
func call(t *testing.T, method, address string, form url.Values, header ...string) answer {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	content, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(content)}
}

// person is somebody nobody else of the run is.
func person(name string) Person {
	return Person{"Camille", "Dupont", name + "@cas.example"}
}

// signedUp registers a person and returns their browser, on the page that says so, and their letter.
func (a *App) signedUp(t *testing.T, p Person, changes ...Fields) (*Browser, *Mail) {
	t.Helper()
	b := a.Browser(t)
	b.Register(p, changes...)
	b.At("register-sent")
	return b, a.Mail.Wait(t, p.Email, "Validation de création de compte")
}

// forgot asks for a new password and returns the link of the letter.
func (a *App) forgot(t *testing.T, p Person) string {
	t.Helper()
	if got := call(t, "POST", a.Auth+"/password/forgot", url.Values{"email": {p.Email}}); got.status != http.StatusSeeOther {
		t.Fatalf("asking for a new password: %d", got.status)
	}
	return a.Mail.Wait(t, p.Email, "nouveau mot de passe").Link(t, "/password/reset")
}

// noSession fails the test if the browser holds a session at auth.
func noSession(t *testing.T, app *App, b *Browser) {
	t.Helper()
	for _, c := range b.Cookies(app.Auth + "/") {
		if strings.HasSuffix(c.Name, "portique_auth") {
			t.Errorf("a session was opened: %s", c.Name)
		}
	}
}

const otherPassword = "Autre!Mouton8"

func tokenOf(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("token") == "" {
		t.Fatalf("%s has no token", link)
	}
	return u.Query().Get("token")
}

func TestSignUpCases(t *testing.T) {
	t.Parallel()
	onOne(t, "sqlite", func(t *testing.T, app *App) {
		status := func(t *testing.T, p Person) string { t.Helper(); return app.Account(t, p.Email).Status }

		t.Run("REG-01 an attacker signs up first", func(t *testing.T) {
			victim := person("reg01")
			attacker, theirs := app.signedUp(t, victim, Fields{"password": {otherPassword}, "password_confirmation": {otherPassword}})
			b, hers := app.signedUp(t, victim)
			b.Open(hers.Link(t, "/validate"))
			b.Submit("/validate", nil)
			b.At("validated")
			for name, link := range map[string]string{"older": theirs.Link(t, "/validate"), "used": hers.Link(t, "/validate")} {
				attacker.Open(link)
				if attacker.At("validate").Form("/validate") {
					t.Errorf("the %s link still offers to validate", name)
				}
				attacker.Post(app.Auth+"/validate", Fields{"token": {tokenOf(t, link)}, "password": {otherPassword}})
				attacker.Answers(http.StatusUnprocessableEntity)
			}
			// The attacker's password leads where it led before, which tells them nothing, and opens nothing.
			for password, pages := range map[string][]string{otherPassword: {"register-sent", "login"}, Password: {"companies-add", "companies-add"}} {
				in := app.Browser(t)
				in.Open("/session/start")
				in.Submit("/login", Fields{"email": {victim.Email}, "password": {password}})
				in.At(pages[0])
				in.Open("/companies/add")
				in.At(pages[1])
			}
		})

		t.Run("REG-03 an attacker's link reaches the victim", func(t *testing.T) {
			victim := person("reg03")
			attacker, letter := app.signedUp(t, victim, Fields{"password": {otherPassword}, "password_confirmation": {otherPassword}})
			b := app.Browser(t)
			b.Open(letter.Link(t, "/validate"))
			b.At("validate")
			b.Says(victim.Email, "Mot de passe", "Ce n'est pas moi")
			for _, fields := range []Fields{nil, {"password": {Password}}} {
				b.Submit("/validate", fields)
				b.Answers(http.StatusUnprocessableEntity)
				noSession(t, app, b)
			}
			if s := status(t, victim); s != "unvalidated" {
				t.Fatalf("the account is %s", s)
			}
			var disown string
			for _, c := range digits.FindAllString(address.ReplaceAllString(letter.Text, ""), -1) {
				if c = strings.Map(onlyDigits, c); len(c) == 6 && c != letter.Code {
					disown = c
				}
			}
			b.Submit("/validate/not-me", Fields{"code": {disown}})
			b.Answers(http.StatusOK)
			var list []Account
			app.JSON(t, &list, "account", "list")
			if slices.ContainsFunc(list, func(a Account) bool { return a.Email == victim.Email }) {
				t.Error("the sign-up is still there")
			}
			attacker.Open(app.Auth + "/login")
			attacker.Submit("/login", Fields{"email": {victim.Email}, "password": {otherPassword}})
			attacker.At("login")
		})

		t.Run("REG-04 scanners open the link", func(t *testing.T) {
			p := person("reg04")
			b, letter := app.signedUp(t, p)
			link := letter.Link(t, "/validate")
			for _, agent := range []string{
				"Mozilla/5.0 (compatible; Microsoft Outlook SafeLinks)", "Barracuda Sentinel (EE)", "Proofpoint URL Defense", "Google-Safety", "Mimecast-TTP",
				"Cisco-IronPort", "Slackbot-LinkExpanding 1.0", "facebookexternalhit/1.1", "curl/8.5.0", "",
			} {
				for _, method := range []string{"GET", "HEAD"} {
					got := call(t, method, link, nil, "User-Agent", agent)
					for to := got.header.Get("Location"); to != ""; to = got.header.Get("Location") {
						got = call(t, method, app.Auth+to, nil, "User-Agent", agent)
					}
					if got.status != http.StatusOK || len(got.header.Values("Set-Cookie")) != 0 {
						t.Errorf("%s by %q: %d, cookies %v", method, agent, got.status, got.header.Values("Set-Cookie"))
					}
				}
			}
			if s := status(t, p); s != "unvalidated" {
				t.Fatalf("after the scanners the account is %s", s)
			}
			b.Open(link)
			b.Submit("/validate", nil)
			b.At("validated")
			if s := status(t, p); s != "active" {
				t.Errorf("after the person the account is %s", s)
			}
		})

		t.Run("REG-06 a used link", func(t *testing.T) {
			p := person("reg06")
			b, letter := app.signedUp(t, p)
			link := letter.Link(t, "/validate")
			form := b.Open(link)
			b.Submit("/validate", nil)
			b.At("validated")
			done := b.Page().URL.String()
			b.page = form // back
			again := b.Submit("/validate", nil)
			b.Answers(http.StatusUnprocessableEntity)
			reloaded, elsewhere := b.Open(link), app.Browser(t).Open(link)
			for name, page := range map[string]*Page{"posted again": again, "reloaded": reloaded, "in another browser": elsewhere} {
				if page.Main() != "validate" || !strings.Contains(page.Alert(), "déjà validé") || page.Status >= 500 {
					t.Errorf("%s: %s, %q", name, page, page.Alert())
				}
			}
			b.Open(done)
			b.At("validated")
			b.Open(form.URL.String())
			b.At("validate")
			noSession(t, app, b)
		})

		t.Run("REG-09 no other token", func(t *testing.T) {
			p := person("reg09")
			_, letter := app.signedUp(t, p)
			token := tokenOf(t, letter.Link(t, "/validate"))
			others := []string{token + "A", token + "=", token + "%00", token + "%20", "%20" + token, strings.ToUpper(token), strings.ToLower(token),
				token + "&token=" + token[:20] + "x"} // the first counts
			var encoded string
			for _, c := range []byte(token) {
				encoded += fmt.Sprintf("%%25%02X", c)
			}
			others = append(others, encoded)
			for i := range token {
				other := byte('A')
				if token[i] == other {
					other = 'B'
				}
				others = append(others, token[:i]+string(other)+token[i+1:], token[:i])
			}
			b := app.Browser(t)
			seen := map[string]string{}
			for _, other := range others {
				page := b.Open(app.Auth + "/validate?token=" + other)
				if strings.Contains(other, "&token=") {
					if page.Status != http.StatusOK {
						t.Errorf("the same parameter twice: %s", page)
					}
					continue
				}
				seen[fmt.Sprint(page.Status, page.Title(), page.Text())] = other
				plain, err := url.QueryUnescape(other)
				if err != nil {
					t.Fatal(err)
				}
				page = b.Post(app.Auth+"/validate", Fields{"token": {plain}, "password": {Password}})
				if page.Status != http.StatusUnprocessableEntity {
					t.Errorf("%q: %s", other, page)
				}
				seen[fmt.Sprint("POST", page.Status, page.Title(), page.Text())] = other
			}
			if len(seen) != 2 { // one by GET, one by POST
				t.Errorf("%d different answers: %v", len(seen), seen)
			}
			if s := status(t, p); s != "unvalidated" {
				t.Fatalf("the account is %s", s)
			}
			b.Open(letter.Link(t, "/validate"))
			b.Submit("/validate", Fields{"password": {Password}})
			b.At("validated")
		})

		t.Run("REG-11 an address that has an account", func(t *testing.T) {
			known, unknown := person("reg11-known"), person("reg11-new12")
			app.Create(t, known)
			look := func(p Person) []string {
				b := app.Browser(t)
				var looks []string
				note := func(page *Page) {
					header := page.Header.Clone()
					header.Del("Date")
					looks = append(looks, fmt.Sprint(page.Status, header, strings.ReplaceAll(strings.ReplaceAll(page.Body, "@<wbr>", "@"), p.Email, "ADDRESS")))
					for _, h := range b.Hops {
						for _, c := range h.SetCookie {
							value := len(c.Value)
							c.Raw, c.Value = "", ""
							looks = append(looks, fmt.Sprint(h.Method, h.Status, h.Location, c, value))
						}
					}
				}
				note(b.Register(p, Fields{"password": {otherPassword}, "password_confirmation": {otherPassword}}))
				note(b.Submit("/register/resend", nil))
				note(b.Submit("/register/code", Fields{"code": {"000000"}}))
				note(b.Open(app.Auth + "/register/sent"))
				return looks
			}
			if a, b := look(unknown), look(known); !slices.Equal(a, b) {
				t.Errorf("the pages differ:\n%s\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
			}
			if l := app.Mail.Wait(t, known.Email, ""); strings.Contains(l.Subject, "Validation") || l.Code != "" || strings.Contains(l.Text, "token=") {
				t.Errorf("the owner gets %q", l.Subject)
			}
			app.SignIn(t, known) // with the password of before
		})

		t.Run("REG-13 one account however its address is typed", func(t *testing.T) {
			p := Person{"Camille", "Dupont", "a.b@café-du-port.example"}
			const kept = "a.b@xn--caf-du-port-dbb.example"
			variants := []string{p.Email, "A.B@CAFÉ-DU-PORT.EXAMPLE", " a.b@Café-du-Port.example ", "a.b@cafe\u0301-du-port.example", "\u00a0A.B@CAFE\u0301-du-port.example\u200b", kept}
			b := app.Browser(t)
			b.Register(Person{p.First, p.Last, variants[1]}, Fields{"email_confirmation": {variants[3]}})
			b.At("register-sent")
			b.Open(app.Mail.Wait(t, kept, "Validation").Link(t, "/validate"))
			b.Submit("/validate", nil)
			b.At("validated")
			for i, v := range variants {
				in := app.Browser(t)
				in.Open("/session/start")
				in.Submit("/login", Fields{"email": {v}, "password": {Password}})
				in.At("companies-add")
				if i%2 == 0 {
					continue
				}
				again := app.Browser(t)
				again.Register(Person{p.First, p.Last, v})
				again.At("register-sent")
				if l := app.Mail.Wait(t, kept, ""); strings.Contains(l.Subject, "Validation") {
					t.Errorf("%q signs up anew", v)
				}
				if got := call(t, "POST", app.Auth+"/password/forgot", url.Values{"email": {v}}); got.status != http.StatusSeeOther {
					t.Errorf("forgot %q: %d", v, got.status)
				}
				app.Mail.Wait(t, kept, "nouveau mot de passe")
			}
			if a := app.Account(t, kept); a.Status != "active" {
				t.Errorf("%+v", a)
			}
		})

		t.Run("REG-19 not validated, nothing opens", func(t *testing.T) {
			p := person("reg19")
			tool := app.NewTool(t, "reg19", "Outil fermé")
			app.signedUp(t, p)
			b := app.Browser(t)
			b.Open("/session/start")
			b.Login(p)
			b.At("register-sent")
			noSession(t, app, b)
			for _, path := range []string{"/companies/add", "/tools", "/companies"} {
				b.Open(path)
				b.At("login")
			}
			b.Post("/companies/add", Fields{"siren": {"552100554"}, "member_code": {"12345678"}})
			b.Answers(http.StatusUnauthorized)
			b.Open(tool.URL)
			b.At("login")
			b.Login(p)
			b.At("register-sent")
			b.Open(tool.URL + "/?prompt=none")
			b.At("tool-refused")
			b.Says("login_required")
			b.Open(tool.Endpoint.AuthURL + "?client_id=portal&response_type=code&scope=openid&redirect_uri=" + url.QueryEscape(app.Portal+"/session/callback") + "&prompt=none")
			if strings.Contains(b.trail(), "code=") {
				t.Errorf("a code was given:\n%s", b.trail())
			}
		})

		t.Run("REG-21 fifty at once", func(t *testing.T) {
			p := person("reg21")
			b, letter := app.signedUp(t, p)
			form := url.Values{"token": {tokenOf(t, letter.Link(t, "/validate"))}}.Encode()
			cookies := b.Cookies(app.Auth + "/validate")
			outcomes := atOnce(crowd, func(int) string {
				r, err := http.NewRequest("POST", app.Auth+"/validate", strings.NewReader(form))
				if err != nil {
					return err.Error()
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", app.Auth)
				for _, c := range cookies {
					r.AddCookie(c)
				}
				got, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					return err.Error()
				}
				got.Body.Close()
				return fmt.Sprint(got.StatusCode)
			})
			if outcomes["303"] != 1 || outcomes["422"] != crowd-1 {
				t.Errorf("%d activations of one link: %v", crowd, outcomes)
			}
			if s := status(t, p); s != "active" {
				t.Errorf("the account is %s", s)
			}
		})

		t.Run("REG-22 mismatches", func(t *testing.T) {
			p := person("reg22")
			b := app.Browser(t)
			b.Register(p, Fields{"email_confirmation": {"autre@cas.example"}, "password_confirmation": {otherPassword}, "contributions_only": {"on"}})
			b.At("register")
			b.Answers(http.StatusUnprocessableEntity)
			page := b.Page()
			for _, field := range []string{"email_confirmation", "password_confirmation"} {
				if beside(page, field) == "" {
					t.Errorf("nothing is said beside %s", field)
				}
			}
			for _, field := range []string{"email", "password", "first_name", "last_name"} {
				if said := beside(page, field); said != "" {
					t.Errorf("beside %s: %q", field, said)
				}
			}
			for field, want := range map[string]string{"email": p.Email, "email_confirmation": "autre@cas.example", "first_name": p.First, "last_name": p.Last,
				"password": "", "password_confirmation": ""} {
				if got := page.Value(field); got != want {
					t.Errorf("%s holds %q", field, got)
				}
			}
			if strings.Contains(page.Body, Password) || strings.Contains(page.Body, otherPassword) {
				t.Error("a password is on the page")
			}
			f, err := page.form("/register")
			if err != nil {
				t.Fatal(err)
			}
			if sent, _ := f.fill(nil); sent.Get("contributions_only") == "" {
				t.Error("the tick is lost")
			}
		})
	})
}

// beside returns what a field marked invalid is described by, "" for a field that is not marked.
func beside(p *Page, field string) string {
	byID := map[string]*html.Node{}
	var input *html.Node
	for n := range p.Doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" {
			byID[id] = n
		}
		if n.Data == "input" && attr(n, "name") == field {
			input = n
		}
	}
	if input == nil || attr(input, "aria-invalid") != "true" {
		return ""
	}
	var said []string
	for id := range strings.FieldsSeq(attr(input, "aria-describedby")) {
		said = append(said, Plain(text(byID[id])))
	}
	return strings.TrimSpace(strings.Join(said, " "))
}

func TestPasswordCases(t *testing.T) {
	t.Parallel()
	onOne(t, "postgres", func(t *testing.T, app *App) {
		shop := app.Import(t, 3)[0]
		tool, holder := app.NewTool(t, "ouvert", "Outil ouvert"), app.NewTool(t, "attente", "Outil en attente")
		holder.Hold()
		t.Run("PWD-09 forged hosts", func(t *testing.T) {
			p := person("pwd09")
			app.Create(t, p)
			form := url.Values{"email": {p.Email}}
			auth, err := url.Parse(app.Auth)
			if err != nil {
				t.Fatal(err)
			}
			refused := 0
			for _, header := range [][]string{
				{"Host", "evil.example"}, {"Host", "evil.example:" + auth.Port()}, {"Host", auth.Host + ".evil.example"}, {"Host", "evil.example/" + auth.Host},
				{"X-Forwarded-Host", "evil.example"}, {"X-Forwarded-Proto", "gopher", "X-Forwarded-Port", "1"}, {"Forwarded", "host=evil.example;proto=https"},
				{"X-Host", "evil.example", "X-Forwarded-Server", "evil.example", "X-Original-URL", "https://evil.example/"}, {"Referer", "https://evil.example/"},
			} {
				app.Advance(t, time.Hour) // three letters an hour to one address
				switch got := call(t, "POST", app.Auth+"/password/forgot", form, header...); got.status {
				case http.StatusSeeOther:
					l := app.Mail.Wait(t, p.Email, "nouveau mot de passe")
					if !strings.HasPrefix(l.Link(t, "/password/reset"), app.Auth+"/") || strings.Contains(l.Text+l.HTML, "evil") || strings.Contains(got.header.Get("Location"), "evil") {
						t.Errorf("%v: %v, to %s", header, l.Links, got.header.Get("Location"))
					}
				case http.StatusBadRequest, http.StatusMisdirectedRequest:
					refused++
				default:
					t.Errorf("%v: %d", header, got.status)
				}
			}
			if refused != 4 {
				t.Errorf("%d forged hosts were refused", refused)
			}
			// The target in its absolute form, which proxies are sent: its host counts, the header does not.
			for target, want := range map[string]int{"http://evil.example/password/forgot": http.StatusMisdirectedRequest, app.Auth + "/password/forgot": http.StatusSeeOther} {
				connection, err := net.Dial("tcp", auth.Host)
				if err != nil {
					t.Fatal(err)
				}
				host := map[bool]string{true: auth.Host, false: "evil.example"}[want != http.StatusSeeOther]
				fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
					target, host, len(form.Encode()), form.Encode())
				got, err := http.ReadResponse(bufio.NewReader(connection), nil)
				if err != nil {
					t.Fatal(err)
				}
				connection.Close()
				if got.StatusCode != want && got.StatusCode != http.StatusBadRequest {
					t.Errorf("%s with Host %s: %d", target, host, got.StatusCode)
				}
				if got.StatusCode == http.StatusSeeOther {
					if l := app.Mail.Wait(t, p.Email, "nouveau mot de passe"); strings.Contains(l.Text+l.HTML, "evil") {
						t.Errorf("%s: %v", target, l.Links)
					}
				}
			}
			for _, l := range app.Mail.To(p.Email) {
				if !l.taken {
					t.Errorf("a refused request sent %q", l.Subject)
				}
			}
		})

		t.Run("PWD-11 a link that has served, is too old or was replaced", func(t *testing.T) {
			p := person("pwd11")
			app.Create(t, p)
			b := app.Browser(t)
			change := func(link, password string) int {
				t.Helper()
				return b.Post(app.Auth+"/password/reset", Fields{"token": {tokenOf(t, link)}, "password": {password}, "password_confirmation": {password}}).Status
			}
			refused := func(name, link string) {
				t.Helper()
				if page := b.Open(link); page.Main() != "reset" || page.Form("/password/reset") || page.Alert() == "" {
					t.Errorf("%s opens: %s", name, page)
				}
				if status := change(link, otherPassword); status != http.StatusUnprocessableEntity {
					t.Errorf("%s changes the password: %d", name, status)
				}
			}
			older := app.forgot(t, p)
			newer := app.forgot(t, p)
			refused("an older link", older)
			if status := change(newer, "Encore!Moutons9"); status != http.StatusOK { // the sign-in page, after the redirect
				t.Fatalf("the newest link: %d", status)
			}
			refused("a link that has served", newer)
			refused("an older link after the change", older)
			old := app.forgot(t, p)
			app.Advance(t, 30*time.Minute+time.Second)
			refused("a link of 30 minutes and a second", old)
			in := app.Browser(t)
			in.Open("/session/start")
			in.Submit("/login", Fields{"email": {p.Email}, "password": {"Encore!Moutons9"}})
			in.At("companies-add")
		})

		t.Run("PWD-12 everything ends with the password", func(t *testing.T) {
			p := person("pwd12")
			app.Create(t, p)
			var sessions []*Browser
			for range 3 {
				sessions = append(sessions, app.SignIn(t, p))
			}
			sessions[0].Attach(shop)
			sessions[0].Open(tool.URL)
			sessions[0].At("tool")
			visit := tool.Last()
			sessions[1].Open(holder.URL)
			sessions[1].At("tool-held")
			code := holder.Held(t)

			link := app.forgot(t, p)
			b := app.Browser(t)
			b.Open(link)
			b.Submit("/password/reset", Fields{"password": {otherPassword}, "password_confirmation": {otherPassword}})
			b.At("login")
			noSession(t, app, b)
			app.Mail.Wait(t, p.Email, "mot de passe a changé")
			for i, s := range sessions {
				s.Open("/companies")
				if s.Page().Main() != "login" {
					t.Errorf("session %d is open: %s", i, s.Page())
				}
				s.Open(tool.URL + "/?prompt=none")
				s.At("tool-refused")
			}
			if status := tool.UserInfo(t, visit); status != http.StatusUnauthorized {
				t.Errorf("the access token: %d", status)
			}
			if status, body, err := holder.Exchange(code); err != nil || status != http.StatusBadRequest || !strings.Contains(body, "invalid_grant") {
				t.Errorf("the pending code: %d %s %v", status, body, err)
			}
		})

		t.Run("PWD-16 the token stays out of sight", func(t *testing.T) {
			p := person("pwd16")
			app.Create(t, p)
			link := app.forgot(t, p)
			b := app.Browser(t)
			page := b.Open(link)
			if b.At("reset"); strings.Contains(page.URL.String(), "token") || page.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("at %s, %v", page.URL, page.Header)
			}
			b.Open(page.URL.String()) // reloaded
			b.At("reset")
			b.Submit("/language", Fields{"language": {"en"}})
			if p := b.At("reset"); p.Language() != "en" || !p.Form("/password/reset") || strings.Contains(p.URL.String(), "token") {
				t.Errorf("after the change of language: %s in %q", p, p.Language())
			}
			// A browser without cookies, on another machine.
			bare := app.Browser(t)
			bare.http.Jar = nil
			bare.Open(link)
			bare.Submit("/password/reset", Fields{"password": {otherPassword}, "password_confirmation": {otherPassword}})
			bare.At("login")
		})

		t.Run("PWD-20 a disabled account", func(t *testing.T) {
			p := person("pwd20")
			app.Create(t, p)
			link := app.forgot(t, p)
			app.Run(t, "", "account", "disable", p.Email)
			ask := func(email string) string {
				b := app.Browser(t)
				b.Open(app.Auth + "/password/forgot")
				b.Submit("/password/forgot", Fields{"email": {email}})
				return fmt.Sprint(b.Page().Status, b.Page().URL.Path, strings.ReplaceAll(b.Page().Text(), email, "the address typed"))
			}
			if disabled, unknown := ask(p.Email), ask("personne@cas.example"); disabled != unknown {
				t.Errorf("the page tells:\n%s\n%s", disabled, unknown)
			}
			b := app.Browser(t)
			if page := b.Open(link); page.Main() != "reset" || page.Form("/password/reset") {
				t.Errorf("the older link opens: %s", page)
			}
			b.Post(app.Auth+"/password/reset", Fields{"token": {tokenOf(t, link)}, "password": {otherPassword}, "password_confirmation": {otherPassword}})
			b.Answers(http.StatusUnprocessableEntity)
			if s := app.Account(t, p.Email).Status; s != "disabled" {
				t.Errorf("the account is %s", s)
			}
			for _, l := range app.Mail.To(p.Email) {
				if !l.taken {
					t.Errorf("a letter left: %q", l.Subject)
				}
			}
		})

		t.Run("PWD-18 the database holds nothing that opens", func(t *testing.T) {
			p, newcomer := person("pwd18"), person("pwd18-new")
			app.Create(t, p)
			b := app.SignIn(t, p)
			b.Attach(app.Import(t, 3)[1])
			b.Open(tool.URL)
			b.At("tool")
			b.Open(holder.URL)
			b.At("tool-held")
			signing, letter := app.signedUp(t, newcomer)
			wire := map[string]string{
				"activation token": tokenOf(t, letter.Link(t, "/validate")), "reset token": tokenOf(t, app.forgot(t, p)), "password": Password,
				"access token": tool.Last().Token.AccessToken, "code": holder.Held(t).Code, "tool secret": tool.Secret,
			}
			for _, jar := range []struct {
				b    *Browser
				door string
			}{{b, app.Auth}, {b, app.Portal}, {signing, app.Auth}} {
				for _, c := range jar.b.Cookies(jar.door + "/") {
					if !strings.HasSuffix(c.Name, "_lang") && !strings.HasPrefix(c.Name, toolCookie) {
						_, key, _ := strings.Cut(c.Value, ".") // the id before the dot opens nothing
						wire["cookie "+c.Name] = c.Value
						if key != "" {
							wire["cookie "+c.Name] = key
						}
					}
				}
			}
			if len(wire) < 9 {
				t.Errorf("only %d values seen on the wire", len(wire))
			}
			kept := app.dump(t)
			if !bytes.Contains(kept, []byte(p.Email)) {
				t.Fatal("the dump does not hold what it must")
			}
			for name, value := range wire {
				if len(value) < 8 {
					t.Fatalf("%s is %q", name, value)
				}
				if bytes.Contains(kept, []byte(value)) || bytes.Contains(kept, []byte(hex.EncodeToString([]byte(value)))) {
					t.Errorf("the %s is in the database", name)
				}
			}
		})
	})
}

// dump returns everything that the database keeps: the files of SQLite, the rows of PostgreSQL as text.
func (a *App) dump(t *testing.T) []byte {
	t.Helper()
	var all bytes.Buffer
	if a.Engine == "sqlite" {
		files, err := filepath.Glob(filepath.Join(a.dir, "portique.db*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(content)
		}
		return all.Bytes()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	i := slices.IndexFunc(a.env, func(s string) bool { return strings.HasPrefix(s, "PORTIQUE_DATABASE_URL=") })
	c, err := pgx.Connect(ctx, strings.TrimPrefix(a.env[i], "PORTIQUE_DATABASE_URL="))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	column := func(query string) []string {
		rows, err := c.Query(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for _, table := range column(`SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'`) {
		for _, row := range column(`SELECT t::text FROM "` + table + `" t`) {
			all.WriteString(row + "\n")
		}
	}
	return all.Bytes()
}

// PWD-16 In a real browser: the form works under no-referrer, the address holds no token, nothing comes from elsewhere.
func TestResetPageInChromium(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	p := person("pwd16-chromium")
	app.Create(t, p)
	link := app.forgot(t, p)
	c := app.Chrome(t)
	c.Open(link)
	c.At("reset")
	if at := c.Location(); strings.Contains(at, tokenOf(t, link)) || strings.Contains(at, "token") {
		t.Errorf("the address is %s", at)
	}
	var loaded []string
	c.run("what was loaded", chromedp.Evaluate(`performance.getEntriesByType("resource").map(e => e.name)`, &loaded))
	for _, from := range loaded {
		if !strings.HasPrefix(from, app.Auth+"/") {
			t.Errorf("loaded from elsewhere: %s", from)
		}
	}
	if len(loaded) == 0 {
		t.Error("nothing was seen loading")
	}
	c.Submit("/language")
	c.Sees("New password")
	c.Fill("password", otherPassword)
	c.Fill("password_confirmation", otherPassword)
	c.Submit("/password/reset")
	c.At("login")
}
