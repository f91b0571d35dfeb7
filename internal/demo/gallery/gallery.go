package gallery

import (
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	_ "embed"

	"github.com/a-h/templ"

	"portique"
	"portique/internal/i18n"
	"portique/internal/mail"
	"portique/internal/web"
	"portique/internal/web/static"
	pages "portique/internal/web/template"
)

// Path is where the gallery's pages are, with a language after it.
const Path = "/dev/pages/"

// Options are whose pages and letters are shown.
type Options struct {
	Catalog  *i18n.Catalog
	Renderer *mail.Renderer
	Brand    pages.Brand
}

// Handler shows the gallery:
//
//	/dev/pages                           the list, in the reader's language
//	/dev/pages/LANGUAGE                  the list, in that language
//	/dev/pages/LANGUAGE/NAME             a page in a state
//	/dev/pages/LANGUAGE/letters/KIND     a letter as mail programs draw it; ?as=text as text
//
// It reads no database, and nobody needs to be signed in.
func Handler(o Options) http.Handler {
	h := &handler{o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dev/pages", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, Path+i18n.Match(r.Header.Get("Accept-Language"), i18n.French), http.StatusSeeOther)
	})
	mux.HandleFunc("GET "+Path+"{language}", h.in(h.list))
	mux.HandleFunc("GET "+Path+"{language}/{name}", h.in(h.page))
	mux.HandleFunc("GET "+Path+"{language}/letters/{kind}", h.in(h.letter))
	return mux
}

type handler struct{ Options }

// in finds the language of the address.
func (h *handler) in(show func(http.ResponseWriter, *http.Request, *i18n.Printer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		language := r.PathValue("language")
		if language != i18n.French && language != i18n.English {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		show(w, r, h.Catalog.Printer(language))
	}
}

func other(language string) string {
	if language == i18n.French {
		return i18n.English
	}
	return i18n.French
}

//go:embed list.html
var listText string

var listPage = template.Must(template.New("").Parse(listText))

// group is one page with its states.
type group struct {
	Page   string
	States []string
}

func (h *handler) list(w http.ResponseWriter, r *http.Request, p *i18n.Printer) {
	var groups []*group
	for _, s := range States(p, h.Brand) {
		i := slices.IndexFunc(groups, func(g *group) bool { return g.Page == s.DataPage })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{Page: s.DataPage})
		}
		groups[i].States = append(groups[i].States, s.Name)
	}
	page := templ.FromGoHTML(listPage, map[string]any{"Language": p.Lang(), "Other": other(p.Lang()), "Path": Path, "Pages": groups, "Letters": Letters(),
		"CSS": static.URL("portique.css"), "Icon": static.URL("favicon.svg")})
	_ = web.Write(w, r, http.StatusOK, page, web.Sending{List: true}) // its reader is an engineer, who sees that it broke
}

func (h *handler) page(w http.ResponseWriter, r *http.Request, p *i18n.Printer) {
	for _, s := range States(p, h.Brand) {
		if s.Name == r.PathValue("name") {
			if err := web.Write(w, r, http.StatusOK, s.Page, web.Sending{List: slices.Contains([]string{"tools", "companies", "users"}, s.DataPage)}); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
			return
		}
	}
	http.NotFound(w, r)
}

// Letters are the names of the letters, in their order: a kind, or a kind and
// "-short" for one that has only what it must have.
func Letters() []string {
	var names []string
	for _, kind := range slices.Sorted(maps.Keys(mail.Kinds)) {
		names = append(names, string(kind))
		if needs := mail.Kinds[kind]; len(needs.Optional)+len(needs.MaySeal) > 0 {
			names = append(names, string(kind)+short)
		}
	}
	return names
}

const short = "-short"

func (h *handler) letter(w http.ResponseWriter, r *http.Request, p *i18n.Printer) {
	kind, isShort := strings.CutSuffix(r.PathValue("kind"), short)
	if !slices.Contains(Letters(), r.PathValue("kind")) {
		http.NotFound(w, r)
		return
	}
	m, err := h.Renderer.Render(mail.Sample(portique.LetterKind(kind), p.Lang(), !isShort))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.URL.Query().Get("as") == "text" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(m.Subject + "\n\n" + m.Text))
		return
	}
	// Letters carry their styles with them.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	_, _ = w.Write([]byte(m.HTML))
}
