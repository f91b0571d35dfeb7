package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// brandDir is a folder that holds one file.
func brandDir(t *testing.T, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

const drawing = `<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x" [<!ENTITY ns "http://www.w3.org/2000/svg">]>
<svg xmlns="&ns;" viewBox="0 0 9 9"><!-- ours --><style>path{fill:red}</style><path d="M0 0h9v9z"/></svg>
`

// What the operator's folder may hold: a file as it is, or a refusal that names the variable and the file.
func TestBrandFiles(t *testing.T) {
	for what, f := range map[string]struct{ name, content, refused string }{
		"a drawing":                    {"logo.svg", drawing, ""},
		"a drawing that would run":     {"logo.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, ""}, // its policy keeps it from it
		"a style sheet":                {"theme.css", ":root { --radius: 0 }\n", ""},
		"a style sheet as large as is": {"theme.css", strings.Repeat("/", maxBrandFile), ""},
		"one byte more":                {"theme.css", strings.Repeat("/", maxBrandFile+1), "over 64 KiB"},
		"a drawing too large":          {"logo.svg", "<svg>" + strings.Repeat(" ", maxBrandFile) + "</svg>", "over 64 KiB"},
		"nothing":                      {"logo.svg", "", "empty"},
		"another picture":              {"logo.svg", "\x89PNG\r\n\x1a\n", "UTF-8"},
		"a page":                       {"logo.svg", "<html><svg/></html>", "not an SVG"},
		"words":                        {"logo.svg", "un logo", "not a whole SVG"},
		"a drawing cut short":          {"logo.svg", drawing[:len(drawing)-20], "not a whole SVG"},
		"another style sheet asked":    {"theme.css", "@import 'https://fonts.example/a.css';", "other files"},
		"a font asked":                 {"theme.css", "@font-face { src: URL(a.woff2) }", "other files"},
		"neither file":                 {"letter.txt", "Madame, Monsieur,", "neither"},
		"a letter":                     {"letter/reset.fr.txt", "Subject: Un autre mot de passe\n", ""},
		"a letter of nothing":          {"letter/reset.fr.txt", "", "letter/reset.fr.txt: is empty"},
		"a letter too long":            {"letter/reset.fr.txt", strings.Repeat("x", maxBrandFile+1), "letter/reset.fr.txt: is over 64 KiB"},
		"a letter of another alphabet": {"letter/reset.fr.txt", "Subject: \xe9t\xe9", "UTF-8"},
		"a letter with a mark":         {"letter/reset.fr.txt", "Subject: x\n\n\x01Ici\x01https://a.example", "control character"},
		"a hidden file":                {"letter/.keep", "x", "neither"},
	} {
		dir := brandDir(t, f.name, f.content)
		c, err := load(t, "PORTIQUE_BRAND_DIR="+dir)
		switch {
		case f.refused != "":
			if err == nil || !strings.HasPrefix(err.Error(), "PORTIQUE_BRAND_DIR: "+dir) || !strings.Contains(err.Error(), f.refused) || strings.Count(err.Error(), dir) != 1 {
				t.Errorf("%s: %v", what, err)
			}
		case err != nil:
			t.Errorf("%s: %v", what, err)
		case string(c.BrandLogo)+string(c.BrandTheme)+c.BrandLetters[filepath.Base(f.name)] != f.content || len(c.NoEffect) > 0:
			t.Errorf("%s: read as %d and %d bytes, without effect %v", what, len(c.BrandLogo), len(c.BrandTheme), c.NoEffect)
		}
	}
	dir := brandDir(t, "logo.svg", drawing)
	if err := os.Mkdir(filepath.Join(dir, "theme.css"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, "PORTIQUE_BRAND_DIR="+dir); err == nil || !strings.Contains(err.Error(), "theme.css: is not a file") {
		t.Errorf("a folder for a style sheet: %v", err)
	}
	// A link within the folder is followed, as mounted volumes have them; one that leads out is not.
	dir = brandDir(t, "now.css", ":root {}")
	if err := os.Symlink("now.css", filepath.Join(dir, "theme.css")); err != nil {
		t.Fatal(err)
	}
	if c, err := load(t, "PORTIQUE_BRAND_DIR="+dir); err != nil || string(c.BrandTheme) != ":root {}" {
		t.Errorf("a link within: %v", err)
	}
	outside := filepath.Join(brandDir(t, "master.key", "a secret"), "master.key")
	if err := os.Symlink(outside, filepath.Join(dir, "logo.svg")); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, "PORTIQUE_BRAND_DIR="+dir); err == nil || !strings.Contains(err.Error(), "logo.svg") {
		t.Errorf("a link that leads out: %v", err)
	}

	// The same for letters, and for their folder.
	for name, link := range map[string][2]string{"a letter": {outside, "letter/reset.fr.txt"}, "their folder": {filepath.Dir(outside), "letter"}} {
		dir = brandDir(t, "logo.svg", drawing)
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, link[1])), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(link[0], filepath.Join(dir, link[1])); err != nil {
			t.Fatal(err)
		}
		if c, err := load(t, "PORTIQUE_BRAND_DIR="+dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, link[1])+": ") {
			t.Errorf("%s, a link that leads out: %v, %v", name, err, c)
		}
	}
	dir = brandDir(t, "letter/old/reset.fr.txt", "Subject: x")
	if _, err := load(t, "PORTIQUE_BRAND_DIR="+dir); err == nil || !strings.Contains(err.Error(), "old: is not a file") {
		t.Errorf("a folder among the letters: %v", err)
	}
}
