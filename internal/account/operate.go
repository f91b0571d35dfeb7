package account

import (
	"context"
	"errors"
	"slices"

	"portique"
	"portique/internal/store"
)

// Create makes an account from the operator's command line. A validated one is
// active at once; another is a sign-up like any other, whose letter leaves.
// The password must meet the rule.
func (s *Service) Create(ctx context.Context, actor portique.Actor, f Form, validated bool) (*portique.Account, error) {
	claims, err := f.Claims.text()
	if err != nil {
		return nil, err
	}
	if claims != "" && !validated {
		return nil, portique.FieldErrors{{Kind: portique.Invalid, Key: "account.claims_unvalidated", Field: "claims"}}
	}
	f.EmailConfirmation, f.PasswordConfirmation = f.Email, f.Password
	if err := f.check(s.rule); err != nil {
		return nil, err
	}
	if !validated {
		return s.createSignUp(ctx, actor, f)
	}
	hash, err := s.hasher.Hash(ctx, f.Password)
	if err != nil {
		return nil, err
	}
	var account *portique.Account
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		account = &portique.Account{ID: store.NewID(), Email: f.Email, PasswordHash: hash, FirstName: f.FirstName, LastName: f.LastName,
			ContributionsOnly: f.ContributionsOnly, Language: f.Language, Status: portique.AccountActive, CreatedAt: tx.Now()}
		if err := tx.InsertAccount(account); err != nil {
			return err
		}
		if claims != "" {
			if err := tx.SaveAccountClaims(account.ID, claims); err != nil {
				return err
			}
		}
		if err := tx.TakeSignUps(f.Email); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionAccountCreated, account.ID, ""))
	})
	if err != nil {
		return nil, err
	}
	return account, nil
}

// createSignUp signs a person up at the operator's wish: unlike a stranger on
// the page, the operator is told that the address has an account.
func (s *Service) createSignUp(ctx context.Context, actor portique.Actor, f Form) (*portique.Account, error) {
	err := s.db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.AccountByEmail(f.Email)
		if err == nil {
			return portique.ErrEmailTaken
		}
		if errors.Is(err, portique.ErrAccountUnknown) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	cookie, err := s.SignUp(ctx, actor, f)
	if err != nil {
		return nil, err
	}
	u, err := s.Mine(ctx, cookie)
	if err != nil {
		return nil, err
	}
	return unvalidated(u), nil
}

// unvalidated shows a sign-up among accounts.
func unvalidated(u *portique.SignUp) *portique.Account {
	return &portique.Account{ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName,
		ContributionsOnly: u.ContributionsOnly, Language: u.Language, Status: portique.AccountUnvalidated, CreatedAt: u.CreatedAt}
}

// List returns the accounts of an address ("" for all), and after them the
// sign-ups not yet validated, as accounts of status unvalidated.
func (s *Service) List(ctx context.Context, email string) ([]*portique.Account, error) {
	var accounts []*portique.Account
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		accounts = nil
		if email == "" {
			accounts, err = tx.Accounts()
		} else if a, e := tx.AccountByEmail(email); e == nil {
			accounts = append(accounts, a)
		} else if !errors.Is(e, portique.ErrAccountUnknown) {
			err = e
		}
		if err != nil {
			return err
		}
		open, err := tx.OpenSignUps(email)
		if err != nil {
			return err
		}
		slices.Reverse(open)
		for _, u := range open {
			if u.Taken {
				continue // its account is in the list
			}
			accounts = append(accounts, unvalidated(u))
		}
		return nil
	})
	return accounts, err
}

// Disable closes the door to a person at once: sessions end, tools refuse at
// their next call. The only administrator of a company is refused with
// ErrOnlyAdmin unless forced; then the requests that waited for them are
// escalated to the operator. Their own requests are withdrawn and sign-ups of
// the address end too.
func (s *Service) Disable(ctx context.Context, actor portique.Actor, email string, force bool) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		open, err := tx.OpenSignUps(email)
		if err != nil {
			return err
		}
		if err := tx.EndSignUps(email); err != nil {
			return err
		}
		account, err := tx.AccountByEmail(email)
		if errors.Is(err, portique.ErrAccountUnknown) && len(open) > 0 {
			return tx.Audit(actor.Event(portique.ActionAccountDisabled, open[0].ID, ""))
		}
		if err != nil {
			return err
		}
		if err := s.leaveAll(tx, actor, account.ID, force); err != nil {
			return err
		}
		if err := tx.SetAccountStatus(account.ID, portique.AccountDisabled); err != nil {
			return err
		}
		if err := tx.EndSessionsOf(account.ID); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionAccountDisabled, account.ID, ""))
	})
}

