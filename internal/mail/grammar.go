package mail

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode"

	"portique"
)

// Letters are written in a part of the language of text/template: text, values,
// {{if}} and {{with}} with their {{else}}, the shared paragraphs, and, or, not,
// eq, ne and the functions of letters. That part ends by itself and soon, and
// all that a letter may come to say can be seen in its text. The rest is
// refused where it stands, whether or not anybody gets that far.

// maxIncludes is how often one letter may include the shared paragraphs.
const maxIncludes = 6

// timeKeys are the values that {{date}} and {{datetime}} write.
var timeKeys = []string{"until", "asked_at", "remind_at", "escalate_at", "expires_at", "again_at", "watched_until", "at"}

// questions are the functions that come with the language.
var questions = []string{"and", "or", "not", "eq", "ne"}

// grammar examines one file.
type grammar struct {
	source    string
	keys      []string         // values that it may say
	secrets   []string         // those of them that no other page or log shows
	includes  []string         // shared paragraphs that it may include
	functions template.FuncMap // of letters
	calls     int

	used     map[string]bool     // values that it says or asks for
	compared map[string][]string // what eq and ne hold a value against
	fixed    []string            // its own words
	err      error               // the first fault
}

// sense is what an expression stands for.
type sense struct {
	sort   sort
	key    string // the value itself, unchanged; "" for anything else
	secret bool   // a link or a code may be in it
}

type sort int

const (
	words sort = iota
	truth
	everything // the dot outside of {{with}}
)

// examine parses a file and looks at all of it. name is the template's, for
// faults of the language itself.
func (g *grammar) examine(name string) error {
	t := parse.New(name)
	t.Mode = parse.SkipFuncCheck // call says it better
	trees := map[string]*parse.Tree{}
	if _, err := t.Parse(g.source, "", "", trees); err != nil {
		return err
	}
	for _, part := range trees {
		if part.Name != name {
			g.refuse(part.Root, "{{define}} and {{block}} are not for letters: shared paragraphs have files of their own, sender and opens")
		}
	}
	g.list(t.Root, sense{sort: everything})
	return g.err
}

// refuse notes the first fault, with its line.
func (g *grammar) refuse(at parse.Node, format string, args ...any) sense {
	if g.err == nil {
		line := 1 + strings.Count(g.source[:min(int(at.Position()), len(g.source))], "\n")
		g.err = fmt.Errorf("line %d: %s", line, fmt.Sprintf(format, args...))
	}
	return sense{}
}

func (g *grammar) list(l *parse.ListNode, dot sense) {
	if l == nil {
		return
	}
	for _, node := range l.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			g.words(n, string(n.Text), "\n\t")
		case *parse.ActionNode:
			switch s := g.pipe(n.Pipe, dot); s.sort {
			case truth:
				g.refuse(n, "%s answers yes or no: ask it with {{if}}", short(n))
			case everything:
				g.refuse(n, "%s is all the values at once: name one, as {{.company}}", short(n))
			}
		case *parse.IfNode:
			if g.pipe(n.Pipe, dot).sort == everything {
				g.refuse(n, "%s: name the value that it asks for, as {{if .until}}", short(n.Pipe))
			}
			g.list(n.List, dot)
			g.list(n.ElseList, dot)
		case *parse.WithNode:
			inside := g.pipe(n.Pipe, dot)
			if inside.sort != words {
				g.refuse(n, "{{with %s}}: {{with}} takes one value, as {{with .reason}}; what is not one is asked with {{if}}", short(n.Pipe))
			}
			g.list(n.List, inside)
			g.list(n.ElseList, dot)
		case *parse.TemplateNode:
			g.include(n, dot)
		case *parse.RangeNode, *parse.BreakNode, *parse.ContinueNode:
			g.refuse(n, "%s: letters have no {{range}}: each value is one text; write it, with {{if}} around it when it may be absent", short(n))
		case *parse.CommentNode:
		default:
			g.refuse(n, "%s is not for letters", short(n))
		}
	}
}

func (g *grammar) include(n *parse.TemplateNode, dot sense) {
	if !slices.Contains(g.includes, n.Name) {
		can := "no other paragraph"
		if len(g.includes) > 0 {
			can = `{{template "` + strings.Join(g.includes, `" .}} and {{template "`) + `" .}} only`
		}
		g.refuse(n, "{{template %q}}: this file may include %s", n.Name, can)
		return
	}
	if g.calls++; g.calls > maxIncludes {
		g.refuse(n, "{{template %q}}: more than %d times {{template}} in one letter", n.Name, maxIncludes)
	}
	if n.Pipe == nil {
		if len(partialKeys[n.Name]) > 0 {
			g.refuse(n, `{{template %q}}: it needs the values: {{template %q $}}`, n.Name, n.Name)
		}
	} else if g.pipe(n.Pipe, dot).sort != everything {
		g.refuse(n, "{{template %q}}: inside {{with}} write {{template %q $}}", n.Name, n.Name)
	}
	for _, key := range partialKeys[n.Name] {
		g.used[key] = true
	}
}

