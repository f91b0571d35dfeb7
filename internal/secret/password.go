package secret

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-crypt/crypt"
	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"golang.org/x/sync/semaphore"

	"portique"
)

// Argon2id parameters (OWASP, ASVS 5.0 appendix C): memory in KiB, passes,
// lanes.
const (
	argonMemory = 19 * 1024
	argonTime   = 2
	argonLanes  = 1
)

// Hasher hashes and verifies passwords. Memory is bounded: at most `parallel`
// hashes of 19 MiB run at once, at most `queue` more wait, none of them longer
// than `patience`, and the rest is refused with Unavailable rather than taking
// the machine down: a person is better told to come back than kept waiting.
type Hasher struct {
	argon    *argon2.Hasher
	decoder  *crypt.Decoder
	slots    *semaphore.Weighted
	waiting  atomic.Int64
	queue    int64
	patience time.Duration
	decoy    string
}

// NewHasher allows that many hashes at once; sixty-four times as many callers,
// and 128 at least, may wait, three seconds each.
func NewHasher(parallel int) (*Hasher, error) {
	argon, err := argon2.New(argon2.WithVariantID(), argon2.WithM(argonMemory), argon2.WithT(argonTime), argon2.WithP(argonLanes))
	if err != nil {
		return nil, err
	}
	decoder, err := crypt.NewDecoderAll()
	if err != nil {
		return nil, err
	}
	h := &Hasher{argon: argon, decoder: decoder, slots: semaphore.NewWeighted(int64(parallel)), queue: 64 * int64(max(2, parallel)), patience: 3 * time.Second}
	h.decoy = decoy()
	return h, nil
}

// decoy is what a password's hash looks like, made of random bytes instead of a
// password: no start of the program waits for a hash. Verifying it costs the
// same, and no password is right.
func decoy() string {
	random := make([]byte, 16+32) // salt and key, of the lengths that Hash makes
	rand.Read(random)
	encoding := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonMemory, argonTime, argonLanes,
		encoding.EncodeToString(random[:16]), encoding.EncodeToString(random[16:]))
}

func (h *Hasher) acquire(ctx context.Context) error {
	busy := &portique.Error{Kind: portique.Unavailable, Key: "error.busy", Cause: errors.New("too many passwords at once")}
	if h.waiting.Add(1) > h.queue {
		h.waiting.Add(-1)
		return busy
	}
	defer h.waiting.Add(-1)
	wait, cancel := context.WithTimeout(ctx, h.patience)
	defer cancel()
	if err := h.slots.Acquire(wait, 1); errors.Is(err, context.DeadlineExceeded) {
		return busy
	} else if err != nil {
		return err
	}
	return nil
}

// Hash is Hold, Hash and Release.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	p, err := h.Hold(ctx)
	if err != nil {
		return "", err
	}
	defer p.Release()
	return p.Hash(password)
}

// Stale says whether a hash should be made again at the next sign-in, when the
// password is known: another algorithm than Hash's, or weaker parameters.
// Stronger ones stay, wherever they come from.
func (h *Hasher) Stale(hash string) bool {
	var memory, time, lanes int
	parts := strings.Split(hash, "$") // "", name, version, parameters, salt, key
	if len(parts) != 6 || parts[1] != argon2.VariantID.Prefix() || parts[2] != "v=19" {
		return true
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &lanes); n != 3 || err != nil {
		return true
	}
	ours := strings.Split(h.decoy, "$")
	return memory < argonMemory || time < argonTime || len(parts[4]) < len(ours[4]) || len(parts[5]) < len(ours[5])
}

// Held is one of the hashes that run at once, kept for several steps.
type Held struct{ h *Hasher }

// Hold waits for a place, as Hash and Verify do. What is counted between Hold
// and Verify is counted for as many callers as there are places, no more.
func (h *Hasher) Hold(ctx context.Context) (*Held, error) {
	if err := h.acquire(ctx); err != nil {
		return nil, err
	}
	return &Held{h}, nil
}

// Release gives the place back.
func (p *Held) Release() { p.h.slots.Release(1) }

// Hash makes the encoded argon2id hash of a password.
func (p *Held) Hash(password string) (string, error) {
	d, err := p.h.argon.Hash(portique.NormalPassword(password))
	if err != nil {
		return "", err
	}
	return d.Encode(), nil
}

// Verify says whether a password is the one that was hashed. With an empty
// hash it spends the same time on a decoy and says no, so that an unknown
// account costs as much as a wrong password.
func (p *Held) Verify(hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = p.h.decoy
	}
	var d algorithm.Digest
	d, err := p.h.decoder.Decode(hash)
	if err != nil {
		return false, err
	}
	ok, err := d.MatchAdvanced(portique.NormalPassword(password))
	if err != nil && !errors.Is(err, algorithm.ErrPasswordInvalid) {
		return false, err
	}
	return ok && known, nil
}

// Verify is Hold, Verify and Release.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (bool, error) {
	p, err := h.Hold(ctx)
	if err != nil {
		return false, err
	}
	defer p.Release()
	return p.Verify(hash, password)
}
