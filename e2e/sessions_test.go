package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Sessions, cookies and returns, on https as in production.
func TestSessions(t *testing.T) {
	app := StartTLS(t, "sqlite")
	shop := app.Import(t, 10)[0]
	app.Create(t, Marie)
	app.Create(t, Paul)

	// ask reads a door with some cookies; private pages send who is signed out to sign in.
	ask := func(t *testing.T, door, target string, cookies []*http.Cookie) *Page {
		t.Helper()
		p, err := app.Send(Handmade{Method: "GET", Origin: door, Target: target, Cookie: cookies})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	anonymous := func(t *testing.T, what string, cookies []*http.Cookie) {
		t.Helper()
		if p := ask(t, app.Portal, "/companies", cookies); p.Status != http.StatusSeeOther || !strings.HasPrefix(p.Header.Get("Location"), app.Portal+"/session/start") {
			t.Errorf("%s opens %s", what, p)
		}
	}

	t.Run("SES-13 the cookies", func(t *testing.T) {
		b := app.Browser(t)
		var set []*http.Cookie
		note := func() {
			for _, h := range b.Hops {
				set = append(set, h.SetCookie...)
			}
		}
		b.Register(Lucie)
		note()
		b.Open(app.Mail.Wait(t, Lucie.Email, "").Link(t, "/validate"))
		b.Submit("/validate", nil)
		note()
		b.Open("/companies/add")
		note()
		b.Login(Lucie)
		note()
		b.Attach(shop)
		note()
		b.Submit("/language", Fields{"language": {"en"}})
		note()
		b.Open("/companies")
		b.Submit("/session/end", nil)
		note()
		names := map[string]bool{}
		for _, c := range set {
			names[c.Name] = true
			if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-portique_") || len(c.String()) > 4000 {
				t.Errorf("the cookie %s", c)
			}
			clear, _ := base64.RawURLEncoding.DecodeString(c.Value)
			for _, personal := range []string{Lucie.Email, Lucie.First, Lucie.Last, shop.SIREN, Password, shop.Name} {
				if strings.Contains(c.Value+string(clear), personal) {
					t.Errorf("the cookie %s tells %q", c.Name, personal)
				}
			}
		}
		if len(names) < 6 {
			t.Errorf("only %v were set", names)
		}
	})

	marie := app.SignIn(t, Marie)

	t.Run("SES-01 a session planted before signing in is worth nothing", func(t *testing.T) {
		b := app.Browser(t)
		for _, door := range []string{app.Portal, app.Auth} {
			u, _ := url.Parse(door + "/")
			for _, name := range []string{"__Host-portique_auth", "__Host-portique_portal", "__Host-portique_signin", "__Host-portique_signup"} {
				b.http.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: "0190a0a0-0000-7000-8000-000000000000." + strings.Repeat("a", 43), Path: "/", Secure: true}})
			}
		}
		planted := b.everyCookie()
		anonymous(t, "the planted session", planted[app.Portal])
		b.Open("/companies/add")
		b.Login(Paul)
		b.At("companies-add")
		now := b.everyCookie()
		for _, was := range planted[app.Portal] {
			for _, is := range now[app.Portal] {
				if was.Name == is.Name && was.Value == is.Value && strings.HasSuffix(was.Name, "portal") {
					t.Errorf("signing in kept %s", is)
				}
			}
		}
		anonymous(t, "the planted session, afterwards", planted[app.Portal])
		// Signing in again is another session.
		again := app.SignIn(t, Paul).everyCookie()
		if again[app.Auth][0].Value == now[app.Auth][0].Value {
			t.Error("two sign-ins, one session")
		}
	})

	t.Run("SES-09 a sibling host's cookies are ignored", func(t *testing.T) {
		all := marie.Cookies(app.Portal + "/")
		var bare, double, both []*http.Cookie
		for _, c := range all {
			bare = append(bare, &http.Cookie{Name: strings.TrimPrefix(c.Name, "__Host-"), Value: c.Value},
				&http.Cookie{Name: "__Secure-" + strings.TrimPrefix(c.Name, "__Host-"), Value: c.Value}, &http.Cookie{Name: strings.ToLower(c.Name), Value: c.Value})
			double = append(double, c, &http.Cookie{Name: c.Name, Value: "planted"})
			both = append(both, c, &http.Cookie{Name: strings.TrimPrefix(c.Name, "__Host-"), Value: "planted"})
		}
		anonymous(t, "a session without its prefix", bare)
		anonymous(t, "a session sent twice", double)
		if p := ask(t, app.Portal, "/companies", both); p.Status != http.StatusOK {
			t.Errorf("a planted cookie signs out: %s", p)
		}
	})

	t.Run("SES-11 returns that lead elsewhere lead home", func(t *testing.T) {
		hostile := []string{"//mal.example", "///mal.example", `/\mal.example`, `\\mal.example`, `\/mal.example`, "https:mal.example", "https:/mal.example", "https://mal.example/",
			"/%2f%2fmal.example", "/%2fmal.example", "/%5cmal.example", "/\t/mal.example", "\t//mal.example", " //mal.example", "/\n/mal.example", "/\r\nLocation: https://mal.example", app.Portal + ".mal.example",
			"https://localhost@mal.example", "@mal.example", ".mal.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "/\x00/mal.example", "/\u2028/mal.example", "/；//mal.example", "mal.example", "?x=/y", "/..//mal.example", "/./\\mal.example"}
		for _, to := range hostile {
			p := ask(t, app.Portal, "/session/start?return="+url.QueryEscape(to), marie.Cookies(app.Portal+"/"))
			at, err := p.URL.Parse(p.Header.Get("Location"))
			if p.Status != http.StatusSeeOther || err != nil || origin(at) != app.Portal || strings.HasPrefix(at.Path, "//") {
				t.Errorf("%q leads to %q", to, p.Header.Get("Location"))
			}
		}
		for _, to := range []string{"//mal.example", `/\mal.example`, "https://mal.example/"} {
			b := app.Browser(t)
			b.Open("/session/start?return=" + url.QueryEscape(to))
			b.Login(Paul)
			if p := b.At("companies-add"); origin(p.URL) != app.Portal {
				t.Errorf("signed in with the return %q and arrived at %s", to, p)
			}
		}
	})

	t.Run("SES-03 signed out, the cookies are worth nothing", func(t *testing.T) {
		b := app.SignIn(t, Paul)
		before := b.everyCookie()
		if p := ask(t, app.Portal, "/companies", before[app.Portal]); p.Status != http.StatusOK || p.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("signed in: %s, %s", p, p.Header.Get("Cache-Control"))
		}
		b.Open("/companies")
		b.Submit("/session/end", nil)
		b.At("signed-out")
		anonymous(t, "the session signed out", before[app.Portal])
		// At the sign-in host too: the portal's next sign-in asks for the password again.
		b.restore(before)
		b.Open("/session/start")
		b.At("login")
	})

	t.Run("SES-05 two hours idle, twelve hours at most", func(t *testing.T) {
		b := app.SignIn(t, Paul)
		app.Advance(t, 2*time.Hour-time.Minute)
		b.Open("/companies")
		b.At("companies")
		app.Advance(t, 2*time.Hour+time.Second)
		anonymous(t, "a session left alone for two hours", b.Cookies(app.Portal+"/"))
		// What was posted is refused with the way back to its page, and the page that was read comes back after signing in.
		b.Post("/companies/add", Fields{"siren": {shop.SIREN}, "member_code": {"12345678"}})
		b.Answers(http.StatusUnauthorized)
		if !strings.Contains(b.Page().Body, `href="/session/start?return=/companies/add"`) {
			t.Errorf("no way back to the form: %s", b.Page().Text())
		}
		b.Go(app.Portal + "/session/start?return=/companies/add")
		b.At("login")
		b.Login(Paul)
		b.At("companies-add")
		b.Says("n'est pas parti")
		if got := b.Page().Value("siren") + " " + b.Page().Value("member_code"); got != shop.SIREN+" 12345678" {
			t.Errorf("the form came back with %q", got)
		}
		b.Open("/companies/add") // once
		if got := b.Page().Value("siren"); got != "" {
			t.Errorf("the form came back twice, with %q", got)
		}
		for range 6 {
			app.Advance(t, 110*time.Minute)
			b.Open("/companies")
			b.At("companies")
		}
		app.Advance(t, time.Hour+time.Second)
		anonymous(t, "a session of twelve hours, in use all along", b.Cookies(app.Portal+"/"))
	})

	t.Run("SES-14 a disabled account is nobody at once", func(t *testing.T) {
		one, two := app.SignIn(t, Paul), app.SignIn(t, Paul)
		app.Run(t, "", "account", "disable", Paul.Email)
		for _, b := range []*Browser{one, two} {
			anonymous(t, "a disabled account", b.Cookies(app.Portal+"/"))
			b.Open("/session/start")
			b.At("login")
		}
		app.Run(t, "", "account", "enable", Paul.Email)
	})
}