// leaveAll takes a person out of every company they administer or asked for.
func (s *Service) leaveAll(tx *store.Tx, actor portique.Actor, accountID string, force bool) error {
	companies, err := involved(tx, accountID)
	if err != nil {
		return err
	}
	for _, siren := range companies {
		if _, err := tx.LockCompany(siren); err != nil {
			return err
		}
	}
	if _, err := tx.LockAccount(accountID); err != nil {
		return err
	}
	if now, err := involved(tx, accountID); err != nil || !slices.Equal(now, companies) {
		if err == nil { // an access or a request appeared before the lock
			err = &portique.Error{Kind: portique.Unavailable, Key: "error.busy"}
		}
		return err
	}
	for _, siren := range companies {
		if err := s.leave(tx, actor, accountID, siren, force); err != nil {
			return err
		}
	}
	return nil
}

// involved are the companies a person has an access to or asks for, in the one
// order of all locks.
func involved(tx *store.Tx, accountID string) ([]portique.SIREN, error) {
	memberships, err := tx.MembershipsOf(accountID)
	if err != nil {
		return nil, err
	}
	requests, err := tx.RequestsOf(accountID)
	if err != nil {
		return nil, err
	}
	var companies []portique.SIREN
	for _, m := range memberships {
		companies = append(companies, m.SIREN)
	}
	for _, r := range requests {
		if r.Status == portique.RequestPending {
			companies = append(companies, r.SIREN)
		}
	}
	slices.Sort(companies)
	return slices.Compact(companies), nil
}

// leave withdraws a person's request for a locked company, and checks that it
// keeps an administrator without them, or with force escalates what waits for
// them.
func (s *Service) leave(tx *store.Tx, actor portique.Actor, accountID string, siren portique.SIREN, force bool) error {
	last, err := tx.LastRequest(accountID, siren)
	switch {
	case err == nil && last.Status == portique.RequestPending:
		if err := last.Decide(portique.RequestCancelled, "", "", tx.Now()); err != nil {
			return err
		}
		if err := tx.UpdateRequest(last); err != nil {
			return err
		}
		if err := tx.Audit(actor.Event(portique.ActionRequestCancelled, last.ID, siren)); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, portique.ErrRequestUnknown):
		return err
	}
	m, err := tx.LivingMembership(accountID, siren)
	if errors.Is(err, portique.ErrMembershipUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	if m.Role != portique.Administrator || !m.Active(tx.Now()) {
		return nil
	}
	administrators, err := tx.Administrators(m.SIREN)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(administrators, func(a *portique.Membership) bool { return a.AccountID == m.AccountID })
	if len(others) > 0 {
		return nil
	}
	if !force {
		return &portique.Error{Kind: portique.Conflict, Key: portique.ErrOnlyAdmin.Key, Args: []any{"Company", m.CompanyName, "SIREN", string(m.SIREN)}}
	}
	pending, err := tx.PendingIn(m.SIREN)
	if err != nil {
		return err
	}
	for _, r := range pending {
		// Nobody is left to answer: the timetable passes it on at once.
		if err := tx.HastenRequest(r.ID); err != nil {
			return err
		}
	}
	return nil
}

// SetLanguage remembers the language a person chose.
func (s *Service) SetLanguage(ctx context.Context, accountID, language string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.SetAccountLanguage(accountID, language)
	})
}

// Enable opens the door again to a person who was disabled. Accesses that were
// not ended meanwhile count again.
func (s *Service) Enable(ctx context.Context, actor portique.Actor, email string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		account, err := tx.AccountByEmail(email)
		if err != nil {
			return err
		}
		if err := tx.SetAccountStatus(account.ID, portique.AccountActive); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionAccountEnabled, account.ID, ""))
	})
}

// Purge deletes sign-ups older than seven days, and resets as old.
func (s *Service) Purge(ctx context.Context) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.PurgeResets(tx.Now().Add(-portique.SignUpPurgedAfter)); err != nil {
			return err
		}
		_, err := tx.PurgeSignUps(tx.Now().Add(-portique.SignUpPurgedAfter).UnixMilli())
		return err
	})
}
