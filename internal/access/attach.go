package access

import (
	"context"
	"errors"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Attached is what attaching a company led to: an access, or a request.
type Attached struct {
	Company        *portique.Company
	Membership     *portique.Membership    // nil when a request was made
	Request        *portique.AccessRequest // nil when the access is open
	Administrators int                     // how many were told of the request; 0: it went to the operator
}

// Attach attaches a company by its SIREN and member code. The first person
// ever becomes its administrator, exactly one whatever the number of
// simultaneous calls; who only declares contributions becomes a declarant for
// 90 days instead; with administrators in place it is a request to them; with
// none left it is a request that the operator sees at once.
//
// Wrong code, unknown SIREN and closed company give the same ErrAttachNoMatch.
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

	var a *Attached
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		a = &Attached{}
		company, err := tx.LockCompany(siren)
		if err != nil && !errors.Is(err, store.ErrCompanyUnknown) {
			return err
		}
		if err != nil || !secret.Equal(company.CodeHash, proof) || company.Status != portique.CompanyActive {
			if err := tx.Audit(actor.Event(portique.ActionAttachFailed, "", siren)); err != nil {
				return err
			}
			return store.Refused(portique.ErrAttachNoMatch)
		}
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
		return s.attach(tx, actor, account, a)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
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

func (s *Service) attach(tx *store.Tx, actor portique.Actor, account *portique.Account, a *Attached) error {
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
		return s.open(tx, actor, account, portique.Declarant, a)
	}
	first, err := tx.ClaimFirstAdministrator(a.Company.SIREN, account.ID)
	if err != nil {
		return err
	}
	if !first {
		return s.request(tx, actor, account, nil, a)
	}
	return s.open(tx, actor, account, portique.Administrator, a)
}

// open gives the access at once.
func (s *Service) open(tx *store.Tx, actor portique.Actor, account *portique.Account, role portique.Role, a *Attached) error {
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
	if err := s.post(tx, account.ID, kind, m.ID, data); err != nil {
		return err
	}
	return tx.Audit(actor.Event(action, m.ID, m.SIREN))
}

// request asks the administrators, or the operator when there are none left.
func (s *Service) request(tx *store.Tx, actor portique.Actor, account *portique.Account, administrators []*portique.Membership, a *Attached) error {
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
	err := s.postAll(tx, administrators, portique.LetterRequestReceived, r.ID, func() map[string]string {
		return map[string]string{"company": r.CompanyName, "siren": string(r.SIREN), "person": r.Name(), "person_email": r.Email,
			"administrators": number(len(administrators)), "remind_at": when(r.NextAutoAt()), "expires_at": when(r.ExpiresAt()),
			"contributions": yes(r.ContributionsOnly)}
	})
	if err != nil {
		return err
	}
	return s.post(tx, account.ID, portique.LetterRequestSent, r.ID, map[string]string{"company": r.CompanyName, "siren": string(r.SIREN),
		"administrators": number(len(administrators)), "remind_at": when(r.NextAutoAt()), "expires_at": when(r.ExpiresAt())})
}

// postEscalated tells the operator's support of a request that nobody answers,
// and the person that it did.
func (s *Service) postEscalated(tx *store.Tx, r *portique.AccessRequest, administrators int) error {
	if s.support != "" {
		err := tx.Post(&portique.Letter{To: s.support, Language: s.language, Kind: portique.LetterOperator, About: r.ID,
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
