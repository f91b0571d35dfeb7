package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Page is a page as it came.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Doc    *html.Node
	Body   string
}

func newPage(u *url.URL, answer *http.Response, body []byte) (*Page, error) {
	doc, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u, err)
	}
	return &Page{URL: u, Status: answer.StatusCode, Header: answer.Header, Doc: doc, Body: string(body)}, nil
}

// String names the page in a message.
func (p *Page) String() string {
	return fmt.Sprintf("%s (%d, page %q)", p.URL, p.Status, p.Main())
}

// Main returns the name of the page: the data-page of its main part.
func (p *Page) Main() string {
	if m := p.main(); m != nil {
		return attr(m, "data-page")
	}
	return ""
}

// Alert returns what the page complains about, Notice what it announces: their role=alert and role=status.
func (p *Page) Alert() string  { return p.role("alert") }
func (p *Page) Notice() string { return p.role("status") }

// Text returns the words of the main part, and Has tells whether it says something. Both look through typography: a
// no-break space is a space, a curly apostrophe an apostrophe.
func (p *Page) Text() string           { return Plain(text(p.main())) }
func (p *Page) Has(words string) bool  { return strings.Contains(p.Text(), Plain(words)) }
func (p *Page) Says(words string) bool { return strings.Contains(Plain(text(p.Doc)), Plain(words)) }

// Title and Language are those of the document.
func (p *Page) Title() string { return Plain(text(p.first("title"))) }

// Language is the language the page says it is written in.
func (p *Page) Language() string {
	if n := p.first("html"); n != nil {
		return attr(n, "lang")
	}
	return ""
}

// Link returns the address behind the first link that reads as given, or contains it; empty if there is none.
func (p *Page) Link(words string) string {
	words = Plain(words)
	var loose string
	for n := range p.Doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" || !has(n, "href") {
			continue
		}
		u, err := p.URL.Parse(attr(n, "href"))
		if err != nil {
			continue
		}
		switch says := Plain(text(n)); {
		case says == words:
			return u.String()
		case loose == "" && strings.Contains(says, words):
			loose = u.String()
		}
	}
	return loose
}

// Tile is one tool in the list of tools.
type Tile struct {
	Tool, State, Reason string
	URL                 string // where an open tile leads
}

// Tile returns a tool of the list, and whether it is there.
func (p *Page) Tile(tool string) (Tile, bool) {
	for n := range p.Doc.Descendants() {
		if n.Type != html.ElementNode || attr(n, "data-tool") != tool {
			continue
		}
		tile := Tile{Tool: tool, State: attr(n, "data-state"), Reason: attr(n, "data-reason")}
		links := []*html.Node{n}
		for c := range n.Descendants() {
			links = append(links, c)
		}
		for _, c := range links {
			if c.Type == html.ElementNode && c.Data == "a" && has(c, "href") {
				if u, err := p.URL.Parse(attr(c, "href")); err == nil {
					tile.URL = u.String()
				}
				break
			}
		}
		return tile, true
	}
	return Tile{}, false
}

// Value returns what a field of the page holds, as after a refused form.
func (p *Page) Value(field string) string {
	for n := range p.Doc.Descendants() {
		if n.Type == html.ElementNode && attr(n, "name") == field && (n.Data == "input" || n.Data == "textarea") {
			if n.Data == "textarea" {
				return text(n)
			}
			return attr(n, "value")
		}
	}
	return ""
}

// complaints lists what no page of ours may do, whatever it is about.
func (p *Page) complaints() []string {
	kind := p.Header.Get("Content-Type")
	if !strings.HasPrefix(kind, "text/html") {
		return nil
	}
	var list []string
	complain := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if p.Main() == "" {
		complain("no <main data-page>")
	}
	if p.Title() == "" {
		complain("no title")
	}
	if p.Language() == "" {
		complain("no language")
	}
	if csp := p.Header.Get("Content-Security-Policy"); csp == "" {
		complain("no Content-Security-Policy")
	} else if strings.Contains(csp, "unsafe-") {
		complain("a Content-Security-Policy with a hole: %s", csp)
	} else if policy(p, "form-action") == "" {
		complain("no form-action")
	}
	if p.Header.Get("X-Content-Type-Options") != "nosniff" {
		complain("no X-Content-Type-Options: nosniff")
	}
	ids := map[string]bool{}
	for n := range p.Doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				complain("the id %q is there twice", id)
			}
			ids[id] = true
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				complain("<%s %s=…> is dead under the policy", n.Data, a.Key)
			}
		}
		switch n.Data {
		case "style":
			complain("an inline style sheet")
		case "script":
			if !has(n, "src") && attr(n, "type") != "application/json" {
				complain("an inline script")
			}
		case "meta":
			if strings.EqualFold(attr(n, "http-equiv"), "refresh") {
				complain("a meta refresh")
			}
		}
		var asset string
		switch n.Data {
		case "script", "img", "iframe", "source", "video", "audio", "embed":
			asset = attr(n, "src")
		case "link":
			asset = attr(n, "href")
		}
		if u, err := p.URL.Parse(asset); asset != "" && (err != nil || origin(u) != origin(p.URL)) && u.Scheme != "data" {
			complain("an asset from another host: %s", asset)
		}
	}
	return list
}

// cookies are those that the page sets.
func (p *Page) cookies() []*http.Cookie { return (&http.Response{Header: p.Header}).Cookies() }

func (p *Page) main() *html.Node { return p.first("main") }

func (p *Page) first(element string) *html.Node {
	for n := range p.Doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == element {
			return n
		}
	}
	return nil
}

func (p *Page) role(role string) string {
	var parts []string
	for n := range p.Doc.Descendants() {
		if n.Type == html.ElementNode && attr(n, "role") == role {
			if s := Plain(text(n)); s != "" {
				parts = append(parts, s)
			}
		}
	}
	return strings.Join(parts, " · ")
}

// -- nodes -----------------------------------------------------------------------------------------------------------------

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func within(n, ancestor *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n == ancestor {
			return true
		}
	}
	return false
}

// text returns the words of a node. Blocks are kept apart by a space, inline elements are not.
func text(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
			return
		case n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style"):
			return
		}
		block := n.Type == html.ElementNode && !inline[n.Data]
		if block {
			b.WriteByte(' ')
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		if block {
			b.WriteByte(' ')
		}
	}
	walk(n)
	return b.String()
}

var inline = map[string]bool{"a": true, "abbr": true, "b": true, "bdi": true, "code": true, "em": true, "i": true, "mark": true, "span": true, "strong": true, "time": true, "wbr": true, "textarea": true, "option": true}

// htmlText returns the words of a whole document.
func htmlText(s string) string {
	doc, err := html.Parse(strings.NewReader(s))
	if err != nil {
		return ""
	}
	return text(doc)
}

var typography = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ", "’", "'", "\u00ad", "", "\u200b", "")

// Plain takes typography away, so that a test compares words: spaces of every width are one space, apostrophes are straight.
func Plain(s string) string {
	return strings.Join(strings.Fields(typography.Replace(s)), " ")
}
