package portique

import "time"

// RequestStatus is the state of an access request.
type RequestStatus string

// The states. Everything but pending is final.
const (
	RequestPending   RequestStatus = "pending"
	RequestAccepted  RequestStatus = "accepted"
	RequestRefused   RequestStatus = "refused"
	RequestCancelled RequestStatus = "cancelled"
	RequestExpired   RequestStatus = "expired"
	RequestAnswered  RequestStatus = "answered"
)

// The timetable of a request (product.md 4, Requests).
const (
	RemindEvery     = 24 * time.Hour      // between two reminders by the person
	AskAgainAfter   = 24 * time.Hour      // after a refusal
	EscalateAfter   = 14 * 24 * time.Hour // the operator sees it
	ExpireAfter     = 30 * 24 * time.Hour // after the last reminder
	firstReminder   = 3 * 24 * time.Hour  // by itself
	secondReminder  = 7 * 24 * time.Hour  // by itself
	MaxReasonLength = 500                 // characters
)

// AccessRequest asks the administrators of a company for an access. Only the
// person's own reminders start the 24 hours between two of them; automatic
// reminders move the expiry.
type AccessRequest struct {
	ID          string
	AccountID   string
	SIREN       SIREN
	Status      RequestStatus
	CreatedAt   time.Time
	SentTo      int       // administrators told at first
	RemindedAt  time.Time // by the person; zero: never
	Reminders   int       // by the person
	AutoAt      time.Time // last automatic reminder; zero: never
	EscalatedAt time.Time // zero: not escalated
	DecidedAt   time.Time
	DecidedBy   string // account id of who decided; empty for the person or the timetable
	Reason      string // of a refusal

	Email             string
	FirstName         string
	LastName          string
	ContributionsOnly bool
	CompanyName       string
}

// Name is the requester's name, first name first.
func (r *AccessRequest) Name() string { return r.FirstName + " " + r.LastName }

// LastSent is when the administrators were last told: at the request, a
// reminder by the person or an automatic one.
func (r *AccessRequest) LastSent() time.Time {
	last := r.CreatedAt
	for _, t := range []time.Time{r.RemindedAt, r.AutoAt} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// NextRemindAt is when the person may remind again; zero means now.
func (r *AccessRequest) NextRemindAt(now time.Time) time.Time {
	if r.RemindedAt.IsZero() {
		return time.Time{}
	}
	if next := r.RemindedAt.Add(RemindEvery); next.After(now) {
		return next
	}
	return time.Time{}
}

// NextAutoAt is when the administrators are next reminded by themselves; zero
// when no automatic reminder is left. A reminder by the person in the day
// before, or since, does that work.
func (r *AccessRequest) NextAutoAt() time.Time {
	for _, after := range []time.Duration{firstReminder, secondReminder} {
		due := r.CreatedAt.Add(after)
		byPerson := !r.RemindedAt.IsZero() && r.RemindedAt.Add(RemindEvery).After(due)
		if r.AutoAt.Before(due) && !byPerson {
			return due
		}
	}
	return time.Time{}
}

// ExpiresAt is when the request ends by itself.
func (r *AccessRequest) ExpiresAt() time.Time { return r.LastSent().Add(ExpireAfter) }

func (r *AccessRequest) expired(now time.Time) bool { return !now.Before(r.ExpiresAt()) }

// Remind marks a reminder by the person. It returns ErrRequestClosed when the
// request is no longer pending or should have expired by now, and TooSoon with
// the hour when the last reminder is less than 24 hours old.
func (r *AccessRequest) Remind(now time.Time) error {
	if r.Status != RequestPending || r.expired(now) {
		return ErrRequestClosed
	}
	if next := r.NextRemindAt(now); !next.IsZero() {
		return &Error{Kind: TooSoon, Key: "access.remind.too_soon", RetryAt: next}
	}
	r.RemindedAt = now
	r.Reminders++
	return nil
}

// Tick applies the timetable: it returns what is due now, and marks it.
func (r *AccessRequest) Tick(now time.Time) (remind, escalate, expire bool) {
	if r.Status != RequestPending {
		return false, false, false
	}
	if r.expired(now) {
		r.Status, r.DecidedAt = RequestExpired, now
		return false, false, true
	}
	if next := r.NextAutoAt(); !next.IsZero() && !now.Before(next) {
		r.AutoAt = now
		remind = true
	}
	if r.EscalatedAt.IsZero() && !now.Before(r.CreatedAt.Add(EscalateAfter)) {
		r.EscalatedAt = now
		escalate = true
	}
	return remind, escalate, false
}

// NextTick is when Tick may next have something to do.
func (r *AccessRequest) NextTick() time.Time {
	next := r.ExpiresAt()
	if a := r.NextAutoAt(); !a.IsZero() && a.Before(next) {
		next = a
	}
	if e := r.CreatedAt.Add(EscalateAfter); r.EscalatedAt.IsZero() && e.Before(next) {
		next = e
	}
	return next
}

// Decide closes a pending request as accepted, refused, cancelled or answered.
// One that should have expired by now is no longer accepted or refused,
// whether or not the timetable has come by.
func (r *AccessRequest) Decide(status RequestStatus, by, reason string, now time.Time) error {
	if r.Status != RequestPending || r.expired(now) && (status == RequestAccepted || status == RequestRefused) {
		return ErrRequestClosed
	}
	if status == RequestRefused {
		reason = CleanText(reason)
		if reason == "" {
			return invalid("reason", "access.refuse.reason_missing")
		}
		if len([]rune(reason)) > MaxReasonLength {
			return invalid("reason", "access.refuse.reason_long", "Max", MaxReasonLength)
		}
	}
	r.Status, r.DecidedBy, r.DecidedAt, r.Reason = status, by, now, reason
	return nil
}

// MayAskAgain refuses a new request for 24 hours after a refusal.
func (r *AccessRequest) MayAskAgain(now time.Time) error {
	if r.Status == RequestRefused {
		if at := r.DecidedAt.Add(AskAgainAfter); now.Before(at) {
			return &Error{Kind: TooSoon, Key: "access.attach.refused_recently", RetryAt: at}
		}
	}
	return nil
}

// What the rules of requests refuse.
var (
	ErrRequestUnknown = &Error{Kind: NotFound, Key: "access.request.unknown"}
	ErrRequestClosed  = &Error{Kind: Conflict, Key: "access.request.closed"}
	ErrRequestPending = &Error{Kind: Invalid, Key: "access.attach.already_pending"}
)
