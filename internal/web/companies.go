package web

import (
	"net/http"
	"time"

	"portique"
	"portique/internal/web/template"
)

// mine are the reader's accesses, for the header and the pages of a company.
type mine struct {
	memberships []*portique.Membership
	now         time.Time
	hasAccess   bool
	waiting     map[portique.SIREN]int // requests for companies that the reader administers
}

func (v *visit) mine() (*mine, error) {
	list, err := v.h.Access.Memberships(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return nil, err
	}
	return v.mineOf(list)
}

// mineOf is mine of accesses that were read already.
func (v *visit) mineOf(list []*portique.Membership) (m *mine, err error) {
	m = &mine{memberships: list, now: v.h.Now()}
	administers := false
	for _, one := range list {
		m.hasAccess = m.hasAccess || one.Active(m.now)
		administers = administers || one.Role == portique.Administrator && one.Active(m.now)
	}
	if administers {
		m.waiting, err = v.h.Access.Waiting(v.r.Context(), v.current.Account.ID)
	}
	return m, err
}

// in returns the reader's access to a company, nil without one.
func (m *mine) in(siren portique.SIREN) *portique.Membership {
	for _, one := range m.memberships {
		if one.SIREN == siren {
			return one
		}
	}
	return nil
}

// onlyAdministered is the one company that the reader administers, nil when
// there are several or none.
func (m *mine) onlyAdministered() *template.CompanyChoice {
	var only *template.CompanyChoice
	for _, one := range m.memberships {
		if one.Role != portique.Administrator || !one.Active(m.now) {
			continue
		}
		if only != nil {
			return nil
		}
		only = &template.CompanyChoice{SIREN: string(one.SIREN), Name: one.CompanyName}
	}
	return only
}

// portalPage is a page of the portal for a signed-in person, with the company
// in use: the one given, or the only one.
func (v *visit) portalPage(m *mine, inUse portique.SIREN) template.Page {
	page := v.page()
	page.HasAccess = m.hasAccess
	for _, one := range m.memberships {
		if one.Active(m.now) {
			page.Companies = append(page.Companies, template.CompanyChoice{SIREN: string(one.SIREN), Name: one.CompanyName})
		}
	}
	if inUse == "" && len(page.Companies) == 1 {
		inUse = portique.SIREN(page.Companies[0].SIREN)
	}
	if one := m.in(inUse); one != nil && one.Active(m.now) {
		page.Company = &template.CompanyChoice{SIREN: string(one.SIREN), Name: one.CompanyName}
		page.CanManage = one.Role == portique.Administrator
		page.Waiting = m.waiting[inUse]
	}
	if page.Company == nil {
		page.Manages = m.onlyAdministered()
		if page.Manages != nil {
			page.Waiting = m.waiting[portique.SIREN(page.Manages.SIREN)]
		}
	}
	return page
}

// companyText is what a company is found by.
func companyText(m *portique.Membership) string { return m.CompanyName + " " + string(m.SIREN) }

// labelled gives a finder its words: those of companies or of users.
func (v *visit) labelled(f template.Finder, what string) template.Finder {
	f.Label, f.Hint = v.p.T("portal."+what+".find"), v.p.T("portal."+what+".find_hint")
	f.Result, f.None = v.p.T("portal."+what+".found", "Count", f.Found), v.p.T("portal."+what+".found_none")
	return f
}

// companies lists the reader's own companies.
func (v *visit) companies() error {
	m, err := v.mine()
	if err != nil {
		return err
	}
	page := template.CompaniesPage{Page: v.portalPage(m, "")}
	pending, ended, err := v.askedOf(m)
	if err != nil {
		return err
	}
	page.Pending, page.Ended = pending, notAccepted(ended) // those are among the companies
	var kept []*portique.Membership
	for _, one := range m.memberships {
		if one.Active(m.now) || one.Status != portique.MembershipActive { // not past its end date
			kept = append(kept, one)
		}
	}
	shown, finder := find(v, "/companies", kept, rowsShown, companyText)
	page.Finder = v.labelled(finder, "companies")
	for _, one := range shown {
		page.Rows = append(page.Rows, template.CompanyRow{Name: one.CompanyName, SIREN: string(one.SIREN), Role: string(one.Role),
			Since: one.Since, Until: portique.LastMoment(one.Until), Closed: one.CompanyStatus != portique.CompanyActive,
			Suspended: one.Status == portique.MembershipSuspended, Waiting: m.waiting[one.SIREN]})
	}
	return v.render(http.StatusOK, template.Companies(page))
}
