// Package static serves the pages' few files (a style sheet, a script, the
// mark) from the program itself, under a name that changes with their content,
// so that browsers may keep them for good.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed portique.css portique.js mark.svg favicon.svg
var files embed.FS

type asset struct {
	url     string
	kind    string
	content []byte
	gzip    func() []byte // nil: served as it is
	policy  string        // a content security policy of its own, or ""
}

// packLater lets no start wait for the compression.
func (a *asset) packLater() { a.gzip = sync.OnceValue(func() []byte { return pack(a.content) }) }

var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

var assets = load()

func load() map[string]*asset {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err)
	}
	all := map[string]*asset{}
	for _, e := range entries {
		content, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		content = lighten(e.Name(), content)
		a := newAsset(e.Name(), content)
		a.packLater()
		all[e.Name()] = a
	}
	return all
}

var (
	comments    = regexp.MustCompile(`(?s)/\*.*?\*/`)
	indents     = regexp.MustCompile(`(?m)^[ \t]+`)
	lineComment = regexp.MustCompile(`(?m)^//.*$`)
	emptyLines  = regexp.MustCompile(`\n{2,}`)
)

// lighten leaves out what only we read: indents, and comments that have a line
// of their own. Neither file has a text over several lines.
func lighten(name string, content []byte) []byte {
	content = indents.ReplaceAll(content, nil)
	switch path.Ext(name) {
	case ".css":
		content = comments.ReplaceAll(content, nil)
	case ".js":
		content = lineComment.ReplaceAll(content, nil)
	}
	return emptyLines.ReplaceAll(content, []byte("\n"))
}

func newAsset(name string, content []byte) *asset {
	sum := sha256.Sum256(content)
	return &asset{
		url:     "/static/" + hex.EncodeToString(sum[:6]) + "/" + name,
		kind:    kinds[name[strings.LastIndexByte(name, '.'):]],
		content: content,
	}
}

// pack compresses what is served for the life of the program, once.
func pack(content []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err)
	}
	if _, err = w.Write(content); err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// URL returns the address of a file. It panics on a name that is not one of
// ours: a test renders every page.
func URL(name string) string {
	a, ok := assets[name]
	if !ok {
		panic("static: no file " + name)
	}
	return a.url
}

// TakesGzip says whether an answer may be compressed (RFC 9110, 12.5.3): gzip is
// named, and not to be refused by a quality of 0.
func TakesGzip(r *http.Request) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(header, ",") {
			name, rest, _ := strings.Cut(coding, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			key, quality, _ := strings.Cut(strings.TrimSpace(rest), "=")
			q, err := strconv.ParseFloat(strings.TrimSpace(quality), 64)
			return !strings.EqualFold(strings.TrimSpace(key), "q") || err != nil || q > 0
		}
	}
	return false
}

// Handler serves /static/{hash}/{name}. A wrong hash (a page written by another
// version, during an upgrade) gets the present file, not to be kept.
func Handler() http.Handler { return (*Own)(nil).Handler() }

func (o *Own) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	a, ok := assets[name]
	if !ok {
		a, ok = themeAsset(name)
	}
	if own := o.find(name); own != nil {
		a, ok = own, true
	}
	if !ok || strings.Count(r.URL.Path, "/") != 3 || !strings.HasPrefix(r.URL.Path, "/static/") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store") // http.NotFound would let a cache keep it
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("404\n"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	if a.policy != "" {
		h.Set("Content-Security-Policy", a.policy)
	}
	h.Set("Cache-Control", "no-cache")
	if r.URL.Path == a.url {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := a.content
	if a.gzip != nil && TakesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = a.gzip()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}
