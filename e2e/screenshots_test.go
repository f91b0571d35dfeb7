//go:build screenshots

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestScreenshots takes the pictures of the README from the real pages, in the folder PORTIQUE_TEST_SCREENSHOTS names. It stands behind
// a build tag because it is a tool rather than a test: make screenshots.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("PORTIQUE_TEST_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	app := Start(t, "sqlite", "PORTIQUE_PORTAL_NAME=Web Services Entreprises")
	members := app.Import(t, 1000)
	tool := app.NewTool(t, "formation", "Demandes de formation")
	app.NewTool(t, "contributions", "Déclaration des contributions", "--audience", "contributions")
	app.NewTool(t, "apprentissage", "Contrats d'apprentissage")
	for i, language := range []string{"fr", "en"} {
		c := app.Chrome(t, Speaking(language))
		taken := map[string]bool{}
		walk(t, app, c, members[i], tool, Person{"Marie", "Kerouanton", fmt.Sprintf("marie.%s@boutique.example", language)}, func(page string) {
			if taken[page] {
				return
			}
			taken[page] = true
			for _, width := range []int64{360, 1280} {
				c.Screenshot(filepath.Join(folder, fmt.Sprintf("%s.%s.%d.png", page, language, width)), width)
			}
		})
	}
}
