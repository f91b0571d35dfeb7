//go:build screenshots

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
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
		"--description", "Demander la prise en charge d’une formation et suivre chaque dossier.",
		"--name-en", "Training requests", "--description-en", "Ask for the funding of a training course and follow each request.")
	app.NewTool(t, "contributions", "Déclaration des contributions", "--audience", "contributions",
		"--description", "Déclarer et suivre les contributions formation de l’entreprise.",
		"--name-en", "Contribution returns", "--description-en", "Declare and follow the company’s training contributions.")
	app.NewTool(t, "factures", "Suivi des factures", "--description", "Voir où en est le règlement de chaque facture.",
		"--name-en", "Invoice tracking", "--description-en", "See how far the payment of each invoice has got.")

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
		c.press(`//main//summary[h2[@id="add"]]`)
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

// TestGuidePictures takes the pictures of docs/guide from the real pages, in both languages, in the folder PORTIQUE_TEST_GUIDE_PICTURES
// names. Each shows what a step of the guide speaks of and little else, at a width that a page of text has room for.
func TestGuidePictures(t *testing.T) {
	folder := os.Getenv("PORTIQUE_TEST_GUIDE_PICTURES")
	if folder == "" {
		folder = t.TempDir()
	}
	settings := []string{"PORTIQUE_TEST_MODE=off", "PORTIQUE_TEST_CLOCK_FILE=", "PORTIQUE_SUPPORT_PHONE=01 99 00 12 34"}
	app := Start(t, "sqlite", settings...)
	members := app.Import(t, 6)
	careful := Start(t, "sqlite", append(settings, "PORTIQUE_CLAIM_POLICY=code+contact")...)
	careful.Import(t, 6)
	tool := app.NewTool(t, "formation", "Dossiers de formation",
		"--description", "Demander la prise en charge d’une formation et suivre chaque dossier.",
		"--name-en", "Training requests", "--description-en", "Ask for the funding of a training course and follow each request.")
	app.NewTool(t, "contributions", "Déclaration des contributions", "--audience", "contributions",
		"--description", "Déclarer et suivre les contributions formation de l’entreprise.",
		"--name-en", "Contribution returns", "--description-en", "Declare and follow the company’s training contributions.")
	app.NewTool(t, "factures", "Suivi des factures", "--description", "Voir où en est le règlement de chaque facture.",
		"--name-en", "Invoice tracking", "--description-en", "See how far the payment of each invoice has got.")

	for i, language := range []string{"fr", "en"} {
		hers, his := members[2*i], members[2*i+1] // two companies for each language
		domain := []string{"boutique.example", "shop.example"}[i]
		marie := Person{"Marie", "Kerouanton", "marie.kerouanton@" + domain}
		lucie := Person{"Lucie", "Haddad", "lucie.haddad@" + domain}
		paul := Person{"Paul", "Besson", "paul.besson@" + domain}
		for _, p := range []Person{marie, lucie} {
			app.Create(t, p, "--language", language)
		}
		app.Run(t, "", "membership", "grant", "--email", marie.Email, "--siren", hers.SIREN, "--role", "administrator", "--reason", "Images")
		app.Run(t, "", "membership", "grant", "--email", lucie.Email, "--siren", hers.SIREN, "--role", "member", "--tool", "formation", "--reason", "Images")

		take := func(c *Chrome, name, part string) {
			t.Helper()
			path := filepath.Join(folder, name+"."+language+".png")
			c.Part(path, 800, part)
			lighten(t, path)
		}
		unfold := func(c *Chrome, part string) {
			t.Helper()
			c.press("(//main" + part + "//details/summary)[1]")
		}
		signIn := func(c *Chrome, p Person) {
			t.Helper()
			c.At("login")
			c.Fill("email", p.Email)
			c.Fill("password", Password)
			c.Submit("/login")
		}
		attach := func(c *Chrome, m Member) {
			t.Helper()
			c.At("companies-add")
			c.Fill("siren", m.SIREN)
			c.Fill("member_code", m.Code)
		}

		// An account.
		c := app.Chrome(t, Speaking(language))
		c.Open("/")
		c.At("welcome")
		take(c, "welcome", ".doors")
		c.Take("/register")
		c.At("register")
		c.Fill("email", paul.Email)
		c.Fill("email_confirmation", paul.Email)
		c.Fill("password", Password)
		c.Fill("password_confirmation", Password)
		c.Fill("first_name", paul.First)
		c.Fill("last_name", paul.Last)
		take(c, "register", ".sheet")
		c.Submit("/register")
		c.At("register-sent")
		take(c, "register-sent", ".sheet")
		c.Open(app.Mail.Wait(t, paul.Email, "").Link(t, "/validate"))
		c.At("validate")
		take(c, "validate", ".sheet")
		c.Submit("/validate")
		c.At("validated")
		c.Take("/session/start")
		c.At("login")
		take(c, "login", ".sheet")
		signIn(c, paul)

		// A company that has an administrator, and the answer there.
		attach(c, hers)
		unfold(c, "")
		take(c, "add", "section.sheet")
		c.Submit("/companies/add")
		c.Sees(hers.Name)
		app.Mail.Wait(t, marie.Email, paul.Last)
		desk := app.Chrome(t, Speaking(language))
		desk.Open("/session/start")
		signIn(desk, marie)
		desk.At("tools")
		users := "/companies/" + hers.SIREN + "/users"
		desk.Open(users)
		desk.At("users")
		take(desk, "users", "")
		unfold(desk, "//article")
		// A Chromium without language packs writes dates the American way, which no reader of the guide will see.
		desk.run("a date as France and Britain write it", chromedp.Evaluate(fmt.Sprintf(
			`Object.assign(document.querySelector("main [name=until]"), {type: "text", value: %q}); true`, time.Now().AddDate(0, 3, 0).Format("02/01/2006")), nil))
		take(desk, "accept", "article.request")
		desk.Open(users)
		desk.At("users")
		desk.press(`(//main//article/details/summary)[1]`)
		desk.run("a reason", chromedp.SendKeys(`main [name="reason"]`, []string{
			"Nous ne vous connaissons pas dans l’entreprise. Appelez le magasin avant de refaire une demande.",
			"We do not know you in the company. Please call the shop before you ask again.",
		}[i], chromedp.ByQuery))
		take(desk, "refuse", "article.request")
		desk.Open(users)
		desk.At("users")
		desk.press(`(//main//tbody//details/summary)[1]`)
		take(desk, "role", "tbody:has(details[open])")
		desk.Take("/remove")
		desk.Sees(lucie.First)
		desk.At("users")
		take(desk, "remove", ".sheet")
		c.Open("/companies/add")
		c.At("companies-add")
		take(c, "request", "article.request")

		// Marie lets him in for one tool only; then a company that nobody has.
		app.SignIn(t, marie).Decide(app.Pending(t, hers.SIREN, paul), "accept", Fields{"role": {"member"}, "tool": {"formation"}})
		c.Open("/companies/add")
		attach(c, his)
		c.Submit("/companies/add")
		c.At("activated")
		take(c, "activated", ".sheet")
		c.Open("/tools")
		c.At("tools")
		take(c, "tools", "")
		c.Open(tool.URL)
		c.At("choose-company")
		take(c, "choose-company", ".sheet")
		c.Open("/tools")
		c.At("tools")
		c.SignOut()
		c.At("signed-out")
		take(c, "signed-out", ".sheet")

		// An operator that asks for a second proof.
		careful.Create(t, paul, "--language", language)
		proof := careful.Chrome(t, Speaking(language))
		proof.Open("/session/start")
		signIn(proof, paul)
		attach(proof, his)
		proof.Submit("/companies/add")
		proof.At("claim")
		take(proof, "proof", ".sheet")
	}
}