func (g *grammar) pipe(p *parse.PipeNode, dot sense) sense {
	if len(p.Decl) > 0 {
		return g.refuse(p, "{{%s}}: letters have no variables: write the value where it is needed", short(p))
	}
	if len(p.Cmds) != 1 {
		return g.refuse(p, "{{%s}}: letters have no \"|\": write {{capital .by}}", short(p))
	}
	c := p.Cmds[0]
	if name, ok := c.Args[0].(*parse.IdentifierNode); ok {
		return g.call(name, c.Args[1:], dot)
	}
	if len(c.Args) > 1 {
		return g.refuse(p, "{{%s}}: %s is no function", short(p), short(c.Args[0]))
	}
	return g.operand(c.Args[0], dot)
}

func (g *grammar) operand(node parse.Node, dot sense) sense {
	switch n := node.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		if dot.sort != everything && len(n.Ident) == 1 && slices.Contains(g.keys, n.Ident[0]) {
			return g.refuse(n, "{{.%s}} inside {{with}}: the dot is the text of {{with}} there; write {{$.%s}}", n.Ident[0], n.Ident[0])
		}
		return g.value(n, n.Ident)
	case *parse.VariableNode:
		if n.Ident[0] != "$" {
			return g.refuse(n, "{{%s}}: letters have no variables: write the value where it is needed", short(n))
		}
		if len(n.Ident) == 1 {
			return sense{sort: everything}
		}
		return g.value(n, n.Ident[1:])
	case *parse.StringNode:
		g.words(n, n.Text, "")
		return sense{}
	case *parse.PipeNode:
		return g.pipe(n, dot)
	case *parse.IdentifierNode:
		return g.call(n, nil, dot)
	case *parse.NumberNode, *parse.BoolNode, *parse.NilNode:
		return g.refuse(n, "%s: every value of a letter is text; write it between quotes, as {{if eq .administrators \"1\"}}", short(n))
	}
	return g.refuse(node, "{{%s}} is not for letters: write {{.company}} or {{$.company}}", short(node)) // a chain: (x).y
}

// value refuses one that this letter has not, wherever it stands: a letter must
// not fail on the day that somebody needs it.
func (g *grammar) value(at parse.Node, path []string) sense {
	if len(path) != 1 || !slices.Contains(g.keys, path[0]) {
		has := "none"
		if len(g.keys) > 0 {
			has = "{{." + strings.Join(g.keys, "}}, {{.") + "}}"
		}
		return g.refuse(at, "{{.%s}} is no value of this letter; its values: %s", strings.Join(path, "."), has)
	}
	g.used[path[0]] = true
	return sense{key: path[0], secret: slices.Contains(g.secrets, path[0])}
}

// words are the file's own. A control character could stand for a mark of ours.
func (g *grammar) words(at parse.Node, s, may string) {
	for _, r := range s {
		if unicode.IsControl(r) && !strings.ContainsRune(may, r) || r == '\u2028' || r == '\u2029' {
			g.refuse(at, "a control character, %s, stands in the text: take it out", strconv.QuoteRuneToASCII(r))
		}
	}
	g.fixed = append(g.fixed, s)
}

