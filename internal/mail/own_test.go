package mail

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"portique"
)

// ours are the letters of the program, as an operator would copy them.
func ours(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := files.ReadDir("letter")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := files.ReadFile("letter/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(content)
	}
	return all
}

func TestOwnLetters(t *testing.T) {
	o := newTestRenderer(t).options
	o.Own = ours(t)
	if err := CheckOwn(o); err != nil {
		t.Errorf("our own letters, copied: %v", err)
	}

	// Other words take the place of ours, in both forms of a letter; what a person typed stays words.
	o.Own = map[string]string{
		"reset.fr.txt":  "\ufeffSubject: Un autre mot de passe\r\n\r\nBonjour <b>{{reader}}</b>,\r\n\r\n{{button \"Choisir\" .link}}\r\n\r\n--\r\n\r\n{{template \"sender\"}}\r\n",
		"sender.fr.txt": "L’équipe {{operatorOf}}.",
	}
	if err := CheckOwn(o); err != nil {
		t.Fatal(err)
	}
	r, err := NewRenderer(o)
	if err != nil {
		t.Fatal(err)
	}
	l := Sample(portique.LetterReset, "fr", true)
	l.Name = "<i>Luc</i>"
	m, err := r.Render(l)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Bonjour <b><i>Luc</i></b>,\n\nChoisir :\n" + sample["link"] + "\n\n" + smallPrint + "L’équipe de l’Opcommerce.\n"; m.Subject != "Un autre mot de passe" || strings.ReplaceAll(m.Text, "\u00a0", " ") != want {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
	if !strings.Contains(m.HTML, "Bonjour &lt;b&gt;&lt;i&gt;Luc") || strings.Contains(m.HTML, "<i>") {
		t.Errorf("markup gets through:\n%s", m.HTML)
	}
	checkHTML(t, m)
	if m, err := r.Render(Sample(portique.LetterReset, "en", true)); err != nil || m.Subject != "Choose a new password" || strings.Contains(m.Text, "équipe") {
		t.Errorf("the other language: %v", err)
	}
}

