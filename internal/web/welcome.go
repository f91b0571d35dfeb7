package web

import (
	"net/http"

	"portique/internal/web/template"
)

// welcome: who is signed out reads what this is; who is signed in goes to the
// tools, or to where a company is added until one access is active.
func (v *visit) welcome() error {
	if v.current == nil {
		return v.render(http.StatusOK, template.Welcome(template.WelcomePage{Page: v.page(), NoSignUp: !v.h.SignUp}))
	}
	mine, err := v.mine()
	if err != nil {
		return err
	}
	if !mine.hasAccess {
		return v.redirect("/companies/add")
	}
	return v.redirect("/tools")
}
