package web

import (
	"errors"
	"net/http"
	"slices"

	"portique"
	"portique/internal/access"
	"portique/internal/web/template"
)

func (v *visit) changeRole() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	terms, err := v.terms()
	if err == nil {
		to := access.Change{Role: terms.Role, Tools: terms.Tools, Shown: v.form("shown")}
		if _, sent := v.r.PostForm["until"]; sent {
			to.Until = &terms.Until
		}
		c, changeErr := v.h.Access.ChangeRole(v.r.Context(), v.actor(), siren, v.r.PathValue("id"), to)
		if changeErr == nil {
			if c.AccountID == v.current.Account.ID && c.Role != portique.Administrator {
				v.tell("portal.flash.own_role", "Company", c.CompanyName, "Role", v.p.T("common.role."+string(c.Role)))
				return v.redirect("/tools?siren=" + string(siren)) // no longer the reader of the page that lists users
			}
			v.tellChanged(c)
			return v.redirect("/companies/" + string(siren) + "/users")
		}
		err = changeErr
	}
	if own, ownErr := v.ownRoleRefused(siren, err); own {
		return ownErr
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

// ownRoleForm is where an administrator gives up her own role: what she loses and
// who can give it back come before the press. The POST is that of anybody's role.
func (v *visit) ownRoleForm() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	form, _, found := v.keptForm()
	return v.ownRolePage(http.StatusOK, siren, form, v.keptNotice(found))
}

// ownRoleRefused shows the page of one's own role again with what its form was
// refused for. own is false when that page is not where the form comes from, or
// cannot tell the refusal.
func (v *visit) ownRoleRefused(siren portique.SIREN, refusal error) (own bool, err error) {
	var faults portique.FieldErrors
	if !errors.As(refusal, &faults) {
		return false, nil
	}
	page := v.page()
	form := template.Form{Values: v.values("role", "tool", "until")}
	code, ok := v.refill(refusal, &form, &page)
	if !ok {
		return false, nil
	}
	err = v.ownRolePage(code, siren, form, nil)
	return err == nil || portique.KindOf(err) == portique.Internal, err
}

func (v *visit) ownRolePage(code int, siren portique.SIREN, form template.Form, notice *template.Notice) error {
	u, err := v.h.Access.Users(v.r.Context(), v.actor(), siren)
	if err != nil {
		return err
	}
	if u.Me.ID != v.r.PathValue("id") {
		return portique.ErrMembershipUnknown // another's form is on the page that lists users
	}
	m, err := v.mine()
	if err != nil {
		return err
	}
	var others []string
	for _, one := range u.Members {
		if one.Role == portique.Administrator && one.Active(m.now) && one.ID != u.Me.ID {
			others = append(others, one.Name())
		}
	}
	if err := portique.KeepsAdministrator(u.Me, len(others), m.now); err != nil {
		return err
	}
	page := template.UsersOwnRolePage{Page: v.portalPage(m, siren), CompanyName: u.Company.Name, SIREN: string(siren), User: v.userRow(u.Me, nil, len(others)+1),
		Tools: v.toolOptions(u.Tools), Others: len(others), Names: v.anyOf(others), Form: form}
	if notice != nil {
		page.Flash = notice
	}
	return v.render(code, template.UsersOwnRole(page))
}

// namesListed is how many people a sentence names before it says that there are
// more.
const namesListed = 3

// anyOf names some people of whom one is enough: "Anna, Luc ou Paul".
func (v *visit) anyOf(names []string) string {
	if len(names) > namesListed {
		names = append(slices.Clone(names[:namesListed]), v.p.T("portal.own_role.somebody"))
	}
	text := ""
	for i, name := range names {
		name = portique.Isolate(name)
		switch {
		case i == 0:
			text = name
		case i == len(names)-1:
			text = v.p.T("portal.own_role.or", "First", text, "Last", name)
		default:
			text += ", " + name
		}
	}
	return text
}
