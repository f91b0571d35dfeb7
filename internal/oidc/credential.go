package oidc

import "portique/internal/store"

// credential gives a tool a token in its own name (RFC 6749 4.4): for calls from
// machine to machine, behind which there is no person and no company. It has no
// scope: what it opens is for those who ask about it (introspection) to say.
func (p *Provider) credential(t *tokenRequest) (*tokenAnswer, error) {
	if t.client.Public() {
		return nil, refuse("unauthorized_client", "a client without a secret has no token in its own name")
	}
	if t.v.Get("scope") != "" {
		return nil, refuse("invalid_scope", "a token in the client's own name has no scope")
	}
	now := t.tx.Now()
	g := &store.Grant{ID: store.NewID(), ClientID: t.client.ID, Request: "{}", DPoPKey: t.dpopKey, CodeExpiresAt: now, CreatedAt: now}
	if err := t.tx.InsertGrant(g); err != nil {
		return nil, err
	}
	return p.issue(t, g, nil, nil, "")
}
