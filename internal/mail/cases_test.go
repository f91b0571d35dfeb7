package mail

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"portique"
	"portique/internal/mail/mailtest"
)

// everyLetter runs a test for each kind in each language, with every key.
func everyLetter(t *testing.T, f func(t *testing.T, kind portique.LetterKind, lang string)) {
	for _, kind := range slices.Sorted(maps.Keys(Kinds)) {
		for _, lang := range languages {
			t.Run(string(kind)+"."+lang, func(t *testing.T) { f(t, kind, lang) })
		}
	}
}

// post sends a letter and returns it as it arrived, alone.
func post(t *testing.T, server *mailtest.Server, r *Renderer, s *Sender, l *portique.Letter) mailtest.Received {
	t.Helper()
	m, err := r.Render(l)
	if err != nil {
		t.Fatal(err)
	}
	before := len(server.Received())
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	all := server.Received()
	if len(all) != before+1 {
		t.Fatalf("%d letters arrived", len(all)-before)
	}
	got := all[before]
	if got.To != l.To {
		t.Errorf("it went to %q", got.To)
	}
	return got
}

// MAI-01 Whatever names hold, a letter has one of each header and one recipient.
func TestMAI01Headers(t *testing.T) {
	server := mailtest.New(t)
	r, s := newTestRenderer(t), senderTo(t, server.Addr, "none", nil)
	headers := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To", "X-Auto-Response-Suppress"}
	hostile := strings.Join([]string{
		"Luc\r\nBcc: victim@evil.example\r\n\r\n<b>x</b>", "=?UTF-8?B?QmNjOiBhQGIuZXhhbXBsZQ==?=", "=?us-ascii?q?=0D=0ATo:_a@b.example?=", "a\u2028Cc: a@b.example\u2029", "Luc, a@b.example, Martin",
		`"Luc" <a@b.example>;`, "\x00\v\f\u0085To: a@b.example", strings.Repeat("x", 300),
	}, " ")
	everyLetter(t, func(t *testing.T, kind portique.LetterKind, lang string) {
		l := Sample(kind, lang, true)
		l.Name = hostile
		for _, key := range []string{"company", "person", "by", "reason"} {
			if _, uses := l.Data[key]; uses {
				l.Data[key] = hostile
			}
		}
		m, err := r.Render(l)
		if err != nil {
			t.Fatal(err)
		}
		got := post(t, server, r, s, l)
		if have := slices.Sorted(maps.Keys(got.Header)); !slices.Equal(have, headers) {
			t.Errorf("the headers are %v", have)
		}
		for name, values := range got.Header {
			if len(values) != 1 || strings.ContainsAny(values[0], "\r\n\u2028\u2029\u0085\x00") {
				t.Errorf("%s: %q", name, values)
			}
		}
		if to, err := netmail.ParseAddressList(got.Header.Get("To")); err != nil || len(to) != 1 || to[0].Address != recipient {
			t.Errorf("To: %v, %v", to, err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		if err != nil || subject != strings.ReplaceAll(portique.CleanText(m.Subject), "=?", "= ?") || strings.ContainsAny(subject, "\r\n\u2028\u2029") {
			t.Errorf("the subject reads %q, written %q (%v)", subject, m.Subject, err)
		}
		checkHTML(t, m)
	})
}

// MAI-03 Every letter has a text part, loads nothing, leads to the configured origins only, and says what it is and in which language.
func TestMAI03EveryLetter(t *testing.T) {
	server := mailtest.New(t)
	r, s := newTestRenderer(t), senderTo(t, server.Addr, "none", nil)
	everyLetter(t, func(t *testing.T, kind portique.LetterKind, lang string) {
		got := post(t, server, r, s, Sample(kind, lang, true))
		for name, want := range map[string]string{"Auto-Submitted": "auto-generated", "Reply-To": "<aide@opco.example>", "To": "<" + recipient + ">"} {
			if got.Header.Get(name) != want {
				t.Errorf("%s: %q", name, got.Header.Get(name))
			}
		}
		text, page := parts(t, got)
		if strings.TrimSpace(text) == "" {
			t.Error("no text part")
		}
		doc, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			switch n.Data {
			case "img", "picture", "script", "link", "iframe", "object", "embed", "audio", "video", "form", "base":
				t.Errorf("a <%s>", n.Data)
			case "html":
				if attribute(n, "lang") != lang {
					t.Errorf("lang is %q", attribute(n, "lang"))
				}
			}
			for _, a := range n.Attr {
				if a.Key == "src" || a.Key == "srcset" || a.Key == "background" || strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "url(") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
				if a.Key == "href" {
					ownOrigin(t, a.Val)
				}
			}
		}
		if strings.Contains(page, "url(") || strings.Contains(page, "@import") {
			t.Error("a style sheet that loads something")
		}
		for _, word := range strings.Fields(text) {
			if strings.Contains(word, "://") {
				ownOrigin(t, word)
			}
		}
		greetings := map[string][]string{"fr": {"Bonjour", "Madame, Monsieur"}, "en": {"Hello", "Dear"}}[lang]
		if !slices.ContainsFunc(greetings, func(g string) bool { return strings.HasPrefix(text, g) }) {
			t.Errorf("in %s it begins with %.40q", lang, text)
		}
	})
}

func ownOrigin(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != "ws.opco.example" && u.Host != "auth.opco.example" {
		t.Errorf("it leads to %s", address)
	}
}

// parts are the text and the HTML of a letter.
func parts(t *testing.T, got mailtest.Received) (text, page string) {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	message, err := netmail.ReadMessage(bytes.NewReader(got.Raw))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for reader := multipart.NewReader(message.Body, parameters["boundary"]); ; {
		p, err := reader.NextRawPart()
		if err == io.EOF {
			return found["text/plain"], found["text/html"]
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, more, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil || !strings.EqualFold(more["charset"], "utf-8") || p.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
			t.Fatalf("a part %v, %v", p.Header, err)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil || found[kind] != "" {
			t.Fatal(fmt.Errorf("%s: %w", kind, err))
		}
		found[kind] = string(content)
	}
}

// MAI-05 A letter tells no value of its sealed part but the link and the codes that its kind is for.
func TestMAI05Secrets(t *testing.T) {
	r := newTestRenderer(t)
	everyLetter(t, func(t *testing.T, kind portique.LetterKind, lang string) {
		l := Sample(kind, lang, true)
		m, err := r.Render(l)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"link", "code", "disown_code"} {
			_, needed := l.Secret[key]
			value := html.EscapeString(sample[key])
			if strings.Contains(m.Text, sample[key]) != needed || strings.Contains(m.HTML, value) != needed || strings.Contains(m.Subject, sample[key]) {
				t.Errorf("%s told: %v", key, !needed)
			}
		}
	})
	for kind, needs := range Kinds {
		for _, key := range slices.Concat(needs.Data, needs.Optional, needs.Secret, needs.MaySeal) {
			if strings.Contains(key, "password") || strings.Contains(key, "member") {
				t.Errorf("%s may tell %s", kind, key)
			}
		}
	}
}
