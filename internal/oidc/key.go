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
	"encoding/json"
	"fmt"
	"slices"
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
// first needed or the set is asked for, or by the operator ahead of its time; its
// private part is sealed
// in the database. Which node makes it is decided by a constraint. Nothing here
// runs inside a transaction of a request: making a key takes long.
type keyring struct {
	db      *store.DB
	secrets *secret.Keys
	making  sync.Mutex
	parsed  atomic.Pointer[[]signingKey]
	lookAt  atomic.Int64 // when they were last read, Unix nanoseconds
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

// looked is how long a node signs without asking which keys still may.
const looked = time.Second

// linger is how long a key is published after it stopped signing: the life of
// what it signed, and a minute for clocks.
const linger = TokenLife + time.Minute

type signingKey struct {
	jose.JSONWebKey
	signsAt, retiredAt, revokedAt time.Time
}

// signs says whether the key signs at a moment.
func (k *signingKey) signs(now time.Time) bool {
	return k.revokedAt.IsZero() && !now.Before(k.signsAt) && (k.retiredAt.IsZero() || now.Before(k.retiredAt))
}

// shown says whether the key is published at a moment.
func (k *signingKey) shown(now time.Time) bool {
	return k.revokedAt.IsZero() && (k.retiredAt.IsZero() || now.Before(k.retiredAt.Add(linger)))
}

func newKeyring(db *store.DB, secrets *secret.Keys) *keyring {
	k := &keyring{db: db, secrets: secrets}
	k.parsed.Store(&[]signingKey{})
	return k
}

// signer finds the key that signs by that algorithm, or nil.
func (k *keyring) signer(algorithm string, now time.Time) *signingKey {
	keys := *k.parsed.Load()
	for i := range keys {
		if keys[i].Algorithm == algorithm && keys[i].signs(now) {
			return &keys[i]
		}
	}
	return nil
}

// sign makes a signed token (RFC 7515, compact) of claims, or asks for a key.
func (k *keyring) sign(algorithm, typ string, now time.Time, claims any) (string, error) {
	key := k.signer(algorithm, now)
	if key == nil {
		return "", &needKey{algorithm}
	}
	return key.sign(typ, claims)
}

func (key *signingKey) sign(typ string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key.JSONWebKey},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	token, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return token.CompactSerialize()
}

// fresh reads the keys again when that was not done for a second: another node,
// or the command line, may have revoked one. One request does; those beside it
// go on.
func (k *keyring) fresh(ctx context.Context) error {
	if time.Since(time.Unix(0, k.lookAt.Load())) < looked || !k.reading.TryLock() {
		return nil
	}
	defer k.reading.Unlock()
	_, err := k.load(ctx)
	return err
}

// known says whether what this node knows is in a set.
func (k *keyring) known(set *publishedSet) bool { return set != nil && set.of == k.parsed.Load() }

// written is the set to publish when it need not be read again, nil otherwise.
func (k *keyring) written() *document {
	if set := k.set.Load(); k.known(set) && time.Since(set.at) < stale {
		return set.document
	}
	return nil
}

// published is the set to publish (RFC 7517). One request reads it again when
// it is stale; those beside it get what is there.
func (k *keyring) published(ctx context.Context) (*document, error) {
	if d := k.written(); d != nil {
		return d, nil
	}
	set := k.set.Load()
	switch {
	case !k.known(set):
		k.reading.Lock()
	case !k.reading.TryLock():
		return set.document, nil
	}
	defer k.reading.Unlock()
	if now := k.set.Load(); now != set && k.known(now) {
		return now.document, nil // somebody was faster
	}
	at := time.Now()
	now, err := k.complete(ctx)
	if err != nil {
		return nil, err
	}
	public := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	parsed := k.parsed.Load()
	for i := range *parsed {
		if key := &(*parsed)[i]; key.shown(now) {
			public.Keys = append(public.Keys, key.Public())
		}
	}
	d, err := newDocument(public, "public, max-age=60")
	if err != nil {
		return nil, err
	}
	k.set.Store(&publishedSet{d, parsed, at})
	return d, nil
}

