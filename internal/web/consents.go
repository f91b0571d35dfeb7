package web

import (
	"net/http"
	"slices"

	"portique"
	"portique/internal/store"
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
	byName := portique.ByNameIn(v.p.Lang())
	slices.SortFunc(given, func(a, b *store.Consent) int { return byName(&a.Tool, &b.Tool) })
	page := template.ConsentsPage{Page: v.portalPage(m, "")}
	for _, c := range given {
		page.Given = append(page.Given, template.GivenConsent{ClientID: c.ClientID, ToolName: c.Tool.NameIn(v.p.Lang()), Told: c.Told, GivenAt: c.GivenAt})
	}
	return v.render(http.StatusOK, template.Consents(page))
}

func (v *visit) withdrawConsent() error {
	given, err := v.h.Sessions.Withdraw(v.r.Context(), v.actor(), v.r.PathValue("tool"))
	if err != nil {
		return err
	}
	v.tell("portal.flash.withdrawn", "Tool", given.Tool.NameIn(v.p.Lang()))
	return v.redirect("/account/consents")
}
