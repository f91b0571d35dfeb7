package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// defaultAlgorithm signs for the portal and for tools that chose nothing.
const defaultAlgorithm = "ES256"

const rsaBits = 2048

// keyring holds the parsed signing keys. A key is made when an algorithm is
// first needed; its private part is sealed in the database. Which node makes it
// is decided by a constraint. Nothing here runs inside a transaction of a
// request: making a key takes long.
type keyring struct {
	db      *store.DB
	secrets *secret.Keys
	making  sync.Mutex
	parsed  atomic.Pointer[[]signingKey] // those that sign first
	reading sync.Mutex
	set     atomic.Pointer[publishedSet]
}

// publishedSet is the public keys as last read.
type publishedSet struct {
	*document
	of *[]signingKey
	at time.Time
}

// stale is how long a published set is given out before the database is asked
// again: other nodes make keys too. A tool sees a new key once per key, and
// fetches the set well after the token was signed.
const stale = 200 * time.Millisecond

type signingKey struct {
	jose.JSONWebKey
	signs bool // not retired
}

func newKeyring(db *store.DB, secrets *secret.Keys) *keyring {
	k := &keyring{db: db, secrets: secrets}
	k.parsed.Store(&[]signingKey{})
	return k
}

// has says whether a key that signs by that algorithm is loaded.
func (k *keyring) has(algorithm string) bool {
	for _, key := range *k.parsed.Load() {
		if key.signs && key.Algorithm == algorithm {
			return true
		}
	}
	return false
}

// private lists the keys with their private parts, those that sign first.
func (k *keyring) private() []jose.JSONWebKey {
	parsed := *k.parsed.Load()
	keys := make([]jose.JSONWebKey, len(parsed))
	for i := range parsed {
		keys[i] = parsed[i].JSONWebKey
	}
	return keys
}

// published is the set to publish (RFC 7517). One request reads it again when
// it is stale; those beside it get what is there.
func (k *keyring) published(ctx context.Context) (*document, error) {
	set := k.set.Load()
	ours := set != nil && set.of == k.parsed.Load() // what this node knows is in it
	switch {
	case ours && time.Since(set.at) < stale:
		return set.document, nil
	case !ours:
		k.reading.Lock()
	case !k.reading.TryLock():
		return set.document, nil
	}
	defer k.reading.Unlock()
	if now := k.set.Load(); now != set && now.of == k.parsed.Load() {
		return now.document, nil // somebody was faster
	}
	at := time.Now()
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	public := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	parsed := k.parsed.Load()
	for _, key := range *parsed {
		public.Keys = append(public.Keys, key.Public())
	}
	d, err := newDocument(public)
	if err != nil {
		return nil, err
	}
	k.set.Store(&publishedSet{d, parsed, at})
	return d, nil
}

// verifier returns the public key with that id, loading keys made by other
// nodes when it is not known yet.
func (k *keyring) verifier(ctx context.Context, kid string) (any, bool, error) {
	for try := range 2 {
		for _, key := range *k.parsed.Load() {
			if key.KeyID == kid {
				return key.Public().Key, true, nil
			}
		}
		if try == 0 {
			if err := k.load(ctx); err != nil {
				return nil, false, err
			}
		}
	}
	return nil, false, nil
}

// ensure makes the algorithm's key unless somebody did already.
func (k *keyring) ensure(ctx context.Context, algorithm string) error {
	if k.has(algorithm) {
		return nil
	}
	k.making.Lock()
	defer k.making.Unlock()
	if err := k.load(ctx); err != nil || k.has(algorithm) {
		return err
	}
	signer, err := generate(algorithm)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return err
	}
	kid, err := thumbprint(signer)
	if err != nil {
		return err
	}
	sealed := k.secrets.Seal("signing-key", kid, der)
	err = k.db.Tx(ctx, func(tx *store.Tx) error {
		made, err := tx.InsertSigningKey(&store.SigningKey{ID: kid, Algorithm: algorithm, Sealed: sealed, CreatedAt: tx.Now()})
		if err != nil || !made {
			return err
		}
		return tx.Audit(portique.Actor{Door: portique.DoorAuth}.Event(portique.ActionKeyMade, kid, ""))
	})
	if err != nil {
		return err
	}
	return k.load(ctx)
}

// load reads the keys; those parsed before are not parsed again.
func (k *keyring) load(ctx context.Context) error {
	var rows []*store.SigningKey
	err := k.db.View(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.SigningKeys()
		return err
	})
	if err != nil {
		return err
	}
	known := map[string]any{}
	for _, key := range *k.parsed.Load() {
		known[key.KeyID] = key.Key
	}
	keys := make([]signingKey, 0, len(rows))
	for _, row := range rows {
		private := known[row.ID]
		if private == nil {
			if private, err = k.open(row); err != nil {
				return fmt.Errorf("signing key %s: %w", row.ID, err)
			}
		}
		keys = append(keys, signingKey{
			JSONWebKey: jose.JSONWebKey{Key: private, KeyID: row.ID, Algorithm: row.Algorithm, Use: "sig"},
			signs:      row.RetiredAt.IsZero(),
		})
	}
	k.parsed.Store(&keys)
	return nil
}

func (k *keyring) open(row *store.SigningKey) (any, error) {
	der, err := k.secrets.Open("signing-key", row.ID, row.Sealed)
	if err != nil {
		return nil, err
	}
	return x509.ParsePKCS8PrivateKey(der)
}

// LookAtKeys opens every signing key of a database and returns how many there
// are. It makes none.
func LookAtKeys(ctx context.Context, db *store.DB, secrets *secret.Keys) (int, error) {
	k := newKeyring(db, secrets)
	err := k.load(ctx)
	return len(*k.parsed.Load()), err
}

func generate(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "RS256":
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("no signing key for the algorithm %q", algorithm)
}

// thumbprint is the key's id (RFC 7638).
func thumbprint(signer crypto.Signer) (string, error) {
	key := jose.JSONWebKey{Key: signer.Public()}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}
