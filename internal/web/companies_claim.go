package web

import (
	"net/http"

	"portique"
	"portique/internal/web/template"
)

func (v *visit) claimForm() error {
	return v.claimPage(http.StatusOK, template.Form{}, nil)
}

// claimPage asks for a second proof. It is the same whether the member code was
// right or not.
func (v *visit) claimPage(code int, form template.Form, notice *template.Notice) error {
	m, err := v.mine()
	if err != nil {
		return err
	}
	waiting, err := v.h.Access.StepUps(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return err
	}
	if len(waiting) == 0 && v.r.Method != http.MethodPost {
		return v.redirect("/companies/add")
	}
	page := template.ClaimPage{Page: v.portalPage(m, ""), Form: form, Digits: portique.StepUpCodeDigits, ByOperator: v.h.Access.NeedsOperator()}
	if notice != nil {
		page.Flash = notice
	}
	for _, u := range waiting {
		row := template.ClaimRow{SIREN: string(u.SIREN), AskedAt: u.CreatedAt}
		if u.TakesCode(m.now) {
			row.Until = u.ExpiresAt
		}
		row.AgainAt = u.AskAgainAt(m.now)
		page.Rows = append(page.Rows, row)
	}
	return v.render(code, template.Claim(page))
}

func (v *visit) claim() error {
	a, err := v.h.Access.Claim(v.r.Context(), v.actor(), v.form("code"))
	if err != nil {
		page := v.page()
		var form template.Form
		code, ok := v.refill(err, &form, &page)
		if !ok {
			return err
		}
		return v.claimPage(code, form, page.Flash)
	}
	return v.attached(a)
}
