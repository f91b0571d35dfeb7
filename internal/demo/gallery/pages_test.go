package gallery

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"portique/internal/i18n"
	"portique/internal/web/template"
)

var brand = template.Brand{
	OperatorName: "l'Opcommerce", PortalName: "Web Services Entreprises", SupportEmail: "assistance@operateur.example",
	SupportPhone: "01 99 00 12 34", LegalURL: "https://operateur.example/mentions", AccessibilityURL: "https://operateur.example/accessibilite",
}

// TestPages renders every page in both languages.
func TestPages(t *testing.T) {
	catalog, err := i18n.New(time.FixedZone("Paris", 3600))
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"fr", "en"} {
		for _, s := range States(catalog.Printer(lang), brand) {
			t.Run(lang+"/"+s.Name, func(t *testing.T) {
				var b bytes.Buffer
				if err := s.Page.Render(context.Background(), &b); err != nil {
					t.Fatal(err)
				}
				check(t, lang, s, b.String())
			})
		}
	}
}

// key looks like the name of a message that was not found.
var key = regexp.MustCompile(`\b(common|auth|portal|error|tool|guide|signup|access|membership|login)\.[a-z_]+(\.[a-z_0-9]+)*\b`)

func check(t *testing.T, lang string, s State, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	ids := map[string]bool{}
	labelled := map[string]bool{}
	var fields []*html.Node
	var text strings.Builder
	var walk func(n *html.Node, inForm bool)
	walk = func(n *html.Node, inForm bool) {
		if n.Type == html.TextNode && n.Parent.Data != "script" {
			text.WriteString(n.Data + " ")
		}
		if n.Type == html.ElementNode {
			count[n.Data]++
			if id := attr(n, "id"); id != "" {
				if ids[id] {
					t.Errorf("id %q twice", id)
				}
				ids[id] = true
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(a.Val, "javascript:") {
					t.Errorf("%s carries %s=%q", n.Data, a.Key, a.Val)
				}
				text.WriteString(visible(a) + " ")
			}
			switch n.Data {
			case "html":
				if attr(n, "lang") != lang {
					t.Errorf("lang %q", attr(n, "lang"))
				}
			case "main":
				if attr(n, "data-page") != s.DataPage {
					t.Errorf("data-page %q, want %q", attr(n, "data-page"), s.DataPage)
				}
			case "form":
				if inForm {
					t.Error("a form in a form")
				}
				inForm = true
				if attr(n, "method") != "post" && attr(n, "role") != "search" || attr(n, "action") == "" {
					t.Errorf("form method %q action %q", attr(n, "method"), attr(n, "action"))
				}
			case "label":
				labelled[attr(n, "for")] = true
			case "input", "select", "textarea":
				if attr(n, "type") != "hidden" {
					fields = append(fields, n)
				}
				if attr(n, "type") == "password" && attr(n, "value") != "" {
					t.Error("a password is given back")
				}
			case "script":
				if attr(n, "src") == "" {
					t.Error("a script in the page")
				}
			case "style":
				t.Error("a style in the page")
			case "a":
				if href := attr(n, "href"); href == "" || strings.Contains(href, "about:") {
					t.Errorf("link to %q", href)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, inForm)
		}
	}
	walk(root, false)
	for _, tag := range []string{"h1", "main", "title"} {
		if count[tag] != 1 {
			t.Errorf("%d %s", count[tag], tag)
		}
	}
	for _, f := range fields {
		if !labelled[attr(f, "id")] || attr(f, "id") == "" {
			t.Errorf("field %q has no label", attr(f, "name"))
		}
		for _, id := range strings.Fields(attr(f, "aria-describedby")) {
			if !ids[id] {
				t.Errorf("field %q is described by %q, which is not there", attr(f, "name"), id)
			}
		}
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("a link to #%s, which is not there", m[1])
		}
	}
	if m := key.FindString(text.String()); m != "" {
		t.Errorf("a message is missing: %s", m)
	}
	if strings.Contains(text.String(), "<no value>") || strings.Contains(text.String(), "{{") {
		t.Error("an argument is missing")
	}
	if !strings.Contains(page, `action="/language"`) {
		t.Error("no language switch")
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// visible gives the attributes that people may read or hear.
func visible(a html.Attribute) string {
	switch a.Key {
	case "aria-label", "alt", "title", "placeholder", "data-label", "data-show", "data-hide", "data-met", "data-typo", "data-stayed":
		return a.Val
	}
	return ""
}

func TestGuideSentencesAreOnThePages(t *testing.T) {
	catalog, err := i18n.New(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"welcome":               {"Vous avez déjà un identifiant à l'Opcommerce ?", "Se connecter aux Web Services", "Créer un compte"},
		"login":                 {"Email", "Mot de passe", "Se connecter", "Mot de passe oublié", "Créer un compte", "Pour ouvrir Demandes de formation"},
		"register":              {"Confirmer votre Email", "Confirmer le mot de passe", "Prénom", "Nom", "Je suis expert comptable et/ou je souhaite uniquement déclarer mes contributions formation", "Créer le compte", `Votre mot de passe doit contenir minimum 8 caractères : majuscules, minuscules, chiffres et caractères spéciaux (!@#$%^&*()_[]:;<>?~|}\,/-)`, "Étape 1 sur 4\u00a0: votre compte"},
		"register-sent":         {"Validation de compte", "Un message de validation a été envoyé sur votre email : claire.martin@atelier-duparc.example", "Veuillez cliquer sur le lien d'activation contenu dans ce mail pour vous connecter à votre espace Web Services Entreprises.", "Renvoyer à nouveau l'email", "Retour à la connexion"},
		"validate":              {"Valider la création de mon compte", "Ce n'est pas moi"},
		"validate-used":         {"déjà validé"},
		"validated":             {"Félicitations, votre compte a bien été validé.", "Vous pouvez maintenant vous connecter à votre espace Web Services Entreprises :", "Se connecter"},
		"no-access":             {"Retour à l'outil"},
		"companies-add":         {"Ajouter une entreprise", "SIREN", "Code adhérent", "Ajouter cette entreprise"},
		"activated":             {"Votre compte est activé. Vous allez être redirigé.", "Vous pouvez accéder au portail !", "Accéder au portail", "Rester sur cette page"},
		"companies-add-pending": {"Une demande d'accès a été envoyée à l'administrateur de cette entreprise.", "Une demande d'accès a été envoyée aux administrateurs de cette entreprise.", "Relancer ma demande"},
		"users":                 {"Gérer les utilisateurs", "Liste des outils de l'Opcommerce", "Ajouter une entreprise"},
		"tools":                 {"Liste des outils de l'Opcommerce"},
	}
	for _, s := range States(catalog.Printer("fr"), brand) {
		sentences, ok := want[s.Name]
		if !ok {
			continue
		}
		delete(want, s.Name)
		var b bytes.Buffer
		if err := s.Page.Render(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		read := words(t, b.String())
		for _, sentence := range sentences {
			if !strings.Contains(read, sentence) {
				t.Errorf("%s does not say %q", s.Name, sentence)
			}
		}
	}
	for name := range want {
		t.Errorf("no sample %q", name)
	}
}

// Who reads English reads no French but the names of people and companies.
func TestPagesInEnglish(t *testing.T) {
	catalog, err := i18n.New(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range States(catalog.Printer("en"), brand) {
		var b bytes.Buffer
		if err := s.Page.Render(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		read := words(t, b.String())
		for _, french := range []string{" formation", "apprentissage", " contrats ", "Déclarez", " votre ", " vous "} {
			if strings.Contains(read, french) {
				t.Errorf("%s says %q", s.Name, french)
			}
		}
	}
}

func words(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }), " ")
}

func BenchmarkPages(b *testing.B) {
	catalog, err := i18n.New(time.UTC)
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range States(catalog.Printer("fr"), brand) {
		if s.Name != "login" && s.Name != "tools" {
			continue
		}
		b.Run(s.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Page.Render(context.Background(), io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
