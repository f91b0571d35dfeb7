package account

import (
	"encoding/json"
	"fmt"
	"slices"

	"portique"
)

// Claims are what a tool may be told of a person besides what the account says
// itself: standard claims of OpenID Connect (Core 5.1) by name.
type Claims map[string]any

// saidByAccount are the claims that follow from the account: what a file says
// of them counts for nothing.
var saidByAccount = []string{"name", "given_name", "family_name", "email", "email_verified", "locale", "updated_at", "company"}

// addressParts are the members of the claim address (Core 5.1.1).
var addressParts = []string{"formatted", "street_address", "locality", "region", "postal_code", "country"}

// text is what is kept of the claims, "" for nothing, or everything that is
// wrong with them.
func (c Claims) text() (string, error) {
	var faults portique.FieldErrors
	kept := map[string]any{}
	for name, value := range c {
		switch {
		case name == "sub", slices.Contains(saidByAccount, name):
			continue
		case !slices.Contains(portique.Claims, name):
			faults.Add("claims", "account.claim_unknown", "Claim", name)
			continue
		case !fits(name, value):
			faults.Add("claims", "account.claim_form", "Claim", name)
			continue
		}
		kept[name] = value
	}
	if err := faults.Err(); err != nil || len(kept) == 0 {
		return "", err
	}
	b, err := json.Marshal(kept)
	if err == nil && len(b) > maxClaims {
		return "", portique.FieldErrors{{Kind: portique.Invalid, Key: "account.claims_long", Field: "claims"}}
	}
	return string(b), err
}

// maxClaims is the longest set of claims kept, in bytes.
const maxClaims = 16 << 10

// fits says whether a claim has the type that the standard gives it.
func fits(name string, value any) bool {
	switch name {
	case "phone_number_verified":
		_, ok := value.(bool)
		return ok
	case "address":
		parts, ok := value.(map[string]any)
		for part, v := range parts {
			if _, text := v.(string); !text || !slices.Contains(addressParts, part) {
				return false
			}
		}
		return ok && len(parts) > 0
	}
	s, ok := value.(string)
	return ok && s != ""
}

// ReadClaims reads claims from a JSON object.
func ReadClaims(text string) (Claims, error) {
	var c Claims
	if err := json.Unmarshal([]byte(text), &c); err != nil || c == nil {
		return nil, fmt.Errorf("the claims are not a JSON object: %w", err)
	}
	return c, nil
}
