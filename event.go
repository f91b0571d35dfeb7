package portique

import "time"

// Action names what happened; the names are fixed and listed in docs/words.md.
type Action string

// The actions of the journal.
const (
	ActionSignedUp           Action = "account.signed_up"
	ActionSignUpTaken        Action = "account.sign_up_taken"
	ActionResent             Action = "account.validation_resent"
	ActionAddressCorrected   Action = "account.address_corrected"
	ActionCodeFailed         Action = "account.code_failed"
	ActionValidated          Action = "account.validated"
	ActionSignUpDisowned     Action = "account.sign_up_disowned"
	ActionResetAsked         Action = "account.reset_asked"
	ActionPasswordReset      Action = "account.password_reset"
	ActionAccountCreated     Action = "account.created"
	ActionAccountDisabled    Action = "account.disabled"
	ActionAccountEnabled     Action = "account.enabled"
	ActionSignedIn           Action = "session.opened"
	ActionSignInFailed       Action = "session.refused"
	ActionSignedOut          Action = "session.ended"
	ActionThrottled          Action = "throttle.spent" // a budget; its name or sentence is the reason
	ActionCompanyImported    Action = "company.imported"
	ActionCompanyCode        Action = "company.code_changed"
	ActionAttachFailed       Action = "access.attach_failed"
	ActionFirstAdministrator Action = "access.first_administrator"
	ActionStepUpAsked        Action = "access.step_up_asked"
	ActionStepUpFailed       Action = "access.step_up_failed"
	ActionStepUpPassed       Action = "access.step_up_passed"
	ActionStepUpRefused      Action = "access.step_up_refused"
	ActionClaimConfirmed     Action = "access.claim_confirmed"
	ActionClaimContested     Action = "access.claim_contested"
	ActionClaimSettled       Action = "access.claim_settled"
	ActionDeclarantAttached  Action = "access.declarant_attached"
	ActionRequested          Action = "access.requested"
	ActionReminded           Action = "access.reminded"
	ActionRequestCancelled   Action = "access.cancelled"
	ActionRequestAccepted    Action = "access.accepted"
	ActionRequestRefused     Action = "access.refused"
	ActionRequestExpired     Action = "access.expired"
	ActionRequestAnswered    Action = "access.answered"
	ActionAccessLapsed       Action = "access.lapsed"
	ActionRequestEscalated   Action = "access.escalated"
	ActionRoleChanged        Action = "access.role_changed"
	ActionUntilChanged       Action = "access.until_changed"
	ActionMembershipGranted  Action = "access.granted"
	ActionMembershipRemoved  Action = "access.removed"
	ActionToolAdded          Action = "tool.added"
	ActionToolChanged        Action = "tool.changed"
	ActionToolRemoved        Action = "tool.removed"
	ActionToolEntered        Action = "tool.entered"
	ActionConsented          Action = "tool.consented"
	ActionConsentWithdrawn   Action = "tool.consent_withdrawn"
	ActionDeviceCodeFailed   Action = "tool.device_code_failed"
	ActionDeviceRefused      Action = "tool.device_refused"
	ActionCodeReplayed       Action = "tool.code_replayed"
	ActionRefreshReplayed    Action = "tool.refresh_replayed"
	ActionLetterRetried      Action = "letter.retried"
	ActionKeyMade            Action = "key.made"
	ActionKeyRevoked         Action = "key.revoked"
)

// Event is one line of the journal, written in the transaction of the change
// it tells of.
type Event struct {
	At        time.Time
	Action    Action
	Actor     string // account id, or "" for a stranger, the timetable or the command line
	Door      Door
	Subject   string // id of what changed
	SIREN     SIREN
	Reason    string
	Source    string // network address
	RequestID string
}

// Door is where a request came in.
type Door string

// The doors.
const (
	DoorPortal  Door = "portal"
	DoorAuth    Door = "auth"
	DoorCommand Door = "command"
	DoorJob     Door = "job"
)

// Actor is who acts, through which door. The zero AccountID is a stranger on a
// page, and the operator's engineer at the command line.
type Actor struct {
	AccountID string
	Door      Door
	Source    string // network address, for the journal
	RequestID string
	Language  string
}

// Event starts a journal line in the actor's name.
func (a Actor) Event(action Action, subject string, siren SIREN) Event {
	return Event{Action: action, Actor: a.AccountID, Door: a.Door, Source: a.Source,
		RequestID: a.RequestID, Subject: subject, SIREN: siren}
}
