package session

import (
	"errors"
	"testing"

	"portique"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// PWD-19: a password that was changed while the old one was being checked stays changed, and opens nothing: the sign-in
// checks again.
func TestNewPasswordWinsOverAHashMadeAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		jeanne := storetest.Account(t, db, "jeanne@martin.example", func(a *portique.Account) { a.PasswordHash = "chosen since" })
		in := &SignedIn{}
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return New(db, storetest.Keys(), nil, Options{}).enter(tx, portique.Actor{}, jeanne.ID, "checked", "made again", SignInForm{}, in)
		})
		if !errors.Is(err, errHashMoved) || in.Cookie != "" {
			t.Errorf("%v, %+v", err, in)
		}
		storetest.Write(t, db, func(tx *store.Tx) error {
			now, err := tx.LockAccount(jeanne.ID)
			if err == nil && now.PasswordHash != "chosen since" {
				t.Errorf("the hash is %s", now.PasswordHash)
			}
			return err
		})
	})
}
