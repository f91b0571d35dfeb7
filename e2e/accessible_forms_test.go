package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ask evaluates an expression on the page and decodes its JSON.
func (c *Chrome) ask(expression string, into any) {
	c.t.Helper()
	var answer string
	c.read("asking the page", chromedp.Evaluate("JSON.stringify("+expression+")", &answer))
	if err := json.Unmarshal([]byte(answer), into); err != nil {
		c.t.Fatalf("%s: %v", answer, err)
	}
}

// later is ask for what a promise will say, as a text of JSON.
func (c *Chrome) later(promise string, into any) {
	c.t.Helper()
	var answer string
	c.run("waiting for the page's answer", chromedp.Evaluate(promise, &answer, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if err := json.Unmarshal([]byte(answer), into); err != nil {
		c.t.Fatalf("%s: %v", answer, err)
	}
}

// A11-01, A11-03: fields that password managers fill and that take what is pasted, and errors that are heard first and lead to their
// fields.
func TestAccessibleForms(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	c := app.Chrome(t)
	fields := func(want map[string]string) {
		t.Helper()
		var got map[string]string
		c.ask(`Object.fromEntries([...document.querySelectorAll("main input:not([type=hidden]):not([type=checkbox])")].map(i => [i.name, i.autocomplete]))`, &got)
		for name, token := range want {
			if got[name] != token {
				t.Errorf("%s: the field %s says autocomplete=%q, not %q", c.Location(), name, got[name], token)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: fields %v", c.Location(), got)
		}
		// Nothing stands in the way of a paste: the browser does it, or a script of ours has.
		var refused []string
		c.ask(`[...document.querySelectorAll("main input:not([type=hidden]):not([type=checkbox])")].filter(i => {
			const data = new DataTransfer()
			data.setData("text", "un autre texte 7")
			return !i.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}))
		}).map(i => i.name)`, &refused)
		if len(refused) > 0 {
			t.Errorf("%s: no paste into %v", c.Location(), refused)
		}
	}
	// errors looks at a refused form.
	errors := func(n int) {
		t.Helper()
		var seen struct {
			Focused bool
			Title   string
			Links   []struct{ Text, Field, Invalid, Described string }
		}
		var focused bool
		// The script that brings the focus there may still be on its way.
		until(t, "the focus on the summary", func() bool {
			c.ask(`document.activeElement?.matches(".summary") ?? false`, &focused)
			return focused
		})
		c.ask(`{
			Focused: document.activeElement.matches(".summary"),
			Title: document.title,
			Links: [...document.querySelectorAll(".summary a")].map(a => {
				const field = document.querySelector(a.hash)
				const said = (field?.getAttribute("aria-describedby") ?? "").split(" ").map(id => document.getElementById(id)?.textContent ?? "").join(" ")
				return {Text: a.textContent, Field: field?.name ?? "", Invalid: field?.getAttribute("aria-invalid") ?? "", Described: said}
			})
		}`, &seen)
		if !seen.Focused || len(seen.Links) != n || !strings.HasPrefix(Plain(seen.Title), "À corriger :") {
			t.Errorf("%s: %+v", c.Location(), seen)
		}
		for _, l := range seen.Links {
			if l.Field == "" || l.Invalid != "true" || !strings.Contains(l.Described, l.Text) {
				t.Errorf("%s: %+v", c.Location(), l)
			}
		}
		// The link brings the focus to its field.
		c.run("a press on the first error", chromedp.Click(".summary a", chromedp.ByQuery))
		var at string
		c.ask(`document.activeElement.name ?? ""`, &at)
		if len(seen.Links) > 0 && at != seen.Links[0].Field {
			t.Errorf("%s: the first error leads to %q", c.Location(), at)
		}
	}

	c.Open("/session/start")
	c.At("login")
	fields(map[string]string{"email": "username", "password": "current-password"})
	c.Submit("/login")
	c.At("login")
	errors(2)

	c.Open(app.Auth + "/register")
	fields(map[string]string{"email": "email", "email_confirmation": "email", "password": "new-password", "password_confirmation": "new-password",
		"first_name": "given-name", "last_name": "family-name"})
	c.Fill("email", Marie.Email)
	c.Submit("/register")
	c.At("register")
	errors(4)
	for _, field := range []struct{ name, value string }{{"email_confirmation", Marie.Email}, {"password", Password}, {"password_confirmation", Password},
		{"first_name", Marie.First}, {"last_name", Marie.Last}} {
		c.Fill(field.name, field.value)
	}
	c.Submit("/register")
	c.At("register-sent")
	// A whole line of the letter, pasted into the one field of the code.
	letter := app.Mail.Wait(t, Marie.Email, "")
	var code string
	c.ask(`(() => {
		const field = document.querySelector("[name=code]"), data = new DataTransfer()
		data.setData("text", "Votre code : `+letter.Code[:3]+` `+letter.Code[3:]+`.")
		field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}))
		return field.value
	})()`, &code)
	if code != letter.Code {
		t.Errorf("pasted, the code is %q, not %q", code, letter.Code)
	}
	var token string
	c.ask(`document.querySelector("[name=code]").autocomplete`, &token)
	if token != "one-time-code" {
		t.Errorf("the code's field says autocomplete=%q", token)
	}
	c.Submit("/register/code")
	c.At("validated")
}