// SES-03: pressed back, the browser shows no private page of who signed out.
func TestBackAfterSignOut(t *testing.T) {
	app := Start(t, "sqlite")
	app.Create(t, Marie)
	c := app.Chrome(t)
	c.Open("/session/start?return=/companies/add")
	c.Fill("email", Marie.Email)
	c.Fill("password", Password)
	c.Submit("/login")
	c.At("companies-add")
	c.Open("/companies")
	c.At("companies")
	c.SignOut()
	c.At("signed-out")
	c.Back()
	if c.Has(Marie.Email) || c.Has(Marie.First) {
		t.Errorf("back at %s the page still says %s", c.Location(), c.Text())
	}
}

// LOG-09: the address that a request comes from is the connection's, whatever the request says, unless a trusted proxy passes it on.
func TestSourceAddress(t *testing.T) {
	for name, c := range map[string]struct {
		settings []string
		want     string
	}{
		"no proxy":        {nil, "127.0.0.1"},
		"a trusted proxy": {[]string{"PORTIQUE_TRUSTED_PROXIES=127.0.0.1/32,::1/128"}, "198.51.100.7"},
	} {
		t.Run("LOG-09 "+name, func(t *testing.T) {
			app := Start(t, "sqlite", c.settings...)
			for _, forged := range []string{"203.0.113.1, 198.51.100.7", "203.0.113.2,203.0.113.9, 198.51.100.7", "<script>,198.51.100.7"} {
				_, err := app.Send(Handmade{Method: "POST", Origin: app.Auth, Target: "/login", Body: "email=marie@boutique.example&password=x", Header: http.Header{
					"Content-Type": {"application/x-www-form-urlencoded"}, "X-Forwarded-For": {forged}, "X-Real-Ip": {"203.0.113.3"}, "True-Client-Ip": {"203.0.113.3"},
					"Forwarded": {"for=203.0.113.4"}, "X-Client-Ip": {"203.0.113.5"}, "Cf-Connecting-Ip": {"203.0.113.6"}}})
				if err != nil {
					t.Fatal(err)
				}
			}
			until(t, "the log", func() bool { return strings.Count(app.Log(), `"path":"/login"`) == 3 })
			for line := range strings.SplitSeq(app.Log(), "\n") {
				if strings.Contains(line, `"path":"/login"`) && !strings.Contains(line, `"source":"`+c.want+`"`) && !(c.want == "127.0.0.1" && strings.Contains(line, `"source":"::1"`)) {
					t.Errorf("the log says %s", line)
				}
			}
			if strings.Contains(app.Log(), "203.0.113.") {
				t.Error("a forged address is in the log")
			}
			// Nor does it evade what counts against an address: sixty letters asked for in ten minutes.
			for i := range 61 {
				want := http.StatusSeeOther
				if i == 60 {
					want = http.StatusTooManyRequests
				}
				forged := fmt.Sprintf("192.0.2.%d", i)
				if got := call(t, "POST", app.Auth+"/password/forgot", url.Values{"email": {"marie@boutique.example"}}, "X-Forwarded-For", forged+", 198.51.100.7",
					"X-Real-Ip", forged, "Forwarded", "for="+forged); got.status != want {
					t.Fatalf("letter %d: %d, not %d", i, got.status, want)
				}
			}
		})
	}
}
