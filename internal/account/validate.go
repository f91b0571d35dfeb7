package account

import (
	"context"
	"errors"
	"strings"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Link is what the page behind a validation link shows. Opening it changes
// nothing.
type Link struct {
	Email       string
	SameBrowser bool // the browser that signed up: one button is enough
}

// OpenLink reads a validation link: ErrAlreadyValidated, ErrLinkExpired or
// ErrLinkUnknown when it no longer works. Link is given with the first two as
// well.
func (s *Service) OpenLink(ctx context.Context, token, cookie string) (*Link, error) {
	var link *Link
	err := s.db.View(ctx, func(tx *store.Tx) error {
		link = nil
		signUp, err := tx.SignUpByLink(secret.Hash(token))
		if err != nil {
			return err
		}
		err = signUp.CheckLink(tx.Now())
		if !errors.Is(err, portique.ErrLinkUnknown) {
			link = &Link{Email: signUp.Email, SameBrowser: sameBrowser(signUp, cookie)}
		}
		return err
	})
	return link, err
}

func sameBrowser(signUp *portique.SignUp, cookie string) bool {
	id, key, _ := strings.Cut(cookie, ".")
	return id == signUp.ID && secret.Equal(signUp.BrowserHash, secret.Hash(key))
}

// Validate makes the account of a validation link. In another browser than the
// one that signed up it asks for the sign-up's password (ErrWrongPassword), so
// that nobody validates a stranger's account.
func (s *Service) Validate(ctx context.Context, actor portique.Actor, token, password, cookie string) error {
	var signUp *portique.SignUp
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		if signUp, err = tx.SignUpByLink(secret.Hash(token)); err != nil {
			return err
		}
		return signUp.CheckLink(tx.Now())
	})
	if err != nil {
		return err
	}
	if !sameBrowser(signUp, cookie) {
		if password == "" {
			return &portique.Error{Kind: portique.Invalid, Key: "signup.password_missing", Field: "password"}
		}
		if err := s.checkPassword(ctx, actor, signUp, password); err != nil {
			return err
		}
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		// Read again under the lock: the link may have been used or replaced.
		locked, err := tx.SignUp(signUp.ID)
		if err != nil {
			return err
		}
		if !secret.Equal(locked.LinkHash, secret.Hash(token)) {
			return portique.ErrLinkUnknown
		}
		if err := locked.CheckLink(tx.Now()); err != nil {
			return err
		}
		return s.become(tx, actor, locked)
	})
}

// checkPassword checks the password of a sign-up from another browser. Wrong
// ones count as failed sign-ins do: whoever finds a link may guess.
func (s *Service) checkPassword(ctx context.Context, actor portique.Actor, signUp *portique.SignUp, password string) error {
	place, err := s.hasher.Hold(ctx)
	if err != nil {
		return err
	}
	defer place.Release()
	taken, err := s.db.Take(ctx, store.Try{Budget: portique.BudgetSignIn, Key: []string{"sign-up", signUp.ID}},
		bySource(portique.BudgetSignInSource, actor))
	if err != nil {
		return err
	}
	ok, err := place.Verify(signUp.PasswordHash, password)
	if err != nil {
		return err
	}
	if !ok {
		return portique.ErrWrongPassword
	}
	return s.db.GiveBack(ctx, taken)
}

// become makes the account of a sign-up; every other sign-up of the address is
// one for a taken address from now on.
func (s *Service) become(tx *store.Tx, actor portique.Actor, signUp *portique.SignUp) error {
	account := &portique.Account{ID: store.NewID(), Email: signUp.Email, PasswordHash: signUp.PasswordHash,
		FirstName: signUp.FirstName, LastName: signUp.LastName, ContributionsOnly: signUp.ContributionsOnly,
		Language: signUp.Language, Status: portique.AccountActive, CreatedAt: tx.Now()}
	err := tx.InsertAccount(account)
	if errors.Is(err, portique.ErrEmailTaken) {
		// Another sign-up of this address was validated first: this one is dead.
		if err := tx.TakeSignUps(signUp.Email); err != nil {
			return err
		}
		return store.Refused(portique.ErrLinkUnknown)
	}
	if err != nil {
		return err
	}
	if err := tx.TakeSignUps(signUp.Email); err != nil {
		return err
	}
	signUp.EndedAt, signUp.AccountID = tx.Now(), account.ID
	if err := tx.UpdateSignUp(signUp); err != nil {
		return err
	}
	actor.AccountID = account.ID
	return tx.Audit(actor.Event(portique.ActionValidated, account.ID, ""))
}

