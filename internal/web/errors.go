package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"portique"
	"portique/internal/store"
	"portique/internal/telemetry"
	"portique/internal/web/template"
)

// status is what a failure becomes on a page; decided here and nowhere else.
func status(err error) int {
	var e *portique.Error
	if errors.As(err, &e) {
		switch e.Key {
		case errTooBig.Key:
			return http.StatusRequestEntityTooLarge
		case errMediaType.Key:
			return http.StatusUnsupportedMediaType
		case errBadForm.Key:
			return http.StatusBadRequest
		}
	}
	switch portique.KindOf(err) {
	case portique.Invalid:
		return http.StatusUnprocessableEntity
	case portique.Unauthenticated:
		return http.StatusUnauthorized
	case portique.Forbidden:
		return http.StatusForbidden
	case portique.NotFound:
		return http.StatusNotFound
	case portique.Conflict:
		return http.StatusConflict
	case portique.TooSoon:
		return http.StatusTooManyRequests
	case portique.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fail answers an error with a page of its own. What is ours is logged, once,
// and shown as an apology with a number to quote.
func (v *visit) fail(err error) {
	if errors.Is(err, store.ErrNoAuthorization) && v.door == portique.DoorAuth {
		v.h.OAuthError(v.w, v.r, http.StatusConflict, "oauth.stale")
		return
	}
	code := status(err)
	if code >= 500 {
		if errors.Is(v.r.Context().Err(), context.Canceled) {
			return // the reader has gone
		}
		v.h.Log.ErrorContext(v.r.Context(), "request failed", "method", v.r.Method, "path", telemetry.Path(v.r.URL.Path), "error", err)
	}
	v.retryAfter(err)
	surround := v.page()
	if v.door == portique.DoorPortal && v.current != nil && code < 500 {
		if m, err := v.mine(); err == nil {
			surround = v.portalPage(m, "") // the menu leads on
		}
	}
	page := template.NewErrorPage(surround, code, v.number())
	if code == http.StatusUnauthorized && v.door == portique.DoorPortal {
		page.ActionURL = "/session/start"
		if back := v.returnPath(); back != "" {
			page.ActionURL += "?return=" + back
		}
	}
	if code == http.StatusConflict && stands(err) {
		page.Title, page.WhatToDo = v.p.T("error.not_now"), v.p.T("error.not_now_act")
	}
	if code < 500 || errors.Is(err, store.ErrOutcomeUnknown) {
		if text := v.sentence(err); text != "" {
			page.Sentence = text
		}
	}
	if err := v.render(code, template.Error(page)); err != nil && v.r.Context().Err() == nil {
		v.h.Log.ErrorContext(v.r.Context(), "page not rendered", "path", telemetry.Path(v.r.URL.Path), "error", err)
		v.w.WriteHeader(code)
	}
}

// number is what a reader quotes of this request on the telephone.
func (v *visit) number() string { return telemetry.From(v.r.Context()).Number() }

// stands says whether a conflict is not with what somebody did meanwhile but
// with a rule: looking again changes nothing.
func stands(err error) bool {
	for _, rule := range []error{portique.ErrLastAdministrator, portique.ErrOnlyAdmin, portique.ErrCompanyFrozen, portique.ErrClaimWatched} {
		if errors.Is(err, rule) {
			return true
		}
	}
	return false
}

// retryAfter tells a machine when to come back.
func (v *visit) retryAfter(err error) {
	var e *portique.Error
	if !errors.As(err, &e) {
		return
	}
	switch {
	case e.Kind == portique.Unavailable:
		v.w.Header().Set("Retry-After", "5")
	case e.Kind == portique.TooSoon && !e.RetryAt.IsZero():
		wait := math.Ceil(e.RetryAt.Sub(v.h.Now()).Seconds())
		v.w.Header().Set("Retry-After", strconv.Itoa(int(math.Max(wait, 1))))
	}
}

// sentence translates a refusal, "" when it has no words of its own.
func (v *visit) sentence(err error) string {
	var e *portique.Error
	if !errors.As(err, &e) || !v.p.Has(e.Key) {
		return ""
	}
	if errors.Is(err, portique.ErrLastAdministrator) { // on a page that is always the reader: only administrators decide
		return v.p.T("portal.users.last")
	}
	args := append([]any{}, e.Args...)
	for i := 1; i < len(args); i += 2 {
		if t, ok := args[i].(time.Time); ok {
			args[i] = v.p.DateTime(t)
		}
	}
	if !e.RetryAt.IsZero() {
		args = append(args, "RetryAt", v.p.DateTime(portique.FullMinute(e.RetryAt)))
	}
	return v.p.T(e.Key, args...)
}

// formErrors splits an error into faults of fields, for beside them, and the
// rest, for the top of the page. rest is nil when all concern fields.
func (v *visit) formErrors(err error) (fields []template.FieldError, rest error) {
	var many portique.FieldErrors
	if errors.As(err, &many) {
		for _, e := range many {
			fault := template.FieldError{Field: e.Field, Message: v.sentence(e)}
			if e.Field == "password_confirmation" {
				fault.First = "password" // both are empty again
			}
			fields = append(fields, fault)
		}
		return fields, nil
	}
	var e *portique.Error
	if errors.As(err, &e) && e.Field != "" && e.Kind == portique.Invalid {
		return []template.FieldError{{Field: e.Field, Message: v.sentence(e)}}, nil
	}
	return nil, err
}

// refill says how a form's page answers a refusal: its faults beside the
// fields, the rest as an alert. It returns false when the refusal is not one
// that the same page can tell.
func (v *visit) refill(err error, form *template.Form, page *template.Page) (code int, ok bool) {
	code = status(err)
	if code != http.StatusUnprocessableEntity && code != http.StatusConflict && code != http.StatusTooManyRequests {
		return code, false
	}
	fields, rest := v.formErrors(err)
	form.Errors = fields
	if rest != nil {
		page.Flash = &template.Notice{Kind: template.Bad, Text: v.sentence(rest)}
		if page.Flash.Text == "" {
			return code, false
		}
	}
	v.retryAfter(err)
	return code, true
}

// values gives back what was typed in some fields; passwords are never asked
// for.
func (v *visit) values(names ...string) map[string][]string {
	m := make(map[string][]string, len(names))
	for _, n := range names {
		if list, ok := v.r.PostForm[n]; ok {
			m[n] = list
		}
	}
	return m
}
