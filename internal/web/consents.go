package web

import (
	"net/http"

	"portique/internal/web/template"
)

// consents lists what the person agreed that tools are told.
func (v *visit) consents() error {
	m, err := v.mine()
	if err != nil {
		return err
	}
	given, err := v.h.Sessions.Consents(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return err
	}
	page := template.ConsentsPage{Page: v.portalPage(m, "")}
	for _, c := range given {
		page.Given = append(page.Given, template.GivenConsent{ClientID: c.ClientID, ToolName: c.ToolName, Told: c.Told, GivenAt: c.GivenAt})
	}
	return v.render(http.StatusOK, template.Consents(page))
}

func (v *visit) withdrawConsent() error {
	given, err := v.h.Sessions.Withdraw(v.r.Context(), v.actor(), v.r.PathValue("tool"))
	if err != nil {
		return err
	}
	v.tell("portal.flash.withdrawn", "Tool", given.ToolName)
	return v.redirect("/account/consents")
}
