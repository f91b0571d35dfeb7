package web

import (
	"net/http"

	"portique"
	"portique/internal/web/template"
)

// removeConfirm says what will happen before it does.
func (v *visit) removeConfirm() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	u, err := v.h.Access.Users(v.r.Context(), v.actor(), siren)
	if err != nil {
		return err
	}
	m, err := v.mine()
	if err != nil {
		return err
	}
	administrators := 0
	for _, one := range u.Members {
		if one.Role == portique.Administrator && one.Active(m.now) {
			administrators++
		}
	}
	for _, one := range u.Members {
		if one.ID == v.r.PathValue("id") {
			if err := portique.KeepsAdministrator(one, administrators-1, m.now); err != nil {
				return err
			}
			if one.AccountID != u.Me.AccountID {
				if err := u.Claim.MayGovern(m.now); err != nil {
					return err
				}
			}
			return v.render(http.StatusOK, template.UsersRemove(template.UsersRemovePage{Page: v.portalPage(m, siren),
				CompanyName: u.Company.Name, SIREN: string(siren), User: v.userRow(one, nil, 2)}))
		}
	}
	return portique.ErrMembershipUnknown
}

func (v *visit) remove() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	m, err := v.h.Access.Remove(v.r.Context(), v.actor(), siren, v.r.PathValue("id"))
	if err != nil {
		return v.decisionRefused(siren, err)
	}
	if m.AccountID == v.current.Account.ID {
		v.tell("portal.flash.left", "Company", m.CompanyName)
		return v.redirect("/companies")
	}
	v.tell("portal.flash.removed", "Name", m.Name())
	return v.redirect("/companies/" + string(siren) + "/users")
}
