package web

import (
	"errors"
	"net/http"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/web/template"
)

func (v *visit) companiesAddForm() error {
	form, _, found := v.keptForm()
	return v.companiesAddPage(http.StatusOK, form, v.keptNotice(found), nil)
}

// companiesAddPage shows the requests first, then the form. about attaches a
// notice to one request.
func (v *visit) companiesAddPage(code int, form template.Form, notice *template.Notice, about map[string]*template.Notice) error {
	m, err := v.mine()
	if err != nil {
		return err
	}
	sent := ""
	flash, told := v.take()
	if told && flash.Key == "request.sent" {
		sent, _ = flash.Args["id"].(string)
	}
	waiting, err := v.h.Access.StepUps(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return err
	}
	page := template.CompaniesAddPage{Page: v.portalPage(m, ""), Form: form, Claims: len(waiting)}
	if v.current.Account.ContributionsOnly {
		page.DeclarantDays = int(portique.DeclarantTrial.Hours() / 24)
	}
	if notice != nil {
		page.Flash = notice
	}
	if page.Pending, page.Ended, err = v.askedOf(m); err != nil {
		return err
	}
	for i, r := range page.Pending {
		page.Pending[i].JustSent, page.Pending[i].Notice = r.ID == sent, about[r.ID]
	}
	return v.render(code, template.CompaniesAdd(page))
}

// askedOf tells where the reader stands with companies that are not open to them:
// the requests that wait, and what became of others and of accesses that ended,
// newest first. A request accepted lately is among them.
func (v *visit) askedOf(m *mine) (pending []template.Request, ended []template.EndedRequest, err error) {
	requests, err := v.h.Access.Requests(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return nil, nil, err
	}
	accesses, err := v.h.Access.Ended(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return nil, nil, err
	}
	over := map[portique.SIREN]time.Time{}
	for _, e := range accesses {
		if e.At.After(over[e.SIREN]) {
			over[e.SIREN] = e.At
		}
	}
	opens := func(siren portique.SIREN) bool { one := m.in(siren); return one != nil && one.Active(m.now) }
	told := map[portique.SIREN]bool{}
	for _, r := range requests {
		if told[r.SIREN] || r.Status != portique.RequestPending && over[r.SIREN].After(r.DecidedAt) {
			continue // an older one of the same company
		}
		told[r.SIREN] = true
		switch r.Status {
		case portique.RequestPending:
			pending = append(pending, v.pendingRow(r, m.now))
		case portique.RequestRefused, portique.RequestExpired:
			if opens(r.SIREN) {
				continue // it came differently in the end
			}
			row := endedRow(r)
			if r.AskAgainAt.After(m.now) {
				row.AskAgainAt = portique.FullMinute(r.AskAgainAt)
			}
			if r.By != nil {
				row.By, row.ByEmail = r.By.Name(), r.By.Email
			}
			ended = append(ended, row)
		case portique.RequestAccepted, portique.RequestAnswered:
			if opens(r.SIREN) && m.now.Sub(r.DecidedAt) < acceptedShown {
				ended = append(ended, endedRow(r))
			}
		}
	}
	for _, e := range accesses {
		if !told[e.SIREN] && !opens(e.SIREN) {
			told[e.SIREN] = true
			ended = append(ended, accessEnded(e))
		}
	}
	return pending, ended, nil
}

// acceptedShown is how long the page still tells of a request that was accepted.
const acceptedShown = 7 * 24 * time.Hour

func endedRow(r access.Asked) template.EndedRequest {
	return template.EndedRequest{ID: r.ID, Company: r.CompanyName, SIREN: string(r.SIREN), Status: string(r.Status), Reason: r.Reason, EndedAt: r.DecidedAt}
}

func accessEnded(e access.Ended) template.EndedRequest {
	row := template.EndedRequest{ID: e.ID, Company: e.CompanyName, SIREN: string(e.SIREN), Status: template.AccessEnded, EndedAt: e.At}
	switch {
	case e.Left():
		row.Status = template.AccessLeft
	case e.Lapsed():
		row.Status, row.EndedAt = template.AccessLapsed, portique.LastMoment(e.At)
	case e.By != nil:
		row.By, row.ByEmail = e.By.Name(), e.By.Email
	}
	return row
}

