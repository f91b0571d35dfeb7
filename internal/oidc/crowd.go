package oidc

import (
	"net/http"
	"sync"
	"time"

	"portique"
	"portique/internal/store"
)

// How much of what costs us something a network address may ask for without
// showing who it is. Generous: a whole company may share one, and so may all the
// tools of the operator.
const (
	mostBegun     = 10_000 // authorizations that wait for a sign-in, in crowdWindow
	mostUnproved  = 600    // requests by clients that did not authenticate, in crowdWindow
	crowdWindow   = 10 * time.Minute
	crowdsCounted = 100_000 // addresses; the rest share one count
)

// crowd counts what each address did in the present window. It is this node's
// alone and forgets when the node stops: it saves work, it guards no secret.
type crowd struct {
	most int

	mu    sync.Mutex
	since time.Time
	n     map[string]int
}

// enter counts one of an address.
func (c *crowd) enter(address string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[c.known(address, now)]++
}

// full says whether an address has had its share of this window.
func (c *crowd) full(address string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[c.known(address, now)] >= c.most
}

// known is the name under which an address is counted. The caller holds mu.
func (c *crowd) known(address string, now time.Time) string {
	if c.n == nil || now.Sub(c.since) >= crowdWindow || now.Before(c.since) {
		c.since, c.n = now, map[string]int{}
	}
	key := portique.SourceKey(address)
	if _, counted := c.n[key]; !counted && len(c.n) >= crowdsCounted {
		return ""
	}
	return key
}

// begins counts an authorization of somebody who is not signed in: each is a row
// until it is purged.
func (p *Provider) begins(f *flight) error {
	if f.current != nil {
		return nil
	}
	if p.begun.full(f.actor.Source, f.tx.Now()) {
		return errCrowd
	}
	p.begun.enter(f.actor.Source, f.tx.Now())
	return nil
}

// unproved keeps clients that do not authenticate from taking the writer's time:
// past their address's share they are looked at by a reader first, and who has
// no secret waits. A tool that does authenticate never waits for another.
func (p *Provider) unproved(r *http.Request, c credentials) error {
	if !p.strangers.full(p.actorOf(r, "").Source, p.now()) {
		return nil
	}
	if c.method == "none" {
		return errTooMany
	}
	return p.db.View(r.Context(), func(tx *store.Tx) error {
		return p.authenticate(&flight{tx: tx, looking: true}, c, r.URL.Path)
	})
}

var errTooMany = &refusal{http.StatusTooManyRequests, "temporarily_unavailable", "too many refused requests came from this network address: try again in some minutes"}
