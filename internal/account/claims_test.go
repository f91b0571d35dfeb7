package account

import (
	"errors"
	"strings"
	"testing"

	"portique"
)

// Standard claims in their form are kept, those that the account says itself are not, and all that is wrong is told at once.
func TestClaims(t *testing.T) {
	for name, c := range map[string]struct{ text, kept, faults string }{
		"nothing":   {`{}`, ``, ``},
		"some":      {`{"nickname":"Nanou","phone_number_verified":true,"address":{"locality":"Paris"}}`, `{"address":{"locality":"Paris"},"nickname":"Nanou","phone_number_verified":true}`, ``},
		"ours":      {`{"sub":"x","name":"X","email":"x@x.example","updated_at":1,"company":{}}`, ``, ``},
		"wrong":     {`{"nickname":1,"birthdate":"","phone_number_verified":"yes","address":{"town":"Paris"}}`, ``, `account.claim_form account.claim_form account.claim_form account.claim_form`},
		"an array":  {`{"address":["Paris"]}`, ``, `account.claim_form`},
		"unknown":   {`{"shoe_size":"38"}`, ``, `account.claim_unknown`},
		"very long": {`{"nickname":"` + strings.Repeat("x", maxClaims) + `"}`, ``, `account.claims_long`},
	} {
		claims, err := ReadClaims(c.text)
		if err != nil {
			t.Fatal(name, err)
		}
		kept, err := claims.text()
		var faults portique.FieldErrors
		errors.As(err, &faults)
		var keys []string
		for _, f := range faults {
			keys = append(keys, f.Key)
		}
		if kept != c.kept || strings.Join(keys, " ") != c.faults {
			t.Errorf("%s: %q, %v", name, kept, err)
		}
	}
	for _, text := range []string{``, `null`, `[]`, `"x"`, `{`} {
		if _, err := ReadClaims(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
