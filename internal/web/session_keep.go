package web

import (
	"net/http"
	"time"

	"portique/internal/session"
	"portique/internal/web/template"
)

// ending is what is left of the session, in whole seconds.
func (v *visit) ending() *template.Ending {
	left := func(end time.Time) int { return max(0, int(end.Sub(v.h.Now())/time.Second)) }
	return &template.Ending{Idle: left(v.current.IdleAt), Absolute: left(v.current.EndsAt), Renewed: int(session.Idle / time.Second)}
}

// keepSession answers the person who wants to stay signed in: that it was asked is
// a use of the session, as any page is. Scripts ask for it when somebody presses,
// never by themselves. It is posted: another site's page can neither send it nor
// let a browser's address bar do it unseen. Signed out it answers 401, in a word,
// for no page is shown.
func (v *visit) keepSession() error {
	v.w.Header().Set("Cache-Control", "no-store")
	code := http.StatusNoContent
	if v.current == nil {
		code = http.StatusUnauthorized
	}
	v.w.WriteHeader(code)
	return nil
}
