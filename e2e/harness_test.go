package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The measuring instruments are measured first: these tests need no binary.

func TestMain(m *testing.M) { RunTests(m) }

func TestMemberFile(t *testing.T) {
	members := MemberFile(1, 1000)
	seen := map[string]bool{}
	for _, m := range members {
		sum := 0
		for i, c := range m.SIREN {
			d := int(c - '0')
			if i%2 == 1 {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			sum += d
		}
		if len(m.SIREN) != 9 || sum%10 != 0 || seen[m.SIREN] || len(m.Code) != 8 || !strings.HasSuffix(m.ContactEmail, ".example") || strings.ContainsAny(m.ContactEmail, " éè'") {
			t.Fatalf("a line of the member file: %+v", m)
		}
		seen[m.SIREN] = true
	}
	if members.CSV() != MemberFile(1, 1000).CSV() || members.CSV() == MemberFile(2, 1000).CSV() {
		t.Error("the same seed gives the same file, another seed another")
	}
}

func TestMailbox(t *testing.T) {
	m := newMailbox(t)
	letter := strings.ReplaceAll(`From: Web Services <no@operateur.example>
To: marie@boutique.example
Subject: =?UTF-8?q?Validation_de_cr=C3=A9ation_de_compte?=
Message-ID: <1@operateur.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: quoted-printable

SIREN 552 100 554. Votre code=C2=A0: 123=E2=80=AF456
http://localhost:1/validate?token=3Dabcdefghijklmnopqrstuvwxyz0123456789abcdefghijkl=
mnop.
--b
Content-Type: text/html; charset=UTF-8
Content-Transfer-Encoding: base64

PGEgaHJlZj0iaHR0cDovL2xvY2FsaG9zdDoxL3ZhbGlkYXRlL25vdC1tZSI+Y2Ugbidlc3QgcGFzIG1vaTwvYT4=
--b--
`, "\n", "\r\n")
	m.Refuse("marie@boutique.example", 451)
	send := func() error {
		return smtp.SendMail(m.Addr, nil, "no@operateur.example", []string{"marie@boutique.example"}, []byte(letter))
	}
	if err := send(); err == nil || !strings.Contains(err.Error(), "451") {
		t.Errorf("a refused letter: %v", err)
	}
	m.Refuse("marie@boutique.example", 0)
	sent := make(chan error)
	go func() { time.Sleep(50 * time.Millisecond); sent <- send() }()
	got := m.Wait(t, "Marie@boutique.example", "création de compte")
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if got.Code != "123456" || got.MessageID != "<1@operateur.example>" || m.Tries("marie@boutique.example") != 2 {
		t.Errorf("read %+v after %d tries", got, m.Tries("marie@boutique.example"))
	}
	if l := got.Link(t, "/validate"); l != "http://localhost:1/validate?token=abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop" {
		t.Errorf("link %s", l)
	}
	got.Link(t, "/validate/not-me")
	m.None(t, "marie@boutique.example", 0)
}

// shop is a small site with the things the browsers must cope with.
func shop(t *testing.T) (*App, *[]*http.Request) {
	seen := new([]*http.Request)
	page := func(w http.ResponseWriter, name, csp, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", csp)
		fmt.Fprintf(w, `<!doctype html><html lang="fr"><title>Essai</title><main data-page="%s">%s</main></html>`, name, body)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page(w, "away", "default-src 'none'; form-action 'none'", "<h1>ailleurs</h1>")
	}))
	t.Cleanup(other.Close)
	var origin string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		page(w, "p", "default-src 'none'; script-src 'self'; form-action 'self'", `<h1>Une page d’essai</h1><p>Il reste&nbsp;: 3 <em>lettres</em>.</p><p id="js">sans script</p>
			<form method="post" action="/send?x=1"><input type="hidden" name="h" value="caché"><label>Nom <input name="n" value="avant"></label>
			<label><input type="checkbox" name="tool" value="a" checked> a</label><label><input type="checkbox" name="tool" value="b"> b</label>
			<label>Rôle <select name="role"><option value="member">m</option><option value="administrator" selected>a</option></select></label>
			<button name="go" value="1">Envoyer</button></form>
			<p>…</p><form method="post" action="/away"><button>Partir</button></form><p>…</p><a href="/next">Se connecter aux services</a> <a href="/last">Se connecter</a><script src="/s.js"></script>`)
	})
	mux.HandleFunc("GET /s.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `document.getElementById("js").textContent = "avec script"`)
	})
	mux.HandleFunc("POST /send", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		*seen = append(*seen, r)
		http.SetCookie(w, &http.Cookie{Name: "c", Value: "1", Path: "/"})
		http.Redirect(w, r, "/done", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusSeeOther) })
	mux.HandleFunc("GET /done", func(w http.ResponseWriter, r *http.Request) {
		*seen = append(*seen, r)
		page(w, "done", "default-src 'none'; form-action 'self'", `<h1>Fait</h1><p role="status">C’est envoyé</p>`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	origin = s.URL
	return &App{Portal: origin, Auth: origin, Operator: origin}, seen
}

func TestBrowser(t *testing.T) {
	app, seen := shop(t)
	b := app.Browser(t)
	b.Open("/")
	if !b.Page().Has("Il reste : 3 lettres.") || b.Page().Main() != "p" {
		t.Errorf("read %q", b.Page().Text())
	}
	if l := b.Page().Link("Se connecter"); l != app.Portal+"/last" {
		t.Errorf("the exact link wins: %s", l)
	}
	b.Submit("/send", Fields{"n": {"après"}, "tool": {"b"}, "role": {"member"}})
	sent := (*seen)[0]
	if got := sent.PostForm.Encode(); got != "go=1&h=cach%C3%A9&n=apr%C3%A8s&role=member&tool=b" {
		t.Errorf("sent %s", got)
	}
	if sent.Header.Get("Origin") != app.Portal || sent.Header.Get("Sec-Fetch-Site") != "same-origin" || sent.URL.RawQuery != "x=1" {
		t.Errorf("sent with %v to %s", sent.Header, sent.URL)
	}
	if after := (*seen)[1]; after.Header.Get("Origin") != "" || len(after.Cookies()) != 1 {
		t.Errorf("after the redirect: %v", after.Header)
	}
	if b.Page().Notice() != "C'est envoyé" || len(b.Hops) != 2 || !b.Went("/done") {
		t.Errorf("arrived at %s by %v", b.Page(), b.Hops)
	}
	b.Open("/")
	if _, err := b.Attempt("/send", Fields{"other": {"x"}}); err == nil {
		t.Error("a field that the form does not have was filled")
	}
	if _, err := b.Attempt("/send", Fields{"role": {"king"}}); err == nil {
		t.Error("a choice that is not offered was made")
	}
	if _, err := b.Attempt("/away", nil); err == nil || !strings.Contains(err.Error(), "form-action") {
		t.Errorf("a form led where its page does not allow: %v", err)
	}
}

func TestPageComplaints(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<main><p id=a style="x"><p id=a onclick=x><script>1</script><img src="https://tiers.example/pixel"></main>`)
	}))
	defer s.Close()
	b := (&App{}).Browser(t)
	if got := len(b.Open(s.URL).complaints()); got != 10 {
		t.Errorf("%d complaints: %v", got, b.Page().complaints())
	}
}

func TestChrome(t *testing.T) {
	app, seen := shop(t)
	for name, options := range map[string][]ChromeOption{"script": nil, "no script": {NoScript}} {
		t.Run(name, func(t *testing.T) {
			c := app.Chrome(t, options...)
			c.Open("/")
			c.At("p")
			if c.Has("sans script") != (name == "no script") {
				t.Errorf("scripts: %s", c.Text())
			}
			c.Accessible()
			c.Fill("n", "après")
			c.Tick("tool", "b")
			c.Choose("role", "member")
			c.Press("Envoyer")
			c.At("done")
			c.Sees("C'est envoyé")
			if got := (*seen)[len(*seen)-2].PostForm.Encode(); got != "go=1&h=cach%C3%A9&n=apr%C3%A8s&role=member&tool=a&tool=b" {
				t.Errorf("sent %s", got)
			}
			picture := filepath.Join(t.TempDir(), "p.png")
			c.Screenshot(picture, 360)
			if info, err := os.Stat(picture); err != nil || info.Size() < 1000 {
				t.Errorf("no picture: %v", err)
			}
			if over := c.Overflow(320); over != 0 {
				t.Errorf("%d px too wide", over)
			}
		})
	}
}
