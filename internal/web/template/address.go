package template

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"
)

// address writes a text with an e-mail address in it that breaks after its @
// where the line is too short, and not in a word.
func address(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, strings.ReplaceAll(templ.EscapeString(text), "@", "@<wbr>"))
		return err
	})
}
