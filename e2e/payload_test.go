package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// payloads are texts that would do something where they are taken for more than text.
var payloads = []string{
	script, picture, `<a href="http://mal.example/">Cliquez</a>`, `</title></textarea></style></noscript><svg onload=alert(1)>`, "`-alert(1)-`", `{{.}}{{7*7}}${7*7}#{7*7}`,
	`javascript:alert(1)`, `http://mal.example/piege`, `www.mal.example`, `[lien](http://mal.example)`, "=HYPERLINK(\"http://mal.example\")", `&lt;script&gt;&#60;b&#62;`, `%3Cscript%3E%s%n`, "\u202egpj.exe", "a\u2028b\u2029c", `'; DROP TABLE company; --`,
}

// WEB-01: what people and the member file say is shown as it was said, on pages, in titles and in letters, and is never anything else.
func TestPayloads(t *testing.T) {
	app := Start(t, "sqlite")
	members := MemberFile(1, len(payloads))
	for i, p := range payloads {
		members[i].Name = `"` + strings.ReplaceAll(p+" & Fils", `"`, `""`) + `"`
		members[i].City, members[i].Street = members[i].Name, members[i].Name
	}
	app.Run(t, "", "company", "import", app.File(t, "members.csv", members.CSV()))
	tool := app.NewTool(t, "formation", `<b>Outil</b>"><script>alert(1)</script>`, "--description", picture)
	marie := Person{"Marie www.mal.example", `O'Kerou&nbsp; "anton"`, "a&b'c`|~@boutique.example"}
	paul := Person{"Paul", "Besson & Cie", "paul+%3cb%3e@boutique.example"}
	for _, p := range []Person{marie, paul} {
		app.Create(t, p)
	}
	for _, odd := range []string{script, picture, "{{7*7}}", "http://mal.example", "eve@mal.example", `a\b`, "123", "\u202e\u200b"} { // no names at all
		if r := app.Try(t, Password, "account", "create", "--email", "eve@boutique.example", "--first-name", odd, "--last-name", "Eve", "--validated", "--password-stdin"); r.Status == 0 {
			t.Errorf("the name %q was taken", odd)
		}
	}

	// inert looks at a page of ours: nothing alive on it, no element or address of the payload's making.
	inert := func(what string, p *Page) {
		t.Helper()
		for _, fault := range append(aliveFaults(p), p.complaints()...) {
			t.Errorf("%s: %s", what, fault)
		}
		for n := range p.Doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "svg" && has(n, "onload") || n.Data == "img" && attr(n, "src") == "x" || n.Data == "b" && text(n) == "Outil" {
				t.Errorf("%s: an element of the payload's making: <%s>", what, n.Data)
			}
			for _, address := range []string{attr(n, "href"), attr(n, "action"), attr(n, "src"), attr(n, "formaction")} {
				if u, err := p.URL.Parse(address); address != "" && (err != nil || !app.owns(u) && u.Scheme != "mailto" && origin(u) != tool.URL) {
					t.Errorf("%s: leads to %s", what, address)
				}
			}
		}
	}
	m, p := app.SignIn(t, marie), app.SignIn(t, paul)
	for i, member := range members {
		users := "/companies/" + member.SIREN + "/users"
		m.Attach(member)
		inert(payloads[i], m.At("activated"))
		p.Attach(member)
		inert(payloads[i], p.At("companies-add"))
		inert(payloads[i], m.Open(users))
		if shown := strings.NewReplacer("\u202e", "", "\u2028", " ", "\u2029", " ").Replace(payloads[i]); !m.Page().Says(shown) {
			t.Errorf("%q is not shown as it was said", payloads[i])
		}
		request := app.Pending(t, member.SIREN, paul)
		inert(payloads[i], m.Decide(request, "refuse", Fields{"reason": {payloads[i] + " http://mal.example/piege"}}))
		inert(payloads[i], p.Open("/companies/add"))
	}
	for _, path := range []string{"/companies", "/tools", "/tools?siren=" + members[0].SIREN, "/tools?need=formation"} {
		inert(path, m.Open(path))
		if title := m.Page().Title(); strings.Contains(title, "<script") && !strings.Contains(m.Page().Body, "&lt;script") {
			t.Errorf("the title of %s", path)
		}
	}
	// On the sign-in host: the tool's name, the hints, what a callback says.
	visitor := app.Browser(t)
	for _, payload := range payloads {
		q := "?company_hint=" + url.QueryEscape(payload) + "&login_hint=" + url.QueryEscape(payload)
		inert("hints "+payload, visitor.Open(tool.URL+"/"+q))
		visitor.At("login")
		q = "?error=" + url.QueryEscape(payload) + "&error_description=" + url.QueryEscape(payload) + "&state=" + url.QueryEscape(payload)
		inert("callback "+payload, visitor.Open("/session/callback"+q))
		visitor.Answers(http.StatusBadRequest)
		inert("unknown tool "+payload, visitor.Open(app.Auth+"/oauth/authorize?client_id="+url.QueryEscape(payload)+"&redirect_uri="+url.QueryEscape(payload)))
		inert("return "+payload, visitor.Open(app.Auth+"/validate?token="+url.QueryEscape(payload)))
	}
	m.Open(tool.URL + "/?company_hint=" + url.QueryEscape(script))
	inert("the choice of a company", m.At("choose-company"))

	// The letters: in HTML no element and no link of the payload's making; one recipient, one line a header.
	for _, to := range []string{marie.Email, paul.Email} {
		until(t, "letters to "+to, func() bool { return len(app.Mail.To(to)) >= len(payloads)/2 })
		for _, letter := range app.Mail.To(to) {
			what := fmt.Sprintf("the letter %.60q to %s", letter.Subject, to)
			if strings.ContainsAny(letter.Subject, "\r\n\u2028\u202e") || len(letter.Header["To"]) != 1 || len(letter.Header["Bcc"]) != 0 {
				t.Errorf("%s: headers %v", what, letter.Header)
			}
			doc, err := html.Parse(strings.NewReader(letter.HTML))
			if err != nil {
				t.Fatal(err)
			}
			for n := range doc.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				if slices.Contains([]string{"script", "img", "svg", "iframe", "form"}, n.Data) {
					t.Errorf("%s: <%s>", what, n.Data)
				}
				if to := attr(n, "href"); to != "" && !strings.HasPrefix(to, app.Portal+"/") && !strings.HasPrefix(to, app.Auth+"/") && !strings.HasPrefix(to, "mailto:"+SupportEmail) && to != app.Portal && to != app.Auth {
					t.Errorf("%s: leads to %s", what, to)
				}
			}
			if strings.Contains(letter.Text, "mal.example") || strings.Contains(text(doc), "mal.example") {
				t.Errorf("%s: a mail program makes a link of what somebody said:\n%s", what, letter.Text)
			}
		}
	}
}

