package static

import "net/http"

// Own are the operator's own files, read once at the start of an installation:
// a logo instead of the mark, a style sheet after ours. Their names are those of
// PORTIQUE_BRAND_DIR; an operator without any has a nil *Own.
type Own struct{ files map[string]*asset }

// The names of the operator's files.
const (
	logoName  = "logo.svg"
	themeName = "theme.css"
)

// NewOwn takes the operator's files; one that is empty is not served.
func NewOwn(logo, theme []byte) *Own {
	o := &Own{files: map[string]*asset{}}
	for name, content := range map[string][]byte{logoName: logo, themeName: theme} {
		if len(content) > 0 {
			o.files[name] = newAsset(name, content)
			o.files[name].packLater()
		}
	}
	if a := o.files[logoName]; a != nil {
		a.policy = drawing
	}
	return o
}

// drawing is the policy of a logo that somebody opens by its address. Pages show
// it as a picture, in which nothing runs; opened by itself it is a document of
// our own origin, which this keeps from running anything or leading anywhere.
const drawing = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

// LogoURL and ThemeURL return the addresses of the operator's files, "" without
// one.
func (o *Own) LogoURL() string  { return o.url(logoName) }
func (o *Own) ThemeURL() string { return o.url(themeName) }

func (o *Own) url(name string) string {
	if a := o.find(name); a != nil {
		return a.url
	}
	return ""
}

func (o *Own) find(name string) *asset {
	if o == nil {
		return nil
	}
	return o.files[name]
}

// Handler is Handler with the operator's own files.
func (o *Own) Handler() http.Handler { return http.HandlerFunc(o.serve) }
