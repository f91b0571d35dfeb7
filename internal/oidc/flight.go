package oidc

import (
	"context"
	"errors"

	"portique"
	"portique/internal/session"
	"portique/internal/store"
)

// flight is one request on its way through one transaction: what was read for
// it, and what came of it. We write the answer after the commit. It lives for
// one try.
type flight struct {
	tx      *store.Tx
	looking bool           // tx only reads: nothing is noted as used
	actor   portique.Actor // for the journal

	client  *portique.Tool
	request *request             // the authorization request
	current *session.Current     // who is signed in at this browser, or nil
	row     *store.Authorization // the pending authorization
	saved   bool                 // row is in the database
	allowed bool                 // the person has just pressed, on the page of a device

	location string   // where to send the person, among our pages
	refusal  *refusal // what to tell the tool
	code     string   // what to give the tool
}

// needKey stops a request until a signing key was made, outside its transaction.
type needKey struct{ algorithm string }

func (e *needKey) Error() string { return "no signing key yet for " + e.algorithm }

// fly runs do in one transaction, and again when the database asks for it or a
// signing key had to be made first. The flight returned is that of the last try.
func (p *Provider) fly(ctx context.Context, do func(*flight) error) (*flight, error) {
	return p.tried(ctx, p.db.Tx, do)
}

// glance is fly for what only reads.
func (p *Provider) glance(ctx context.Context, do func(*flight) error) (*flight, error) {
	return p.tried(ctx, p.db.View, do)
}

func (p *Provider) tried(ctx context.Context, run func(context.Context, func(*store.Tx) error) error, do func(*flight) error) (*flight, error) {
	if err := p.keys.fresh(ctx); err != nil {
		return &flight{}, err
	}
	for try := 0; ; try++ {
		f := &flight{}
		err := run(ctx, func(tx *store.Tx) error {
			*f = flight{tx: tx}
			return do(f)
		})
		f.tx = nil
		var need *needKey
		if !errors.As(err, &need) || try == 2 {
			return f, err
		}
		if err := p.keys.ensure(ctx, need.algorithm); err != nil {
			return f, err
		}
	}
}

// missing says whether a row was not there, or no longer counts.
func missing(err error) bool {
	kind := portique.KindOf(err)
	return kind == portique.NotFound || kind == portique.Unauthenticated
}
