package oidc

import (
	"context"
	"slices"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// The errors of keys.
var (
	ErrKeyWaits   = &portique.Error{Kind: portique.Conflict, Key: "key.waits"}
	ErrKeyUnknown = &portique.Error{Kind: portique.NotFound, Key: "key.unknown"}
)

// RotateKeys makes the next key of each algorithm that has one. It is published
// at once and signs when `after` has passed; the key before it signs until then,
// and is published until what it signed is dead. ErrKeyWaits when a key still
// waits for its turn.
func RotateKeys(ctx context.Context, db *store.DB, secrets *secret.Keys, actor portique.Actor, after time.Duration) ([]*store.SigningKey, error) {
	next := map[string]*store.SigningKey{}
	for _, algorithm := range algorithms {
		key, err := makeKey(secrets, algorithm) // outside the transaction: it takes long
		if err != nil {
			return nil, err
		}
		next[algorithm] = key
	}
	var made []*store.SigningKey
	err := db.Tx(ctx, func(tx *store.Tx) error {
		made = nil
		rows, err := tx.LockSigningKeys()
		if err != nil {
			return err
		}
		for _, old := range rows {
			if !old.RetiredAt.IsZero() {
				continue
			}
			if tx.Now().Before(old.SignsAt) {
				return ErrKeyWaits
			}
			old.RetiredAt = tx.Now().Add(after)
			if err := tx.TimeSigningKey(old); err != nil {
				return err
			}
			key := next[old.Algorithm]
			key.CreatedAt, key.SignsAt = tx.Now(), old.RetiredAt
			if err := insertKey(tx, actor, key); err != nil {
				return err
			}
			made = append(made, key)
		}
		return nil
	})
	return made, err
}

// RevokeKey takes a key out of use at once: it signs no more, is published no
// more, and what it signed is refused. Another takes its place. ErrKeyUnknown
// when there is none of that id, or it was revoked before.
func RevokeKey(ctx context.Context, db *store.DB, secrets *secret.Keys, actor portique.Actor, kid string) error {
	rows, err := ListKeys(ctx, db)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(rows, func(k *store.SigningKey) bool { return k.ID == kid && k.RevokedAt.IsZero() })
	if at < 0 {
		return ErrKeyUnknown
	}
	next, err := makeKey(secrets, rows[at].Algorithm)
	if err != nil {
		return err
	}
	return db.Tx(ctx, func(tx *store.Tx) error {
		rows, err := tx.LockSigningKeys()
		if err != nil {
			return err
		}
		for _, key := range rows {
			if key.ID != kid || !key.RevokedAt.IsZero() {
				continue
			}
			last, signing := key.RetiredAt.IsZero(), tx.Now().Before(key.RetiredAt)
			key.RevokedAt = tx.Now()
			if last || signing {
				key.RetiredAt = tx.Now()
			}
			if err := tx.TimeSigningKey(key); err != nil {
				return err
			}
			if err := tx.Audit(actor.Event(portique.ActionKeyRevoked, kid, "")); err != nil {
				return err
			}
			if signing {
				return hasten(tx, rows, key.Algorithm)
			}
			if !last {
				return nil
			}
			next.CreatedAt, next.SignsAt = tx.Now(), key.SignsAt
			return insertKey(tx, actor, next)
		}
		return ErrKeyUnknown
	})
}

// hasten lets the key that waits for its turn sign at once.
func hasten(tx *store.Tx, rows []*store.SigningKey, algorithm string) error {
	for _, key := range rows {
		if key.Algorithm == algorithm && key.RetiredAt.IsZero() {
			key.SignsAt = tx.Now()
			return tx.TimeSigningKey(key)
		}
	}
	return nil
}

func insertKey(tx *store.Tx, actor portique.Actor, key *store.SigningKey) error {
	if made, err := tx.InsertSigningKey(key); err != nil || !made {
		return err
	}
	return tx.Audit(actor.Event(portique.ActionKeyMade, key.ID, ""))
}

// ListKeys returns every key there is, the ones that sign last first.
func ListKeys(ctx context.Context, db *store.DB) (rows []*store.SigningKey, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		rows, err = tx.SigningKeys()
		return err
	})
	return rows, err
}
