package web

import (
	"errors"
	"net/http"

	"portique"
	"portique/internal/account"
	"portique/internal/session"
	"portique/internal/web/template"
)

func (v *visit) forgotForm() error {
	return v.render(http.StatusOK, template.Forgot(template.ForgotPage{Page: v.page(), Sent: v.r.URL.Query().Has("sent")}))
}

// forgot answers every address the same way.
func (v *visit) forgot() error {
	if err := v.h.Accounts.Forgot(v.r.Context(), v.actor(), v.form("email")); err != nil {
		page := template.ForgotPage{Page: v.page(), Form: template.Form{Values: v.values("email")}}
		code, ok := v.refill(err, &page.Form, &page.Page)
		if !ok {
			return err
		}
		return v.render(code, template.Forgot(page))
	}
	return v.redirect("/password/forgot?sent")
}

func (v *visit) resetForm() error {
	token, moved, err := v.mailedToken()
	switch {
	case errors.Is(err, errPassOld):
		return v.render(http.StatusOK, template.Reset(template.ResetPage{Page: v.page(), State: template.ResetStale}))
	case moved || err != nil:
		return err
	}
	return v.resetPage(http.StatusOK, token, template.Form{})
}

// resetPage is the page behind the mailed link. Reading it changes nothing.
func (v *visit) resetPage(code int, token string, form template.Form) error {
	page := template.ResetPage{Page: v.page(), State: template.ResetOpen, Token: token, Form: form, PasswordPolicy: string(v.h.PasswordPolicy)}
	reset, err := v.h.Accounts.OpenReset(v.r.Context(), token)
	switch {
	case err == nil:
		page.Email, page.NeedsName = reset.Email, reset.NeedsName
	case errors.Is(err, portique.ErrResetExpired):
		page.State = template.ResetExpired
	case errors.Is(err, portique.ErrResetUnknown):
		page.State = template.ResetUnknown
	default:
		return err
	}
	return v.render(code, template.Reset(page))
}

func (v *visit) reset() error {
	token := v.form("token")
	known, err := v.h.Accounts.ResetPassword(v.r.Context(), v.actor(), token, account.Form{
		Password: v.form("password"), PasswordConfirmation: v.form("password_confirmation"),
		FirstName: v.form("first_name"), LastName: v.form("last_name"), ContributionsOnly: v.checked("contributions_only"),
	})
	if err != nil {
		if portique.KindOf(err) != portique.Invalid {
			return err
		}
		fields, _ := v.formErrors(err)
		return v.resetPage(http.StatusUnprocessableEntity, token,
			template.Form{Values: v.values("first_name", "last_name", "contributions_only"), Errors: fields})
	}
	v.h.Cookies.Set(v.w, session.Known, known, session.KnownLife)
	v.tell("auth.flash.reset")
	return v.redirect("/login")
}
