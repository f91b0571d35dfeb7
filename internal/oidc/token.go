package oidc

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/luikyv/go-oidc/pkg/goidc"
)

// token redeems a code (RFC 6749 4.1.3). Everything happens in one transaction
// that commits unless we break down: a refusal may have revoked a grant.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	v, err := readForm(w, r)
	if err != nil {
		refusal := refuse("invalid_request", "the body is a form (application/x-www-form-urlencoded) of 64 KiB at most")
		if errors.Is(err, errTooLarge) {
			refusal.status = http.StatusRequestEntityTooLarge
		}
		writeRefusal(w, refusal)
		return
	}
	presented, refusal := clientMethod(r, v)
	if refusal == nil && v.Get("grant_type") == "" {
		refusal = refuse("invalid_request", "grant_type is missing")
	}
	if refusal != nil {
		p.refuseToken(w, r, refusal)
		return
	}
	var a *answer
	f, err := p.fly(r.Context(), p.db.Tx, func(f *flight) error {
		f.presented, f.actor = presented, p.actorOf(r, "")
		a = p.ask(r.Context(), f, http.MethodPost, pathToken, r.Header, v)
		return nil
	})
	switch {
	case err != nil:
		p.fail(w, r, err)
	case a.status != http.StatusOK:
		p.refuseToken(w, r, f.engineRefusal(a.status))
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Pragma", "no-cache")
		_, _ = a.body.WriteTo(w) // the reader went away
	}
}

// clientMethod says how a client authenticates: by one method only (RFC 6749
// 2.3), and nothing sent twice.
func clientMethod(r *http.Request, v url.Values) (string, *refusal) {
	if name := twice(v); name != "" {
		return "", refuse("invalid_request", "the parameter "+name+" was sent more than once")
	}
	_, _, basic := r.BasicAuth()
	headers := r.Header["Authorization"]
	switch {
	case len(headers) > 1, len(headers) == 1 && v.Get("client_secret") != "":
		return "", refuse("invalid_request", "the client authenticates in more than one way")
	case len(headers) == 1 && !basic, v.Get("client_assertion") != "", v.Get("client_assertion_type") != "":
		return "", errInvalidClient
	case basic:
		return "client_secret_basic", nil
	case v.Get("client_secret") != "":
		return "client_secret_post", nil
	}
	return "none", nil
}

// errInvalidClient tells nothing of why: unknown, disabled, another method, a
// wrong secret.
var errInvalidClient = &refusal{http.StatusUnauthorized, "invalid_client", "the client is unknown, or did not authenticate as registered"}

func (p *Provider) refuseToken(w http.ResponseWriter, r *http.Request, e *refusal) {
	if e.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth", charset="UTF-8"`)
	}
	p.log.InfoContext(r.Context(), "token request refused", "error", e.code, "reason", e.description)
	writeRefusal(w, e)
}

// engineRefusal words an error of the engine: its code, and for a client that
// proved who it is, its reason.
func (f *flight) engineRefusal(status int) *refusal {
	var known goidc.Error
	if !errors.As(f.reason, &known) {
		return &refusal{status, "invalid_request", "the request was refused"}
	}
	if known.Code == goidc.ErrorCodeInvalidClient {
		return errInvalidClient
	}
	e := refuse(string(known.Code), known.Description)
	for err := errors.Unwrap(known); err != nil; err = errors.Unwrap(err) {
		e.description = err.Error()
	}
	return e
}