// complete reads the keys, and makes those that the portal or a registered tool
// will need: a tool that fetches the set before its first sign-in must find there
// what will sign for it. It returns the installation's time.
func (k *keyring) complete(ctx context.Context) (time.Time, error) {
	now, err := k.load(ctx)
	if err != nil {
		return now, err
	}
	var used []string
	err = k.db.View(ctx, func(tx *store.Tx) (err error) { used, err = tx.ToolAlgorithms(); return err })
	for _, algorithm := range append(used, defaultAlgorithm) {
		if err == nil && k.signer(algorithm, now) == nil {
			err = k.ensure(ctx, algorithm)
		}
	}
	return now, err
}

// verifier is the public key with that id, nil when there is none or it was
// revoked.
func (k *keyring) verifier(kid string) any {
	for _, key := range *k.parsed.Load() {
		if key.KeyID == kid && key.revokedAt.IsZero() {
			return key.Public().Key
		}
	}
	return nil
}

// ensure makes the algorithm's key unless somebody did already.
func (k *keyring) ensure(ctx context.Context, algorithm string) error {
	k.making.Lock()
	defer k.making.Unlock()
	now, err := k.load(ctx)
	if err != nil || k.signer(algorithm, now) != nil {
		return err
	}
	row, err := makeKey(k.secrets, algorithm)
	if err != nil {
		return err
	}
	err = k.db.Tx(ctx, func(tx *store.Tx) error {
		row.CreatedAt = tx.Now()
		return insertKey(tx, portique.Actor{Door: portique.DoorAuth}, row)
	})
	if err != nil {
		return err
	}
	_, err = k.load(ctx)
	return err
}

// makeKey makes a key and seals it.
func makeKey(secrets *secret.Keys, algorithm string) (*store.SigningKey, error) {
	signer, err := generate(algorithm)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, err
	}
	kid, err := thumbprint(signer)
	if err != nil {
		return nil, err
	}
	return &store.SigningKey{ID: kid, Algorithm: algorithm, Sealed: secrets.Seal("signing-key", kid, der)}, nil
}

// load reads the keys and returns the installation's time; those parsed before
// are not parsed again, and when nothing changed the list stays the same one.
func (k *keyring) load(ctx context.Context) (now time.Time, err error) {
	at := time.Now()
	var rows []*store.SigningKey
	err = k.db.View(ctx, func(tx *store.Tx) (err error) {
		now = tx.Now()
		rows, err = tx.SigningKeys()
		return err
	})
	if err != nil {
		return now, err
	}
	before := k.parsed.Load()
	known := map[string]any{}
	for _, key := range *before {
		known[key.KeyID] = key.Key
	}
	keys := make([]signingKey, 0, len(rows))
	for _, row := range rows {
		private := known[row.ID]
		if private == nil {
			if private, err = k.open(row); err != nil {
				return now, fmt.Errorf("signing key %s: %w", row.ID, err)
			}
		}
		keys = append(keys, signingKey{
			JSONWebKey: jose.JSONWebKey{Key: private, KeyID: row.ID, Algorithm: row.Algorithm, Use: "sig"},
			signsAt:    row.SignsAt, retiredAt: row.RetiredAt, revokedAt: row.RevokedAt,
		})
	}
	if !slices.EqualFunc(keys, *before, signingKey.same) {
		k.parsed.Store(&keys)
	}
	k.lookAt.Store(at.UnixNano())
	return now, nil
}

// same says whether two are one key with the same times.
func (k signingKey) same(other signingKey) bool {
	return k.KeyID == other.KeyID && k.signsAt.Equal(other.signsAt) && k.retiredAt.Equal(other.retiredAt) && k.revokedAt.Equal(other.revokedAt)
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
	_, err := k.load(ctx)
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
