package oidc

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"portique"
	"portique/internal/telemetry"
)

// refusal is an error of OAuth (RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core
// 3.1.2.6), for the tool.
type refusal struct {
	status      int
	code        string
	description string
}

func (e *refusal) Error() string { return e.code + ": " + e.description }

func refuse(code, description string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: code, description: description}
}

// pageError is an error that a person sees: the tool cannot be trusted with it,
// or has no part in it.
type pageError struct {
	status int
	key    string
	args   []any
}

func (e *pageError) Error() string { return e.key }

// The pages of error.
var (
	errClientUnknown   = &pageError{status: http.StatusBadRequest, key: "oauth.client_unknown"}
	errRedirectUnknown = &pageError{status: http.StatusBadRequest, key: "oauth.redirect_uri_unknown"}
	errBadRequest      = &pageError{status: http.StatusBadRequest, key: "oauth.bad_request"}
	errStale           = &pageError{status: http.StatusBadRequest, key: "oauth.stale"}
	errFinished        = &pageError{status: http.StatusConflict, key: "oauth.finished"}
	errSignedOut       = &pageError{status: http.StatusUnauthorized, key: "session.none"}
	errDeviceOld       = &pageError{status: http.StatusConflict, key: "oauth.device_old"}
	errOtherPage       = &pageError{status: http.StatusConflict, key: "oauth.other_page"}
	errTooLarge        = &pageError{status: http.StatusRequestEntityTooLarge, key: "oauth.too_large"}
	errCrowd           = &pageError{status: http.StatusTooManyRequests, key: "oauth.crowd"}
	errMediaType       = &pageError{status: http.StatusUnsupportedMediaType, key: "oauth.media_type"}
)

// writeRefusal answers a tool in JSON (RFC 6749 5.2).
func writeRefusal(w http.ResponseWriter, e *refusal) {
	writeJSON(w, e.status, map[string]string{"error": e.code, "error_description": describe(e.description)})
}

// writeJSON answers a machine.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader went away
}

// fail answers a machine when we broke down, or are too busy; the log has the
// detail.
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, err error) {
	p.log.ErrorContext(r.Context(), "oauth endpoint", "path", telemetry.Path(r.URL.Path), "error", err)
	if portique.KindOf(err) == portique.Unavailable {
		w.Header().Set("Retry-After", "1")
		writeRefusal(w, &refusal{http.StatusServiceUnavailable, "temporarily_unavailable", "try again in a moment"})
		return
	}
	writeRefusal(w, &refusal{http.StatusInternalServerError, "server_error", "something broke on our side"})
}

// showError answers a person.
func (p *Provider) showError(w http.ResponseWriter, r *http.Request, err error) {
	var page *pageError
	switch {
	case errors.As(err, &page):
		if page == errCrowd {
			w.Header().Set("Retry-After", strconv.Itoa(int(crowdWindow/time.Second)))
		}
		p.pages.Error(w, r, page.status, page.key, page.args...)
	case portique.KindOf(err) == portique.Unavailable:
		w.Header().Set("Retry-After", "1")
		p.pages.Error(w, r, http.StatusServiceUnavailable, "error.busy")
	default:
		p.log.ErrorContext(r.Context(), "oauth page", "path", telemetry.Path(r.URL.Path), "error", err)
		p.pages.Error(w, r, http.StatusInternalServerError, "error.page_500")
	}
}

// describe keeps an error_description within the characters that RFC 6749
// allows: printable ASCII without quote and backslash.
func describe(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < ' ' || r > '~':
			return -1
		}
		return r
	}, s)
}
