package config

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"unicode/utf8"
)

// maxBrandFile bounds what every page makes a browser fetch once, in bytes.
const maxBrandFile = 64 << 10

// readBrand reads the operator's own files. Either may be missing, not both: a
// folder without any is the wrong one, or not mounted yet.
func (c *Config) readBrand() error {
	// What a link in it leads to outside stays there: these files are shown to
	// everybody, and others than the server's engineer may write them.
	root, err := os.OpenRoot(c.BrandDir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range []struct {
		name  string
		into  *[]byte
		check func([]byte) error
	}{{"logo.svg", &c.BrandLogo, checkLogo}, {"theme.css", &c.BrandTheme, checkTheme}} {
		path := filepath.Join(c.BrandDir, f.name)
		content, err := readSmall(root, f.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = f.check(content)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		*f.into = content
	}
	if c.BrandLogo == nil && c.BrandTheme == nil {
		return fmt.Errorf("%s holds neither logo.svg nor theme.css", c.BrandDir)
	}
	return nil
}

func readSmall(root *os.Root, name string) ([]byte, error) {
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, errors.Unwrap(err) // the path is said once
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxBrandFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxBrandFile:
		return nil, fmt.Errorf("is over %d KiB", maxBrandFile>>10)
	case len(content) == 0:
		return nil, errors.New("is empty")
	case !utf8.Valid(content):
		return nil, errors.New("is not text in UTF-8")
	}
	return content, nil
}

// checkLogo refuses what no browser would show: another kind of picture, or a
// drawing cut short.
func checkLogo(content []byte) error {
	d := xml.NewDecoder(bytes.NewReader(content))
	d.Strict = false // drawing programs declare entities of their own
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	root := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && root == "svg" {
			return nil
		}
		if err != nil {
			return errors.New("is not a whole SVG drawing")
		}
		if start, ok := token.(xml.StartElement); ok && root == "" {
			if root = start.Name.Local; root != "svg" {
				return errors.New("is not an SVG drawing")
			}
		}
	}
}

// fetches are the ways a style sheet asks for another file.
var fetches = regexp.MustCompile(`(?i)@import\b|\burl\(`)

// checkTheme refuses what the pages' policy would block in every browser: they
// show nothing from elsewhere, and the folder serves no other file.
func checkTheme(content []byte) error {
	if m := fetches.Find(content); m != nil {
		return fmt.Errorf("holds %q: a style sheet that asks for other files; pages show none", m)
	}
	return nil
}