// Part saves the first part of the page that a CSS selector finds as a PNG, with a little room around it, the page being laid out at a
// width in CSS pixels. Without a selector it is the page from its top to the end of its main part.
func (c *Chrome) Part(path string, width int64, selector string) {
	c.t.Helper()
	const room = 16
	where := fmt.Sprintf(`(() => {
		document.activeElement.blur() // a caret that blinks is in every other picture
		const r = document.querySelector(%q).getBoundingClientRect()
		return [r.left + scrollX, r.top + scrollY, r.width, r.height]
	})()`, strings.TrimSpace("main "+selector))
	var box [4]float64
	var picture []byte
	c.run("a picture", chromedp.EmulateViewport(width, 200), chromedp.Sleep(100*time.Millisecond), chromedp.Evaluate(where, &box),
		chromedp.ActionFunc(func(ctx context.Context) (err error) {
			left, top := max(0, box[0]-room), max(0, box[1]-room)
			clip := page.Viewport{X: left, Y: top, Width: min(float64(width), box[0]+box[2]+room) - left, Height: box[1] + box[3] + room - top, Scale: 1}
			if selector == "" {
				clip = page.Viewport{Width: float64(width), Height: box[1] + box[3], Scale: 1}
			}
			picture, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatPng).WithCaptureBeyondViewport(true).WithClip(&clip).Do(ctx)
			return err
		}))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		c.t.Fatal(err)
	}
	c.run("the usual width again", chromedp.EmulateViewport(1280, 900))
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
