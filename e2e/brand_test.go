package e2e

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// An installation of somebody else: other names, another colour, a logo and a style sheet, other ways to help. Its names are on every
// page and letter, with their French articles, and nothing of the names that come with the program is left.
func TestAnotherBrand(t *testing.T) {
	t.Parallel()
	brand := t.TempDir()
	for name, content := range map[string]string{
		"logo.svg":  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 32"><script>document.title = "run"</script><rect width="64" height="32" fill="#7a1f5c"/></svg>`,
		"theme.css": ":root { --radius: 0 }\n.head { border-top: 6px solid var(--brand) }\n",
	} {
		if err := os.WriteFile(filepath.Join(brand, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	app := Start(t, "sqlite",
		"PORTIQUE_OPERATOR_NAME=la Fédération des Métiers", "PORTIQUE_PORTAL_NAME=Espace Métiers", "PORTIQUE_BRAND_COLOR=#7A1F5C",
		"PORTIQUE_BRAND_DIR="+brand, "PORTIQUE_SUPPORT_PHONE=01 99 00 55 66", "PORTIQUE_SUPPORT_EMAIL=aide@metiers.example",
		"PORTIQUE_LEGAL_URL=https://metiers.example/mentions", "PORTIQUE_ACCESSIBILITY_URL=https://metiers.example/accessibilite")
	members := app.Import(t, 1000)
	tool := app.NewTool(t, "formation", "Demandes de formation")

	// foreign are words of another operator's, or an article that does not go with this one's.
	foreign := func(where, words string) {
		t.Helper()
		for _, other := range []string{"opcommerce", "web services entreprises", "assistance@operateur", "à la la ", "de la la ", "au fédération", "du fédération", "à fédération", "l'fédération", "le fédération"} {
			if strings.Contains(strings.ToLower(Plain(words)), other) {
				t.Errorf("%s says %q", where, other)
			}
		}
	}
	c := app.Chrome(t)
	look := func(page string) {
		t.Helper()
		p := c.page()
		foreign("the page "+page, p.Body)
		if !strings.Contains(p.Title(), "Espace Métiers") || !p.Says("01 99 00 55 66") || !p.Says("aide@metiers.example") {
			t.Errorf("the page %s, %q, does not name its operator or the help", page, p.Title())
		}
		for _, link := range []string{"https://metiers.example/mentions", "https://metiers.example/accessibilite", "tel:0199005566", "mailto:aide@metiers.example"} {
			if !linksTo(p, link) {
				t.Errorf("the page %s does not lead to %s", page, link)
			}
		}
		if !strings.Contains(p.Body, `class="logo"`) || !strings.Contains(p.Body, "/theme.css") {
			t.Errorf("the page %s has no logo or no style sheet of its operator", page)
		}
		c.Accessible()
		for _, width := range []int64{320, 1280} {
			if px := c.Overflow(width); px > 0 {
				t.Errorf("the page %s is %d px wider than a screen of %d px", page, px, width)
			}
		}
	}
	walk(t, app, c, members[0], tool, Person{"Marie", "Kerouanton", "marie@boutique.example"}, look)

	// The sentences in which French contracts an article.
	c.Open("/")
	c.Sees("Vous avez déjà un identifiant à la Fédération des Métiers ?")
	c.Sees("services en ligne de la Fédération des Métiers")

	// Every letter of the walk.
	for _, to := range []string{"marie@boutique.example", "paul.marie@boutique.example", members[0].ContactEmail} {
		for _, l := range app.Mail.To(to) {
			where := "the letter " + l.Subject
			foreign(where, l.Subject+" "+l.Text+" "+l.HTML+" "+l.From)
			if !strings.Contains(Plain(l.Text), "par la Fédération des Métiers, depuis Espace Métiers") || !strings.Contains(l.Text, "aide@metiers.example") ||
				!strings.Contains(l.HTML, "#7A1F5C") || strings.Contains(strings.ToUpper(l.HTML), "#7CC7E4") || strings.Contains(l.HTML, "<img") {
				t.Errorf("%s, to %s:\n%s", where, to, l.Text)
			}
		}
	}
	if len(app.Mail.To("marie@boutique.example")) == 0 {
		t.Error("no letter was looked at")
	}

	// The logo opened by itself is a picture that runs nothing.
	welcome := app.Browser(t).Open("/")
	_, logo, _ := strings.Cut(welcome.Body, `class="logo" src="`)
	logo, _, _ = strings.Cut(logo, `"`)
	p, err := app.Send(Handmade{Method: "GET", Origin: app.Portal, Target: logo})
	if err != nil || p.Status != http.StatusOK || p.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(p.Header.Get("Cache-Control"), "immutable") {
		t.Fatalf("the logo %s: %v %v", logo, p, err)
	}
	c.Open(logo)
	if !c.forgive("script") {
		t.Error("the script in the logo was not refused")
	}
}

// page returns the page in front of the person as it stands, head and foot included.
func (c *Chrome) page() *Page {
	c.t.Helper()
	var body string
	c.read("reading the page", chromedp.Evaluate(`document.documentElement.outerHTML`, &body))
	u, err := url.Parse(c.Location())
	if err != nil {
		c.t.Fatal(err)
	}
	p, err := newPage(u, &http.Response{StatusCode: http.StatusOK}, []byte(body))
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}
