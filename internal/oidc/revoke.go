package oidc

import (
	"errors"
	"net/http"
	"net/url"

	"portique/internal/secret"
	"portique/internal/store"
)

// revoke forgets a token at its tool's wish (RFC 7009): an access token alone, a
// refresh token with everything of its grant. A token that is not, or no longer,
// known is no error.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) {
	p.machine(w, r, func(f *flight, v url.Values) error {
		token := v.Get("token")
		if token == "" {
			return refuse("invalid_request", "token is missing")
		}
		hash := secret.Key(token)
		access, err := f.tx.AccessToken(hash)
		if err == nil {
			if _, err := f.grantOfClient(access.GrantID); err != nil {
				return err
			}
			return f.tx.DeleteAccessToken(hash)
		}
		if !errors.Is(err, store.ErrNoAccessToken) {
			return err
		}
		again, err := f.tx.RefreshToken(hash)
		if errors.Is(err, store.ErrNoRefreshToken) {
			return nil
		}
		if err != nil {
			return err
		}
		g, err := f.grantOfClient(again.GrantID)
		if err != nil {
			return err
		}
		return revoke(f.tx, g)
	}, func() {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
	})
}

// grantOfClient is the grant of that id, unless it is another client's.
func (f *flight) grantOfClient(id string) (*store.Grant, error) {
	g, err := f.tx.Grant(id)
	if err == nil && g.ClientID != f.client.ID {
		return nil, refuse("invalid_grant", "the token was given to another client")
	}
	return g, err
}
