package oidc

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

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
	"profile": {"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
		"gender", "birthdate", "zoneinfo", "locale", "updated_at"},
	"email":   {"email", "email_verified"},
	"address": {"address"},
	"phone":   {"phone_number", "phone_number_verified"},
	"company": {"company"},
}

// idTokenClaims are those of an ID token (Core 2): times by our clock, the level
// and moment of the sign-in, its session, the company; personal data only when
// asked for one by one.
func (p *Provider) idTokenClaims(tx *store.Tx, s *standing, q *request, scope string) (map[string]any, error) {
	names := q.oneByOne(q.Claims.IDToken, scope)
	if hasScope(scope, "company") {
		names = append(slices.Clone(names), "company")
	}
	claims, err := release(tx, s, names)
	if err != nil {
		return nil, err
	}
	now := tx.Now()
	claims["iss"], claims["aud"], claims["sub"] = p.issuer, s.tool.ID, p.subject(s.tool, s.current.Account.ID)
	claims["iat"], claims["exp"] = now.Unix(), now.Add(TokenLife).Unix()
	claims["auth_time"], claims["acr"], claims["amr"] = s.current.AuthTime.Unix(), acrPassword, []string{"pwd"}
	claims["sid"] = p.sid(s.tool, s.current.ID)
	if q.Nonce != "" {
		claims["nonce"] = q.Nonce
	}
	return claims, nil
}

// oneByOne are the claims asked for by their names, unless a refresh narrowed
// what was granted.
func (q *request) oneByOne(names []string, scope string) []string {
	if scope != q.Scope {
		return nil
	}
	return names
}

// userinfoClaims are what the scopes, and the claims parameter, released.
func (p *Provider) userinfoClaims(tx *store.Tx, s *standing, q *request, scope string) (map[string]any, error) {
	names := slices.Clone(q.oneByOne(q.Claims.Userinfo, scope))
	for one := range strings.FieldsSeq(scope) {
		names = append(names, scopeClaims[one]...)
	}
	claims, err := release(tx, s, names)
	if err != nil {
		return nil, err
	}
	claims["sub"] = p.subject(s.tool, s.current.Account.ID)
	return claims, nil
}

// subject is how a tool knows a person: by the account's id, or, for one that
// asked for names of its own (Core 8.1), by a name made of its host, which no
// other host can match with theirs.
func (p *Provider) subject(t *portique.Tool, accountID string) string {
	if !t.Pairwise {
		return accountID
	}
	return base64.RawURLEncoding.EncodeToString(p.secrets.Mac("pairwise-subject", t.Sector(), accountID))
}

// sid is how a tool knows a session; one that has names of its own for people has
// them for sessions too, or both could be matched by it.
func (p *Provider) sid(t *portique.Tool, sessionID string) string {
	if !t.Pairwise {
		return sessionID
	}
	return base64.RawURLEncoding.EncodeToString(p.secrets.Mac("pairwise-session", t.Sector(), sessionID))
}

// release gives the values of the claims of those names, leaving out those that
// this person has not.
func release(tx *store.Tx, s *standing, names []string) (map[string]any, error) {
	claims := map[string]any{}
	account := s.current.Account
	var more map[string]any // what the operator's file says of the person besides
	if s.claims != "" {
		if err := json.Unmarshal([]byte(s.claims), &more); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if !s.tool.MayHave(name) {
			continue
		}
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
		default:
			if value, known := more[name]; known {
				claims[name] = value
			}
		}
	}
	return claims, nil
}
