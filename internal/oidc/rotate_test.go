package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"portique"
	"portique/internal/oidc"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// jwks lists the keys published, by id, once this node has looked again.
func (e *env) jwks() []string {
	e.t.Helper()
	time.Sleep(250 * time.Millisecond) // a node gives the same list out for a fifth of a second
	response, err := http.Get(e.server.URL + "/oauth/keys")
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		e.t.Fatal(err)
	}
	var kids []string
	for _, k := range set.Keys {
		kids = append(kids, k.Kid)
	}
	return kids
}

// kid is the key that signs the next ID token.
func (r *relying) kid(b *browser) string {
	r.e.t.Helper()
	return headerOf(r.e.t, r.enter(b).raw)["kid"].(string)
}

// A new key is published before it signs, the old one until what it signed is dead; a revoked key is gone at once.
func TestRotateKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		ctx, actor := context.Background(), portique.Actor{Door: portique.DoorCommand}
		rotate := func() string {
			t.Helper()
			made, err := oidc.RotateKeys(ctx, e.db, storetest.Keys(), actor, time.Hour)
			if err != nil || len(made) != 1 {
				t.Fatalf("%v %v", made, err)
			}
			return made[0].ID
		}
		first := tool.kid(b)
		hint := tool.enter(b).raw
		second := rotate()
		if _, err := oidc.RotateKeys(ctx, e.db, storetest.Keys(), actor, time.Hour); !errors.Is(err, oidc.ErrKeyWaits) {
			t.Errorf("rotated again before its turn: %v", err)
		}
		if kids := e.jwks(); !slices.Contains(kids, first) || !slices.Contains(kids, second) {
			t.Errorf("published ahead: %v", kids)
		}
		if kid := tool.kid(b); kid != first {
			t.Error("the new key signs before its time")
		}
		e.skew.Add(int64(time.Hour))
		if kid := tool.kid(b); kid != second {
			t.Error("the new key does not sign at its time")
		}
		if kids := e.jwks(); !slices.Contains(kids, first) {
			t.Error("the old key went before what it signed")
		}
		e.skew.Add(int64(oidc.TokenLife + 2*time.Minute))
		if kids := e.jwks(); slices.Contains(kids, first) || !slices.Contains(kids, second) {
			t.Errorf("published after: %v", kids)
		}
		if p := b.get(tool.url("prompt", "none", "id_token_hint", hint)); p.param("code") == "" {
			t.Errorf("a hint signed by the old key: %v", p)
		}

		// The key that waits takes over at once from one that is revoked.
		third := rotate()
		if err := oidc.RevokeKey(ctx, e.db, storetest.Keys(), actor, second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond) // a node signs for a second without asking
		if kid := tool.kid(b); kid != third {
			t.Errorf("after the revocation %s signs", kid)
		}
		if kids := e.jwks(); slices.Contains(kids, second) {
			t.Error("a revoked key is published")
		}
		hint = tool.enter(b).raw
		if err := oidc.RevokeKey(ctx, e.db, storetest.Keys(), actor, third); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		if kid := tool.kid(b); kid == third || kid == second {
			t.Error("a revoked key signs")
		}
		if p := b.get(tool.url("prompt", "none", "id_token_hint", hint)); p.param("error") != "invalid_request" {
			t.Errorf("a hint signed by a revoked key: %v", p)
		}
		for _, kid := range []string{third, "nothing"} {
			if err := oidc.RevokeKey(ctx, e.db, storetest.Keys(), actor, kid); !errors.Is(err, oidc.ErrKeyUnknown) {
				t.Errorf("revoked %s again: %v", kid, err)
			}
		}
		e.tx(func(tx *store.Tx) error {
			if events, _ := tx.Events(third); len(events) != 2 || events[1].Action != portique.ActionKeyRevoked {
				t.Errorf("the journal: %v", events)
			}
			return nil
		})
	})
}
