package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The pages of a second proof, of a contest and of a wait in Chromium, in both languages, on a phone and on a desk. With
// PORTIQUE_TEST_SCREENSHOTS their pictures are left in that folder.
func TestProofPagesInChromium(t *testing.T) {
	t.Parallel()
	app := proofs(t, "sqlite")
	members := app.Import(t, 6)
	var c *Chrome
	// walk is one language, and the words by which an answer on the same page is told from the page before it.
	type walk struct {
		language                                            string
		axeAt                                               int64 // once at each width is enough
		wrong, over, later, watched, answered, contestedNow string
	}
	walks := []walk{
		{"fr", 360, "Ce n'est pas le bon code.", "Trop de codes faux", "Celui-ci partira le", "vérifie que c’est bien vous qui administrez", "Une réponse a déjà été donnée", "examine la situation"},
		{"en", 1280, "That is not the right code.", "Too many wrong codes", "This one will leave on", "checks that you really administer the company", "An answer has already been given", "will look into it"},
	}
	look := func(w walk, page, state string) {
		t.Helper()
		c.At(page)
		for _, width := range []int64{320, 1280} {
			if px := c.Overflow(width); px > 0 {
				t.Errorf("%s: the page %s (%s) is %d px wider than a screen of %d px", w.language, page, state, px, width)
			}
		}
		c.run("a width", chromedp.EmulateViewport(w.axeAt, 900))
		c.Accessible()
		c.run("the usual width again", chromedp.EmulateViewport(1280, 900))
		if folder := os.Getenv("PORTIQUE_TEST_SCREENSHOTS"); folder != "" {
			for _, width := range []int64{360, 1280} {
				c.Screenshot(filepath.Join(folder, strings.Join([]string{page, state, w.language, strconv.FormatInt(width, 10), "png"}, ".")), width)
			}
		}
	}
	signIn := func(p Person) {
		t.Helper()
		c.Open("/session/start")
		c.At("login")
		c.Fill("email", p.Email)
		c.Fill("password", Password)
		c.Submit("/login")
	}
	attach := func(m Member) {
		t.Helper()
		c.Open("/companies/add")
		c.At("companies-add")
		c.Fill("siren", m.SIREN)
		c.Fill("member_code", m.Code)
		c.Submit("/companies/add")
	}
	claimant := func(w walk) Person {
		return Person{"Claire", "Martin-Duval", "claire.martin-duval." + w.language + "@atelier-duparc.example"}
	}

	for i, w := range walks {
		proof, over, p := members[3*i], members[3*i+1], claimant(w)
		app.Create(t, p, "--language", w.language)
		c = app.Chrome(t, WithAxe, Speaking(w.language))

		// Too many wrong passwords.
		for range 5 {
			app.login(t, "198.51.100.1", p.Email, "Mauvais!Mouton9")
		}
		signIn(p)
		look(w, "throttled", "sign-in")
		app.Advance(t, time.Minute)
		signIn(p)
		c.At("companies-add")

		// A second proof that takes no code any more, and one that does.
		attach(over)
		c.At("claim")
		side := app.SignIn(t, p)
		side.Open("/companies/claim")
		for range 5 {
			side.Submit("/companies/claim", Fields{"code": {"00000000"}})
		}
		c.Open("/companies/claim")
		c.Sees(w.over)
		look(w, "claim", "over")
		c.Open("/companies/add")
		look(w, "companies-add", "claims")
		attach(proof)
		look(w, "claim", "open")
		c.Fill("code", "00000000")
		c.Submit("/companies/claim")
		c.Sees(w.wrong)
		look(w, "claim", "refused")
		c.Fill("code", app.codeFor(t, proof.ContactEmail, p))
		c.Submit("/companies/claim")
		c.At("activated")

		// A letter that leaves later.
		flooded := Person{p.First, p.Last, "flood." + p.Email}
		for range 3 {
			app.Browser(t).Register(flooded)
		}
		c.SignOut()
		c.At("signed-out")
		c.Open(app.Auth + "/register")
		for _, field := range []struct{ name, value string }{{"email", flooded.Email}, {"email_confirmation", flooded.Email},
			{"password", otherPassword}, {"password_confirmation", otherPassword}, {"first_name", p.First}, {"last_name", p.Last}} {
			c.Fill(field.name, field.value)
		}
		c.Submit("/register")
		c.Sees(w.later)
		look(w, "register-sent", "later")
	}

	// What the known contact sees when the member code was enough.
	app.env = append(app.env, "PORTIQUE_CLAIM_POLICY=code", "PORTIQUE_MEMBER_CODE_BITS=26")
	app.Restart(t)
	for i, w := range walks {
		one, p := members[3*i+2], claimant(w)
		c = app.Chrome(t, WithAxe, Speaking(w.language))
		signIn(p)
		c.At("tools")
		attach(one)
		c.At("activated")
		c.Open("/companies/" + one.SIREN + "/users")
		c.Sees(w.watched)
		look(w, "users", "watched")

		letter := app.Mail.Wait(t, one.ContactEmail, "administre maintenant")
		c = app.Chrome(t, WithAxe, Speaking(w.language))
		c.Open(letter.Link(t, "/contest/"))
		look(w, "contest", "open")
		c.Fill("code", "000000")
		c.Press(map[string]string{"fr": "Contester", "en": "Dispute"}[w.language])
		c.Sees(w.wrong)
		look(w, "contest", "refused")
		c.Fill("code", letter.Code)
		c.Press(map[string]string{"fr": "Contester", "en": "Dispute"}[w.language])
		c.Sees(w.contestedNow)
		look(w, "contest", "contested")
		c.Open(letter.Link(t, "/contest/"))
		c.Sees(w.answered)
		look(w, "contest", "answered")
	}
}
