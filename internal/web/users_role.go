package web

import "portique"

func (v *visit) changeRole() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	role, err := portique.ParseRole(v.form("role"))
	if err == nil {
		m, changeErr := v.h.Access.ChangeRole(v.r.Context(), v.actor(), siren, v.r.PathValue("id"), role, v.ticked())
		if changeErr == nil {
			v.tell("portal.flash.role", "Name", m.Name(), "Role", v.p.T("common.role."+string(role)))
			if m.AccountID == v.current.Account.ID && role != portique.Administrator {
				return v.redirect("/tools?siren=" + string(siren)) // no longer this page's reader
			}
			return v.redirect("/companies/" + string(siren) + "/users")
		}
		err = changeErr
	}
	return v.decisionRefused(siren, err, "role", "tool")
}
