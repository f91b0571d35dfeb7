package web

import (
	"net/http"

	"portique"
	"portique/internal/web/template"
)

// accessibility is the statement of an installation that names none of its own;
// who knows its address may read it anyway.
func (v *visit) accessibility() error {
	page := template.AccessibilityPage{Page: v.page()}
	if v.current != nil && v.door == portique.DoorPortal {
		m, err := v.mine()
		if err != nil {
			return err
		}
		page.Page = v.portalPage(m, "")
	}
	return v.render(http.StatusOK, template.Accessibility(page))
}
