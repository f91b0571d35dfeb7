package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/web/template"
)

func (v *visit) users() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	form, path, found := v.keptForm()
	return v.usersPage(http.StatusOK, siren, v.keptNotice(found), func(p *template.UsersPage) {
		for i := range p.Requests {
			if found && strings.Contains(path, "/requests/"+p.Requests[i].ID+"/") {
				p.Requests[i].Form = form
			}
		}
		for i := range p.Users {
			if found && strings.Contains(path, "/users/"+p.Users[i].ID+"/") {
				p.Users[i].Form = form
			}
		}
	})
}

// usersPage is "Gérer les utilisateurs"; adjust attaches what a form was
// refused for to its row.
func (v *visit) usersPage(code int, siren portique.SIREN, notice *template.Notice, adjust func(*template.UsersPage)) error {
	m, err := v.mine()
	if err != nil {
		return err
	}
	u, err := v.h.Access.Users(v.r.Context(), v.actor(), siren)
	if one := m.in(siren); errors.Is(err, portique.ErrNotAdministrator) && one != nil && one.Active(m.now) {
		return &portique.Error{Kind: portique.Forbidden, Key: "company.administrators_only", Args: []any{"Company", one.CompanyName}}
	}
	if err != nil {
		return err
	}
	page := template.UsersPage{Page: v.portalPage(m, siren), CompanyName: u.Company.Name, SIREN: string(siren)}
	if notice != nil {
		page.Flash = notice
	}
	page.Held, page.NotYet = v.held(u.Claim, m.now)
	page.Confirmed = u.Claim != nil && u.Claim.Status == portique.FirstClaimConfirmed && m.now.Before(u.Claim.WatchedUntil)
	page.Tools = v.toolOptions(u.Tools)
	for _, r := range u.Pending {
		page.Requests = append(page.Requests, template.UserRequest{ID: r.ID, Name: r.Name(), Email: r.Email, AskedAt: r.CreatedAt,
			Reminders: r.Reminders, RemindedAt: r.RemindedAt, ContributionsOnly: r.ContributionsOnly})
	}
	for _, one := range u.Members {
		if one.Role == portique.Administrator && one.Active(m.now) {
			page.Administrators++
		}
	}
	for _, one := range u.Members {
		if one.Status == portique.MembershipActive && !one.Until.IsZero() && !m.now.Before(one.Until) {
			continue // past its end date
		}
		page.Users = append(page.Users, v.userRow(one, page.Tools, page.Administrators))
	}
	adjust(&page)
	page.People = len(page.Users)
	waiting := len(page.Requests)
	page.Requests = requestsListed(page.Requests, v.r.URL.Query().Get("requests") == "all")
	page.Later = waiting - len(page.Requests)
	v.list = true
	page.Users, page.Finder = v.usersShown(siren, page.Users)
	return v.render(code, template.Users(page))
}

// requestsListed are the requests shown at once, the oldest; all of them when
// that is asked for, or when the form refused is of a later one.
func requestsListed(rows []template.UserRequest, all bool) []template.UserRequest {
	if all || len(rows) <= requestsShown || slices.ContainsFunc(rows[requestsShown:], func(r template.UserRequest) bool { return len(r.Form.Errors) > 0 }) {
		return rows
	}
	return rows[:requestsShown]
}

// usersShown is the page of people that the address asks for, or after a
// refusal the one where the refused form is.
func (v *visit) usersShown(siren portique.SIREN, rows []template.UserRow) ([]template.UserRow, template.Finder) {
	shown, finder := find(v, "/companies/"+string(siren)+"/users", rows, rowsShown, func(u template.UserRow) string { return u.Name + " " + u.Email })
	if i := slices.IndexFunc(rows, func(u template.UserRow) bool { return len(u.Form.Errors) > 0 || u.Notice != nil }); i >= 0 {
		finder.Query, finder.Found, finder.Page, finder.Pages = "", len(rows), i/rowsShown+1, (len(rows)+rowsShown-1)/rowsShown
		shown = rows[i/rowsShown*rowsShown : min(len(rows), (i/rowsShown+1)*rowsShown)]
	}
	return shown, v.labelled(finder, "users")
}

// held says what waits while the company's first claim is looked at, and in short
// beside what waits.
func (v *visit) held(claim *portique.FirstClaim, now time.Time) (template.Held, string) {
	err := claim.MayGovern(now)
	var watched *portique.Error
	switch {
	case err == nil:
		return template.Held{}, ""
	case errors.Is(err, portique.ErrClaimWatched) && errors.As(err, &watched):
		return template.Held{Until: v.p.Day(watched.RetryAt)}, v.sentence(inShort(err))
	}
	return template.Held{Why: v.sentence(err)}, v.sentence(inShort(err))
}

var shortKeys = map[string]string{portique.ErrCompanyFrozen.Key: "claim.frozen_short", portique.ErrClaimWatched.Key: "claim.watched_short"}

