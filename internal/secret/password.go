package secret

import (
	"context"
	"errors"
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

// NewHasher allows that many hashes at once; sixty-four times as many callers
// may wait, three seconds each.
func NewHasher(parallel int) (*Hasher, error) {
	argon, err := argon2.New(argon2.WithVariantID(), argon2.WithM(argonMemory), argon2.WithT(argonTime), argon2.WithP(argonLanes))
	if err != nil {
		return nil, err
	}
	decoder, err := crypt.NewDecoderAll()
	if err != nil {
		return nil, err
	}
	h := &Hasher{argon: argon, decoder: decoder, slots: semaphore.NewWeighted(int64(parallel)), queue: int64(parallel) * 64, patience: 3 * time.Second}
	d, err := argon.Hash(Token())
	if err != nil {
		return nil, err
	}
	h.decoy = d.Encode()
	return h, nil
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

// Hash makes the encoded argon2id hash of a password.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.slots.Release(1)
	d, err := h.argon.Hash(portique.NormalPassword(password))
	if err != nil {
		return "", err
	}
	return d.Encode(), nil
}

// Verify says whether a password is the one that was hashed. With an empty
// hash it spends the same time on a decoy and says no, so that an unknown
// account costs as much as a wrong password.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (bool, error) {
	if err := h.acquire(ctx); err != nil {
		return false, err
	}
	defer h.slots.Release(1)
	known := hash != ""
	if !known {
		hash = h.decoy
	}
	var d algorithm.Digest
	d, err := h.decoder.Decode(hash)
	if err != nil {
		return false, err
	}
	ok, err := d.MatchAdvanced(portique.NormalPassword(password))
	if err != nil && !errors.Is(err, algorithm.ErrPasswordInvalid) {
		return false, err
	}
	return ok && known, nil
}
