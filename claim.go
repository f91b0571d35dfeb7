package portique

import "time"

// The watch over a first claim and the second proof (product.md 4, First
// administrator and Attaching).
const (
	ClaimWatch       = 72 * time.Hour      // what waits after a first claim
	StepUpLife       = 24 * time.Hour      // of a code mailed to the known contact
	StepUpCodeDigits = 8                   // typed from that letter
	StepUpTries      = 5                   // wrong tries per code
	ContestTries     = 10                  // wrong tries of the code that the notice carries
	ClaimsKept       = 30 * 24 * time.Hour // what waits for the operator no longer than a request
)

// ClaimPolicy is what a first claim needs besides the member code.
type ClaimPolicy string

// The policies: nothing more (the guide), a code mailed to the contact of the
// member file, the operator's word.
const (
	ClaimByCode     ClaimPolicy = "code"
	ClaimByContact  ClaimPolicy = "code+contact"
	ClaimByOperator ClaimPolicy = "code+operator"
)

// FirstClaimStatus is how a first claim is looked upon.
type FirstClaimStatus string

// The states of a first claim. Only watched and contested hold anything back.
const (
	FirstClaimWatched   FirstClaimStatus = "watched"   // the contact may still answer
	FirstClaimConfirmed FirstClaimStatus = "confirmed" // by the contact
	FirstClaimContested FirstClaimStatus = "contested" // by the contact: the operator decides
	FirstClaimKept      FirstClaimStatus = "kept"      // by the operator
	FirstClaimEnded     FirstClaimStatus = "ended"     // by the operator: the access is closed
)

// WatchedUntil is when the watch of a claim made now ends: after ClaimWatch, and
// at a full minute, so that every page and letter tells the same one.
func WatchedUntil(now time.Time) time.Time {
	return FullMinute(now.Add(ClaimWatch))
}

// FirstClaim is how the first administrator of a company came, and what its
// known contact says of it. A company has one at most, for ever.
type FirstClaim struct {
	ID           string
	SIREN        SIREN
	AccountID    string
	MembershipID string
	ContactEmail string // told of it; "" when none is known or it is the claimant
	TokenHash    []byte
	CodeHash     []byte
	Tries        int // wrong tries of the code
	Status       FirstClaimStatus
	CreatedAt    time.Time
	WatchedUntil time.Time
	AnsweredAt   time.Time
	SettledAt    time.Time
	Reason       string // of the operator

	Email       string
	FirstName   string
	LastName    string
	CompanyName string
}

// Name is the claimant's name, first name first.
func (c *FirstClaim) Name() string { return c.FirstName + " " + c.LastName }

// Frozen says whether decisions about accesses wait for the operator.
func (c *FirstClaim) Frozen() bool { return c != nil && c.Status == FirstClaimContested }

// MayDecide refuses an ordinary decision about accesses while the claim is
// contested. A company without a first claim has a nil one.
func (c *FirstClaim) MayDecide() error {
	if c.Frozen() {
		return ErrCompanyFrozen
	}
	return nil
}

// MayGovern refuses what could put the company in wrong hands, making an
// administrator or taking an access away from somebody else, until the watch
// ends: with the hour.
func (c *FirstClaim) MayGovern(now time.Time) error {
	if err := c.MayDecide(); err != nil {
		return err
	}
	if c != nil && c.Status == FirstClaimWatched && now.Before(c.WatchedUntil) {
		return &Error{Kind: Conflict, Key: ErrClaimWatched.Key, RetryAt: c.WatchedUntil}
	}
	return nil
}

// CheckAnswer refuses an answer by the known contact that comes too late or a
// second time, before its code is compared.
func (c *FirstClaim) CheckAnswer(now time.Time) error {
	switch {
	case c.Status != FirstClaimWatched:
		return ErrClaimAnswered
	case !now.Before(c.WatchedUntil):
		return ErrClaimOver
	case c.Tries >= ContestTries:
		return invalid("code", "claim.code_budget")
	}
	return nil
}

// Answer notes what the known contact says.
func (c *FirstClaim) Answer(contest bool, now time.Time) {
	c.Status, c.AnsweredAt = FirstClaimConfirmed, now
	if contest {
		c.Status = FirstClaimContested
	}
}

// Settle is the operator's decision: of a contested claim, or of one that is
// still watched.
func (c *FirstClaim) Settle(keep bool, reason string, now time.Time) error {
	if c.Status != FirstClaimWatched && c.Status != FirstClaimContested {
		return ErrClaimSettled
	}
	c.Status, c.SettledAt, c.Reason = FirstClaimEnded, now, reason
	if keep {
		c.Status = FirstClaimKept
	}
	return nil
}

// StepUpStatus is the state of a second proof.
type StepUpStatus string

// The states of a second proof. Everything but waiting is final.
const (
	StepUpWaiting  StepUpStatus = "waiting"
	StepUpAccepted StepUpStatus = "accepted" // by the code, or the operator
	StepUpRefused  StepUpStatus = "refused"  // by the operator
	StepUpReplaced StepUpStatus = "replaced" // by a newer one of the same person and company
)

// StepUp is a second proof asked of somebody who gave a SIREN and a member
// code. Whoever waits learns nothing of Proved: the page is the same when the
// code was wrong or the company unknown.
type StepUp struct {
	ID        string
	AccountID string
	SIREN     SIREN
	Proved    bool // the member code was right
	CodeHash  []byte
	Sealed    []byte // the code, until its letter is posted
	Tries     int
	Status    StepUpStatus
	CreatedAt time.Time
	ExpiresAt time.Time // of the code
	DecidedAt time.Time
	Reason    string // of the operator

	Email        string
	FirstName    string
	LastName     string
	CompanyName  string // "" for an unknown company
	ContactEmail string
}

// Name is the claimant's name, first name first.
func (s *StepUp) Name() string { return s.FirstName + " " + s.LastName }

// TakesCode says whether a typed code may still be compared with this one's.
func (s *StepUp) TakesCode(now time.Time) bool {
	return s.Status == StepUpWaiting && s.Tries < StepUpTries && now.Before(s.ExpiresAt)
}

// AskAgainAt is when another code may be asked for, once too many wrong ones were
// typed; zero means now.
func (s *StepUp) AskAgainAt(now time.Time) time.Time {
	if s.Status == StepUpWaiting && s.Tries >= StepUpTries && now.Before(s.ExpiresAt) {
		return s.ExpiresAt
	}
	return time.Time{}
}

// Decide closes a second proof that waits.
func (s *StepUp) Decide(status StepUpStatus, reason string, now time.Time) error {
	if s.Status != StepUpWaiting {
		return ErrClaimSettled
	}
	s.Status, s.Reason, s.DecidedAt = status, reason, now
	return nil
}

// What claiming and contesting refuse.
var (
	ErrCompanyFrozen = &Error{Kind: Conflict, Key: "claim.frozen"}
	ErrClaimWatched  = &Error{Kind: Conflict, Key: "claim.watched"}
	ErrClaimAnswered = &Error{Kind: Conflict, Key: "claim.answered"}
	ErrClaimOver     = &Error{Kind: Conflict, Key: "claim.over"}
	ErrClaimSettled  = &Error{Kind: Conflict, Key: "claim.settled"}
	ErrClaimUnknown  = &Error{Kind: NotFound, Key: "claim.unknown"}
	ErrClaimCode     = &Error{Kind: Invalid, Key: "claim.code_wrong", Field: "code"}
	ErrClaimNone     = &Error{Kind: Invalid, Key: "claim.none", Field: "code"}
)
