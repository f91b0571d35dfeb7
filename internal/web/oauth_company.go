package web

import (
	"errors"
	"net/http"

	"portique"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/web/template"
)

// toolWaiting returns the authorization of a tool that waits for a choice.
func (v *visit) toolWaiting(id string) (*store.Waiting, error) {
	waiting, err := v.waiting(id)
	if err != nil {
		return nil, err
	}
	if waiting == nil || waiting.ClientID == portique.PortalClientID {
		return nil, store.ErrNoAuthorization
	}
	if !waiting.Device {
		v.formTo = append(v.formTo, originOf(waiting.RedirectURI))
	}
	return waiting, nil
}

func (v *visit) chooseCompanyForm() error {
	return v.chooseCompanyPage(http.StatusOK, v.r.URL.Query().Get("authorization"), nil)
}

func (v *visit) chooseCompanyPage(code int, id string, notice *template.Notice) error {
	waiting, err := v.toolWaiting(id)
	if err != nil {
		return err
	}
	openings, err := v.h.Tools.Openings(v.r.Context(), v.current.Account.ID, waiting.ClientID)
	if err != nil {
		return err
	}
	if len(openings) == 0 {
		return v.noAccessPage(waiting, id)
	}
	page := template.ChooseCompanyPage{Page: v.page(), ToolName: waiting.Tool.NameIn(v.p.Lang()), Authorization: id, Device: waiting.Device}
	if notice != nil {
		page.Flash = notice
	}
	hinted := waiting.CompanyHint == ""
	for _, m := range openings {
		hinted = hinted || string(m.SIREN) == waiting.CompanyHint
	}
	shown, finder := find(v, "/oauth/company", openings, choicesShown, companyText)
	finder.Keep.Set("authorization", id)
	page.Finder = v.labelled(finder, "companies")
	for _, m := range shown {
		page.Accesses = append(page.Accesses, template.Access{ID: m.ID, Company: m.CompanyName, SIREN: string(m.SIREN), Role: string(m.Role)})
	}
	page.HintRefused = !hinted
	return v.render(code, template.ChooseCompany(page))
}

func (v *visit) chooseCompany() error {
	id := v.form("authorization")
	if len(id) > 200 {
		return store.ErrNoAuthorization
	}
	err := v.h.Sessions.ChooseCompany(v.r.Context(), v.actor(), id, v.h.Cookies.Read(v.r, session.Browser), v.form("access"))
	if errors.Is(err, portique.ErrMembershipUnknown) {
		return v.chooseCompanyPage(http.StatusUnprocessableEntity, id, v.say(template.Bad, "auth.choose.unknown"))
	}
	if err != nil {
		return err
	}
	return v.redirect("/oauth/authorize/" + id)
}

func (v *visit) noAccess() error {
	id := v.r.URL.Query().Get("authorization")
	waiting, err := v.toolWaiting(id)
	if err != nil {
		return err
	}
	return v.noAccessPage(waiting, id)
}

func (v *visit) noAccessPage(waiting *store.Waiting, id string) error {
	page := template.NoAccessPage{Page: v.page(), ToolName: waiting.Tool.NameIn(v.p.Lang()), Authorization: id, Device: waiting.Device,
		MendURL: v.h.PortalURL + "/tools?need=" + waiting.ClientID}
	if waiting.CompanyHint != "" {
		page.Reason = v.p.T("auth.no_access.hint")
	}
	m, err := v.mine()
	if err != nil {
		return err
	}
	accesses, err := v.h.Access.Ended(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return err
	}
	for _, e := range accesses {
		now := m.in(e.SIREN)
		asked := waiting.CompanyHint == string(e.SIREN) && (now == nil || !now.Active(m.now))
		if asked || waiting.CompanyHint == "" && !m.hasAccess { // else another company may still open it
			row := accessEnded(e)
			page.Ended, page.MendURL = &row, v.h.PortalURL+"/companies/add#ended-"+row.ID
			break
		}
	}
	return v.render(http.StatusForbidden, template.NoAccess(page))
}
