package oidc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"

	"portique"
	"portique/internal/session"
	"portique/internal/store"
)

// flight is one request on its way through the engine and back. The engine's
// callbacks find it in their context; what they decide they leave here, and we
// write the answer ourselves, after the commit. It lives for one try of one
// transaction.
type flight struct {
	tx *store.Tx

	request   *request             // authorize
	client    *portique.Tool       // of this request
	presented string               // token: how the client authenticates
	actor     portique.Actor       // for the journal
	current   *session.Current     // who is signed in at this browser, or nil
	row       *store.Authorization // the pending authorization
	engine    *goidc.AuthnSession  // what the engine kept of it
	saved     bool                 // row is in the database
	grant     *store.Grant         // of the code or token presented
	standing  *standing            // of that grant
	location  string               // where to send the person, among our pages
	refusal   *refusal             // what to tell the tool
	code      string               // what to give the tool
	token     string               // the access token just issued
	reason    error                // why the engine refused
	err       error                // ours: the engine would hide it behind a 500
}

type flightKey struct{}

func flightOf(ctx context.Context) *flight {
	f, _ := ctx.Value(flightKey{}).(*flight)
	return f
}

// broke notes an error of ours and gives it back to the engine.
func (f *flight) broke(err error) error {
	if err != nil && f.err == nil {
		f.err = err
	}
	return err
}

// needKey stops a request until a signing key was made, outside its transaction.
type needKey struct{ algorithm string }

func (e *needKey) Error() string { return "no signing key yet for " + e.algorithm }

// fly runs do in one transaction, and again when the database asks for it or a
// signing key had to be made first. The flight returned is that of the last try.
func (p *Provider) fly(ctx context.Context, run func(context.Context, func(*store.Tx) error) error, do func(*flight) error) (*flight, error) {
	for try := 0; ; try++ {
		f := &flight{}
		err := run(ctx, func(tx *store.Tx) error {
			*f = flight{tx: tx}
			if err := do(f); f.err == nil {
				return err
			}
			return f.err
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

// ask calls the engine inside the flight's transaction: with a form when there
// is one (POST), else with a query.
func (p *Provider) ask(ctx context.Context, f *flight, method, path string, header http.Header, values url.Values) *answer {
	ctx = context.WithValue(ctx, flightKey{}, f)
	r := (&http.Request{Method: method, URL: &url.URL{Path: path}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, RequestURI: path}).WithContext(ctx)
	if authorization := header.Get("Authorization"); authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(strings.NewReader(values.Encode()))
	} else {
		r.URL.RawQuery = values.Encode()
	}
	a := &answer{header: http.Header{}, status: http.StatusOK}
	p.engine.ServeHTTP(a, r)
	if a.status >= 500 && f.err == nil {
		f.err = errors.New("the OpenID engine broke down")
		if f.reason != nil {
			f.err = f.reason
		}
	}
	return a
}

// answer buffers what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	wrote  bool
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.wrote = true
	return a.body.Write(b)
}