func (g *grammar) call(name *parse.IdentifierNode, args []parse.Node, dot sense) sense {
	f, ours := g.functions[name.Ident]
	if !ours && !slices.Contains(questions, name.Ident) {
		return g.refuse(name, "{{%s}} is not for letters; they have {{if}}, {{with}}, {{else}}, {{template}}, %s and %s",
			name.Ident, strings.Join(questions, ", "), strings.Join(slices.Sorted(maps.Keys(g.functions)), ", "))
	}
	given := make([]sense, len(args))
	for i, a := range args {
		given[i] = g.operand(a, dot)
		if given[i].sort == everything {
			return g.refuse(a, "{{%s}} takes one value, not all at once: name it, as {{.company}}", name.Ident)
		}
	}
	count := func(least, most int) {
		if n := len(args); n < least || n > most {
			g.refuse(name, "{{%s}} has %d values after it, where it takes %s", name.Ident, n, span(least, most))
		}
	}
	switch name.Ident {
	case "not":
		count(1, 1)
		return sense{sort: truth}
	case "and", "or":
		count(1, 9)
		all := sense{}
		for _, s := range given {
			all.sort, all.secret = max(all.sort, s.sort), all.secret || s.secret
		}
		return all
	case "eq", "ne":
		count(2, map[string]int{"eq": 9, "ne": 2}[name.Ident])
		g.plain(name, args, given, 0)
		g.compare(args, given)
		return sense{sort: truth}
	}
	if takes := reflect.TypeOf(f); takes.IsVariadic() {
		count(1, 9)
	} else {
		count(takes.NumIn(), takes.NumIn())
	}
	if g.err != nil {
		return sense{}
	}
	switch name.Ident {
	case "button":
		g.plain(name, args, given, 1)
		g.address(args[1], given[1])
		return sense{secret: given[1].secret}
	case "code":
		if given[0].sort != words {
			g.plain(name, args, given, 0)
		}
		return sense{secret: given[0].secret}
	case "portal", "auth":
		g.page(name, args)
	case "date", "datetime":
		if !slices.Contains(timeKeys, given[0].key) {
			g.refuse(name, "{{%s %s}}: not a time; it writes one of .%s", name.Ident, short(args[0]), strings.Join(timeKeys, ", ."))
		}
	case "role":
		if given[0].key != "role" {
			g.refuse(name, "{{role %s}}: not a role; write {{role .role}}", short(args[0]))
		}
	}
	g.plain(name, args, given, 0)
	return sense{}
}

// plain refuses what a function cannot take: an answer to a question, and a
// secret, which leaves as it is or not at all. The last skip values are looked
// at elsewhere.
func (g *grammar) plain(name *parse.IdentifierNode, args []parse.Node, given []sense, skip int) {
	for i, s := range given[:len(given)-skip] {
		switch {
		case s.sort != words:
			g.refuse(args[i], "{{%s}} takes text, and %s answers yes or no: ask it with {{if}}", name.Ident, short(args[i]))
		case s.secret:
			g.refuse(args[i], "{{%s}}: links and codes are written as they are: {{button \"…\" .link}}, {{code .code}}", name.Ident)
		}
	}
}

// compare notes what a value is held against, so that it can be tried.
func (g *grammar) compare(args []parse.Node, given []sense) {
	for i, s := range given {
		if s.key == "" {
			continue
		}
		for j, other := range args {
			switch n := other.(type) {
			case *parse.StringNode:
				g.compared[s.key] = append(g.compared[s.key], n.Text)
			case *parse.IdentifierNode:
				if f, ok := g.functions[n.Ident].(func() string); ok {
					g.compared[s.key] = append(g.compared[s.key], f())
				}
			default:
				if j != i && given[j].key != "" {
					g.compared[s.key] = append(g.compared[s.key], sample[given[j].key])
				}
			}
		}
	}
}

// address refuses where a button must not lead: only the file itself says
// where, or we do.
func (g *grammar) address(node parse.Node, s sense) {
	const instead = `a button leads to .link, to (portal "/…"), to (auth "/…") or to an address written out, as "https://www.opco.example/aide"`
	if p, ok := node.(*parse.PipeNode); ok && len(p.Cmds) == 1 {
		node = p.Cmds[0].Args[0]
	}
	switch n := node.(type) {
	case *parse.StringNode:
		if !safeAddress(n.Text) {
			g.refuse(n, "%q is not a web address with https, without a name before an @; %s", n.Text, instead)
		}
	case *parse.IdentifierNode:
		if n.Ident != "portal" && n.Ident != "auth" {
			g.refuse(n, "{{button}}: %s", instead)
		}
	default:
		if s.key != "link" {
			g.refuse(n, "{{button}}: %s", instead)
		}
	}
}

// page refuses an address of ours whose words are values: words, value, words…
func (g *grammar) page(name *parse.IdentifierNode, args []parse.Node) {
	for i, a := range args {
		if i%2 == 1 {
			continue
		}
		s, ok := a.(*parse.StringNode)
		if !ok || i == 0 && !strings.HasPrefix(s.Text, "/") || strings.ContainsAny(s.Text, "\\ ") {
			g.refuse(a, `{{%s}}: write a path between quotes, then values and more of the path in turn, as {{%s "/companies/" .siren "/users"}}`, name.Ident, name.Ident)
		}
	}
}

// safeAddress is a whole web address with https and no user.
func safeAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && !strings.ContainsAny(s, "\\ ")
}

func span(least, most int) string {
	switch {
	case least == most:
		return strconv.Itoa(least)
	case most >= 9:
		return "at least " + strconv.Itoa(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// short is how a piece of a letter is shown in one line.
func short(n parse.Node) string {
	s := []rune(portique.CleanText(n.String()))
	if len(s) > 60 {
		s = append(s[:59], '…')
	}
	return string(s)
}