// TypeCode validates by the six digits of the letter, in the browser that
// signed up. Each wrong try is counted before it is compared, even when many
// arrive at once: against the code, the sign-up, the source and the installation.
func (s *Service) TypeCode(ctx context.Context, actor portique.Actor, cookie, typed string) error {
	code := portique.TypedDigits(typed)
	if len(code) != 6 {
		return &portique.Error{Kind: portique.Invalid, Key: "signup.code_form", Field: "code"}
	}
	// What needs no comparing is told without counting.
	err := s.db.View(ctx, func(tx *store.Tx) error {
		signUp, err := found(tx, tx.ReadSignUp, cookie)
		if err != nil {
			return err
		}
		return signUp.CheckCodeTry(tx.Now())
	})
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		taken, err := tx.Take(bySource(portique.BudgetCodeSource, actor), store.Try{Budget: portique.BudgetCodeAll})
		if err != nil {
			return err
		}
		signUp, err := mine(tx, cookie)
		if err != nil {
			return err
		}
		if err := signUp.CheckCodeTry(tx.Now()); err != nil {
			return err
		}
		right := secret.Equal(signUp.CodeHash, s.keys.TypedCode("sign-up", signUp.ID, code))
		if !right || signUp.Taken {
			signUp.CodeTries++
			signUp.Tries++
			if secret.Equal(signUp.DisownHash, s.keys.TypedCode("disown", signUp.ID, code)) { // counted like any: it is no way to guess
				return s.countTry(tx, actor, signUp, portique.ErrDisownCode)
			}
			return s.countTry(tx, actor, signUp, portique.ErrWrongCode)
		}
		if err := tx.GiveBack(taken); err != nil {
			return err
		}
		return s.become(tx, actor, signUp)
	})
}

// countTry keeps a wrong try and refuses it for that reason.
func (s *Service) countTry(tx *store.Tx, actor portique.Actor, signUp *portique.SignUp, why *portique.Error) error {
	if err := tx.UpdateSignUp(signUp); err != nil {
		return err
	}
	if err := tx.Audit(actor.Event(portique.ActionCodeFailed, signUp.ID, "")); err != nil {
		return err
	}
	return store.Refused(why)
}

// Disown ends a sign-up that the owner of the address did not make. It asks
// for the code printed in the same letter, so that a robot that presses every
// button does nothing.
func (s *Service) Disown(ctx context.Context, actor portique.Actor, token, typed string) error {
	code := portique.TypedDigits(typed)
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		taken, err := tx.Take(bySource(portique.BudgetCodeSource, actor))
		if err != nil {
			return err
		}
		found, err := tx.SignUpByLink(secret.Hash(token))
		if err != nil {
			return err
		}
		signUp, err := tx.SignUp(found.ID)
		if err != nil {
			return err
		}
		if signUp.Validated() {
			return portique.ErrAlreadyValidated
		}
		if !signUp.EndedAt.IsZero() || !secret.Equal(signUp.LinkHash, secret.Hash(token)) {
			return portique.ErrLinkUnknown
		}
		if signUp.DisownTries >= portique.SignUpCodeTries {
			return &portique.Error{Kind: portique.Invalid, Key: "signup.code_budget", Field: "code"}
		}
		if len(code) != 6 || !secret.Equal(signUp.DisownHash, s.keys.TypedCode("disown", signUp.ID, code)) {
			signUp.DisownTries++
			return s.countTry(tx, actor, signUp, portique.ErrWrongCode)
		}
		if err := tx.GiveBack(taken); err != nil {
			return err
		}
		signUp.EndedAt = tx.Now()
		if err := tx.UpdateSignUp(signUp); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionSignUpDisowned, signUp.ID, ""))
	})
}
