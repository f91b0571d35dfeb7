package oidc

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// HTTPClient calls the provider without a network: the portal's way to the token
// endpoint. It reaches nothing but the provider, and never follows a redirect.
// Never call it inside a transaction: the provider opens its own.
func (p *Provider) HTTPClient() *http.Client {
	return &http.Client{
		Transport:     inProcess{p},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type inProcess struct{ p *Provider }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = r.URL.RequestURI()
	a := &answer{header: http.Header{}, status: http.StatusOK}
	if origin := r.URL.Scheme + "://" + r.URL.Host; origin == t.p.issuer {
		t.p.handler.ServeHTTP(a, in)
	} else {
		a.status = http.StatusBadGateway
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body.Bytes())), ContentLength: int64(a.body.Len()), Request: r,
	}, nil
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