// notAccepted leaves out what was accepted.
func notAccepted(ended []template.EndedRequest) (rest []template.EndedRequest) {
	for _, r := range ended {
		if r.Status != template.RequestAccepted && r.Status != template.RequestAnswered {
			rest = append(rest, r)
		}
	}
	return rest
}

// pendingRow tells where a request stands: who was told, when, what is next.
func (v *visit) pendingRow(r access.Asked, now time.Time) template.Request {
	row := template.Request{ID: r.ID, Company: r.CompanyName, SIREN: string(r.SIREN), AskedAt: r.CreatedAt, Administrators: r.SentTo,
		Reminders: r.Reminders, RemindedAt: r.RemindedAt, AutoAt: r.AutoAt, NextRemindAt: portique.FullMinute(r.NextRemindAt(now)), NextAutoAt: r.NextAutoAt(),
		EscalateAt: r.CreatedAt.Add(portique.EscalateAfter), EscalatedAt: r.EscalatedAt, ExpiresAt: r.ExpiresAt()}
	// Those without a letter of their own are told by one that stands for many.
	others := r.SentTo
	for _, d := range r.Deliveries {
		if d.Kind != portique.LetterRequestReceived {
			continue
		}
		others -= d.Count
		switch d.Status {
		case portique.LetterSent:
			row.SentAt, row.Delivered = d.LastAt, d.Count
		case portique.LetterDead:
			row.Failed = d.Count
		}
	}
	for _, d := range r.Deliveries {
		if d.Kind != portique.LetterRequestDigest || others <= 0 {
			continue
		}
		n := min(d.Count, others)
		others -= n
		switch d.Status {
		case portique.LetterSent:
			row.Delivered += n
			if d.LastAt.After(row.SentAt) {
				row.SentAt = d.LastAt
			}
		case portique.LetterDead:
			row.Failed += n
		default:
			row.Held += n
		}
	}
	return row
}

func (v *visit) companiesAdd() error {
	a, err := v.h.Access.Attach(v.r.Context(), v.actor(), v.form("siren"), v.form("member_code"))
	if err != nil {
		page := v.page()
		form := template.Form{Values: v.values("siren", "member_code")}
		code, ok := v.refill(err, &form, &page)
		if !ok {
			return err
		}
		if errors.Is(err, portique.ErrAttachNoMatch) { // which of the two is wrong, nobody is told
			form.Errors, form.Pair, page.Flash = []template.FieldError{{Field: "siren", Message: page.Flash.Text}}, true, nil
		}
		return v.companiesAddPage(code, form, page.Flash, nil)
	}
	return v.attached(a)
}

// attached leads on to what a right member code gave, or to the second proof
// that is asked for.
func (v *visit) attached(a *access.Attached) error {
	switch {
	case a.StepUp != nil:
		return v.redirect("/companies/claim")
	case a.Membership != nil:
		return v.redirect("/companies/" + string(a.Company.SIREN) + "/activated")
	}
	v.tell("request.sent", "id", a.Request.ID)
	return v.redirect("/companies/add")
}

// activated follows an attach that opened an access at once.
func (v *visit) activated() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	m, err := v.mine()
	if err != nil {
		return err
	}
	one := m.in(siren)
	if one == nil || !one.Active(m.now) {
		return portique.ErrNotAdministrator
	}
	page := template.ActivatedPage{Page: v.portalPage(m, siren), CompanyName: one.CompanyName, SIREN: string(siren),
		Declarant: one.Role == portique.Declarant, Until: portique.LastMoment(one.Until)}
	if one.Role == portique.Member { // let in by others, and told by letter
		return v.redirect("/tools?siren=" + string(siren))
	}
	if one.Role == portique.Administrator {
		u, err := v.h.Access.Users(v.r.Context(), v.actor(), siren)
		if err != nil {
			return err
		}
		page.Held, _ = v.held(u.Claim, m.now)
	}
	return v.render(http.StatusOK, template.Activated(page))
}

// siren reads the company of the address; a wrong one is a company that is
// not the reader's.
func (v *visit) siren() (portique.SIREN, error) {
	typed := v.r.PathValue("siren")
	siren, err := portique.ParseSIREN(typed)
	if err != nil || string(siren) != typed {
		return "", portique.ErrNotAdministrator
	}
	return siren, nil
}
