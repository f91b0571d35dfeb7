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
	"strings"
	"unicode/utf8"
)

// maxBrandFile bounds what every page makes a browser fetch once, in bytes.
const maxBrandFile = 64 << 10

// letterFolder holds the operator's own letters.
const letterFolder = "letter"

// readBrand reads the operator's own files. Any may be missing, not all: a
// folder without one is the wrong one, or not mounted yet.
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
	if err := c.readLetters(root); err != nil {
		return err
	}
	if c.BrandLogo == nil && c.BrandTheme == nil && len(c.BrandLetters) == 0 {
		return fmt.Errorf("%s holds neither logo.svg nor theme.css nor letters", c.BrandDir)
	}
	return nil
}

// readLetters reads every letter there is. Which of them can be written, the
// package of letters says.
func (c *Config) readLetters(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), letterFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.BrandLetter(""), cause(err))
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // an editor's, or how a volume is mounted
		}
		content, err := readSmall(root, letterFolder+"/"+e.Name())
		if err == nil {
			err = checkLetter(content)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.BrandLetter(e.Name()), err)
		}
		if c.BrandLetters == nil {
			c.BrandLetters = map[string]string{}
		}
		c.BrandLetters[e.Name()] = string(content)
	}
	return nil
}

// BrandLetter is the path of one of the operator's own letters.
func (c *Config) BrandLetter(name string) string {
	return filepath.Join(c.BrandDir, letterFolder, name)
}

// checkLetter refuses control characters: letters use them for marks of their own.
func checkLetter(content []byte) error {
	for _, b := range content {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' {
			return errors.New("holds a control character")
		}
	}
	return nil
}

// cause is an error without the path, which is said once.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func readSmall(root *os.Root, name string) ([]byte, error) {
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, cause(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, cause(err)
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
