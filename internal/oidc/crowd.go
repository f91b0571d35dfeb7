package oidc

import (
	"hash/maphash"
	"net/http"
	"strconv"
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
	crowdsCounted = 100_000 // addresses; the rest share these counts, by lot:
	crowdsShared  = 1_000   // so that nobody with very many addresses spends the share of all the others
)

var crowdLot = maphash.MakeSeed()

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

// take counts one of an address, unless it has had its share: full then.
func (c *crowd) take(address string, now time.Time, full error) error {
	if c.full(address, now) {
		return full
	}
	c.enter(address, now)
	return nil
}

// known is the name under which an address is counted. The caller holds mu.
func (c *crowd) known(address string, now time.Time) string {
	if c.n == nil || now.Sub(c.since) >= crowdWindow || now.Before(c.since) {
		c.since, c.n = now, map[string]int{}
	}
	key := portique.SourceKey(address)
	if _, counted := c.n[key]; !counted && len(c.n) >= crowdsCounted {
		return "lot " + strconv.FormatUint(maphash.String(crowdLot, key)%crowdsShared, 10)
	}
	return key
}

// crowdOf is the name under which a request is counted: its network address,
// apart when a page had a browser send it and nobody went there. Any page that
// somebody opens in an office could spend that office's share otherwise.
func (p *Provider) crowdOf(r *http.Request) string {
	address := portique.SourceKey(p.actorOf(r, "").Source)
	if dest := r.Header.Get("Sec-Fetch-Dest"); r.Header.Get("Origin") != "" || dest != "" && dest != "document" {
		return "page at " + address
	}
	return address
}

// begins counts an authorization of somebody who is not signed in, by the
// request that begins it: each is a row until it is purged.
func (p *Provider) begins(f *flight, r *http.Request) error {
	if f.current != nil {
		return nil
	}
	return p.begun.take(p.crowdOf(r), f.tx.Now(), errCrowd)
}

// waits counts an authorization of somebody signed in that is to be kept: by the
// account, for colleagues share an address.
func (p *Provider) waits(f *flight) error {
	if f.current == nil || !f.row.FinishedAt.IsZero() {
		return nil
	}
	return p.begun.take("account "+f.current.Account.ID, f.tx.Now(), errCrowd)
}

// unproved keeps clients that do not authenticate from taking the writer's time:
// past their address's share they are looked at by a reader first, and who has
// no secret waits. A tool that does authenticate never waits for another.
func (p *Provider) unproved(r *http.Request, c credentials) error {
	if !p.strangers.full(p.crowdOf(r), p.now()) {
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
