package account

import (
	"context"
	"errors"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Forgot posts a reset link to an address that has an account or a sign-up
// waiting there. The caller learns nothing of either: the answer is the same
// for every address. An error only says that the address cannot be one.
func (s *Service) Forgot(ctx context.Context, actor portique.Actor, typed string) error {
	email, err := portique.ParseEmail("email", typed)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		letter := &portique.Letter{To: email, Language: actor.Language, Kind: portique.LetterReset}
		account, err := tx.AccountByEmail(email)
		switch {
		case err == nil:
			if account.Status != portique.AccountActive {
				return nil
			}
			letter.Name, letter.Language, letter.About = account.Name(), languageOf(account, actor.Language), account.ID
		case errors.Is(err, portique.ErrAccountUnknown):
			open, err := tx.OpenSignUps(email)
			if err != nil || len(open) == 0 {
				return err
			}
			letter.About = open[0].ID
		default:
			return err
		}
		token := secret.Token()
		reset := &portique.PasswordReset{ID: store.NewID(), Email: email, TokenHash: secret.Hash(token),
			CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(portique.ResetLinkLife)}
		if err := tx.InsertReset(reset); err != nil {
			return err
		}
		letter.Secret = map[string]string{"link": s.authURL + "/password/reset?token=" + token}
		if err := tx.Post(letter); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionResetAsked, letter.About, ""))
	})
}

// Reset is what the page behind a reset link shows. Opening it changes nothing.
type Reset struct {
	Email     string
	NeedsName bool // nobody validated this address yet: the person says who they are
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
// opens no session. Only the form's passwords, names and check box are read.
func (s *Service) ResetPassword(ctx context.Context, actor portique.Actor, token string, f Form) error {
	r, err := s.OpenReset(ctx, token)
	if err != nil {
		return err
	}
	var all faults
	f.checkPassword(&all, s.policy)
	if r.NeedsName {
		f.checkName(&all)
	}
	if err := all.Err(); err != nil {
		return err
	}
	hash, err := s.hasher.Hash(ctx, f.Password)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
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
			return s.becomeByReset(tx, actor, reset.Email, hash, f)
		}
		if err != nil {
			return err
		}
		if account, err = tx.LockAccount(account.ID); err != nil {
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
		if err := tx.Post(&portique.Letter{To: account.Email, Name: account.Name(), Language: languageOf(account, actor.Language),
			Kind: portique.LetterPasswordChanged, About: account.ID}); err != nil {
			return err
		}
		actor.AccountID = account.ID
		return tx.Audit(actor.Event(portique.ActionPasswordReset, account.ID, ""))
	})
}

// becomeByReset makes the account of an address that had sign-ups only: the
// link proved the address, and the person says again who they are, since a
// stranger may have signed up in their place.
func (s *Service) becomeByReset(tx *store.Tx, actor portique.Actor, email, hash string, f Form) error {
	open, err := tx.OpenSignUps(email)
	if err != nil {
		return err
	}
	if len(open) == 0 {
		return store.Refused(portique.ErrResetUnknown)
	}
	account := &portique.Account{ID: store.NewID(), Email: email, PasswordHash: hash, FirstName: f.FirstName, LastName: f.LastName,
		ContributionsOnly: f.ContributionsOnly, Language: actor.Language, Status: portique.AccountActive, CreatedAt: tx.Now()}
	if err := tx.InsertAccount(account); err != nil {
		return err
	}
	if err := tx.TakeSignUps(email); err != nil {
		return err
	}
	actor.AccountID = account.ID
	return tx.Audit(actor.Event(portique.ActionValidated, account.ID, ""))
}