// What could fail on the day a letter is needed is refused at the start, and the file is named.
func TestOwnLettersRefused(t *testing.T) {
	const end = "\n\n--\n\n{{template \"sender\"}}\n"
	for name, c := range map[string]struct{ file, text, want string }{
		"another name":             {"welcome.fr.txt", "Subject: x", "no letter of ours"},
		"another language":         {"reset.de.txt", "Subject: x", "no letter of ours"},
		"another ending":           {"reset.fr.html", "Subject: x", "no letter of ours"},
		"no subject":               {"reset.fr.txt", "{{button \"x\" .link}}" + end, "Subject"},
		"no small print":           {"reset.fr.txt", "Subject: x\n\n{{button \"x\" .link}}\n", "--"},
		"no link":                  {"reset.fr.txt", "Subject: x\n\nVoici." + end, "does not give {{.link}}"},
		"a link for some only":     {"validation.fr.txt", "Subject: x\n\n{{if .code}}{{button \"x\" .link}}{{else}}x{{end}}\n\n--\n\n{{.disown_code}}\n", "does not give {{.link}}"},
		"cut short":                {"reset.fr.txt", "Subject: x\n\n{{if .link" + end, "reset.fr:5"},
		"a function nobody knows":  {"reset.fr.txt", "Subject: x\n\n{{env \"HOME\"}}{{button \"x\" .link}}" + end, "line 3: {{env}} is not for letters; they have {{if}}"},
		"a value of other letters": {"reset.fr.txt", "Subject: x\n\n{{.company}}{{button \"x\" .link}}" + end, "{{.company}} is no value"},
		"a slip where few get":     {"request_handled.fr.txt", "Subject: x\n\n{{if eq .decision \"never\"}}{{.raison}}{{end}}x" + end, "{{.raison}} is no value"},
		"a slip in a shared one":   {"sender.fr.txt", "{{.company}}", "{{.company}} is no value"},
		"a slip in the other":      {"opens.en.txt", "{{.outils}}", "its values: {{.role}}, {{.tools}}, {{.more_tools}}"},
		"a date that is none":      {"request_accepted.fr.txt", "Subject: x\n\n{{date .company}}" + end, "not a time"},
		"a date not always there":  {"request_accepted.fr.txt", "Subject: x\n\n{{date .until}}" + end, "not a time"},
		"two buttons":              {"reset.fr.txt", "Subject: x\n\n{{button \"x\" .link}}\n\n{{button \"y\" .link}}" + end, "one button"},
		"a button to nowhere":      {"reset.fr.txt", "Subject: x\n\n{{button \"x\" \"javascript:alert(1)\"}}\n\n{{.link}}" + end, "not a web address"},
		"another file":             {"reset.fr.txt", "Subject: x\n\n{{template \"layout.html\"}}{{.link}}" + end, "layout.html"},
		"for ever":                 {"reset.fr.txt", "Subject: x\n\n{{range 1000000000000}}{{end}}{{.link}}" + end, "line 3: {{range 1000000000000}}"},
		"for ever, for one only":   {"request_sent.fr.txt", "Subject: x\n\n{{if eq .company \"X\"}}{{range 1000000000000}}{{end}}{{end}}x" + end, "letters have no {{range}}"},
		"twice, twice, twice":      {"reset.fr.txt", "Subject: x\n\n{{define \"a\"}}xx{{end}}{{define \"b\"}}{{template \"a\"}}{{template \"a\"}}{{end}}{{.link}}" + end, "{{define}} and {{block}} are not for letters"},
		"a block":                  {"reset.fr.txt", "Subject: x\n\n{{block \"a\" .}}{{.raison}}{{end}}{{.link}}" + end, "{{define}} and {{block}}"},
		"shared, without end":      {"sender.fr.txt", "{{template \"sender\"}}", "may include no other"},
		"shared, many times":       {"reset.fr.txt", "Subject: x\n\n{{.link}}" + strings.Repeat("{{template \"sender\"}}", 7) + end, "more than 6 times"},
		"shared, without values":   {"reset.fr.txt", "Subject: x\n\n{{.link}}{{template \"opens\" .}}" + end, "may include {{template \"sender\" .}} only"},
		"a program's function":     {"reset.fr.txt", "Subject: x\n\n{{printf \"%1000000000d\" 1}}{{.link}}" + end, "{{printf}} is not for letters"},
		"a program's, deeper":      {"reset.fr.txt", "Subject: x\n\n{{if and .link (len .link)}}{{.link}}{{end}}" + end, "{{len}} is not for letters"},
		"a variable":               {"reset.fr.txt", "Subject: x\n\n{{$a := .link}}{{$a}}" + end, "no variables"},
		"a pipe":                   {"reset.fr.txt", "Subject: x\n\n{{reader | capital}}{{.link}}" + end, "no \"|\""},
		"a slip after $":           {"request_sent.fr.txt", "Subject: x\n\n{{if eq .company \"ACME\"}}{{$.raison}}{{end}}x" + end, "{{.raison}} is no value"},
		"a slip of a slip":         {"request_sent.fr.txt", "Subject: x\n\n{{if eq .company \"ACME\"}}{{(.company).nom}}{{end}}x" + end, "is not for letters"},
		"a value inside with":      {"request_handled.fr.txt", "Subject: x\n\n{{with .reason}}{{.company}}{{end}}x" + end, "write {{$.company}}"},
		"all at once":              {"reset.fr.txt", "Subject: x\n\n{{.}}{{.link}}" + end, "all the values at once"},
		"yes or no":                {"reset.fr.txt", "Subject: x\n\n{{not .link}}{{.link}}" + end, "ask it with {{if}}"},
		"with yes or no":           {"request_sent.fr.txt", "Subject: x\n\n{{with eq .company \"ACME\"}}{{.}}{{end}}" + end, "{{with}} takes one value"},
		"a number":                 {"request_sent.fr.txt", "Subject: x\n\n{{if eq .administrators 1}}x{{end}}x" + end, "write it between quotes"},
		"one value too many":       {"request_sent.fr.txt", "Subject: x\n\n{{if eq .company \"ACME\"}}{{siren .siren .siren}}{{end}}x" + end, "{{siren}} has 2 values after it"},
		"a date for few":           {"role_changed.fr.txt", "Subject: x\n\n{{if .by}}{{if not .same_role}}{{date .until}}{{end}}{{end}}x" + end, "not a time"},
		"a date for one":           {"role_changed.fr.txt", "Subject: x\n\n{{if eq .company \"ACME\"}}{{date .until}}{{end}}x" + end, "not a time"},
		"a date for oneself":       {"access_ended.fr.txt", "Subject: x\n\n{{if eq .by reader}}{{if .person}}{{else}}{{button \"x\" (portal \"/\")}}{{end}}{{button \"x\" (portal \"/\")}}{{end}}x" + end, "two buttons"},
		"a subject for few":        {"access_ended.fr.txt", "Subject: {{.by}}{{.person}}\n\nx" + end, "Subject"},
		"a subject without name":   {"reset.fr.txt", "Subject: {{reader}}\n\n{{.link}}" + end, "Subject"},
		"a date of a code":         {"reset.fr.txt", "Subject: x\n\n{{.link}}{{date .link}}" + end, "not a time"},
		"a link in the subject":    {"reset.fr.txt", "Subject: {{.link}}\n\n{{.link}}" + end, "in its subject"},
		"a code in the subject":    {"validation.fr.txt", "Subject: x {{with .code}}{{.}}{{end}}\n\n{{.link}}{{.disown_code}}" + end, "gives {{.code}} in its subject"},
		"a code made of another":   {"validation.fr.txt", "Subject: {{capital .code}}\n\n{{.link}}{{.disown_code}}" + end, "written as they are"},
		"a code in an address":     {"validation.fr.txt", "Subject: x\n\n{{button \"x\" (auth \"/x/\" .code)}}{{.link}}{{.disown_code}}" + end, "written as they are"},
		"a code guessed":           {"validation.fr.txt", "Subject: x{{if eq .code \"048213\"}}x{{end}}\n\n{{.link}}{{.disown_code}}" + end, "written as they are"},
		"a button of data":         {"request_sent.fr.txt", "Subject: x\n\n{{button \"Voir\" .company}}" + end, "a button leads to .link"},
		"a button made of data":    {"request_received.fr.txt", "Subject: x\n\n{{button \"Voir\" (print \"https://\" .person_email)}}" + end, "{{print}} is not for letters"},
		"a button to a stranger":   {"request_received.fr.txt", "Subject: x\n\n{{button \"Voir\" (portal .person_email)}}" + end, "write a path between quotes"},
		"a button beside us":       {"request_received.fr.txt", "Subject: x\n\n{{button \"Voir\" (portal \".mal.example/\")}}" + end, "write a path between quotes"},
		"a button without https":   {"request_received.fr.txt", "Subject: x\n\n{{button \"Voir\" \"http://www.opco.example\"}}" + end, "not a web address with https"},
		"a button with a user":     {"request_received.fr.txt", "Subject: x\n\n{{button \"Voir\" \"https://ws.opco.example@mal.example\"}}" + end, "without a name before an @"},
		"a link made of data":      {"request_received.fr.txt", "Subject: x\n\nhttps://{{.person_email}}" + end, "makes an address of a value"},
		"a link for one only":      {"request_received.fr.txt", "Subject: x\n\n{{if eq .company \"ACME\"}}https://x.example/{{.siren}}{{end}}x" + end, "makes an address of a value"},
		"a link without https":     {"request_received.fr.txt", "Subject: x\n\nhttp://x.example" + end, "makes an address of a value"},
		"a mark":                   {"reset.fr.txt", "Subject: x\n\n{{button \"a\\x01b\" .link}}" + end, "control character"},
		"a line in a constant":     {"reset.fr.txt", "Subject: x\n\n{{button \"a\\n\\nb\" .link}}" + end, "control character"},
		"a mark in the text":       {"reset.fr.txt", "Subject: x\n\n{{.link}}\u0085\x02" + end, "control character"},
		"too long":                 {"request_refused.fr.txt", "Subject: x\n\n" + strings.Repeat("{{.reason}} ", 200) + end, "over 64 KiB"},
		"itself, for ever":         {"reset.fr.txt", "Subject: x\n\n{{template \"reset.fr\" .}}{{.link}}" + end, "reset.fr"},
	} {
		o := newTestRenderer(t).options
		o.Own = map[string]string{c.file: c.text}
		if err := CheckOwn(o); err == nil || !strings.HasPrefix(err.Error(), c.file+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		// The others' being right helps nothing.
		all := ours(t)
		maps.Copy(all, o.Own)
		o.Own = all
		if err := CheckOwn(o); err == nil {
			t.Errorf("%s, beside ours: passes", name)
		}
	}
}

// All that letters are made of passes, in every place where it may stand.
func TestOwnLettersMay(t *testing.T) {
	const end = "\n\n--\n\n{{template \"sender\"}}\n"
	for file, text := range map[string]string{
		"reset.fr.txt":            "Subject: {{portalName}}\n\n{{with .link}}{{button \"x\" .}}{{end}}\n\n{{/* a note */}}Ou {{$.link}}, {{- with contact}} {{.}} {{- end}} : https://www.opco.example/aide." + end,
		"validation.fr.txt":       "Subject: x\n\n{{.link}}\n\n{{if .code}}{{code .code}}{{else}}x{{end}}\n\n{{with $.disown_code}}{{code .}}{{end}}" + end,
		"request_accepted.fr.txt": "Subject: x\n\n{{button .company \"https://www.opco.example/aide?x=1\"}}\n\n{{with .by}}{{template \"opens\" $}} {{capital .}} {{$.company}}{{end}}{{with or .until \"x\"}}x{{end}}" + end,
		"role_changed.fr.txt":     "Subject: x\n\n{{if or (and .until (not .person)) .reason}}{{with .until}}{{date .}}{{end}}{{else if ne .role \"member\" }}{{role .role}}{{end}}x" + end,
	} {
		o := newTestRenderer(t).options
		o.Own = map[string]string{file: text}
		if err := CheckOwn(o); err != nil {
			t.Errorf("%v", err)
		}
	}
}

// What no check foresaw is told as what it is, with its file, and ours is written: no letter is lost. Neither says a secret.
func TestOwnLetterThatFails(t *testing.T) {
	const end = "\n\n--\n\n{{template \"sender\"}}\n"
	o := newTestRenderer(t).options
	o.Own = map[string]string{
		"request_accepted.fr.txt": "Subject: x\n\n{{date .until}}" + end,
		"validation.fr.txt":       "Subject: {{.code}}\n\n{{.link}} {{.disown_code}}" + end,
		"opens.en.txt":            "{{role .role}}",
	}
	r, err := NewRenderer(o)
	if err != nil {
		t.Fatal(err)
	}
	ours := newTestRenderer(t)
	king := Sample(portique.LetterRequestAccepted, "en", false)
	king.Data["role"] = "member"
	for file, l := range map[string]*portique.Letter{
		"request_accepted.fr.txt": Sample(portique.LetterRequestAccepted, "fr", false),
		"validation.fr.txt":       Sample(portique.LetterValidation, "fr", true),
	} {
		_, err := r.Render(l)
		own, ok := errors.AsType[*OwnError](err)
		if !ok || own.File != file || strings.Contains(err.Error(), sample["code"]) || strings.Contains(err.Error(), "token") {
			t.Errorf("%s: %v", file, err)
		}
		got, err := r.Ours(l)
		want, _ := ours.Render(l)
		if err != nil || got.Subject != want.Subject || got.Text != want.Text || got.HTML != want.HTML {
			t.Errorf("%s: not ours: %v", file, err)
		}
	}
	if m, err := r.Render(king); err != nil || !strings.Contains(m.Text, "user.") {
		t.Errorf("a shared paragraph in a letter of ours: %v", err)
	}
	king.Data["role"] = "king"
	if _, err := ours.Render(king); err == nil || strings.Contains(err.Error(), "king") {
		t.Errorf("the error repeats a value: %v", err)
	}
	if _, err := r.Render(&portique.Letter{Kind: portique.LetterReset, To: "a@b.example"}); err == nil {
		t.Error("a letter without its link is written")
	} else if _, own := errors.AsType[*OwnError](err); own {
		t.Errorf("our fault is the operator's: %v", err)
	}
}

func TestHush(t *testing.T) {
	err := Hush(errors.New("550 https://a.example/reset?token=abc123 \"048213\" 048 213 abc123"), []string{"https://a.example/reset?token=abc123", "048213"})
	if got := err.Error(); got != "550 … \"…\" … …" {
		t.Errorf("%q", got)
	}
}
