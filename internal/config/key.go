package config

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
)

// writeKey makes a key file that appears whole or not at all, and never
// replaces another process's: a link fails where a rename would overwrite.
func writeKey(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".master-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, masterKeySize)
	rand.Read(key)
	if _, err := f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n"); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
