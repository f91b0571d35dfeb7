package tool

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/go-jose/go-jose/v4"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// minSecret is the length of the shortest client secret taken, in bytes: it is
// kept by a fast hash, so it must not be guessed.
const minSecret = 32

// Add registers a tool. One that proves itself by a secret gets the given one,
// or a new random one, returned once: only its hash is kept.
func (s *Service) Add(ctx context.Context, actor portique.Actor, t *portique.Tool, given string) (clientSecret string, err error) {
	if err := check(t, given); err != nil {
		return "", err
	}
	clientSecret = prove(t, given, true)
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		t.CreatedAt = tx.Now()
		if err := tx.InsertTool(t); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionToolAdded, t.ID, ""))
	})
	if err != nil {
		return "", err
	}
	return clientSecret, nil
}

// Set changes a tool, a removed one too. A new secret, given or when none was
// there before, is returned once; the old one counts no more. What was given to
// the tool stays, and is judged by what it is now.
func (s *Service) Set(ctx context.Context, actor portique.Actor, id, given string, change func(*portique.Tool)) (c Changed, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := tx.LockTool(id)
		if err != nil {
			return err
		}
		before := *t
		if change(t); t.ID != id {
			return errors.New("a tool keeps its id")
		}
		if err := check(t, given); err != nil {
			return err
		}
		c = Changed{Tool: t, ClientSecret: prove(t, given, len(t.SecretHash) == 0)}
		if c.Anything = !same(&before, t); !c.Anything {
			return nil
		}
		if err := tx.UpdateTool(t); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionToolChanged, id, ""))
	})
	return c, err
}

// Changed is a tool after a change: its new secret, if there is one, and
// whether anything is not as it was.
type Changed struct {
	*portique.Tool
	ClientSecret string
	Anything     bool
}

// same compares two tools; a list without entries is one, however it is made.
func same(a, b *portique.Tool) bool {
	x, y := *a, *b
	for _, t := range []*portique.Tool{&x, &y} {
		for _, list := range []*[]string{&t.RedirectURIs, &t.PostLogoutURIs, &t.Claims} {
			*list = append([]string{}, *list...)
		}
		t.SecretHash = append([]byte{}, t.SecretHash...)
	}
	return reflect.DeepEqual(x, y)
}

// Remove takes a tool out of the catalogue at once: it opens for nobody, and
// what it holds counts no more. Its id stays its own, for the journal.
func (s *Service) Remove(ctx context.Context, actor portique.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := tx.LockTool(id)
		if err != nil {
			return err
		}
		if !t.DisabledAt.IsZero() {
			return store.ErrToolUnknown
		}
		t.DisabledAt = tx.Now()
		if err := tx.UpdateTool(t); err != nil {
			return err
		}
		if err := tx.RevokeGrantsOf(id); err != nil { // it may come back, what it held does not
			return err
		}
		return tx.Audit(actor.Event(portique.ActionToolRemoved, id, ""))
	})
}

// check tells everything that is wrong with a tool and its secret.
func check(t *portique.Tool, given string) error {
	var faults portique.FieldErrors
	if err := t.Check(); err != nil && !errors.As(err, &faults) {
		return err
	}
	if t.JWKS != "" && !publicKeys(t.JWKS) {
		faults.Add("jwks", "tool.jwks")
	}
	if given != "" && len(given) < minSecret {
		faults.Add("secret", "tool.secret_short")
	}
	if given != "" && !t.HasSecret() {
		faults.Add("secret", "tool.secret_unused")
	}
	return faults.Err()
}

// prove gives a tool what its method asks for: the given secret, or a new one
// when it needs one.
func prove(t *portique.Tool, given string, needs bool) (clientSecret string) {
	switch {
	case !t.HasSecret():
		t.SecretHash = nil
		return ""
	case given == "" && !needs:
		return ""
	case given == "":
		given = secret.Token()
	}
	t.SecretHash = secret.Hash(given)
	return given
}

// publicKeys says whether a text is a set of public keys that we can all use (RFC
// 7517).
func publicKeys(text string) bool {
	var set struct{ Keys []json.RawMessage }
	usable, err := UsableKeys(text)
	if err != nil || json.Unmarshal([]byte(text), &set) != nil || len(set.Keys) == 0 {
		return false
	}
	var kept struct{ Keys []json.RawMessage }
	return json.Unmarshal([]byte(usable), &kept) == nil && len(kept.Keys) == len(set.Keys)
}

// UsableKeys keeps of a set of keys (RFC 7517) the public ones that we can use,
// leaving out the others one by one. A text that is no set is an error.
func UsableKeys(text string) (string, error) {
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal([]byte(text), &set); err != nil || set.Keys == nil {
		return "", errors.New("this is not a set of public keys (RFC 7517)")
	}
	kept := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && Strong(&key) {
			kept.Keys = append(kept.Keys, key)
		}
	}
	b, err := json.Marshal(kept)
	return string(b), err
}

// minRSA is the shortest RSA key taken, in bits (RFC 7518 3.3).
const minRSA = 2048

// Strong says whether a key is a public one that proofs may be signed by.
func Strong(key *jose.JSONWebKey) bool {
	if !key.Valid() || !key.IsPublic() {
		return false
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok {
		return k.N.BitLen() >= minRSA
	}
	return true
}
