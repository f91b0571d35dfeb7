package demo

import (
	"path/filepath"
	"testing"

	"portique/internal/config"
	"portique/internal/secret"
	"portique/internal/server"
	"portique/internal/store"
)

// A folder that is used again: the same company and people, and no password that somebody has changed since.
func TestFolderUsedAgain(t *testing.T) {
	dir := t.TempDir()
	c, err := config.Load([]string{"PORTIQUE_DATABASE_URL=sqlite:" + filepath.Join(dir, "portique.db"), "PORTIQUE_SMTP_URL=smtp://127.0.0.1:1?tls=none"})
	if err != nil {
		t.Fatal(err)
	}
	app, err := server.OpenApp(t.Context(), c, server.Serve)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	s, err := readSeed(dir, 8080)
	if err != nil {
		t.Fatal(err)
	}
	var first, again, changed Ready
	for _, r := range []*Ready{&first, &again} {
		if err := furnish(t.Context(), app, s, dir, r); err != nil {
			t.Fatal(err)
		}
	}
	if first.Taken.Password == "" || again.Taken != first.Taken || again.Free != first.Free {
		t.Errorf("first %+v, then %+v", first, again)
	}
	hasher, err := secret.NewHasher(1)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), "Un autre mot de passe 7")
	if err != nil {
		t.Fatal(err)
	}
	err = app.DB.Tx(t.Context(), func(tx *store.Tx) error {
		a, err := tx.AccountByEmail(first.Taken.Email)
		if err != nil {
			return err
		}
		return tx.SetPassword(a.ID, hash)
	})
	if err == nil {
		err = furnish(t.Context(), app, s, dir, &changed)
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := first.Taken; changed.Taken.Password != "" || changed.Taken.Email != want.Email || changed.Free != first.Free {
		t.Errorf("after a change: %+v", changed)
	}
}
