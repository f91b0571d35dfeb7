package store_test

import (
	"errors"
	"testing"
	"time"

	"portique/internal/store"
	"portique/internal/store/storetest"
)

func TestGrants(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		var now time.Time
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			now = tx.Now()
			g := &store.Grant{ID: "g1", ClientID: "paie", AccountID: "a", SessionID: "s", MembershipID: "m", CodeHash: []byte("code"),
				CodeExpiresAt: now.Add(time.Minute), CreatedAt: now}
			if err := tx.InsertGrant(g); err != nil {
				return err
			}
			if err := tx.InsertGrant(&store.Grant{ID: "g2", CreatedAt: now.Add(time.Hour)}); err != nil { // without a code
				return err
			}
			if err := tx.InsertAccessToken(&store.AccessToken{Hash: []byte("later"), GrantID: "g2", CreatedAt: now, ExpiresAt: now}); err != nil {
				return err
			}
			return tx.InsertAccessToken(&store.AccessToken{Hash: []byte("token"), GrantID: "g1", CreatedAt: now, ExpiresAt: now.Add(time.Minute)})
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Tx(t.Context(), func(tx *store.Tx) error {
			g, err := tx.GrantByCode([]byte("code"))
			if err != nil {
				return err
			}
			g.CodeRedeemedAt, g.RevokedAt, g.CodeHash = now.Add(time.Second), now.Add(2*time.Second), nil
			if err := tx.MarkGrant(g); err != nil {
				return err
			}
			g, err = tx.GrantByCode([]byte("code")) // the code stays
			if err != nil {
				return err
			}
			if !g.CodeRedeemedAt.Equal(now.Add(time.Second)) || !g.RevokedAt.Equal(now.Add(2*time.Second)) || g.MembershipID != "m" {
				t.Errorf("%+v", g)
			}
			if _, err := tx.GrantByCode([]byte("other")); !errors.Is(err, store.ErrNoGrant) {
				t.Errorf("an unknown code: %v", err)
			}
			if _, err := tx.Opened([]byte("token")); !errors.Is(err, store.ErrNoAccessToken) {
				t.Errorf("a token that stands on nothing: %v", err)
			}
			if n, err := tx.PurgeGrants(now.Add(time.Minute)); n != 1 || err != nil {
				t.Errorf("purged %d, %v", n, err)
			}
			// The token of the purged grant went with it, that of the young one did not.
			if n, err := tx.PurgeAccessTokens(now.Add(time.Hour)); n != 1 || err != nil {
				t.Errorf("purged %d tokens, %v", n, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestSigningKeys(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			for _, c := range []struct {
				kid, alg string
				retired  time.Time
				made     bool
			}{
				{"k1", "ES256", time.Time{}, true},
				{"k2", "ES256", time.Time{}, false}, // one signs
				{"k3", "RS256", time.Time{}, true},
				{"k0", "ES256", tx.Now(), true}, // retired ones do not count
				{"k1", "EdDSA", time.Time{}, false},
			} {
				made, err := tx.InsertSigningKey(&store.SigningKey{ID: c.kid, Algorithm: c.alg, Sealed: []byte{1}, CreatedAt: tx.Now(), RetiredAt: c.retired})
				if err != nil {
					return err
				}
				if made != c.made {
					t.Errorf("%s %s: made %v", c.kid, c.alg, made)
				}
			}
			keys, err := tx.SigningKeys()
			if err == nil && (len(keys) != 3 || keys[2].ID != "k0") {
				t.Errorf("%+v", keys)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
