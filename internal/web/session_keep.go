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
// never by themselves.
func (v *visit) keepSession() error {
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}
