package web

import (
	"errors"
	"net/http"

	"portique"
	"portique/internal/account"
	"portique/internal/session"
	"portique/internal/web/template"
)

// forgotForm is the form, and after it where a link went if it went at all. What
// was asked for is known by this browser, never by the address of the page; one
// that has forgotten it still reads that a request is kept.
func (v *visit) forgotForm() error {
	page := template.ForgotPage{Page: v.page(), MailboxURL: v.h.MailboxURL}
	query, given := v.r.URL.Query(), v.given()
	if query.Has("sent") && (given.Asked > 0 || given.Email == "") {
		page.Sent, page.Again, page.Email = true, given.Asked > 1, given.Email
		page.Meant = portique.MeantEmail(page.Email)
	} else if !query.Has("other") { // who wants another address does not find the old one
		page.Form.Values = v.addressTyped()
	}
	return v.render(http.StatusOK, template.Forgot(page))
}

// forgot answers every address the same way.
func (v *visit) forgot() error {
	typed := v.form("email")
	if err := v.h.Accounts.Forgot(v.r.Context(), v.actor(), typed); err != nil {
		page := template.ForgotPage{Page: v.page(), Form: template.Form{Values: v.values("email")}}
		code, ok := v.refill(err, &page.Form, &page.Page)
		if !ok {
			return err
		}
		return v.render(code, template.Forgot(page))
	}
	email, err := portique.ParseEmail("email", typed)
	if err != nil {
		return err // it was well-formed a moment ago
	}
	v.askedFor(email)
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
	opened, _ := v.h.Accounts.OpenReset(v.r.Context(), token) // a link is spent once
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
	if opened != nil {
		v.giveAddress(opened.Email)
	}
	v.tell("auth.flash.reset")
	return v.redirect("/login")
}
