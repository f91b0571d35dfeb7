package oidc_test

import (
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

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
		for _, p := range nodes { // each looks again within a fifth of a second
			list := kids(p)
			for end := time.Now().Add(10 * time.Second); len(list) != 2 && time.Now().Before(end); list = kids(p) {
				runtime.Gosched()
			}
			if len(list) != 2 {
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

// The set shows the key that will sign for a tool before anybody has signed in: a tool that fetched it first verifies the first token.
func TestKeysBeforeTheFirstToken(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		e.member(person, siren1, portique.Administrator)
		rsa := e.relying(e.tool("rsa", func(t *portique.Tool) { t.Algorithm = "RS256" }))
		var set jose.JSONWebKeySet
		if err := json.Unmarshal([]byte(e.browser().get("/oauth/keys").body), &set); err != nil || len(set.Keys) != 2 {
			t.Fatalf("%v, %v", set, err)
		}
		b := e.browser()
		b.signIn(person, "")
		token, err := jwt.ParseSigned(rsa.enter(b).raw, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		if len(set.Key(token.Headers[0].KeyID)) != 1 {
			t.Errorf("signed by %s, published before: %v", token.Headers[0].KeyID, set.Keys)
		}
	})
}

// What is the same for everybody is not sent twice to one who has it.
func TestNotModified(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth/keys"} {
			get := func(etag string) (int, string, http.Header) {
				t.Helper()
				r, _ := http.NewRequestWithContext(t.Context(), "GET", e.server.URL+path, nil)
				r.Header.Set("If-None-Match", etag)
				response, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				body, _ := io.ReadAll(response.Body)
				return response.StatusCode, string(body), response.Header
			}
			status, body, header := get(`"x"`)
			if status != 200 || body == "" || header.Get("Content-Type") != "application/json" || header.Get("Etag") == "" {
				t.Errorf("%s: %d %q %v", path, status, body, header)
			}
			status, body, again := get(`W/"x", ` + header.Get("Etag"))
			if status != 304 || body != "" || again.Get("Etag") != header.Get("Etag") || again.Get("Cache-Control") == "" {
				t.Errorf("%s again: %d %q %v", path, status, body, again)
			}
		}
	})
}