// REG-15: what is not one plain address is refused, on every form that takes one: nobody else is ever written to.
func TestOddAddresses(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		waiting := app.Browser(t)
		waiting.Register(Lucie)
		waiting.At("register-sent")
		app.Mail.Wait(t, Lucie.Email, "")
		var before, after []Letter
		app.JSON(t, &before, "letter", "list")
		good := "marie@boutique.example"
		for _, odd := range []string{"Marie <" + good + ">", good + " (commentaire)", "(x)" + good, good + ",eve@mal.example", good + ";eve@mal.example", good + " eve@mal.example", `"marie kerouanton"@boutique.example`, `"a@b"@boutique.example`,
			`"` + good + `"`, good + "\r\nBcc: eve@mal.example", good + "\nRCPT TO:<eve@mal.example>", "marie\r\n@boutique.example", "eve@mal.example\x00@boutique.example", good + "\x00.mal.example", "marie@eve@boutique.example", "marie@boutique.example@mal.example",
			"marie@[127.0.0.1]", "marie@127.0.0.1", "marie@localhost", "@boutique.example", "marie@", "marie", "marie@.example", "marie@boutique..example", ".marie@boutique.example", "marie.@boutique.example", "mar..ie@boutique.example", "marie@-boutique.example",
			"marie@boutique.example/x", "marie%eve@mal.example@boutique.example", "<" + good + ">", "mailto:" + good, good + "?bcc=eve@mal.example", "marіe@boutique.example", "marie＠boutique.example", "marie@boutique.example\u202e", "=?utf-8?q?eve=40mal.example?=@", "\xff@boutique.example", "marie@\xff.example", strings.Repeat("a", 65) + "@boutique.example", "marie@" + strings.Repeat("a", 64) + ".example"} {
			b := app.Browser(t)
			b.Post(app.Auth+"/register", Fields{"email": {odd}, "email_confirmation": {odd}, "password": {Password}, "password_confirmation": {Password}, "first_name": {"Marie"}, "last_name": {"Kerouanton"}})
			for what, b := range map[string]*Browser{"signing up": b, "correcting": waiting, "a forgotten password": b} {
				switch what {
				case "correcting":
					b.Post(app.Auth+"/register/address", Fields{"email": {odd}})
				case "a forgotten password":
					b.Post(app.Auth+"/password/forgot", Fields{"email": {odd}})
				}
				if s := b.Page().Status; s != http.StatusUnprocessableEntity && s != http.StatusTooManyRequests {
					t.Errorf("%s with %.80q: %s", what, odd, b.Page())
				}
			}
		}
		app.JSON(t, &after, "letter", "list")
		if len(after) != len(before) {
			t.Errorf("letters were written: %+v", after[len(before):])
		}
		if a := app.Account(t, Lucie.Email); a.Status != "unvalidated" {
			t.Errorf("the sign-up that waits has become %+v", a)
		}
	})
}

// REG-18: where signing up is switched off, no form does it all the same, and no page offers it.
func TestSignUpOff(t *testing.T) {
	app := Start(t, "sqlite", "PORTIQUE_SIGNUP=off")
	b := app.Browser(t)
	b.Open("/")
	if b.Page().Link("Créer un compte") != "" {
		t.Error("the welcome page offers it")
	}
	b.Open(app.Auth + "/login")
	if b.Page().Link("Créer un compte") != "" {
		t.Error("the sign-in page offers it")
	}
	fields := Fields{"email": {Marie.Email}, "email_confirmation": {Marie.Email}, "password": {Password}, "password_confirmation": {Password}, "first_name": {"Marie"}, "last_name": {"Kerouanton"}}
	for _, path := range []string{"/register", "/register?signup=on", "/register/address", "/register/code", "/register/resend", "/validate"} {
		b.Post(app.Auth+path, fields)
		b.Answers(http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity)
	}
	b.Open(app.Auth + "/register")
	b.Answers(http.StatusForbidden)
	b.Post(app.Auth+"/password/forgot", Fields{"email": {Marie.Email}}) // a forgotten password makes no account either
	var accounts []Account
	app.JSON(t, &accounts, "account", "list")
	var letters []Letter
	app.JSON(t, &letters, "letter", "list")
	if len(accounts) != 0 || len(letters) != 0 {
		t.Errorf("%d accounts, %d letters", len(accounts), len(letters))
	}
}
