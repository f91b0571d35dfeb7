// Package telemetry carries what the log and the journal say of a request.
package telemetry

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
)

// Request is what is known of a request before anybody looks at it.
type Request struct {
	ID     string // written with each log line; its end, Number, is shown on error pages
	Source string // network address, behind trusted proxies only
}

// numberLength is short enough to be read out on the telephone, and long enough
// that a year's log hardly holds it twice.
const numberLength = 8

// Number is the end of the id, where ids are random: who searches the log for it
// finds the whole.
func (r Request) Number() string { return r.ID[max(0, len(r.ID)-numberLength):] }

type requestKey struct{}

// With puts a request's description in its context.
func With(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// From returns what With put in ctx, or a zero Request.
func From(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

var (
	uuid   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	opaque = regexp.MustCompile(`[0-9A-Z]`)
)

// Path is a path as the log may show it. A part that could be a token (16
// characters or more, with a digit or a capital, that is no id of ours) is left
// out: people cut and paste links wrongly, and then it stands in the path.
func Path(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if len(part) >= 16 && opaque.MatchString(part) && !uuid.MatchString(part) {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
}

// Handler adds the request id to every record logged with a request's context.
type Handler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h Handler) Handle(ctx context.Context, record slog.Record) error {
	if r := From(ctx); r.ID != "" {
		record.AddAttrs(slog.String("request_id", r.ID))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return Handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h Handler) WithGroup(name string) slog.Handler { return Handler{h.Handler.WithGroup(name)} }
