package mail

import (
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
		"a function nobody knows":  {"reset.fr.txt", "Subject: x\n\n{{env \"HOME\"}}{{button \"x\" .link}}" + end, "\"env\" not defined"},
		"a value of other letters": {"reset.fr.txt", "Subject: x\n\n{{.company}}{{button \"x\" .link}}" + end, "{{.company}} is no value"},
		"a slip where few get":     {"request_handled.fr.txt", "Subject: x\n\n{{if eq .decision \"never\"}}{{.raison}}{{end}}x" + end, "{{.raison}} is no value"},
		"a slip in a shared one":   {"sender.fr.txt", "{{.company}}", "{{.company}} is no value"},
		"a slip in the other":      {"opens.en.txt", "{{.outils}}", "its values: {{.role}}, {{.tools}}, {{.more_tools}}"},
		"a date that is none":      {"request_accepted.fr.txt", "Subject: x\n\n{{date .company}}" + end, "not a time"},
		"a date not always there":  {"request_accepted.fr.txt", "Subject: x\n\n{{date .until}}" + end, "not a time"},
		"two buttons":              {"reset.fr.txt", "Subject: x\n\n{{button \"x\" .link}}\n\n{{button \"y\" .link}}" + end, "one button"},
		"a button to nowhere":      {"reset.fr.txt", "Subject: x\n\n{{button \"x\" \"javascript:alert(1)\"}}\n\n{{.link}}" + end, "not a web address"},
		"another file":             {"reset.fr.txt", "Subject: x\n\n{{template \"layout.html\"}}{{.link}}" + end, "layout.html"},
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
