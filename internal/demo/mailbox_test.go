package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"portique"
	"portique/internal/i18n"
	"portique/internal/mail"
)

const mailboxHost = "localhost:8083"

func newMailbox(t *testing.T) (*Mailbox, *mail.Sender) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := NewMailbox(MailboxOptions{Hosts: []string{mailboxHost}, PortalURL: "http://localhost:8080"})
	done := make(chan error)
	go func() { done <- m.ServeSMTP(l) }()
	t.Cleanup(func() {
		_ = m.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	sender, err := mail.NewSender(mail.SenderOptions{URL: "smtp://" + l.Addr().String() + "?tls=none", From: "no-reply@opco.example"})
	if err != nil {
		t.Fatal(err)
	}
	return m, sender
}

func get(h http.Handler, address, language string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", address, nil)
	r.Header.Set("Accept-Language", language)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestMailbox(t *testing.T) {
	m, sender := newMailbox(t)
	catalog, err := i18n.New(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := mail.NewRenderer(mail.Options{PortalURL: "http://localhost:8080", AuthURL: "http://localhost:8081",
		PortalName: "Web Services Entreprises", OperatorName: "l'Opcommerce", SupportEmail: "aide@opco.example", Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	const link = "http://localhost:8081/validate?token=YWJj"
	for i, to := range []string{"jeanne@martin.example", "paul@martin.example"} {
		letter, err := renderer.Render(&portique.Letter{MessageID: fmt.Sprintf("<%d@opco.example>", i), To: to, Language: "fr",
			Kind: portique.LetterValidation, Secret: map[string]string{"link": link, "code": "048213", "disown_code": "715306"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := sender.Send(t.Context(), letter); err != nil {
			t.Fatal(err)
		}
	}
	base := "http://" + mailboxHost
	var list []map[string]any
	if err := json.Unmarshal(get(m, base+"/messages.json?to=jeanne@martin.example", "").Body.Bytes(), &list); err != nil || len(list) != 1 {
		t.Fatalf("messages.json: %v %v", list, err)
	}
	first := list[0]
	if first["to"] != "jeanne@martin.example" || first["subject"] != "Validation de création de compte" || first["code"] != "048213" ||
		fmt.Sprint(first["links"]) != "["+link+"]" || !strings.Contains(first["html"].(string), link) {
		t.Errorf("messages.json: %v", first)
	}
	for _, key := range []string{"id", "text", "at"} {
		if first[key] == "" || first[key] == nil {
			t.Errorf("messages.json has no %s", key)
		}
	}
	w := get(m, base+"/", "en")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, `data-page="mailbox"`) || !strings.Contains(body, "Every email the portal sends") ||
		strings.Index(body, "paul@") > strings.Index(body, "jeanne@") {
		t.Errorf("the list: %d %s", w.Code, body)
	}
	if body := get(m, base+"/?to=nobody@martin.example", "fr").Body.String(); !strings.Contains(body, "Aucun courriel pour cette adresse") {
		t.Errorf("an empty filter: %s", body)
	}
	id := first["id"].(string)
	w = get(m, base+"/messages/"+id, "fr")
	if body := w.Body.String(); !strings.Contains(body, `sandbox="allow-popups`) || !strings.Contains(body, `<a href="`+link+`"`) || !strings.Contains(body, `id="code"`) {
		t.Errorf("a message: %s", body)
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("the page's policy is %q", csp)
	}
	w = get(m, base+"/messages/"+id+"/html", "fr")
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox allow-popups") || strings.Contains(csp, "script") {
		t.Errorf("the letter's policy is %q", csp)
	}
	if page, err := html.Parse(w.Body); err != nil || page == nil {
		t.Error(err)
	}
	if raw := get(m, base+"/messages/"+id+"/raw", "fr").Body.String(); !strings.Contains(raw, "Auto-Submitted: auto-generated") {
		t.Errorf("raw: %s", raw)
	}
	if w := get(m, base+"/messages/9999", "fr"); w.Code != 404 {
		t.Errorf("a message that is not there: %d", w.Code)
	}
	for _, host := range []string{"evil.example", "localhost:8080", "localhost", ""} {
		r := httptest.NewRequest("GET", base+"/messages.json", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if m.ServeHTTP(w, r); w.Code != http.StatusMisdirectedRequest || strings.Contains(w.Body.String(), "048213") {
			t.Errorf("Host %q is answered: %d", host, w.Code)
		}
	}
}

func TestMailboxBounds(t *testing.T) {
	m := NewMailbox(MailboxOptions{Hosts: []string{mailboxHost}})
	for i := range keptMessages + 5 {
		m.keep("a@b.example", []string{"c@d.example"}, fmt.Appendf(nil, "Subject: %d\r\n\r\nhello\r\n", i))
	}
	list := m.Messages("")
	if len(list) != keptMessages || list[0].Subject != "1004" || list[0].ID == list[1].ID {
		t.Errorf("%d messages, the newest is %q", len(list), list[0].Subject)
	}
	for _, raw := range []string{"", "no header at all", "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y",
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!"} {
		m.keep("a@b.example", []string{"odd@d.example"}, []byte(raw))
		if l := m.Messages("")[0]; l.Raw != raw {
			t.Errorf("%q is kept as %q", raw, l.Raw)
		}
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := m.ServeSMTP(l); err == nil {
		t.Error("the mailbox listens to other machines")
	}
}

func TestOpenPlainMessage(t *testing.T) {
	l := open([]byte("Subject: =?utf-8?q?D=C3=A9j=C3=A0?=\r\n\r\nVoir https://a.example/b?c=1. Code : 12 34 56, le 10 mai.\r\n"))
	if l.Subject != "Déjà" || l.Code != "123456" || fmt.Sprint(l.Links) != "[https://a.example/b?c=1]" {
		t.Errorf("%+v", l)
	}
	text := ""
	for _, p := range pieces(l.Text) {
		text += p.Text
	}
	if text != l.Text {
		t.Errorf("pieces give %q", text)
	}
}

// Every key that a page asks for has words in both languages.
func TestWords(t *testing.T) {
	for key, pair := range words {
		if pair[0] == "" || pair[1] == "" {
			t.Errorf("%q lacks a language", key)
		}
	}
	files, err := pageFiles.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		file, err := pageFiles.Open("page/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		source, _ := io.ReadAll(file)
		for _, asked := range regexp.MustCompile(`[{(]t "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
			if words[asked[1]][0] == "" {
				t.Errorf("%s asks for %q", f.Name(), asked[1])
			}
		}
	}
}
