package access

import (
	"context"
	"errors"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Attached is what attaching a company led to: an access, a request, or a
// second proof to bring.
type Attached struct {
	Company        *portique.Company       // nil with StepUp
	Membership     *portique.Membership    // the access, open
	Request        *portique.AccessRequest // made, or
	StepUp         *portique.StepUp        // asked for
	Administrators int                     // how many were told of the request; 0: it went to the operator
}

// Attach attaches a company by its SIREN and member code. The first person
// ever becomes its administrator, exactly one whatever the number of
// simultaneous calls; who only declares contributions becomes a declarant for
// 90 days instead; with administrators in place it is a request to them; with
// none left it is a request that the operator sees at once.
//
// Wrong code, unknown SIREN and closed company give the same ErrAttachNoMatch,
// after the same work. Room for a try is held before it is looked at and until
// the answer is sure; a wrong one counts against the account (TooSoon with the
// hour), the source (the same), and the installation, a right one against none.
// Who spends a day's tries is pointed out to the operator. Once the
// installation's budget is spent everybody is asked for a second proof,
// whatever they typed; so is, with a stricter policy, whoever would open a
// company that nobody administers yet.
func (s *Service) Attach(ctx context.Context, actor portique.Actor, typedSIREN, typedCode string) (*Attached, error) {
	var faults portique.FieldErrors
	siren, err := portique.ParseSIREN(typedSIREN)
	if err != nil {
		faults = append(faults, asError(err))
	}
	code := portique.CanonicalMemberCode(typedCode)
	if code == "" {
		faults.Add("member_code", "member_code.missing")
	} else if len(code) > 200 {
		faults.Add("member_code", "member_code.long")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	proof := s.keys.MemberCode(string(siren), code)
	for range 2 {
		a, err := s.try(ctx, actor, siren, proof)
		if !errors.Is(err, errCodeMoved) {
			return a, err
		}
	}
	return nil, portique.ErrAttachNoMatch
}

// errCodeMoved is a right member code that was no longer one a moment later: an
// import came by. Trying once more tells, and counts.
var errCodeMoved = errors.New("the member code has changed meanwhile")

func (s *Service) try(ctx context.Context, actor portique.Actor, siren portique.SIREN, proof []byte) (*Attached, error) {
	var a *Attached
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		a = &Attached{}
		held, guessing, err := s.holdTry(tx, actor, siren)
		if err != nil {
			return err
		}
		company, err := matching(tx, tx.Company, siren, proof)
		if err != nil {
			return err
		}
		if guessing {
			return s.stepUp(tx, actor, siren, company != nil, a)
		}
		if company == nil {
			if err := tx.CountTaken(held); err != nil {
				return err
			}
			if err := tx.Audit(actor.Event(portique.ActionAttachFailed, "", siren)); err != nil {
				return err
			}
			if err := s.pointOut(tx, actor); err != nil {
				return err
			}
			return store.Refused(portique.ErrAttachNoMatch)
		}
		if err := tx.LetGo(); err != nil {
			return err
		}
		// And still so now that nobody else changes it.
		if company, err = matching(tx, tx.LockCompany, siren, proof); err != nil {
			return err
		}
		if company == nil {
			return errCodeMoved
		}
		if err := s.admit(tx, actor, company, byCode, a); err != nil {
			return rightCode(err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// rightCode makes a refusal after a right code keep what the transaction closed
// on its way.
func rightCode(err error) error {
	switch portique.KindOf(err) {
	case portique.Invalid, portique.Conflict, portique.TooSoon:
		return store.Refused(err)
	}
	return err
}

// holdTry makes room for a member code before it is compared: what it counts
// against is locked until the code is known to be right, which counts nowhere, or
// the transaction of a wrong one ends.
// guessing says that the installation's budget is spent; then the try is counted
// here, whatever was typed.
func (s *Service) holdTry(tx *store.Tx, actor portique.Actor, siren portique.SIREN) (held store.Taken, guessing bool, err error) {
	account := []string{actor.AccountID}
	tries := []store.Try{
		{Budget: portique.BudgetMemberCodeHour, Key: account},
		{Budget: portique.BudgetMemberCodeDay, Key: account},
		{Budget: portique.BudgetMemberCodeCompany, Key: []string{actor.AccountID, string(siren)}},
		{Budget: portique.BudgetMemberCodeSource, Key: []string{portique.SourceKey(actor.Source)}},
		// One person's wrong codes on one company count once here.
		{Budget: s.guesses, ID: actor.AccountID + "/" + string(siren), Mild: true}}
	held, err = tx.Hold(tries...)
	if err != nil || len(held) == len(tries) {
		return held, false, err
	}
	if err := tx.CountTaken(held); err != nil {
		return nil, true, err
	}
	return nil, true, tx.Alert(actor, s.support, s.language, store.AlertMemberCodes, nil)
}

// pointOut alerts the operator of somebody whose wrong codes have spent the day.
func (s *Service) pointOut(tx *store.Tx, actor portique.Actor) error {
	spent, err := tx.Spent(store.Try{Budget: portique.BudgetMemberCodeDay, Key: []string{actor.AccountID}})
	if err != nil || !spent {
		return err
	}
	account, err := tx.Account(actor.AccountID)
	if err != nil {
		return err
	}
	return tx.Alert(actor, s.support, s.language, store.AlertGuesser, map[string]string{"person": account.Name(), "person_email": account.Email})
}

// matching returns the active company of that SIREN and member code, nil when
// they do not match.
func matching(tx *store.Tx, read func(portique.SIREN) (*portique.Company, error), siren portique.SIREN, proof []byte) (*portique.Company, error) {
	company, err := read(siren)
	if errors.Is(err, store.ErrCompanyUnknown) {
		company, err = &portique.Company{CodeHash: make([]byte, len(proof))}, nil
	}
	if err != nil {
		return nil, err
	}
	if right := secret.Equal(company.CodeHash, proof); !right || company.Status != portique.CompanyActive {
		return nil, nil
	}
	return company, nil
}

// proofOf says what a person proved before an access may open at once.
type proofOf int

const (
	byCode     proofOf = iota // the member code
	byContact                 // and the code mailed to the known contact
	byOperator                // and the operator vouches
)

// admit gives a person with the right member code what is theirs: an access or
// a request. The company is locked.
func (s *Service) admit(tx *store.Tx, actor portique.Actor, company *portique.Company, proof proofOf, a *Attached) error {
	a.Company = company
	account, err := tx.LockAccount(actor.AccountID)
	if err != nil {
		return err
	}
	if account.Status != portique.AccountActive { // disabled since the page was opened
		return store.ErrNoSession
	}
	if err := s.checkFree(tx, actor, account, company); err != nil {
		return err
	}
	if proof == byCode && s.policy != portique.ClaimByCode {
		had, err := tx.HadAdministrator(company.SIREN)
		if err != nil {
			return err
		}
		if !had {
			a.Company = nil
			return s.stepUp(tx, actor, company.SIREN, true, a)
		}
	}
	return s.attach(tx, actor, account, proof, a)
}

func asError(err error) *portique.Error {
	var e *portique.Error
	errors.As(err, &e) // the root's parsers return nothing else
	return e
}

// checkFree refuses a person who already has an access or a request there. An
// access or a request past its end is closed on the way, so that they may come
// back.
func (s *Service) checkFree(tx *store.Tx, actor portique.Actor, account *portique.Account, company *portique.Company) error {
	m, err := tx.LivingMembership(account.ID, company.SIREN)
	switch {
	case errors.Is(err, portique.ErrMembershipUnknown):
	case err != nil:
		return err
	case m.Active(tx.Now()):
		return &portique.Error{Kind: portique.Invalid, Key: portique.ErrAlreadyMember.Key, Args: []any{"Company", company.Name}}
	case m.Status == portique.MembershipSuspended:
		return &portique.Error{Kind: portique.Invalid, Key: "access.attach.suspended", Args: []any{"Company", company.Name}}
	default:
		if err := lapse(tx, actor, m); err != nil {
			return err
		}
	}
	last, err := tx.LastRequest(account.ID, company.SIREN)
	switch {
	case errors.Is(err, portique.ErrRequestUnknown):
		return nil
	case err != nil:
		return err
	case last.Status == portique.RequestPending && !tx.Now().Before(last.ExpiresAt()):
		return expire(tx, actor, last) // the timetable has not come by yet
	case last.Status == portique.RequestPending:
		return &portique.Error{Kind: portique.Invalid, Key: portique.ErrRequestPending.Key, Args: []any{"Company", company.Name}}
	}
	return last.MayAskAgain(tx.Now())
}

// expire closes a request that nobody answered in its time.
func expire(tx *store.Tx, actor portique.Actor, r *portique.AccessRequest) error {
	r.Tick(tx.Now())
	if err := tx.UpdateRequest(r); err != nil {
		return err
	}
	return tx.Audit(actor.Event(portique.ActionRequestExpired, r.ID, r.SIREN))
}

// lapse closes an access that is past its end date.
func lapse(tx *store.Tx, actor portique.Actor, m *portique.Membership) error {
	m.Status, m.EndedAt = portique.MembershipEnded, m.Until
	if err := tx.UpdateMembership(m); err != nil {
		return err
	}
	return tx.Audit(actor.Event(portique.ActionAccessLapsed, m.ID, m.SIREN))
}

func (s *Service) attach(tx *store.Tx, actor portique.Actor, account *portique.Account, proof proofOf, a *Attached) error {
	administrators, err := tx.Administrators(a.Company.SIREN)
	if err != nil {
		return err
	}
	if len(administrators) > 0 {
		return s.request(tx, actor, account, administrators, a)
	}
	if account.ContributionsOnly {
		had, err := tx.HadAdministrator(a.Company.SIREN)
		if err != nil {
			return err
		}
		if had {
			return s.request(tx, actor, account, nil, a)
		}
		return s.open(tx, actor, account, portique.Declarant, proof, a)
	}
	first, err := tx.ClaimFirstAdministrator(a.Company.SIREN, account.ID)
	if err != nil {
		return err
	}
	if !first {
		return s.request(tx, actor, account, nil, a)
	}
	return s.open(tx, actor, account, portique.Administrator, proof, a)
}

// open gives the access at once.
func (s *Service) open(tx *store.Tx, actor portique.Actor, account *portique.Account, role portique.Role, proof proofOf, a *Attached) error {
	m := &portique.Membership{ID: store.NewID(), AccountID: account.ID, SIREN: a.Company.SIREN, Role: role,
		Status: portique.MembershipActive, Since: tx.Now(), CompanyName: a.Company.Name}
	action, kind := portique.ActionFirstAdministrator, portique.LetterAdministrator
	data := map[string]string{"company": a.Company.Name, "siren": string(a.Company.SIREN)}
	if role == portique.Declarant {
		m.Until = tx.Now().Add(portique.DeclarantTrial)
		action, kind = portique.ActionDeclarantAttached, portique.LetterAccessOpened
		data["role"], data["until"] = string(role), when(portique.LastMoment(m.Until))
	}
	if err := tx.InsertMembership(m); err != nil {
		return err
	}
	a.Membership = m
	if proof == byCode && role == portique.Administrator {
		claim, err := s.watch(tx, actor, account, m, a.Company)
		if err != nil {
			return err
		}
		data["watched_until"] = when(claim.WatchedUntil)
	}
	if err := s.post(tx, account.ID, kind, m.ID, data); err != nil {
		return err
	}
	if contact := a.Company.ContactEmail; proof == byCode && role == portique.Declarant && contact != "" && contact != account.Email {
		err := tx.Post(&portique.Letter{To: contact, Language: s.language, Kind: portique.LetterFirstDeclarant, About: m.ID,
			Data: map[string]string{"company": a.Company.Name, "siren": string(m.SIREN), "person": account.Name(), "person_email": account.Email,
				"until": when(portique.LastMoment(m.Until))}})
		if err != nil {
			return err
		}
	}
	return tx.Audit(actor.Event(action, m.ID, m.SIREN))
}

// request asks the administrators, or the operator when there are none left;
// TooSoon with the hour for who asked them three times within a day already.
func (s *Service) request(tx *store.Tx, actor portique.Actor, account *portique.Account, administrators []*portique.Membership, a *Attached) error {
	if _, err := tx.Take(store.Try{Budget: portique.BudgetRequests, Key: []string{account.ID, string(a.Company.SIREN)}}); err != nil {
		return err
	}
	r := &portique.AccessRequest{ID: store.NewID(), AccountID: account.ID, SIREN: a.Company.SIREN, Status: portique.RequestPending,
		CreatedAt: tx.Now(), SentTo: len(administrators), CompanyName: a.Company.Name,
		Email: account.Email, FirstName: account.FirstName, LastName: account.LastName, ContributionsOnly: account.ContributionsOnly}
	if len(administrators) == 0 {
		r.EscalatedAt = tx.Now()
	}
	if err := tx.InsertRequest(r); err != nil {
		return err
	}
	a.Request, a.Administrators = r, len(administrators)
	if err := tx.Audit(actor.Event(portique.ActionRequested, r.ID, r.SIREN)); err != nil {
		return err
	}
	if len(administrators) == 0 {
		if err := tx.Audit(actor.Event(portique.ActionRequestEscalated, r.ID, r.SIREN)); err != nil {
			return err
		}
		return s.postEscalated(tx, r, 0)
	}
	err := s.ask(tx, actor, administrators, portique.LetterRequestReceived, r, func() map[string]string {
		return map[string]string{"company": r.CompanyName, "siren": string(r.SIREN), "person": r.Name(), "person_email": r.Email,
			"administrators": number(len(administrators)), "remind_at": when(r.NextAutoAt()), "escalate_at": when(r.CreatedAt.Add(portique.EscalateAfter)),
			"expires_at": when(r.ExpiresAt()), "contributions": yes(r.ContributionsOnly)}
	})
	if err != nil {
		return err
	}
	return s.post(tx, account.ID, portique.LetterRequestSent, r.ID, map[string]string{"company": r.CompanyName, "siren": string(r.SIREN),
		"administrators": number(len(administrators)), "remind_at": when(r.NextAutoAt()), "escalate_at": when(r.CreatedAt.Add(portique.EscalateAfter)),
		"expires_at": when(r.ExpiresAt())})
}

// postEscalated tells the operator's support of a request that nobody answers,
// and the person that it did.
func (s *Service) postEscalated(tx *store.Tx, r *portique.AccessRequest, administrators int) error {
	if s.support != "" {
		// About one company they leave three an hour, however many people ask.
		leaves, err := tx.Slot(store.Try{Budget: portique.BudgetRequestLetters, Key: []string{"operator", string(r.SIREN)}})
		if err != nil {
			return err
		}
		err = tx.Post(&portique.Letter{To: s.support, Language: s.language, Kind: portique.LetterOperator, About: r.ID, RunAt: leaves,
			Data: map[string]string{"company": r.CompanyName, "siren": string(r.SIREN), "person": r.Name(), "person_email": r.Email,
				"asked_at": when(r.CreatedAt), "administrators": number(administrators), "expires_at": when(r.ExpiresAt())}})
		if err != nil {
			return err
		}
	}
	return s.post(tx, r.AccountID, portique.LetterEscalated, r.ID, map[string]string{"company": r.CompanyName, "siren": string(r.SIREN),
		"asked_at": when(r.CreatedAt), "administrators": number(administrators), "expires_at": when(r.ExpiresAt())})
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
