//go:build screenshots

package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// TestScreenshots takes the pictures of the README from the real pages, in the folder PORTIQUE_TEST_SCREENSHOTS names. It stands
// behind a build tag because it is a tool rather than a test: scripts/screenshots runs it.
//
// The main pages are taken in French at the width of a desk and of a phone, and the welcome and users pages in English; with
// PORTIQUE_TEST_SCREENSHOTS_ALL set, all of them in both languages.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("PORTIQUE_TEST_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	everything := os.Getenv("PORTIQUE_TEST_SCREENSHOTS_ALL") != ""
	// Not in test mode: its banner would be on every picture.
	app := Start(t, "sqlite", "PORTIQUE_TEST_MODE=off", "PORTIQUE_TEST_CLOCK_FILE=", "PORTIQUE_SUPPORT_PHONE=01 99 00 12 34")
	members := app.Import(t, 1000)
	tool := app.NewTool(t, "formation", "Dossiers de formation",
		"--description", "Demander la prise en charge d’une formation et suivre chaque dossier.")
	app.NewTool(t, "contributions", "Déclaration des contributions", "--audience", "contributions",
		"--description", "Déclarer et suivre les contributions formation de l’entreprise.")
	app.NewTool(t, "factures", "Suivi des factures", "--description", "Voir où en est le règlement de chaque facture.")

	for i, language := range []string{"fr", "en"} {
		hers, his := members[2*i], members[2*i+1] // two companies for each language
		domain := []string{"boutique.example", "shop.example"}[i]
		marie := Person{"Marie", "Kerouanton", "marie.kerouanton@" + domain}
		paul := Person{"Paul", "Besson", "paul.besson@" + domain}
		app.Create(t, marie, "--language", language)
		app.Run(t, "", "membership", "grant", "--email", marie.Email, "--siren", hers.SIREN, "--role", "administrator", "--reason", "Images")
		for _, p := range []Person{{"Lucie", "Haddad", "lucie.haddad@" + domain}, {"Hugo", "Martin", "hugo.martin@" + domain}} {
			app.Create(t, p, "--language", language)
			app.Run(t, "", "membership", "grant", "--email", p.Email, "--siren", hers.SIREN, "--role", "member", "--tool", "formation", "--reason", "Images")
		}
		take := func(c *Chrome, page string) {
			c.At(page)
			if language != "fr" && page != "welcome" && page != "users" && !everything {
				return
			}
			for _, width := range []int64{360, 1280} {
				path := filepath.Join(folder, page+"."+language+"."+strconv.FormatInt(width, 10)+".png")
				c.Screenshot(path, width)
				lighten(t, path)
			}
		}

		c := app.Chrome(t, Speaking(language))
		c.Open("/")
		take(c, "welcome")
		c.Take("/register")
		c.Fill("email", paul.Email)
		c.Fill("email_confirmation", paul.Email)
		c.Fill("password", Password)
		c.Fill("password_confirmation", Password)
		c.Fill("first_name", paul.First)
		c.Fill("last_name", paul.Last)
		take(c, "register")
		c.Submit("/register")
		take(c, "register-sent")
		c.Open(app.Mail.Wait(t, paul.Email, "").Link(t, "/validate"))
		c.At("validate")
		c.Submit("/validate")
		c.At("validated")
		c.Take("/session/start")
		take(c, "login")
		c.Fill("email", paul.Email)
		c.Fill("password", Password)
		c.Submit("/login")

		// Paul asks for Marie's company, then attaches one that nobody has.
		attach := func(m Member) {
			c.At("companies-add")
			c.Fill("siren", m.SIREN)
			c.Fill("member_code", m.Code)
			c.Submit("/companies/add")
		}
		attach(hers)
		c.Sees(hers.Name)
		app.Mail.Wait(t, marie.Email, paul.Last)
		c.Open("/companies/add")
		take(c, "companies-add")
		attach(his)
		take(c, "activated")

		desk := app.Chrome(t, Speaking(language))
		desk.Open("/session/start")
		desk.At("login")
		desk.Fill("email", marie.Email)
		desk.Fill("password", Password)
		desk.Submit("/login")
		desk.At("tools")
		desk.Open("/companies/" + hers.SIREN + "/users")
		take(desk, "users")

		// Marie lets him in for one tool only.
		app.SignIn(t, marie).Decide(app.Pending(t, hers.SIREN, paul), "accept", Fields{"role": {"member"}, "tool": {"formation"}})
		c.Open("/tools")
		take(c, "tools")
		c.Open(tool.URL)
		take(c, "choose-company")
	}
}

// lighten writes a picture again with the 256 colours that it uses most, which is all that a page of text needs: a third of the
// weight. The README stays quick to open.
func lighten(t *testing.T, path string) {
	t.Helper()
	const most = 150 << 10 // bytes
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	full, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[color.RGBA]int{}
	area := full.Bounds()
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	colours := make([]color.RGBA, 0, len(counts))
	for c := range counts {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int { return counts[b] - counts[a] })
	palette := color.Palette{}
	for _, c := range colours[:min(len(colours), 256)] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	for _, c := range colours {
		index[c] = uint8(palette.Index(c))
	}
	light := image.NewPaletted(area, palette)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			light.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, light); err != nil {
		t.Fatal(err)
	}
	if out.Len() > most {
		t.Errorf("%s weighs %d bytes, more than %d", path, out.Len(), most)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
