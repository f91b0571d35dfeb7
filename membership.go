package portique

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Role is what a person is in a company.
type Role string

// The roles. A declarant opens contribution tools only and never becomes
// administrator by attaching.
const (
	Administrator Role = "administrator"
	Member        Role = "member"
	Declarant     Role = "declarant"
)

// ParseRole reads a role's code name; the error is for the field "role".
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case Administrator, Member, Declarant:
		return r, nil
	}
	return "", invalid("role", "role.unknown")
}

// MembershipStatus is the state of an access.
type MembershipStatus string

// The states of an access.
const (
	MembershipActive    MembershipStatus = "active"
	MembershipSuspended MembershipStatus = "suspended"
	MembershipEnded     MembershipStatus = "ended"
)

// AllTools is the right that opens every tool, later ones too.
const AllTools = "*"

// DeclarantTrial is how long a declarant keeps the access opened by a member
// code alone, in a company that never had an administrator (product.md 4).
const DeclarantTrial = 90 * 24 * time.Hour

// Membership is one person's access to one company. Until is zero without an
// end date. Person and company names travel with it because every reader
// shows them.
type Membership struct {
	ID        string
	AccountID string
	SIREN     SIREN
	Role      Role
	Status    MembershipStatus
	Rights    []string // tool ids, or AllTools
	Since     time.Time
	Until     time.Time
	EndedAt   time.Time
	EndedBy   string // the account of who ended it; "" when its end date did, or the operator

	Email         string
	FirstName     string
	LastName      string
	AccountActive bool
	CompanyName   string
	CompanyStatus CompanyStatus
}

// Name is the person's name, first name first.
func (m *Membership) Name() string { return m.FirstName + " " + m.LastName }

// LastMoment is the last moment of an access that ends at until, so that "until
// 31 December" reads as people mean it: until is the first moment without.
func LastMoment(until time.Time) time.Time {
	if until.IsZero() {
		return until
	}
	return until.Add(-time.Second)
}

// Active says whether the access counts at that time: not ended, not
// suspended, not past its end, and the person's account alive.
func (m *Membership) Active(now time.Time) bool {
	return m.Status == MembershipActive && m.AccountActive && (m.Until.IsZero() || now.Before(m.Until))
}

// ClosedReason says why a tool is closed to a membership.
type ClosedReason string

// The reasons, in the order in which they are looked at.
const (
	Open              ClosedReason = ""
	CompanyIsClosed   ClosedReason = "company_closed"
	AccessEnded       ClosedReason = "access_ended"
	AccessSuspended   ClosedReason = "access_suspended"
	RightMissing      ClosedReason = "right_missing"
	ContributionsOnly ClosedReason = "contributions_only"
)

// Opens says whether m opens t now, and why not.
func (m *Membership) Opens(t *Tool, now time.Time) ClosedReason {
	switch {
	case m.CompanyStatus != CompanyActive:
		return CompanyIsClosed
	case m.Status == MembershipSuspended:
		return AccessSuspended
	case !m.Active(now):
		return AccessEnded
	}
	switch m.Role {
	case Administrator:
		return Open
	case Declarant:
		if t.Audience != AudienceContributions {
			return ContributionsOnly
		}
		return Open
	}
	for _, r := range m.Rights {
		if r == AllTools || r == t.ID {
			return Open
		}
	}
	return RightMissing
}

// GrantTerms checks what an administrator gives: a role, tools and an end, and
// returns the rights, or FieldErrors with all that is wrong. Nil tools were not
// asked for; none ticked is a fault. An administrator has no end date, so that
// expiry never leaves a company without one (product.md 4, decision 0006), and
// opens every tool, so rights are dropped; a declarant's are fixed by the role.
func GrantTerms(role Role, tools []string, until, now time.Time) ([]string, error) {
	var faults FieldErrors
	if role == Member && tools != nil && len(tools) == 0 {
		faults.Add("tool", "membership.tools_missing")
	}
	switch {
	case until.IsZero():
	case role == Administrator:
		faults.Add("until", "membership.administrator_until")
	case !until.After(now):
		faults.Add("until", "membership.until_past")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if role != Member {
		return nil, nil
	}
	for _, t := range tools {
		if t == AllTools {
			return []string{AllTools}, nil
		}
	}
	return tools, nil
}

// State names what an administrator may change of an access, as it is now: a page
// that shows it sends the name back, so that a change made meanwhile is noticed.
func (m *Membership) State() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %q %d", m.Role, m.Status, m.Rights, m.Until.UnixMilli()))
	return hex.EncodeToString(sum[:4])
}

// ErrAccessChanged: the access is no longer as the page showed it.
var ErrAccessChanged = &Error{Kind: Conflict, Key: "membership.changed"}

// OnTrial says whether m is a declarant's access as a member code alone opens
// it: its end date is that of the trial, chosen by nobody.
func (m *Membership) OnTrial() bool {
	return m.Role == Declarant && m.Until.Equal(m.Since.Add(DeclarantTrial))
}

// UntilAs is the end of the access once it has another role. asked is the end
// given with the role, zero for none, nil when nothing was said of it: then it
// stays, but for an administrator, who has none, and for a member who was on
// trial. A day asked that is the one there already is no wish of its own: it
// goes with a promotion, and moves nothing otherwise.
func (m *Membership) UntilAs(role Role, asked *time.Time) time.Time {
	switch {
	case asked == nil && (role == Administrator || role == Member && m.OnTrial()):
		return time.Time{}
	case asked == nil:
		return m.Until
	case !m.endsOnDayBefore(*asked):
		return *asked
	case role == Administrator:
		return time.Time{}
	}
	return m.Until
}

// endsOnDayBefore says whether the last day of m is the one that is over at
// midnight: the end of a day that somebody chose.
func (m *Membership) endsOnDayBefore(midnight time.Time) bool {
	if m.Until.IsZero() || midnight.IsZero() {
		return false
	}
	last := LastMoment(m.Until)
	return last.Before(midnight) && !last.Before(midnight.AddDate(0, 0, -1))
}

// EndsSooner says whether an end takes time away from the access.
func (m *Membership) EndsSooner(until time.Time) bool {
	return !until.IsZero() && (m.Until.IsZero() || until.Before(m.Until))
}

// KeepsAdministrator refuses what would take the last active administrator
// away from a company: others is the number of active administrators that
// would stay.
func KeepsAdministrator(m *Membership, others int, now time.Time) error {
	if m.Role == Administrator && m.Active(now) && others == 0 {
		return ErrLastAdministrator
	}
	return nil
}

// What the rules of membership refuse.
var (
	ErrLastAdministrator = &Error{Kind: Conflict, Key: "membership.last_administrator"}
	ErrMembershipUnknown = &Error{Kind: NotFound, Key: "membership.unknown"}
	ErrMembershipEnded   = &Error{Kind: Conflict, Key: "membership.ended"}
	ErrAlreadyMember     = &Error{Kind: Invalid, Key: "access.attach.already_member"}
	ErrAttachNoMatch     = &Error{Kind: Invalid, Key: "access.attach.no_match"}
	ErrNotAdministrator  = &Error{Kind: NotFound, Key: "company.unknown"}
)
