package oidc

import (
	"encoding/json"
	"strings"

	"portique/internal/store"
)

// machineRequest is what a tool asked a token in its own name for.
type machineRequest struct {
	Audience []string `json:"audiences,omitempty"` // client ids of the tool that it calls: of each that is registered at its address
}

// credential gives a tool a token in its own name (RFC 6749 4.4): for calls from
// machine to machine, behind which there is no person and no company. It has no
// scope: what it opens is for those who ask about it (introspection) to say. It
// is for one tool, named by its address (RFC 8707): whoever is called could
// otherwise go on to call others with it.
func (p *Provider) credential(t *tokenRequest) (*tokenAnswer, error) {
	if t.client.Public() {
		return nil, refuse("unauthorized_client", "a client without a secret has no token in its own name")
	}
	if t.v.Get("scope") != "" {
		return nil, refuse("invalid_scope", "a token in the client's own name has no scope")
	}
	if len(t.v["resource"]) > 1 {
		return nil, refuse("invalid_target", "a token is for one resource: ask once for each")
	}
	var asked machineRequest
	if resource := t.v.Get("resource"); resource != "" {
		tools, err := t.tx.Tools()
		if err != nil {
			return nil, err
		}
		for _, other := range tools {
			if strings.TrimRight(other.URL, "/") == strings.TrimRight(resource, "/") {
				asked.Audience = append(asked.Audience, other.ID) // a till may stand at the address of its service
			}
		}
		if asked.Audience == nil {
			return nil, refuse("invalid_target", "resource is the address of a registered tool, as it was registered")
		}
	}
	kept, err := json.Marshal(asked)
	if err != nil {
		return nil, err
	}
	now := t.tx.Now()
	g := &store.Grant{ID: store.NewID(), ClientID: t.client.ID, Request: string(kept), DPoPKey: t.dpopKey, CodeExpiresAt: now, CreatedAt: now}
	if err := t.tx.InsertGrant(g); err != nil {
		return nil, err
	}
	return p.issue(t, g, nil, nil, "")
}
