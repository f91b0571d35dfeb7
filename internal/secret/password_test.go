package secret

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"

	"portique"
)

func TestHasher(t *testing.T) {
	h, err := NewHasher(2)
	if err != nil {
		t.Fatal(err)
	}
	const password = " Été 2026! "
	hash, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %s", hash)
	}
	verify := func(hash, password string) bool {
		t.Helper()
		ok, err := h.Verify(t.Context(), hash, password)
		if err != nil {
			t.Errorf("%.20q: %v", password, err)
		}
		return ok
	}
	for typed, right := range map[string]bool{
		password:                        true,
		" E\u0301te\u0301 2026! ":       true, // accents typed apart
		"Été 2026!":                     false,
		"été 2026! ":                    false,
		"":                              false,
		password + "x":                  false,
		password + "\x00":               false,
		strings.Repeat("Été 2026", 250): false,
	} {
		if verify(hash, typed) != right {
			t.Errorf("%.20q: right = %v", typed, !right)
		}
	}

	// The decoy looks like any other hash.
	if len(h.decoy) != len(hash) || h.decoy[:31] != hash[:31] || strings.Count(h.decoy, "$") != strings.Count(hash, "$") {
		t.Errorf("the decoy is %s, a hash %s", h.decoy, hash)
	}
	// Without a hash the answer is no, even to the password of the decoy; and the decoy is worked through like any other.
	h.decoy = hash
	if verify("", password) {
		t.Error("nobody's password is right")
	}
	h.decoy = "no hash"
	if _, err := h.Verify(t.Context(), "", password); err == nil {
		t.Error("for an unknown account nothing is computed")
	}

	for _, broken := range []string{"x", "$argon2id$v=19$m=19456,t=2,p=1$", "$plaintext", "sha1:abc"} {
		if ok, err := h.Verify(t.Context(), broken, password); ok || err == nil {
			t.Errorf("a broken hash %q: %v, %v", broken, ok, err)
		}
	}
	if again, _ := h.Hash(t.Context(), password); again == hash {
		t.Error("two hashes of one password are the same")
	}
}

// Passwords that come from another system keep working.
func TestImportedHashes(t *testing.T) {
	h, err := NewHasher(1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bcrypt.New(bcrypt.WithVariant(bcrypt.VariantStandard), bcrypt.WithIterations(10))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pbkdf2.New(pbkdf2.WithIterations(100_000))
	if err != nil {
		t.Fatal(err)
	}
	fromBcrypt, err := b.Hash("Été-2019!")
	if err != nil {
		t.Fatal(err)
	}
	fromPBKDF2, err := p.Hash("Été-2019!")
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{fromBcrypt.Encode(), fromPBKDF2.Encode()} {
		for typed, right := range map[string]bool{"Été-2019!": true, "Été-2019?": false, "": false, strings.Repeat("x", 2000): false} {
			if ok, err := h.Verify(t.Context(), hash, typed); ok != right || err != nil {
				t.Errorf("%.12s, %.12q: %v, %v", hash, typed, ok, err)
			}
		}
	}
}

// PWD-19: what is weaker than our own, or another algorithm, is made again; what is as strong stays.
func TestStale(t *testing.T) {
	h, err := NewHasher(1)
	if err != nil {
		t.Fatal(err)
	}
	const salt, key = "c29tZXNhbHRzb21lc2FsdA", "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo"
	for hash, stale := range map[string]bool{
		h.decoy: false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key:           false,
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$" + key:           false,
		"$argon2id$v=19$m=8192,t=2,p=1$" + salt + "$" + key:            true,
		"$argon2id$v=19$m=8192,t=9,p=1$" + salt + "$" + key:            true,
		"$argon2id$v=19$m=19456,t=1,p=1$" + salt + "$" + key:           true,
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$" + key:            true, // 8 bytes of salt
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$qqqqqqqqqqqqqqqq": true,
		"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + key:            true,
		"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + key:           true,
		"$2b$10$abcdefghijklmnopqrstuuJ0ClDb1XoEXAPnfLnvyC7Q9FvQPY9a":  true,
		"$pbkdf2-sha512$310000$" + salt + "$" + key:                    true,
		"$scrypt$ln=16,r=8,p=1$" + salt + "$" + key:                    true,
		"":  true,
		"x": true,
	} {
		if h.Stale(hash) != stale {
			t.Errorf("%s: stale = %v", hash, !stale)
		}
	}
}

// At most so many wait for their turn; the rest is told to come back, at once.
func TestHasherIsBounded(t *testing.T) {
	h, err := NewHasher(1)
	if err != nil {
		t.Fatal(err)
	}
	h.patience = time.Minute
	if err := h.slots.Acquire(t.Context(), 1); err != nil { // the machine is busy
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range h.queue {
		waiting.Go(func() {
			if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
				t.Errorf("one that waited: %v", err)
			}
		})
	}
	for end := time.Now().Add(10 * time.Second); h.waiting.Load() < h.queue; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d wait", h.waiting.Load())
		}
	}
	if _, err := h.Hash(ctx, "x"); portique.KindOf(err) != portique.Unavailable {
		t.Errorf("one too many to hash: %v", err)
	}
	if _, err := h.Verify(ctx, "", "x"); portique.KindOf(err) != portique.Unavailable {
		t.Errorf("one too many to verify: %v", err)
	}
	cancel() // the readers go away
	waiting.Wait()
	if n := h.waiting.Load(); n != 0 {
		t.Errorf("%d still count as waiting", n)
	}
	h.patience = time.Millisecond
	if _, err := h.Verify(t.Context(), "", "x"); portique.KindOf(err) != portique.Unavailable {
		t.Errorf("one who waited for long: %v", err)
	}
	h.slots.Release(1)
	h.patience = time.Minute
	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
