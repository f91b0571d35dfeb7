package account

import (
	"context"
	"errors"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Forgot notes that somebody asks for a new password at that address. The
// answer, and the work behind it, are the same for every address: who is
// written to is decided afterwards, by AnswerResets. An error only says that the
// address cannot be one, or TooSoon for a source that asks too often.
func (s *Service) Forgot(ctx context.Context, actor portique.Actor, typed string) error {
	email, err := portique.ParseEmail("email", typed)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Take(bySource(portique.BudgetLetterSource, actor)); err != nil {
			return err
		}
		return tx.InsertResetAsk(&store.ResetAsk{ID: store.NewID(), Email: email, Language: actor.Language, Source: actor.Source, RequestID: actor.RequestID})
	})
}

// AnswerResets posts the reset links that were asked for since the last time.
// One that fails keeps none of the others waiting.
func (s *Service) AnswerResets(ctx context.Context) error {
	var failed []error
	for {
		var asks []*store.ResetAsk
		err := s.db.View(ctx, func(tx *store.Tx) (err error) {
			asks, err = tx.ResetAsks(100, len(failed))
			return err
		})
		if err != nil || len(asks) == 0 {
			return errors.Join(append(failed, err)...)
		}
		for _, ask := range asks {
			if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.answerReset(tx, ask) }); err != nil {
				failed = append(failed, err)
			}
		}
	}
}

// answerReset posts a reset link to an address that has an account or a sign-up
// waiting there. Beyond three letters an hour the next one leaves later, and
// stands for all that are asked for meanwhile.
func (s *Service) answerReset(tx *store.Tx, ask *store.ResetAsk) error {
	if mine, err := tx.TakeResetAsk(ask.ID); err != nil || !mine {
		return err // another node's
	}
	letter := &portique.Letter{To: ask.Email, Language: ask.Language, Kind: portique.LetterReset}
	account, err := tx.AccountByEmail(ask.Email)
	switch {
	case err == nil:
		if account.Status != portique.AccountActive {
			return nil
		}
		letter.Name, letter.Language, letter.About = account.Name(), languageOf(account, ask.Language), account.ID
	case errors.Is(err, portique.ErrAccountUnknown):
		open, err := tx.OpenSignUps(ask.Email)
		if err != nil || len(open) == 0 {
			return err
		}
		letter.About = open[0].ID
	default:
		return err
	}
	budget := store.Try{Budget: portique.BudgetResetLetters, Key: []string{ask.Email}}
	spent, err := tx.Spent(budget)
	if err != nil {
		return err
	}
	if spent {
		waiting, err := tx.HasDelayed(letter.To, letter.Kind, letter.About)
		if err != nil || waiting {
			return err
		}
	}
	if letter.RunAt, err = tx.Slot(budget); err != nil {
		return err
	}
	token := secret.Token()
	reset := &portique.PasswordReset{ID: store.NewID(), Email: ask.Email, TokenHash: secret.Hash(token),
		CreatedAt: tx.Now(), ExpiresAt: letter.RunAt.Add(portique.ResetLinkLife)}
	if !spent { // a delayed link must not leave the person without any until it comes
		if err := tx.SpendResets(ask.Email); err != nil {
			return err
		}
	}
	if err := tx.InsertReset(reset); err != nil {
		return err
	}
	letter.Secret = map[string]string{"link": s.authURL + "/password/reset?token=" + token}
	if err := tx.Post(letter); err != nil {
		return err
	}
	actor := portique.Actor{Door: portique.DoorAuth, Source: ask.Source, RequestID: ask.RequestID}
	return tx.Audit(actor.Event(portique.ActionResetAsked, letter.About, ""))
}

// Reset is what the page behind a reset link shows. Opening it changes nothing.
type Reset struct {
	Email     string
	NeedsName bool // nobody validated this address yet: the person says who they are
	owner     portique.PasswordOwner
}

