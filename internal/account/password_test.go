package account_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"portique"
	"portique/internal/account"
	"portique/internal/store/storetest"
)

// PWD-06: at each door where a password is chosen, a common one or one's own name is refused with the reason, and nothing is kept.
func TestCommonAndOwnPasswordsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		anne, err := w.Create(ctx, w.actor, form(func(f *account.Form) {
			f.Email, f.FirstName, f.LastName = "anne.prigent@boutique.example", "Anne", "Prigent"
		}), true)
		w.want("an account", err, nil)
		w.signUp(func(f *account.Form) {
			f.Email, f.EmailConfirmation = "eve@boutique.example", "eve@boutique.example"
		})
		links := map[string]string{}
		for _, email := range []string{anne.Email, "eve@boutique.example"} {
			w.want("asking for a link", forgot(ctx, w.Service, w.actor, email), nil)
			links[email], _ = resetLink(t, w.db, email)
		}
		letters, accounts := len(storetest.Outbox(t, w.db, "")), 0
		if list, err := w.List(ctx, ""); err == nil {
			accounts = len(list)
		}
		for typed, key := range map[string]string{
			"Azerty123!": "password.common", "Motdepasse1!": "password.common", "P@ssw0rd1": "password.common", "Prigent-2026": "password.own_name",
			"Boutique!31": "password.own_address", "Opcommerce-31": "password.site_name", "Webservices31!": "password.site_name", "Portique-31!": "password.site_name",
		} {
			names := func(f *account.Form) {
				f.Email, f.EmailConfirmation = "eve@boutique.example", "eve@boutique.example"
				f.FirstName, f.LastName, f.Password, f.PasswordConfirmation = "Anne", "Prigent", typed, typed
			}
			_, signUpErr := w.SignUp(ctx, w.actor, form(names))
			_, createErr := w.Create(ctx, w.actor, form(names), true)
			_, resetErr := w.ResetPassword(ctx, w.actor, links[anne.Email], account.Form{Password: typed, PasswordConfirmation: typed})
			_, waitingErr := w.ResetPassword(ctx, w.actor, links["eve@boutique.example"], form(names))
			for door, err := range map[string]error{
				"sign-up": signUpErr, "account create": createErr,
				"reset": resetErr, "reset of a sign-up": waitingErr,
			} {
				var faults portique.FieldErrors
				if !errors.As(err, &faults) || faults[len(faults)-1].Key != key && faults[0].Key != key || faults[0].Field != "password" {
					t.Errorf("%s, %q: %v", door, typed, err)
				}
			}
		}
		if list, err := w.List(ctx, ""); err != nil || len(list) != accounts || len(storetest.Outbox(t, w.db, "")) != letters || !w.knows(w.account(anne.Email), password) {
			t.Errorf("something was kept: %v, %v", list, err)
		}
	})
}

// PWD-03: spaces, accents, signs and all of ASCII are kept and verified exactly, at the ends too.
func TestPasswordsAreKeptExactly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ascii := ""
		for c := ' '; c <= '~'; c++ {
			ascii += string(c)
		}
		for i, typed := range []string{" Trois Pommes-31 ", ascii, "Été à Orléans, n° 31!", "Trois😀Pommes-31", "\tTrois-Pommes 31\u00a0", strings.Repeat("Été-31, trois pommes. ", 11)} {
			email := string(rune('a'+i)) + "nne@boutique.example"
			a, err := w.Create(t.Context(), w.actor, form(with(typed), func(f *account.Form) { f.Email = email }), true)
			if err != nil {
				t.Errorf("%q: %v", typed, err)
				continue
			}
			for other, right := range map[string]bool{typed: true, norm.NFD.String(typed): true, strings.TrimSpace(typed) + "x": false,
				typed + " ": false, " " + typed: false, strings.ToLower(typed): false, typed[:len(typed)-1]: false} {
				if w.knows(w.account(a.Email), other) != right {
					t.Errorf("%q, set as %q: right = %v", other, typed, !right)
				}
			}
		}
	})
}
