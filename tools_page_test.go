package portique_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// "Why was my tool refused?" names errors and quotes descriptions: those that the provider gives, word for word.
func TestToolsPageQuotesErrors(t *testing.T) {
	var source strings.Builder
	files, err := filepath.Glob("internal/oidc/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			source.WriteString(readFile(t, file))
		}
	}
	_, table, _ := strings.Cut(readFile(t, "docs/tools.md"), "## Why was my tool refused?")
	code, quote := regexp.MustCompile("`([a-z_]+_[a-z_]+)`"), regexp.MustCompile(`“([^”]+)”`)
	rows := 0
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 4 || strings.Contains(row, "---") {
			continue
		}
		rows++
		for _, m := range code.FindAllStringSubmatch(cells[1], -1) {
			if m[1] != "client_id" && m[1] != "redirect_uri" && !strings.Contains(source.String(), `"`+m[1]+`"`) {
				t.Errorf("no answer has the error %s", m[1])
			}
		}
		for _, m := range quote.FindAllStringSubmatch(cells[1], -1) {
			for _, part := range strings.Split(m[1], "…") {
				if !strings.Contains(source.String(), strings.TrimSpace(part)) {
					t.Errorf("no answer says %q", m[1])
				}
			}
		}
	}
	if rows < 12 {
		t.Errorf("the table has %d rows: is it still written in the same way?", rows)
	}
}