// inShort is what a first claim holds back, for a page that says the whole
// elsewhere; any other error as it is.
func inShort(err error) error {
	var e *portique.Error
	if !errors.As(err, &e) || shortKeys[e.Key] == "" {
		return err
	}
	short := *e
	short.Key = shortKeys[e.Key]
	return &short
}

func (v *visit) toolOptions(tools []*portique.Tool) (options []template.ToolOption) {
	slices.SortFunc(tools, portique.ByNameIn(v.p.Lang()))
	for _, t := range tools {
		options = append(options, template.ToolOption{ID: t.ID, Name: t.NameIn(v.p.Lang()), Contributions: t.Audience == portique.AudienceContributions})
	}
	return options
}

func (v *visit) userRow(m *portique.Membership, tools []template.ToolOption, administrators int) template.UserRow {
	row := template.UserRow{ID: m.ID, State: m.State(), Name: m.Name(), Email: m.Email, Role: string(m.Role), Since: m.Since, Until: portique.LastMoment(m.Until), UntilDay: dayOf(portique.LastMoment(m.Until), v.h.Timezone),
		Suspended: m.Status == portique.MembershipSuspended || !m.AccountActive, You: m.AccountID == v.current.Account.ID,
		Last: m.Role == portique.Administrator && administrators == 1 && m.AccountActive && m.Status == portique.MembershipActive}
	row.AllTools = slices.Contains(m.Rights, portique.AllTools)
	for _, t := range tools {
		if slices.Contains(m.Rights, t.ID) {
			row.Rights, row.RightIDs = append(row.Rights, t.Name), append(row.RightIDs, t.ID)
		}
	}
	return row
}

// dayOf writes a day as a date field takes it, "" for none.
func dayOf(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.DateOnly)
}

// terms reads what an administrator gives. A form that shows the tools always
// sends the field once, empty: then none ticked means none, while a script that
// leaves the field out gets the page's default.
//
// What cannot be read is told together with what the rule says of the rest.
func (v *visit) terms() (access.Terms, error) {
	var faults, unread portique.FieldErrors
	role, err := portique.ParseRole(v.form("role"))
	if err != nil {
		faults.Add("role", "role.unknown")
	}
	t := access.Terms{Role: role, Tools: v.ticked()}
	if typed := v.form("until"); typed != "" {
		day, err := time.ParseInLocation(time.DateOnly, typed, v.h.Timezone)
		if err != nil { // a browser without date fields, and a hand that writes as one does here
			day, err = time.ParseInLocation("2/1/2006", strings.TrimSpace(typed), v.h.Timezone)
		}
		if err != nil || day.Year() > 9000 || day.Year() < 1970 {
			unread.Add("until", "membership.until_form")
		} else {
			t.Until = day.AddDate(0, 0, 1) // the end of that day
		}
	}
	if len(faults)+len(unread) == 0 {
		return t, nil // the service judges
	}
	_, err = portique.GrantTerms(t.Role, t.Tools, t.Until, v.h.Now())
	var more portique.FieldErrors
	errors.As(err, &more)
	return t, slices.Concat(faults, more, unread)
}

func (v *visit) ticked() []string {
	list, sent := v.r.PostForm["tool"]
	if !sent {
		return nil
	}
	tools := []string{}
	for _, id := range list {
		if id != "" {
			tools = append(tools, id)
		}
	}
	return tools
}

// decisionRefused shows the page again with the refusal beside the request or
// the person it concerns.
func (v *visit) decisionRefused(siren portique.SIREN, err error, fields ...string) error {
	page := v.page()
	form := template.Form{Values: v.values(fields...)}
	if errors.Is(err, portique.ErrCompanyFrozen) {
		err = inShort(err) // the page says the whole
	}
	code, ok := v.refill(err, &form, &page)
	if !ok {
		return err
	}
	if errors.Is(err, portique.ErrAccessChanged) {
		form = template.Form{} // what is there now is to be seen, not what was typed over the old
	}
	id, notice := v.r.PathValue("id"), page.Flash
	top := notice
	unchanged := func(name, row string) *template.Notice {
		n := v.say(template.Bad, "portal.users.unchanged", "Name", name)
		n.URL, n.ActText = "#"+row+"-"+id, v.p.T("portal.users.unchanged_link")
		return n
	}
	return v.usersPage(code, siren, nil, func(p *template.UsersPage) {
		for i := range p.Requests {
			if p.Requests[i].ID == id {
				p.Requests[i].Form, p.Requests[i].Notice = form, notice
				if top = nil; notice != nil {
					top = unchanged(p.Requests[i].Name, "request")
				}
			}
		}
		for i := range p.Users {
			if p.Users[i].ID == id {
				p.Users[i].Form, p.Users[i].Notice = form, notice
				if top = nil; notice != nil {
					top = unchanged(p.Users[i].Name, "user")
				}
			}
		}
		p.Flash = top
	})
}
