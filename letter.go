package portique

import "time"

// LetterKind names a message to a person; each kind has its text in
// internal/mail/letter.
type LetterKind string

// The letters of the guide's journey.
const (
	LetterValidation      LetterKind = "validation"     // link and code
	LetterAccountExists   LetterKind = "account_exists" // somebody signed up with a known address
	LetterReset           LetterKind = "reset"          // link
	LetterPasswordChanged LetterKind = "password_changed"
	LetterNewDevice       LetterKind = "new_device"       // somebody signed in in a browser that was not known
	LetterRequestReceived LetterKind = "request_received" // to each administrator
	LetterRequestReminder LetterKind = "request_reminder" // to each administrator
	LetterRequestSent     LetterKind = "request_sent"     // to the requester
	LetterRequestAccepted LetterKind = "request_accepted"
	LetterRequestRefused  LetterKind = "request_refused"
	LetterRequestExpired  LetterKind = "request_expired"
	LetterRequestHandled  LetterKind = "request_handled"   // to the other administrators
	LetterRequestCancel   LetterKind = "request_cancelled" // to the administrators
	LetterAdministrator   LetterKind = "administrator"     // you are now administrator
	LetterRoleChanged     LetterKind = "role_changed"
	LetterAccessOpened    LetterKind = "access_opened" // by the operator's command
	LetterAccessEnded     LetterKind = "access_ended"
	LetterRequestDigest   LetterKind = "request_digest" // to an administrator: many requests at once
	LetterClaimCode       LetterKind = "claim_code"     // to the known contact: a second proof
	LetterClaimRefused    LetterKind = "claim_refused"  // to the claimant
	LetterFirstClaim      LetterKind = "first_claim"    // to the known contact: who is the first administrator
	LetterFirstDeclarant  LetterKind = "first_declarant"
	LetterClaimContested  LetterKind = "claim_contested"    // to the first administrator
	LetterClaimConfirmed  LetterKind = "claim_confirmed"    // to the first administrator: nothing waits any more
	LetterClaimSettled    LetterKind = "claim_settled"      // to the first administrator and the known contact
	LetterOperatorClaim   LetterKind = "operator_claim"     // to the operator's support: a claim to look at
	LetterOperatorAlert   LetterKind = "operator_alert"     // to the operator's support: somebody is guessing
	LetterEscalated       LetterKind = "request_escalated"  // to the requester: what else can be done
	LetterOperator        LetterKind = "operator_escalated" // to the operator's support: a request nobody answers
)

// LetterStatus is the state of a letter in the outbox.
type LetterStatus string

// The states of a letter.
const (
	LetterQueued LetterStatus = "queued"
	LetterSent   LetterStatus = "sent"
	LetterDead   LetterStatus = "dead"
)

// Letter is a message to a person, written as a row of the transaction that
// promises it and sent later by the outbox. Data is what the text needs and may
// be read by an operator; Secret (links, codes) is sealed with the master key
// and erased once the letter left.
type Letter struct {
	ID        string
	MessageID string
	To        string
	Name      string
	Language  string
	Kind      LetterKind
	About     string            // id of the request, sign-up or membership it tells of
	Data      map[string]string // public values
	Secret    map[string]string // in the clear only in memory
	Sealed    []byte
	Status    LetterStatus
	Attempts  int
	LastError string
	RunAt     time.Time
	CreatedAt time.Time
	SentAt    time.Time
}

// LetterLife is how long delivery is tried before a letter is dead.
const LetterLife = 72 * time.Hour

// NextAttempt is when a letter that failed is tried again: 10 s, 20 s, 40 s
// after the first failures, at most 60 s apart during the first ten minutes,
// then doubling from 2 minutes to one hour. dead is true once three days have
// passed.
func NextAttempt(created, now time.Time, attempts int) (at time.Time, dead bool) {
	const often = 10 * time.Minute
	age := now.Sub(created)
	switch {
	case age >= LetterLife:
		return time.Time{}, true
	case age < often:
		return now.Add(min(10*time.Second<<min(max(attempts-1, 0), 3), time.Minute)), false
	}
	// Waiting that long from here, then from there, doubles the wait each time.
	return now.Add(min(age-often+2*time.Minute, time.Hour)), false
}
