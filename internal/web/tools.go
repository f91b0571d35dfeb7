package web

import (
	"net/http"
	"net/url"
	"slices"

	"portique"
	"portique/internal/tool"
	"portique/internal/web/template"
)

// tools is the list of tools, company by company; ?siren= keeps one company,
// ?need= puts forward a tool that somebody could not open.
func (v *visit) tools() error {
	shelves, err := v.h.Tools.Shelves(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return err
	}
	pending, err := v.h.Access.Pending(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return err
	}
	memberships := make([]*portique.Membership, len(shelves))
	for i, shelf := range shelves {
		memberships[i] = shelf.Membership
	}
	m, err := v.mineOf(memberships)
	if err != nil {
		return err
	}
	wanted := portique.SIREN("")
	if typed := v.r.URL.Query().Get("siren"); typed != "" {
		siren, err := portique.ParseSIREN(typed)
		if err != nil || m.in(siren) == nil {
			return portique.ErrNotAdministrator
		}
		wanted = siren
	}
	consents, err := v.h.Sessions.Consents(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return err
	}
	page := template.ToolsPage{Page: v.portalPage(m, wanted), Pending: len(pending), Consents: len(consents) > 0}
	if len(pending) > 0 {
		page.PendingCompany = pending[0].CompanyName
	}
	needed := v.r.URL.Query().Get("need")
	if len(needed) > 64 {
		needed = "" // no tool of ours
	}
	var kept []tool.Shelf
	for _, shelf := range shelves {
		if one := shelf.Membership; one.SIREN == wanted || wanted == "" && one.Active(m.now) {
			kept = append(kept, shelf)
		}
	}
	shown, finder := find(v, "/tools", kept, sectionsShown, func(s tool.Shelf) string { return companyText(s.Membership) })
	if needed != "" {
		finder.Keep.Set("need", needed)
	}
	page.Finder = v.labelled(finder, "companies")
	for _, shelf := range shown {
		one := shelf.Membership
		section := template.ToolCompany{Name: one.CompanyName, SIREN: string(one.SIREN), Role: string(one.Role), Until: portique.LastMoment(one.Until), Waiting: m.waiting[one.SIREN]}
		byName := portique.ByNameIn(v.p.Lang())
		slices.SortFunc(shelf.Tiles, func(a, b tool.Tile) int { return byName(a.Tool, b.Tool) })
		for _, t := range shelf.Tiles {
			if t.Tool.ID == needed {
				page.Needed = t.Tool.NameIn(v.p.Lang())
				section.Tiles = append([]template.Tile{v.tile(t, shelf)}, section.Tiles...)
				continue
			}
			section.Tiles = append(section.Tiles, v.tile(t, shelf))
		}
		page.Sections = append(page.Sections, section)
	}
	if len(kept) == 0 {
		_, ended, err := v.askedOf(m)
		if err != nil {
			return err
		}
		page.Ended = notAccepted(ended)
	}
	return v.render(http.StatusOK, template.Tools(page))
}

// tile shows a tool open, or closed with the reason and what mends it.
func (v *visit) tile(t tool.Tile, shelf tool.Shelf) template.Tile {
	m := shelf.Membership
	tile := template.Tile{ID: t.Tool.ID, Name: t.Tool.NameIn(v.p.Lang()), Description: t.Tool.DescriptionIn(v.p.Lang()), Open: t.Closed == portique.Open, Reason: string(t.Closed)}
	if tile.Open {
		tile.URL = launchURL(t.Tool.URL, m.SIREN)
		return tile
	}
	switch t.Closed {
	case portique.AccessEnded:
		tile.ActURL, tile.ActText = "/companies/add", v.p.T("tool.act.add")
	case portique.RightMissing, portique.ContributionsOnly:
		if len(shelf.Administrators) > 0 {
			first := shelf.Administrators[0]
			tile.ActURL, tile.ActText = "mailto:"+url.PathEscape(first.Email), v.p.T("tool.act.ask", "Name", first.Name())
			break
		}
		brand := v.h.Brand
		switch {
		case brand.SupportEmail != "":
			tile.ActURL, tile.ActText = "mailto:"+url.PathEscape(brand.SupportEmail), v.p.T("tool.act.support")
		case brand.SupportPhone != "":
			tile.ActURL, tile.ActText = template.PhoneURL(brand.SupportPhone), v.p.T("tool.act.support_call")
		default:
			return tile
		}
		tile.ReasonText = v.p.T("tool.reason.nobody")
		if t.Closed == portique.ContributionsOnly {
			tile.ReasonText = v.p.T("tool.reason.contributions_only") + " " + tile.ReasonText
		}
	}
	return tile
}

// launchURL opens a tool for a company: the tool passes company_hint on when
// it signs the person in, and no choice has to be made again.
func launchURL(address string, siren portique.SIREN) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // checked when the tool was registered
	}
	q := u.Query()
	q.Set("company_hint", string(siren))
	u.RawQuery = q.Encode()
	return u.String()
}
