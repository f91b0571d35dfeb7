package mail

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template/parse"

	"portique"
)

// partials are the paragraphs that letters share: who sends them, and what an
// access opens. An operator may write them anew too.
var partials = []string{"sender", "opens"}

var partialKeys = map[string][]string{"opens": {"role", "tools", "more_tools"}}

// keysOf are the values that a kind of letter may say.
func keysOf(kind portique.LetterKind) []string {
	n := Kinds[kind]
	return slices.Concat(n.Data, n.Optional, n.Secret, n.MaySeal)
}

// CheckOwn tries the operator's own letters, Options.Own, before any of them is
// needed: each is written with made-up people in all that it may have to say. An
// error names the file first.
func CheckOwn(o Options) error {
	for _, file := range slices.Sorted(maps.Keys(o.Own)) {
		name, isText := strings.CutSuffix(file, ".txt")
		what, lang, _ := strings.Cut(name, ".")
		if !isText || !slices.Contains(languages, lang) || !slices.Contains(letterNames(), what) {
			return fmt.Errorf("%s: is no letter of ours; they are %s, each with .fr.txt or .en.txt", file, strings.Join(letterNames(), ", "))
		}
	}
	r, err := NewRenderer(o)
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(Kinds)) {
		for _, lang := range languages {
			file, t := "", r.letters[string(kind)+"."+lang]
			for _, part := range append(slices.Clone(partials), string(kind)) {
				name := part + "." + lang + ".txt"
				if _, own := o.Own[name]; !own {
					continue
				}
				file = name
				of, keys := t, keysOf(kind)
				if part != string(kind) {
					of, keys = t.Lookup(part), partialKeys[part]
				}
				if err := known(of.Root, keys); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			if file == "" {
				continue // all is ours
			}
			if err := r.try(kind, lang); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return nil
}

func letterNames() []string {
	var names []string
	for kind := range Kinds {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	return append(names, partials...)
}

// choices are the values that letters turn on.
var choices = map[string][]string{
	"role":           {string(portique.Administrator), string(portique.Member), string(portique.Declarant)},
	"decision":       {string(portique.RequestAccepted), string(portique.RequestRefused), "kept", "removed"},
	"administrators": {"0", "1", "3"},
	"why":            {"contested", "no_contact", "policy"},
	"what":           {"sign_in", "member_code", "guesser", "requests"},
	"tools":          {portique.AllTools, "Paie"},
}

// try writes a letter in every way that its values may turn it.
func (r *Renderer) try(kind portique.LetterKind, lang string) error {
	for _, full := range []bool{true, false} {
		letters := []*portique.Letter{Sample(kind, lang, full)}
		for key, values := range choices {
			if letters[0].Data[key] == "" {
				continue
			}
			for _, v := range values {
				l := Sample(kind, lang, full)
				l.Data[key] = v
				letters = append(letters, l)
			}
		}
		for _, key := range Kinds[kind].Optional { // each alone missing
			if l := Sample(kind, lang, full); l.Data[key] != "" {
				delete(l.Data, key)
				letters = append(letters, l)
			}
		}
		for _, l := range letters {
			m, err := r.Render(l)
			if err != nil {
				return err
			}
			for _, key := range Kinds[kind].Secret { // without its link or its code a letter is of no use
				if !strings.Contains(m.Text, l.Secret[key]) {
					return fmt.Errorf("does not give {{.%s}}", key)
				}
			}
		}
	}
	return nil
}

// known refuses a value that this kind of letter has not, wherever it stands: a
// letter must not fail on the day that somebody needs it.
func known(node parse.Node, keys []string) (err error) {
	walk(node, func(f *parse.FieldNode) {
		if err == nil && (len(f.Ident) != 1 || !slices.Contains(keys, f.Ident[0])) {
			has := "none"
			if len(keys) > 0 {
				has = "{{." + strings.Join(keys, "}}, {{.") + "}}"
			}
			err = fmt.Errorf("{{.%s}} is no value of this letter; its values: %s", strings.Join(f.Ident, "."), has)
		}
	})
	return err
}

// walk visits the values that a template names.
func walk(node parse.Node, visit func(*parse.FieldNode)) {
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, visit)
		walk(b.List, visit)
		walk(b.ElseList, visit)
	}
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, c := range n.Nodes {
				walk(c, visit)
			}
		}
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				walk(c, visit)
			}
		}
	case *parse.CommandNode:
		for _, a := range n.Args {
			walk(a, visit)
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.TemplateNode:
		walk(n.Pipe, visit)
	case *parse.FieldNode:
		visit(n)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	}
}

// source is the operator's own text of a letter, or ours.
func (o Options) source(name string) (string, error) {
	if own, ok := o.Own[name+".txt"]; ok {
		return strings.ReplaceAll(strings.TrimPrefix(own, "\ufeff"), "\r\n", "\n"), nil
	}
	ours, err := files.ReadFile("letter/" + name + ".txt")
	return string(ours), err
}
