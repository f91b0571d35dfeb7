package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/luikyv/go-oidc/pkg/goidc"

	"portique"
	"portique/internal/store"
)

// acrPassword is the level of a sign-in by password (contract: acr values).
const acrPassword = "portique:1"

// companyClaim says for which company the person acts. Rights are client ids.
type companyClaim struct {
	SIREN  portique.SIREN `json:"siren"`
	Name   string         `json:"name"`
	Role   portique.Role  `json:"role"`
	Rights []string       `json:"rights"`
}

// company makes the claim of a grant, nil for the portal.
func company(tx *store.Tx, m *portique.Membership) (*companyClaim, error) {
	if m == nil {
		return nil, nil
	}
	tools, err := tx.ToolRights()
	if err != nil {
		return nil, err
	}
	c := &companyClaim{SIREN: m.SIREN, Name: m.CompanyName, Role: m.Role, Rights: []string{}}
	for _, t := range tools {
		if m.Opens(t, tx.Now()) == portique.Open {
			c.Rights = append(c.Rights, t.ID)
		}
	}
	slices.Sort(c.Rights)
	return c, nil
}

// scopeClaims are the claims that a scope gives in userinfo (Core 5.4).
var scopeClaims = map[string][]string{
	"profile": {"name", "given_name", "family_name", "locale", "updated_at"},
	"email":   {"email", "email_verified"},
	"company": {"company"},
}

// idTokenClaims completes an ID token (Core 2): times by our clock, the level
// and moment of the sign-in, its session, the company; personal data only when
// asked for one by one.
func (s storage) idTokenClaims(ctx context.Context, _ *goidc.Grant) map[string]any {
	f := flightOf(ctx)
	now := f.tx.Now()
	q := &request{}
	if f.broke(json.Unmarshal([]byte(f.grant.Request), q)) != nil {
		return nil
	}
	names := q.Claims.IDToken
	if slices.Contains(strings.Fields(q.Scope), "company") {
		names = append(names, "company")
	}
	claims, err := release(f.tx, f.standing, names)
	if f.broke(err) != nil {
		return nil
	}
	claims[goidc.ClaimIssuedAt] = now.Unix()
	claims[goidc.ClaimExpiry] = now.Add(TokenLife).Unix()
	claims[goidc.ClaimAuthTime] = f.standing.current.AuthTime.Unix()
	claims[goidc.ClaimACR] = acrPassword
	claims[goidc.ClaimAMR] = []string{"pwd"}
	claims["sid"] = f.standing.current.ID
	if f.token != "" {
		sum := sha256.Sum256([]byte(f.token)) // both algorithms hash by SHA-256
		claims[goidc.ClaimAccessTokenHash] = base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	return claims
}

// userinfoClaims are what the scopes, and the claims parameter, released.
func userinfoClaims(tx *store.Tx, s *standing, q *request) (map[string]any, error) {
	names := slices.Clone(q.Claims.Userinfo)
	for scope := range strings.FieldsSeq(q.Scope) {
		names = append(names, scopeClaims[scope]...)
	}
	claims, err := release(tx, s, names)
	claims["sub"] = s.current.Account.ID
	return claims, err
}

// release gives the values of the claims of those names, leaving out those that
// this person has not.
func release(tx *store.Tx, s *standing, names []string) (map[string]any, error) {
	claims := map[string]any{}
	account := s.current.Account
	for _, name := range names {
		switch name {
		case "name":
			claims[name] = account.Name()
		case "given_name":
			claims[name] = account.FirstName
		case "family_name":
			claims[name] = account.LastName
		case "locale":
			if account.Language != "" {
				claims[name] = account.Language
			}
		case "updated_at":
			claims[name] = account.CreatedAt.Unix() // a profile does not change yet
		case "email":
			claims[name] = account.Email
		case "email_verified":
			claims[name] = true // an account exists once its address is proved
		case "auth_time":
			claims[name] = s.current.AuthTime.Unix()
		case "acr":
			claims[name] = acrPassword
		case "amr":
			claims[name] = []string{"pwd"}
		case "company":
			c, err := company(tx, s.membership)
			if err != nil {
				return claims, err
			}
			if c != nil {
				claims[name] = c
			}
		}
	}
	return claims, nil
}
