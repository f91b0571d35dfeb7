package oidc

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// jwtIntrospection is the media type of an answer that is signed (RFC 9701).
const jwtIntrospection = "application/token-introspection+jwt"

// introspect says whether a token still opens something, and what (RFC 7662). A
// tool may ask about its own tokens, and about those that other tools have in
// their own name to call it: they are how one tool knows another. Whatever else
// comes is not active, and nothing is said of why.
func (p *Provider) introspect(w http.ResponseWriter, r *http.Request) {
	var told map[string]any
	var signed string
	p.machineReads(w, r, func(f *flight, v url.Values) error {
		if err := f.confidential(); err != nil {
			return err
		}
		if v.Get("token") == "" {
			return refuse("invalid_request", "token is missing")
		}
		var err error
		if told, err = p.introspection(f, v.Get("token")); err != nil {
			return err
		}
		if !strings.Contains(r.Header.Get("Accept"), jwtIntrospection) {
			return nil
		}
		now := f.tx.Now()
		signed, err = p.keys.sign(f.client.Algorithm, "token-introspection+jwt", now,
			map[string]any{"iss": p.issuer, "aud": f.client.ID, "iat": now.Unix(), "token_introspection": told})
		return err
	}, func() {
		if signed == "" {
			writeJSON(w, http.StatusOK, told)
			return
		}
		w.Header().Set("Content-Type", jwtIntrospection)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(signed)) // the reader went away
	})
}

// introspection is what is told of a token.
func (p *Provider) introspection(f *flight, token string) (map[string]any, error) {
	for _, look := range []func(*flight, []byte) (map[string]any, error){p.personToken, p.machineToken, p.refreshToken} {
		told, err := look(f, secret.Key(token))
		if err != nil && !missing(err) {
			return nil, err
		}
		if err == nil {
			told["active"], told["iss"] = true, p.issuer
			return told, nil
		}
	}
	return map[string]any{"active": false}, nil
}

// personToken tells of an access token that a person gave a tool.
func (p *Provider) personToken(f *flight, hash []byte) (map[string]any, error) {
	o, s, q, err := opened(f.tx, hash)
	if err != nil {
		return nil, err
	}
	if o.Tool.ID != f.client.ID {
		return nil, store.ErrNoAccessToken
	}
	told, err := p.personTold(f.tx, f.client, s, scopeOf(o, q))
	if err != nil {
		return nil, err
	}
	bind(told, o.DPoPKey)
	told["iat"], told["exp"] = o.CreatedAt.Unix(), o.ExpiresAt.Unix()
	return told, nil
}

// personTold are the members that tell of a person and the access.
func (p *Provider) personTold(tx *store.Tx, t *portique.Tool, s *standing, scope string) (map[string]any, error) {
	names := []string{"acr", "amr", "auth_time"}
	if hasScope(scope, "company") {
		names = append(names, "company")
	}
	told, err := release(tx, s, names)
	if err != nil {
		return nil, err
	}
	told["client_id"], told["aud"], told["scope"], told["sid"] = t.ID, t.ID, scope, p.sid(t, s.current.ID)
	told["sub"] = p.subject(t, s.current.Account.ID)
	return told, nil
}

// machineToken tells of an access token that a tool has in its own name, to that
// tool and to the one it is for.
func (p *Provider) machineToken(f *flight, hash []byte) (map[string]any, error) {
	m, err := f.tx.Machine(hash)
	if err != nil {
		return nil, err
	}
	if !m.RevokedAt.IsZero() || !m.Tool.DisabledAt.IsZero() || !f.tx.Now().Before(m.ExpiresAt) {
		return nil, store.ErrNoAccessToken
	}
	var asked machineRequest
	if err := json.Unmarshal([]byte(m.GrantedFor), &asked); err != nil {
		return nil, err
	}
	if f.client.ID != m.Tool.ID && !slices.Contains(asked.Audience, f.client.ID) {
		return nil, store.ErrNoAccessToken
	}
	var audience any = m.Tool.ID
	switch len(asked.Audience) {
	case 0:
	case 1:
		audience = asked.Audience[0]
	default:
		audience = asked.Audience
	}
	told := map[string]any{"client_id": m.Tool.ID, "sub": m.Tool.ID, "aud": audience, "iat": m.CreatedAt.Unix(), "exp": m.ExpiresAt.Unix()}
	bind(told, m.DPoPKey)
	return told, nil
}

// refreshToken tells of a refresh token of the tool that asks, which could be
// used now.
func (p *Provider) refreshToken(f *flight, hash []byte) (map[string]any, error) {
	t, g, err := f.tx.LookAtRefreshToken(hash)
	if err != nil {
		return nil, err
	}
	end := g.CreatedAt.Add(RefreshLife)
	if g.ClientID != f.client.ID || !g.RevokedAt.IsZero() || !t.UsedAt.IsZero() || !f.tx.Now().Before(end) {
		return nil, store.ErrNoRefreshToken
	}
	s, err := p.stand(f.tx, g)
	if err != nil {
		return nil, err
	}
	q := &request{}
	if err := json.Unmarshal([]byte(g.Request), q); err != nil {
		return nil, err
	}
	told, err := p.personTold(f.tx, f.client, s, q.Scope)
	if err != nil {
		return nil, err
	}
	told["iat"], told["exp"], told["token_type"] = t.CreatedAt.Unix(), end.Unix(), "refresh_token"
	if g.DPoPKey != "" {
		told["cnf"] = map[string]string{"jkt": g.DPoPKey}
	}
	return told, nil
}

// bind says how an access token is to be presented.
func bind(told map[string]any, dpopKey string) {
	told["token_type"] = "Bearer"
	if dpopKey != "" {
		told["token_type"], told["cnf"] = "DPoP", map[string]string{"jkt": dpopKey}
	}
}
