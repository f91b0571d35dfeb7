package oidc_test

import (
	"encoding/json"
	"sync"
	"testing"

	"portique"
	"portique/internal/oidc"
	"portique/internal/store"
)

// Nodes that need the first key at once agree on one per algorithm; each knows
// what another made.
func TestKeysAreShared(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		kids := func(p *oidc.Provider) []string {
			response, err := p.HTTPClient().Get(e.server.URL + "/oauth/keys")
			if err != nil {
				t.Error(err)
				return nil
			}
			defer response.Body.Close()
			var set struct {
				Keys []struct{ Kid, Alg string }
			}
			if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
				t.Error(err)
			}
			var list []string
			for _, k := range set.Keys {
				list = append(list, k.Alg+" "+k.Kid)
			}
			return list
		}
		nodes := make([]*oidc.Provider, 8)
		seen := make([][]string, len(nodes))
		var all sync.WaitGroup
		for i := range nodes {
			nodes[i] = e.node()
			all.Go(func() { seen[i] = kids(nodes[i]) })
		}
		all.Wait()
		for _, list := range seen {
			if len(list) != 1 || len(seen[0]) != 1 || list[0] != seen[0][0] {
				t.Fatalf("nodes disagree: %v", seen)
			}
		}

		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		b := e.browser()
		b.signIn(person, "")
		e.relying(e.tool("rsa", func(t *portique.Tool) { t.Algorithm = "RS256" })).enter(b)
		e.relying(e.tool("rsa2", func(t *portique.Tool) { t.Algorithm = "RS256" })).enter(b)
		for _, p := range nodes {
			if list := kids(p); len(list) != 2 {
				t.Errorf("a node publishes %v", list)
			}
		}
		e.tx(func(tx *store.Tx) error {
			keys, err := tx.SigningKeys()
			for _, k := range keys {
				if events, _ := tx.Events(k.ID); len(events) != 1 || events[0].Action != portique.ActionKeyMade {
					t.Errorf("the journal of key %s: %v", k.ID, events)
				}
				if len(k.Sealed) == 0 || json.Valid(k.Sealed) {
					t.Error("a key is not sealed")
				}
			}
			return err
		})
	})
}
