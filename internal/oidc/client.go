package oidc

import (
	"net/http"
	"net/url"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// client returns a tool that may take part: registered, not disabled. The
// portal is built in.
func (p *Provider) client(tx *store.Tx, id string) (*portique.Tool, error) {
	if id == portique.PortalClientID {
		return p.portal, nil
	}
	if !plausible(id) {
		return nil, store.ErrToolUnknown
	}
	t, err := tx.Tool(id)
	if err == nil && !t.DisabledAt.IsZero() {
		return nil, store.ErrToolUnknown
	}
	return t, err
}

// credentials are how a client proves who it is: by one method (RFC 6749 2.3).
type credentials struct {
	id, method string
	secret     string // client_secret_basic and client_secret_post
	assertion  string // private_key_jwt
}

// errInvalidClient tells nothing of why: unknown, disabled, another method, a
// wrong secret.
var errInvalidClient = &refusal{http.StatusUnauthorized, "invalid_client", "the client is unknown, or did not authenticate as registered"}

// assertionType is the only kind of client assertion (RFC 7523 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// readCredentials finds what a request proves its client with. Nothing may be
// sent twice.
func readCredentials(r *http.Request, v url.Values) (credentials, *refusal) {
	if name := twice(v); name != "" {
		return credentials{}, refuse("invalid_request", "the parameter "+name+" was sent more than once")
	}
	id, key, basic := r.BasicAuth()
	header := r.Header["Authorization"]
	asserted := v.Has("client_assertion") || v.Has("client_assertion_type")
	ways := len(header)
	if v.Get("client_secret") != "" {
		ways++
	}
	if asserted {
		ways++
	}
	switch {
	case ways > 1:
		return credentials{}, refuse("invalid_request", "the client authenticates in more than one way")
	case basic:
		id = formDecoded(id)
		if named := v.Get("client_id"); named != "" && named != id {
			return credentials{}, errInvalidClient
		}
		return credentials{id: id, method: "client_secret_basic", secret: key}, nil
	case len(header) > 0:
		return credentials{}, errInvalidClient
	case asserted:
		if v.Get("client_assertion_type") != assertionType {
			return credentials{}, errInvalidClient
		}
		return credentials{id: v.Get("client_id"), method: "private_key_jwt", assertion: v.Get("client_assertion")}, nil
	case v.Get("client_secret") != "":
		return credentials{id: v.Get("client_id"), method: "client_secret_post", secret: v.Get("client_secret")}, nil
	}
	return credentials{id: v.Get("client_id"), method: "none"}, nil
}

// formDecoded undoes the form encoding that the Basic scheme asks for (RFC 6749
// 2.3.1). Many clients send what they have as it is: what does not decode is
// taken so.
func formDecoded(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// authenticate finds the client of a request that proved who it is, into the
// flight. endpoint is the path called: an assertion may name it.
func (p *Provider) authenticate(f *flight, c credentials, endpoint string) error {
	if c.method == "private_key_jwt" {
		id, ok := assertedClient(c.assertion)
		if !ok || c.id != "" && c.id != id {
			return errInvalidClient
		}
		c.id = id
	}
	t, err := p.client(f.tx, c.id)
	if err != nil && missing(err) {
		return errInvalidClient
	}
	if err != nil {
		return err
	}
	// The default method, client_secret_basic, leaves client_secret_post working;
	// any other is exclusive.
	if c.method != t.AuthMethod && !(t.AuthMethod == "client_secret_basic" && c.method == "client_secret_post") {
		return errInvalidClient
	}
	switch c.method {
	case "none":
	case "private_key_jwt":
		if err := p.checkAssertion(f.tx, f.looking, t, c.assertion, endpoint); err != nil {
			return err
		}
	default:
		right := secret.Equal(t.SecretHash, secret.Hash(c.secret)) ||
			c.method == "client_secret_basic" && secret.Equal(t.SecretHash, secret.Hash(formDecoded(c.secret)))
		if len(t.SecretHash) == 0 || !right {
			return errInvalidClient
		}
	}
	f.client = t
	return nil
}

// confidential refuses a client that proves nothing, where a secret is asked for.
func (f *flight) confidential() error {
	if f.client.Public() {
		return errInvalidClient
	}
	return nil
}
