package mail

import (
	"fmt"
	"slices"

	"portique"
)

// Needs are the keys of a kind of letter. A letter has all of Data and Secret,
// none of them empty, and may have those of Optional.
type Needs struct {
	Data     []string // of Letter.Data
	Optional []string // of Letter.Data; absent or empty means "not so"
	Secret   []string // of Letter.Secret
	MaySeal  []string // of Letter.Secret; absent means "not so"
}

// Kinds is the table of all letters. The recipient's name is Letter.Name, never
// a key; the addresses of pages are made here from the configured origins and
// the SIREN, so no key holds one but the validation link.
//
//	company         name of the company
//	siren           its nine digits, without spaces
//	person          name of whom the letter speaks (the requester, the member)
//	person_email    their address, shown in full
//	by              name of who decided; absent: the operator, or nobody
//	by_email        their address, to write to
//	role            administrator, member, declarant
//	decision        accepted, refused; of a first claim: kept, ended
//	reason          what the decider wrote, one line
//	administrators  how many administrators were told: "0", "1", "2"…
//	contributions   "yes" when the requester ticked the checkbox of declarants
//	same_role       "yes" when the role is as it was
//	tools           names of the tools now open, with commas; "*" for all
//	no_until        "yes" when the access had a last day and has none any more
//	until           last day of the access      (all times are RFC 3339, and are
//	asked_at        when the request was made    written in words in the
//	remind_at       next automatic reminder      installation's time zone)
//	escalate_at     when the operator sees the request
//	expires_at      when the request ends by itself
//	again_at        when the person may ask again
//	watched_until   until when a first administrator is watched
//	at              when it happened
//	device          browser and system, as far as they tell
//	address         network address
//	why             step_up, no_contact, contested
//	what            sign_in, member_code, requests
//	link            address of the validation or reset page, token included
//	code            digits to type: in the browser that signed up (absent once
//	                too many wrong ones were typed), for a second proof, or on
//	                the page of a first claim
//	disown_code     code asked by "this was not me"
var Kinds = map[portique.LetterKind]Needs{
	// To whom signed up. Greets nobody by name: the name was typed by whoever
	// signed up, the address may be a stranger's.
	portique.LetterValidation: {Secret: []string{"link", "disown_code"}, MaySeal: []string{"code"}},

	// To the owner of the account.
	portique.LetterAccountExists:   {},
	portique.LetterPasswordChanged: {},
	portique.LetterNewDevice:       {Data: []string{"at"}, Optional: []string{"device", "address"}},

	// To whoever asked, at the address of an account or of a sign-up: without a
	// name in the second case.
	portique.LetterReset: {Secret: []string{"link"}},

	// To each administrator.
	portique.LetterRequestReceived: {
		Data:     []string{"company", "siren", "person", "person_email", "administrators", "expires_at"},
		Optional: []string{"remind_at", "escalate_at", "contributions"},
	},
	portique.LetterRequestReminder: {
		Data:     []string{"company", "siren", "person", "person_email", "asked_at", "expires_at"},
		Optional: []string{"contributions"},
	},

	portique.LetterRequestDigest: {Data: []string{"company", "siren"}},

	// To the contact of the member file, who may not have an account.
	portique.LetterClaimCode:      {Data: []string{"company", "siren", "person", "person_email", "until"}, Secret: []string{"code"}},
	portique.LetterFirstClaim:     {Data: []string{"company", "siren", "person", "person_email", "until"}, Secret: []string{"link", "code"}},
	portique.LetterFirstDeclarant: {Data: []string{"company", "siren", "person", "person_email", "until"}},

	// To the claimant; settled to the contact too.
	portique.LetterClaimRefused:   {Data: []string{"company", "siren", "reason"}},
	portique.LetterClaimContested: {Data: []string{"company", "siren"}},
	portique.LetterClaimConfirmed: {Data: []string{"company", "siren"}},
	portique.LetterClaimSettled:   {Data: []string{"company", "siren", "person", "decision", "reason"}},

	// To the operator's support address.
	portique.LetterOperatorClaim: {Data: []string{"company", "siren", "person", "person_email", "why"}},
	portique.LetterOperatorAlert: {Data: []string{"what"}, Optional: []string{"company", "siren", "person", "person_email"}},

	// To the requester.
	portique.LetterRequestSent: {
		Data:     []string{"company", "siren", "administrators", "expires_at"},
		Optional: []string{"remind_at", "escalate_at"},
	},
	portique.LetterRequestAccepted: {
		Data:     []string{"company", "siren", "role", "by"},
		Optional: []string{"until", "tools", "more_tools"},
	},
	portique.LetterRequestRefused: {
		Data:     []string{"company", "siren", "by", "reason", "again_at"},
		Optional: []string{"by_email"},
	},
	portique.LetterRequestExpired: {
		Data: []string{"company", "siren", "asked_at"},
	},
	// administrators is "0" when the company has none left: the request was
	// escalated at once.
	portique.LetterEscalated: {
		Data: []string{"company", "siren", "asked_at", "administrators", "expires_at"},
	},

	// To the operator's support address: a request that nobody can or does answer.
	portique.LetterOperator: {
		Data: []string{"company", "siren", "person", "person_email", "asked_at", "administrators", "expires_at"},
	},

	// To the administrators who did not decide.
	portique.LetterRequestHandled: {
		Data:     []string{"company", "siren", "person", "person_email", "decision", "by"},
		Optional: []string{"role", "reason"},
	},
	// To the administrators.
	portique.LetterRequestCancel: {
		Data: []string{"company", "siren", "person", "person_email"},
	},

	// To the person; the role may also be told to an administrator about that
	// person. Without by: the first person attached to the company.
	portique.LetterAdministrator: {
		Data:     []string{"company", "siren"},
		Optional: []string{"by", "watched_until", "no_until"},
	},
	portique.LetterRoleChanged: {
		Data:     []string{"company", "siren", "role"},
		Optional: []string{"by", "same_role", "tools", "more_tools", "until", "no_until", "reason", "person", "person_email"},
	},

	// To the person: opened by the operator's command, which gives a reason, or,
	// without one, by the person's own member code (a declarant). With person and
	// person_email: to an administrator, about that person.
	portique.LetterAccessOpened: {
		Data:     []string{"company", "siren", "role"},
		Optional: []string{"until", "reason", "person", "person_email", "tools", "more_tools"},
	},
	// Without by: by the operator. To the person, or to an administrator about
	// that person.
	portique.LetterAccessEnded: {
		Data:     []string{"company", "siren"},
		Optional: []string{"by", "reason", "person", "person_email"},
	},
}

// Check says what a letter lacks or has too much of, by the table of kinds.
// Tests of the services that post letters call it; Render calls it too.
func Check(l *portique.Letter) error {
	needs, ok := Kinds[l.Kind]
	if !ok {
		return fmt.Errorf("letter: no kind %q", l.Kind)
	}
	for _, key := range needs.Data {
		if l.Data[key] == "" {
			return fmt.Errorf("letter %s: data %q is missing", l.Kind, key)
		}
	}
	for key := range l.Data {
		if !slices.Contains(needs.Data, key) && !slices.Contains(needs.Optional, key) {
			return fmt.Errorf("letter %s: data %q is not one of its keys", l.Kind, key)
		}
	}
	for _, key := range needs.Secret {
		if l.Secret[key] == "" {
			return fmt.Errorf("letter %s: secret %q is missing", l.Kind, key)
		}
	}
	for key := range l.Secret {
		if !slices.Contains(needs.Secret, key) && !slices.Contains(needs.MaySeal, key) {
			return fmt.Errorf("letter %s: secret %q is not one of its keys", l.Kind, key)
		}
	}
	return nil
}
