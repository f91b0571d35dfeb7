// Package secret makes and checks what must not be guessed or read: random
// tokens, keyed hashes, sealed values, password hashes. It keeps nothing.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// MasterKeySize is the size of PORTIQUE_MASTER_KEY in bytes.
const MasterKeySize = 32

// Keys are derived from the master key (HKDF-SHA-256), one per purpose, so
// that a value made for one purpose never serves another. Each is derived once:
// purposes are few and fixed, never made of what people send.
type Keys struct {
	master []byte
	macs   sync.Map // purpose → key
	seals  sync.Map // purpose → cipher.AEAD
}

// NewKeys takes a master key of 32 bytes.
func NewKeys(master []byte) (*Keys, error) {
	if len(master) != MasterKeySize {
		return nil, fmt.Errorf("a master key has %d bytes, not %d", MasterKeySize, len(master))
	}
	return &Keys{master: append([]byte(nil), master...)}, nil
}

func (k *Keys) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, k.master, nil, "portique/"+purpose, 32)
	if err != nil {
		panic(err) // only for absurd lengths
	}
	return key
}

// Mac is the keyed hash (HMAC-SHA-256) of parts under a purpose. Each part is
// preceded by its length, so that parts cannot be shifted.
func (k *Keys) Mac(purpose string, parts ...string) []byte {
	key, ok := k.macs.Load(purpose)
	if !ok {
		key, _ = k.macs.LoadOrStore(purpose, k.derive("mac/"+purpose))
	}
	m := hmac.New(sha256.New, key.([]byte))
	for _, p := range parts {
		fmt.Fprintf(m, "%d:%s", len(p), p)
	}
	return m.Sum(nil)
}

// MemberCode hashes a company's canonical member code.
func (k *Keys) MemberCode(siren, code string) []byte { return k.Mac("member-code", siren, code) }

// TypedCode hashes a code that a person types from a letter; id says whose.
func (k *Keys) TypedCode(purpose, id, code string) []byte {
	return k.Mac("typed-code", purpose, id, code)
}

func (k *Keys) aead(purpose string) cipher.AEAD {
	if gcm, ok := k.seals.Load(purpose); ok {
		return gcm.(cipher.AEAD)
	}
	block, err := aes.NewCipher(k.derive("seal/" + purpose))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	k.seals.Store(purpose, gcm)
	return gcm
}

// Seal encrypts a value (AES-256-GCM, random nonce) under a purpose; context is
// authenticated with it and must be the same to open it.
func (k *Keys) Seal(purpose, context string, plain []byte) []byte {
	gcm := k.aead(purpose)
	nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(plain)+gcm.Overhead())
	rand.Read(nonce)
	return gcm.Seal(nonce, nonce, plain, []byte(context))
}

// ErrSealed: the value was sealed with another key, for another purpose, or
// altered.
var ErrSealed = errors.New("a sealed value does not open with this master key")

// Open decrypts what Seal made.
func (k *Keys) Open(purpose, context string, sealed []byte) ([]byte, error) {
	gcm := k.aead(purpose)
	if len(sealed) < gcm.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], []byte(context))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Token makes a random value of 256 bits in URL-safe characters.
func Token() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Digits makes a random code of n digits.
func Digits(n int) string {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic(err) // the system's randomness never fails on a supported platform
	}
	return fmt.Sprintf("%0*d", n, v)
}

// Hash is how a random token is kept: SHA-256, since 256 random bits need no
// slow hash.
func Hash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// timed is how many bytes of a timed token say when it was made, in
// milliseconds, before its 256 random bits.
const timed = 6

// TimedToken is Token for what a database finds by its Key: those made about the
// same time are kept side by side, so that a commit writes few pages.
func TimedToken(now time.Time) string {
	b := make([]byte, 8+32)
	binary.BigEndian.PutUint64(b, uint64(now.UnixMilli()))
	rand.Read(b[8:])
	return base64.RawURLEncoding.EncodeToString(b[8-timed:])
}

// Key is how a timed token is kept: when it was made, and its Hash. Of any other
// text it is the Hash.
func Key(token string) []byte {
	hash := Hash(token)
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != timed+32 {
		return hash
	}
	return append(b[:timed:timed], hash...)
}

// Equal compares in constant time.
func Equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
