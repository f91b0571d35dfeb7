package web

import (
	"errors"
	"net/http"
	"slices"

	"portique"
	"portique/internal/access"
	"portique/internal/web/template"
)

func (v *visit) remind() error {
	_, told, err := v.h.Access.Remind(v.r.Context(), v.actor(), v.r.PathValue("id"))
	if err != nil {
		return v.requestRefused(err)
	}
	if told == 0 {
		v.tell("portal.flash.reminded_operator")
	} else {
		v.tell("portal.flash.reminded", "Count", told)
	}
	return v.redirect("/companies/add")
}

func (v *visit) cancel() error {
	r, err := v.h.Access.Cancel(v.r.Context(), v.actor(), v.r.PathValue("id"))
	if err != nil {
		return v.requestRefused(err)
	}
	v.tell("portal.flash.cancelled", "Company", r.CompanyName)
	return v.redirect("/companies/add")
}

// cancelConfirm says what will happen before it does.
func (v *visit) cancelConfirm() error {
	m, err := v.mine()
	if err != nil {
		return err
	}
	requests, err := v.h.Access.Requests(v.r.Context(), v.current.Account.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(requests, func(r access.Asked) bool { return r.ID == v.r.PathValue("id") })
	switch {
	case i < 0:
		return portique.ErrRequestUnknown
	case requests[i].Status != portique.RequestPending:
		return v.requestRefused(portique.ErrRequestClosed)
	}
	return v.render(http.StatusOK, template.RequestCancel(template.RequestCancelPage{Page: v.portalPage(m, ""), Request: v.pendingRow(requests[i], m.now)}))
}

func (v *visit) again() error {
	a, err := v.h.Access.Again(v.r.Context(), v.actor(), v.r.PathValue("id"))
	if err != nil {
		return v.requestRefused(err)
	}
	v.tell("request.sent", "id", a.Request.ID)
	return v.redirect("/companies/add")
}

// requestRefused answers on the page of the requests: too soon beside the
// request it concerns, closed at the top.
func (v *visit) requestRefused(err error) error {
	code := status(err)
	if code != http.StatusTooManyRequests && code != http.StatusConflict {
		return err
	}
	v.retryAfter(err)
	notice := &template.Notice{Kind: template.Caution, Text: v.sentence(err)}
	if errors.Is(err, portique.ErrRequestClosed) {
		return v.companiesAddPage(code, template.Form{}, notice, nil)
	}
	return v.companiesAddPage(code, template.Form{}, nil, map[string]*template.Notice{v.r.PathValue("id"): notice})
}
