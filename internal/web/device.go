package web

import (
	"errors"
	"net/http"

	"portique"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/web/template"
)

// deviceForm asks for the code that a device shows. A code in the address fills
// the field and does nothing more.
func (v *visit) deviceForm() error {
	page := template.DevicePage{Page: v.page()}
	if code, err := portique.ParseDeviceCode(v.r.URL.Query().Get("user_code")); err == nil {
		page.Filled = true
		page.Form.Values = map[string][]string{"user_code": {portique.ShownDeviceCode(code)}}
	}
	return v.render(http.StatusOK, template.Device(page))
}

func (v *visit) device() error {
	browser := v.h.Cookies.Read(v.r, session.Browser)
	if browser == "" {
		browser = secret.Token()
	}
	id, err := v.h.Sessions.BeginDevice(v.r.Context(), v.actor(), v.form("user_code"), browser)
	if err != nil {
		page := template.DevicePage{Page: v.page(), Form: template.Form{Values: v.values("user_code")}}
		code, ok := v.refill(err, &page.Form, &page.Page)
		if !ok {
			return err
		}
		return v.render(code, template.Device(page))
	}
	v.h.Cookies.Set(v.w, session.Browser, browser, session.BrowserLife)
	return v.redirect("/oauth/authorize/" + id)
}

// deviceAsked returns the device that an authorization of this browser is for.
func (v *visit) deviceAsked() (string, *store.DeviceAsked, error) {
	id := v.r.URL.Query().Get("authorization")
	if id == "" || len(id) > 200 {
		return "", nil, store.ErrNoAuthorization
	}
	d, err := v.h.Sessions.DeviceAsked(v.r.Context(), id, v.h.Cookies.Read(v.r, session.Browser))
	return id, d, err
}

// deviceConfirm shows what a device would be given, before it is.
func (v *visit) deviceConfirm() error {
	id, d, err := v.deviceAsked()
	if err != nil {
		return err
	}
	if !d.FinishedAt.IsZero() {
		return v.redirect("/device/done?authorization=" + id)
	}
	if d.MembershipID == "" || d.AccountID != v.current.Account.ID || d.Decided() || !v.h.Now().Before(d.ExpiresAt) {
		return v.redirect("/oauth/authorize/" + id) // something else comes first, or it is over
	}
	openings, err := v.h.Tools.Openings(v.r.Context(), v.current.Account.ID, d.ClientID)
	if err != nil {
		return err
	}
	page := template.DeviceConfirmPage{Page: v.page(), ToolName: d.Tool.NameIn(v.p.Lang()), Authorization: id, Access: d.MembershipID, Company: d.CompanyName, SIREN: string(d.SIREN),
		Several: len(openings) > 1, Email: v.current.Account.Email, AskedAt: d.CreatedAt, Source: d.Source,
		SameSource: portique.SourceKey(d.Source) == portique.SourceKey(v.actor().Source)}
	return v.render(http.StatusOK, template.DeviceConfirm(page))
}

// deviceDone says what became of it, in the browser where it was decided.
func (v *visit) deviceDone() error {
	_, d, err := v.deviceAsked()
	if errors.Is(err, store.ErrNoAuthorization) || err == nil && d.FinishedAt.IsZero() {
		return v.redirect("/device")
	}
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, template.DeviceDone(template.DeviceDonePage{Page: v.page(), ToolName: d.Tool.NameIn(v.p.Lang()), Allowed: d.GrantID != ""}))
}
