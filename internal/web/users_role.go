package web

import (
	"portique"
	"portique/internal/access"
)

func (v *visit) changeRole() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	terms, err := v.terms()
	if err == nil {
		to := access.Change{Role: terms.Role, Tools: terms.Tools}
		if _, sent := v.r.PostForm["until"]; sent {
			to.Until = &terms.Until
		}
		c, changeErr := v.h.Access.ChangeRole(v.r.Context(), v.actor(), siren, v.r.PathValue("id"), to)
		if changeErr == nil {
			v.tellChanged(c)
			if c.AccountID == v.current.Account.ID && c.Role != portique.Administrator {
				return v.redirect("/tools?siren=" + string(siren)) // no longer this page's reader
			}
			return v.redirect("/companies/" + string(siren) + "/users")
		}
		err = changeErr
	}
	return v.decisionRefused(siren, err, "role", "tool", "until")
}

// tellChanged says what of an access is not as it was: the end date may have
// gone with the role, and nobody should have to look for that.
func (v *visit) tellChanged(c *access.Changed) {
	args := []any{"Name", c.Name(), "Role", "", "Until", "", "Endless", ""}
	if c.NewRole() {
		args[3] = v.p.T("common.role." + string(c.Role))
	}
	switch {
	case !c.NewUntil():
	case c.Until.IsZero():
		args[7] = "yes"
	default:
		args[5] = v.p.Date(portique.LastMoment(c.Until))
	}
	v.tell("portal.flash.changed", args...)
}
