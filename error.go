package portique

import (
	"errors"
	"time"
)

// Kind says what sort of failure an Error is. Each door turns a kind into its
// own answer once (a page's status, an exit status, an OAuth error).
type Kind int

// The kinds, from the caller's fault to ours.
const (
	Internal        Kind = iota // ours: logged, never shown
	Invalid                     // what was typed cannot be used as it is
	Unauthenticated             // nobody is signed in
	Forbidden                   // signed in, but not for this
	NotFound                    // unknown, or somebody else's
	Conflict                    // already decided, or decided otherwise meanwhile
	TooSoon                     // allowed later: RetryAt says when
	Unavailable                 // ours, for a moment: try again
)

// Error is a refusal that people can read: Key is translated at the edge, in
// the reader's language, with Args. Field names the form field it concerns.
type Error struct {
	Kind    Kind
	Key     string
	Field   string
	RetryAt time.Time
	Args    []any // name, value, name, value…
	Cause   error // for the log only
}

func (e *Error) Error() string {
	s := e.Key
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// Is compares by key, so that errors.Is(err, portique.ErrRequestUnknown) holds
// whatever the arguments.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Key == e.Key
}

// KindOf returns the kind of the first Error in err's chain, Internal without one.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var f FieldErrors
	if errors.As(err, &f) {
		return Invalid
	}
	return Internal
}

// FieldErrors are all the faults of one form, in the order of its fields.
type FieldErrors []*Error

func (f FieldErrors) Error() string {
	s := "invalid form"
	for _, e := range f {
		s += "; " + e.Error()
	}
	return s
}

// Add appends a fault of one field.
func (f *FieldErrors) Add(field, key string, args ...any) {
	*f = append(*f, &Error{Kind: Invalid, Key: key, Field: field, Args: args})
}

// Err returns f as an error, or nil when there is no fault.
func (f FieldErrors) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

func invalid(field, key string, args ...any) *Error {
	return &Error{Kind: Invalid, Key: key, Field: field, Args: args}
}
