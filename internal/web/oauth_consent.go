package web

import (
	"net/http"

	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/web/template"
)

// consentForm asks a person before a tool is told who they are.
func (v *visit) consentForm() error {
	id := v.r.URL.Query().Get("authorization")
	waiting, err := v.toolWaiting(id)
	if err != nil {
		return err
	}
	if len(waiting.Told) == 0 || waiting.AccountID != v.current.Account.ID { // not there yet, or another person's
		return v.redirect("/oauth/authorize/" + id)
	}
	return v.render(http.StatusOK, template.Consent(template.ConsentPage{Page: v.page(), ToolName: waiting.Tool.NameIn(v.p.Lang()), Authorization: id, Device: waiting.Device,
		Company: waiting.CompanyName, Told: waiting.Told, Email: v.current.Account.Email}))
}

func (v *visit) consent() error {
	id := v.form("authorization")
	if len(id) > 200 {
		return store.ErrNoAuthorization
	}
	if _, err := v.toolWaiting(id); err != nil {
		return err
	}
	if err := v.h.Sessions.Consent(v.r.Context(), v.actor(), id, v.h.Cookies.Read(v.r, session.Browser)); err != nil {
		return err
	}
	return v.redirect("/oauth/authorize/" + id)
}
