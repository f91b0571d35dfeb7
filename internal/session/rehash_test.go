package session_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"golang.org/x/text/unicode/norm"

	"portique"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// oldHashes are hashes of password that came from elsewhere or from an older version, made once.
var oldHashes = sync.OnceValue(func() map[string]string {
	made := map[string]string{}
	add := func(name string, h algorithm.Hash, err error) {
		if err != nil {
			panic(err)
		}
		d, err := h.Hash(password)
		if err != nil {
			panic(err)
		}
		made[name] = d.Encode()
	}
	b, err := bcrypt.New(bcrypt.WithVariant(bcrypt.VariantStandard), bcrypt.WithIterations(10))
	add("bcrypt", b, err)
	p, err := pbkdf2.New(pbkdf2.WithIterations(100_000))
	add("pbkdf2", p, err)
	s, err := scrypt.New(scrypt.WithLN(12))
	add("scrypt", s, err)
	a, err := argon2.New(argon2.WithVariantID(), argon2.WithM(8*1024), argon2.WithT(2), argon2.WithP(1))
	add("argon2id with 8 MiB", a, err)
	return made
})

func (w *world) setHash(hash string) {
	storetest.Write(w.t, w.db, func(tx *store.Tx) error { return tx.SetPassword(w.jeanne.ID, hash) })
}

func (w *world) hash() (hash string) {
	w.t.Helper()
	err := w.db.View(w.t.Context(), func(tx *store.Tx) error {
		a, err := tx.AccountByEmail(email)
		if err == nil {
			hash = a.PasswordHash
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return hash
}

// PWD-19: a sign-in with the right password makes a hash again with today's parameters; nothing else does.
func TestHashesAreMadeAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.in()
		if w.hash() != known(t) {
			t.Error("a hash with today's parameters was replaced")
		}
		for name, old := range oldHashes() {
			w.setHash(old)
			if _, err := w.signIn(func(f *session.SignInForm) { f.Password = otherPassword }); !errors.Is(err, portique.ErrSignIn) || w.hash() != old {
				t.Errorf("%s, a wrong password: %v, hash %.20s", name, err, w.hash())
			}
			storetest.Write(t, w.db, func(tx *store.Tx) error { return tx.SetAccountStatus(w.jeanne.ID, portique.AccountDisabled) })
			if _, err := w.signIn(); !errors.Is(err, portique.ErrSignIn) || w.hash() != old {
				t.Errorf("%s, a disabled account: %v, hash %.20s", name, err, w.hash())
			}
			storetest.Write(t, w.db, func(tx *store.Tx) error { return tx.SetAccountStatus(w.jeanne.ID, portique.AccountActive) })
			w.in()
			fresh := w.hash()
			if !strings.HasPrefix(fresh, "$argon2id$v=19$m=19456,t=2,p=1$") {
				t.Errorf("%s: the hash is still %.30s", name, fresh)
			}
			w.in()
			if w.hash() != fresh {
				t.Errorf("%s: made again twice", name)
			}
		}
	})
}

// PWD-19: several who sign in at once with a stale hash all come in, and the hash that is left is of their password.
func TestHashIsMadeAgainTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.setHash(oldHashes()["argon2id with 8 MiB"])
		errs := make([]error, 6)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { _, errs[i] = w.signIn() })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if ok, err := hasher().Verify(t.Context(), w.hash(), password); !ok || err != nil {
			t.Errorf("the hash left: %v, %v", ok, err)
		}
	})
}

// PWD-03: the longest password, its letters typed apart, is verified whole.
func TestLongestPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		long := strings.Repeat("각", 255)
		hash, err := hasher().Hash(t.Context(), long+"!")
		if err != nil {
			t.Fatal(err)
		}
		w.setHash(hash)
		w.in(func(f *session.SignInForm) { f.Password = norm.NFD.String(long + "!") })
		if _, err := w.signIn(func(f *session.SignInForm) { f.Password = norm.NFD.String(long + "?") }); !errors.Is(err, portique.ErrSignIn) {
			t.Errorf("another end: %v", err)
		}
	})
}
