package web

import (
	"errors"
	"net/http"

	"portique"
	"portique/internal/web/template"
)

func (v *visit) contestForm() error {
	token, moved, err := v.mailedToken()
	switch {
	case errors.Is(err, errPassOld):
		return v.render(http.StatusOK, template.Contest(template.ContestPage{Page: v.page(), State: template.ContestStale}))
	case moved || err != nil:
		return err
	}
	return v.contestPage(http.StatusOK, token, template.Form{}, nil)
}

// contestPage is the page behind a first claim's notice. Reading it changes
// nothing.
func (v *visit) contestPage(code int, token string, form template.Form, notice *template.Notice) error {
	page := template.ContestPage{Page: v.page(), State: template.ContestOpen, Token: token, Form: form}
	if notice != nil {
		page.Flash = notice
	}
	c, err := v.h.Access.OpenContest(v.r.Context(), token)
	switch {
	case err == nil:
	case errors.Is(err, portique.ErrClaimAnswered):
		page.State = template.ContestAnswered
	case errors.Is(err, portique.ErrClaimOver):
		page.State = template.ContestOver
	case errors.Is(err, portique.ErrClaimUnknown):
		page.State = template.ContestUnknown
		code = http.StatusNotFound
	default:
		return err
	}
	if c != nil {
		page.CompanyName, page.SIREN, page.Person, page.PersonEmail, page.Until = c.CompanyName, string(c.SIREN), c.Name(), c.Email, c.WatchedUntil
	}
	return v.render(code, template.Contest(page))
}

// contest takes the known contact's answer. Without the field answer it is a
// contest.
func (v *visit) contest() error {
	contest, token := v.form("answer") != "confirm", v.linkToken()
	claim, err := v.h.Access.Contest(v.r.Context(), v.actor(), token, v.form("code"), contest)
	if err != nil {
		page := v.page()
		var form template.Form
		code, ok := v.refill(err, &form, &page)
		if !ok && !errors.Is(err, portique.ErrClaimUnknown) {
			return err
		}
		return v.contestPage(code, token, form, page.Flash)
	}
	v.tell(contestDoneFlash, "Company", claim.CompanyName)
	if contest {
		return v.redirect("/contest/done?contested")
	}
	return v.redirect("/contest/done")
}

// contestDoneFlash carries the company's name to the page after an answer; it is
// no sentence.
const contestDoneFlash = "contest.done"

// contestDone follows an answer; it tells nothing that the reader did not see.
func (v *visit) contestDone() error {
	page := template.ContestPage{Page: v.page(), State: template.ContestConfirmed}
	if told, ok := v.take(); ok && told.Key == contestDoneFlash {
		page.CompanyName, _ = told.Args["Company"].(string)
	}
	if v.r.URL.Query().Has("contested") {
		page.State = template.ContestContested
	}
	return v.render(http.StatusOK, template.Contest(page))
}
