package oidc

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"

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

// engineClient shows a tool to the engine, as it authenticates now: presented
// is the method that this request uses, "" outside the token endpoint. A method
// that is not the tool's makes it unknown.
func engineClient(t *portique.Tool, presented string) (*goidc.Client, bool) {
	method := t.AuthMethod
	if presented != "" {
		// The default method, client_secret_basic, leaves client_secret_post
		// working; any other is exclusive.
		if presented != method && !(method == "client_secret_basic" && presented == "client_secret_post") {
			return nil, false
		}
		method = presented
	}
	c := &goidc.Client{ID: t.ID, Secret: string(t.SecretHash), ClientMeta: goidc.ClientMeta{
		Name:             t.Name,
		GrantTypes:       []goidc.GrantType{goidc.GrantAuthorizationCode},
		ResponseTypes:    []goidc.ResponseType{goidc.ResponseTypeCode},
		ScopeIDs:         strings.Join(scopesSupported, " "),
		IDTokenSigAlg:    goidc.SignatureAlgorithm(t.Algorithm),
		TokenAuthnMethod: goidc.AuthnMethod(method),
	}}
	for _, uri := range t.RedirectURIs {
		// We compare exactly; the engine compares what it parsed and wrote again.
		if u, err := url.Parse(uri); err == nil {
			c.RedirectURIs = append(c.RedirectURIs, u.String())
		}
	}
	return c, true
}

var errSecret = errors.New("wrong client secret")

// verifySecret compares a client secret with its hash in constant time. By the
// Basic scheme a secret comes form-encoded (RFC 6749 2.3.1), though many send
// it as it is.
func verifySecret(_ context.Context, hash, presented string) error {
	if len(hash) == 0 {
		return errSecret
	}
	if secret.Equal([]byte(hash), secret.Hash(presented)) {
		return nil
	}
	if decoded, err := url.QueryUnescape(presented); err == nil && secret.Equal([]byte(hash), secret.Hash(decoded)) {
		return nil
	}
	return errSecret
}
