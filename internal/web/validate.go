package web

import (
	"errors"
	"net/http"

	"portique"
	"portique/internal/session"
	"portique/internal/web/template"
)

// linkPage is the page behind the mailed link. Reading it changes nothing.
func (v *visit) linkPage(code int, token string, form template.Form, notice *template.Notice) error {
	page := template.ValidatePage{Page: v.page(), Token: token, Form: form}
	if notice != nil {
		page.Flash = notice
	}
	link, err := v.h.Accounts.OpenLink(v.r.Context(), token, v.h.Cookies.Read(v.r, session.SignUp))
	if link != nil {
		page.Email = link.Email
	}
	switch {
	case err == nil && link.SameBrowser:
		page.State = template.ValidateSameBrowser
	case err == nil:
		page.State = template.ValidateOtherBrowser
	case errors.Is(err, portique.ErrAlreadyValidated):
		page.State = template.ValidateUsed
	case errors.Is(err, portique.ErrLinkExpired):
		page.State = template.ValidateExpired
	case errors.Is(err, portique.ErrLinkUnknown):
		page.State = template.ValidateUnknown
		if code == http.StatusOK {
			code = http.StatusNotFound
		}
	default:
		return err
	}
	return v.render(code, template.Validate(page))
}

func (v *visit) validateForm() error {
	token, moved, err := v.mailedToken()
	switch {
	case errors.Is(err, errPassOld):
		return v.render(http.StatusOK, template.Validate(template.ValidatePage{Page: v.page(), State: template.ValidateStale}))
	case moved || err != nil:
		return err
	}
	return v.linkPage(http.StatusOK, token, template.Form{}, nil)
}

func (v *visit) validate() error {
	token := v.form("token")
	err := v.h.Accounts.Validate(v.r.Context(), v.actor(), token, v.form("password"), v.h.Cookies.Read(v.r, session.SignUp))
	if err != nil {
		return v.linkRefused(token, err)
	}
	if link, _ := v.h.Accounts.OpenLink(v.r.Context(), token, ""); link != nil { // used, but still whose it was
		v.giveAddress(link.Email)
	}
	return v.redirect("/validated")
}

// linkRefused shows the link's page again: what is wrong with the link itself
// is told by its state, the rest beside its field.
func (v *visit) linkRefused(token string, err error) error {
	switch portique.KindOf(err) {
	case portique.Invalid:
		fields, _ := v.formErrors(err)
		return v.linkPage(http.StatusUnprocessableEntity, token, template.Form{Errors: fields}, nil)
	case portique.TooSoon:
		v.retryAfter(err)
		return v.linkPage(http.StatusTooManyRequests, token, template.Form{}, &template.Notice{Kind: template.Caution, Text: v.sentence(err)})
	}
	return err
}

func (v *visit) validated() error {
	return v.render(http.StatusOK, template.Validated(template.ValidatedPage{Page: v.page(), SignInURL: v.h.PortalURL + "/session/start"}))
}

func (v *visit) validateNotMe() error {
	token := v.form("token")
	if err := v.h.Accounts.Disown(v.r.Context(), v.actor(), token, v.form("code")); err != nil {
		return v.linkRefused(token, err)
	}
	return v.redirect("/validate/not-me/done")
}

func (v *visit) validateNotMeDone() error {
	page := v.page()
	page.Title, page.DataPage = v.p.T("auth.not_me.title"), "validate"
	return v.render(http.StatusOK, template.Message(template.MessagePage{Page: page, Text: v.p.T("auth.not_me.text")}))
}
