package accessibility

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// No promise without a test that names it: whoever takes a check away takes its promise away.
func TestEveryPromiseIsChecked(t *testing.T) {
	own, err := parser.ParseFile(token.NewFileSet(), "accessibility.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{} // Axe → axe
	ast.Inspect(own, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if literal, ok := v.Values[0].(*ast.BasicLit); ok {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					names[v.Names[0].Name] = text
				}
			}
		}
		return true
	})
	listed := map[string]bool{}
	for _, c := range Checks {
		listed[string(c)] = true
	}
	named := map[string]bool{}
	err = filepath.WalkDir("../../../e2e", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "accessibility" {
					named[s.Sel.Name] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(Checks) {
		t.Errorf("%d checks have a name, %d are listed", len(names), len(Checks))
	}
	for name, text := range names {
		if !listed[text] {
			t.Errorf("%s is not listed", name)
		}
		if !named[name] {
			t.Errorf("%s is promised, and no test of e2e names it", name)
		}
	}
}
