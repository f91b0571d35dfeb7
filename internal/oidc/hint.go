package oidc

import (
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// hint is an ID token of ours that came back as id_token_hint. Its age does not
// matter (RP-Initiated Logout 1.0, 4): only who it was for.
type hint struct {
	Issuer   string       `json:"iss"`
	Subject  string       `json:"sub"`
	Session  string       `json:"sid"`
	Audience jwt.Audience `json:"aud"`
}

// of says whether the token was made for that client.
func (h *hint) of(clientID string) bool { return h != nil && slices.Contains(h.Audience, clientID) }

// readHint verifies an id_token_hint: signed by a key of ours that was not
// revoked, by us. It is nil when it is anything else.
func (p *Provider) readHint(raw string) *hint {
	if raw == "" || len(raw) > 16<<10 || strings.Count(raw, ".") != 2 {
		return nil
	}
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil || len(token.Headers) != 1 {
		return nil
	}
	header := token.Headers[0]
	if typ, ok := header.ExtraHeaders[jose.HeaderType]; ok && typ != "JWT" {
		return nil
	}
	key := p.keys.verifier(header.KeyID)
	h := &hint{}
	if key == nil || token.Claims(key, h) != nil || h.Issuer != p.issuer || h.Subject == "" || len(h.Audience) != 1 {
		return nil
	}
	return h
}