// OpenReset reads a reset link: ErrResetExpired or ErrResetUnknown when it no
// longer works.
func (s *Service) OpenReset(ctx context.Context, token string) (r *Reset, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		reset, err := tx.Reset(secret.Hash(token))
		if err != nil {
			return err
		}
		if err := reset.Check(tx.Now()); err != nil {
			return err
		}
		r = &Reset{Email: reset.Email}
		account, err := tx.AccountByEmail(reset.Email)
		switch {
		case errors.Is(err, portique.ErrAccountUnknown):
			r.NeedsName = true
		case err != nil:
			return err
		case account.Status != portique.AccountActive:
			return portique.ErrResetUnknown
		default:
			r.owner = portique.PasswordOwner{FirstName: account.FirstName, LastName: account.LastName, Email: reset.Email}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ResetPassword spends a reset link: the account gets the new password and
// every session of it ends, at tools too; a sign-up becomes the account. It
// opens no session, but whoever had to wait after wrong passwords no longer
// does: known is the cookie that makes this browser the one the person signs in
// with. Only the form's passwords, names and check box are read.
func (s *Service) ResetPassword(ctx context.Context, actor portique.Actor, token string, f Form) (known string, err error) {
	r, err := s.OpenReset(ctx, token)
	if err != nil {
		return "", err
	}
	if r.NeedsName {
		r.owner = portique.PasswordOwner{FirstName: f.FirstName, LastName: f.LastName, Email: r.Email}
	}
	var all faults
	f.checkPassword(&all, s.rule, r.owner)
	if r.NeedsName {
		f.checkName(&all)
	}
	if err := all.Err(); err != nil {
		return "", err
	}
	hash, err := s.hasher.Hash(ctx, f.Password)
	if err != nil {
		return "", err
	}
	known = secret.Token()
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		reset, err := tx.LockReset(secret.Hash(token))
		if err != nil {
			return err
		}
		if err := reset.Check(tx.Now()); err != nil {
			return err
		}
		if err := tx.SpendResets(reset.Email); err != nil {
			return err
		}
		account, err := tx.AccountByEmail(reset.Email)
		if errors.Is(err, portique.ErrAccountUnknown) && r.NeedsName {
			account, err = s.becomeByReset(tx, actor, reset.Email, hash, f)
		} else if err == nil {
			err = s.changePassword(tx, actor, account.ID, hash)
		}
		if err != nil {
			return err
		}
		if err := tx.Forgive(store.Try{Budget: portique.BudgetSignIn, Key: []string{account.Email}}); err != nil {
			return err
		}
		return tx.RememberBrowser(account.ID, secret.Hash(known))
	})
	if err != nil {
		return "", err
	}
	return known, nil
}

// changePassword gives an account another password: what the old one opened is
// closed, and no browser is known any more.
func (s *Service) changePassword(tx *store.Tx, actor portique.Actor, accountID, hash string) error {
	account, err := tx.LockAccount(accountID)
	if err != nil {
		return err
	}
	if account.Status != portique.AccountActive {
		return store.Refused(portique.ErrResetUnknown)
	}
	if err := tx.SetPassword(account.ID, hash); err != nil {
		return err
	}
	if err := tx.EndSessionsOf(account.ID); err != nil {
		return err
	}
	if err := tx.ForgetBrowsers(account.ID); err != nil {
		return err
	}
	if err := tx.Post(&portique.Letter{To: account.Email, Name: account.Name(), Language: languageOf(account, actor.Language),
		Kind: portique.LetterPasswordChanged, About: account.ID}); err != nil {
		return err
	}
	actor.AccountID = account.ID
	return tx.Audit(actor.Event(portique.ActionPasswordReset, account.ID, ""))
}

// becomeByReset makes the account of an address that had sign-ups only: the
// link proved the address, and the person says again who they are, since a
// stranger may have signed up in their place.
func (s *Service) becomeByReset(tx *store.Tx, actor portique.Actor, email, hash string, f Form) (*portique.Account, error) {
	open, err := tx.OpenSignUps(email)
	if err != nil {
		return nil, err
	}
	if len(open) == 0 {
		return nil, store.Refused(portique.ErrResetUnknown)
	}
	account := &portique.Account{ID: store.NewID(), Email: email, PasswordHash: hash, FirstName: f.FirstName, LastName: f.LastName,
		ContributionsOnly: f.ContributionsOnly, Language: actor.Language, Status: portique.AccountActive, CreatedAt: tx.Now()}
	if err := tx.InsertAccount(account); err != nil {
		return nil, err
	}
	if err := tx.TakeSignUps(email); err != nil {
		return nil, err
	}
	actor.AccountID = account.ID
	return account, tx.Audit(actor.Event(portique.ActionValidated, account.ID, ""))
}
