package oidc

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"portique"
	"portique/internal/store"
	"portique/internal/tool"
)

// How often the keys of a tool are fetched from its jwks_uri: now and then, and
// soon after one of its proofs was not by a key we know. Never in a request.
const (
	fetchEvery = 10 * time.Minute
	fetchAgain = time.Minute // at the soonest
)

// fetches remembers when the keys of each tool were last asked for.
type fetches struct {
	mu     sync.Mutex
	at     map[string]time.Time // by tool
	wanted map[string]bool
}

// want has the keys of a tool fetched soon.
func (f *fetches) want(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted[id] = true
}

// due says whether the keys of a tool are to be fetched now, and notes that they
// are.
func (f *fetches) due(id string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, asked := f.at[id]
	since := now.Sub(last)
	if asked && since < fetchEvery && !(f.wanted[id] && since >= fetchAgain) {
		return false
	}
	f.at[id] = now
	delete(f.wanted, id)
	return true
}

// FetchKeys fetches the keys of the tools that publish theirs, where it is time:
// for the timetable, every few seconds. A set that cannot be fetched or read
// leaves the one before.
func (p *Provider) FetchKeys(ctx context.Context) error {
	var tools []*portique.Tool
	if err := p.db.View(ctx, func(tx *store.Tx) (err error) { tools, err = tx.Tools(); return err }); err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, t := range tools {
		if t.JWKSURI == "" || !p.fetches.due(t.ID, time.Now()) {
			continue
		}
		all.Go(func() {
			if err := p.fetchKeys(ctx, t); err != nil {
				p.log.Warn("the keys of a tool could not be fetched", "tool", t.ID, "error", err)
			}
		})
	}
	return nil
}

func (p *Provider) fetchKeys(ctx context.Context, t *portique.Tool) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.JWKSURI, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	status, body, err := p.outgoing.Do(r)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the tool answers %d", status)
	}
	if err != nil {
		return err
	}
	// A set without a key that we can use is a set: so a tool takes back one that
	// was stolen.
	usable, err := tool.UsableKeys(string(body))
	if err != nil || usable == t.JWKS {
		return err
	}
	return p.db.Tx(ctx, func(tx *store.Tx) error { return tx.SaveToolKeys(t.ID, t.JWKSURI, usable) })
}
