package session

import (
	"context"
	"errors"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// SignInForm is what the sign-in page sends. Authorization is the pending
// authorization ("" to go to the portal), Browser the cookie it is bound to,
// SignUp the cookie of this browser's sign-up.
type SignInForm struct {
	Email         string
	Password      string
	Authorization string
	Browser       string
	SignUp        string
	Former        string // the auth cookie this browser had
	UserAgent     string
	Language      string // of the page, kept for a person who never chose
}

// SignedIn is a sign-in that succeeded, or that found a sign-up still to be
// validated: then Cookie is empty and SignUp is the cookie that finds it.
type SignedIn struct {
	Cookie  string
	SignUp  string
	Account *portique.Account
}

// SignIn checks the password and opens an auth session. Wrong password, unknown
// address and disabled account give one answer, ErrSignIn, after the same work.
// The right password of a sign-up not yet validated opens no session.
// ErrNoAuthorization: the page was too old, or another browser's.
func (s *Service) SignIn(ctx context.Context, actor portique.Actor, f SignInForm) (*SignedIn, error) {
	for range 2 {
		in, err := s.signIn(ctx, actor, f)
		if !errors.Is(err, errHashMoved) {
			return in, err
		}
	}
	return nil, portique.ErrSignIn
}

// errHashMoved is a hash that was replaced while its password was checked: by
// another sign-in that made it again, and then the password is still right, or
// by a new password. Checking once more tells.
var errHashMoved = errors.New("the password's hash has changed meanwhile")

func (s *Service) signIn(ctx context.Context, actor portique.Actor, f SignInForm) (*SignedIn, error) {
	email, emailErr := portique.ParseEmail("email", f.Email)
	if len(f.Password) > 4000 {
		f.Password = f.Password[:4000] // longer than any password can be, accents typed apart; it will be wrong
	}
	var account *portique.Account
	var signUp *portique.SignUp
	hash, signUpHash := "", ""
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		account, signUp, hash, signUpHash = nil, nil, "", ""
		if f.Authorization != "" {
			pending, err := tx.ReadAuthorization(f.Authorization)
			if err != nil {
				return err
			}
			if err := waits(pending, f.Browser, tx.Now()); err != nil {
				return err
			}
		}
		if emailErr != nil {
			return nil
		}
		account, err = tx.AccountByEmail(email)
		switch {
		case err == nil:
			hash = account.PasswordHash
		case errors.Is(err, portique.ErrAccountUnknown):
			account = nil
		default:
			return err
		}
		open, err := tx.OpenSignUps(email)
		if err != nil || len(open) == 0 {
			return err
		}
		signUp = open[0]
		id, _, _ := split(f.SignUp)
		for _, other := range open {
			if other.ID == id {
				signUp = other
			}
		}
		signUpHash = signUp.PasswordHash
		return nil
	})
	if err != nil {
		return nil, err
	}

	// Whatever the address, a sign-in that fails costs two verifications: the
	// account's and a sign-up's, or decoys. A sign-up for an address that has an
	// account answers like any other, so that trying one tells nothing.
	ok, err := s.hasher.Verify(ctx, hash, f.Password)
	if err != nil {
		return nil, err
	}
	waits := false
	if !ok {
		if waits, err = s.hasher.Verify(ctx, signUpHash, f.Password); err != nil {
			return nil, err
		}
	}
	renewed := ""
	if ok && account.Status == portique.AccountActive && s.hasher.Stale(hash) {
		// Nobody is turned away for that: when there is no room, the next
		// sign-in does it.
		if renewed, err = s.hasher.Hash(ctx, f.Password); err != nil && portique.KindOf(err) != portique.Unavailable {
			return nil, err
		}
	}
	in := &SignedIn{}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		*in = SignedIn{}
		if waits {
			return s.adopt(tx, signUp.ID, in)
		}
		if !ok || account.Status != portique.AccountActive {
			subject := ""
			if account != nil {
				subject = account.ID
			}
			if err := tx.Audit(actor.Event(portique.ActionSignInFailed, subject, "")); err != nil {
				return err
			}
			return store.Refused(portique.ErrSignIn)
		}
		return s.enter(tx, actor, account.ID, hash, renewed, f, in)
	})
	if err != nil {
		return nil, err
	}
	return in, nil
}

// adopt gives the sign-up whose password was right to this browser.
func (s *Service) adopt(tx *store.Tx, signUpID string, in *SignedIn) error {
	signUp, err := tx.SignUp(signUpID)
	if err != nil {
		return err
	}
	if !signUp.EndedAt.IsZero() {
		return portique.ErrSignIn
	}
	key := secret.Token()
	signUp.BrowserHash = secret.Hash(key)
	in.SignUp = signUp.ID + "." + key
	return tx.UpdateSignUp(signUp)
}

func (s *Service) enter(tx *store.Tx, actor portique.Actor, accountID, hash, renewed string, f SignInForm, in *SignedIn) error {
	account, err := tx.LockAccount(accountID)
	if err != nil {
		return err
	}
	// The account may have changed while the password was being checked.
	if account.Status != portique.AccountActive {
		return portique.ErrSignIn
	}
	if account.PasswordHash != hash {
		return errHashMoved
	}
	if renewed != "" {
		if err := tx.SetPassword(account.ID, renewed); err != nil {
			return err
		}
		account.PasswordHash = renewed
	}
	if account.Language == "" {
		account.Language = f.Language
	}
	if err := tx.NoteSignIn(account.ID, f.Language); err != nil {
		return err
	}
	// Somebody else was signed in here: their session ends with what hangs on
	// it, or the portal would go on in their name.
	if former, err := CurrentTx(tx, portique.DoorAuth, f.Former); err == nil && former.Account.ID != account.ID {
		if err := SignOutTx(tx, actor, former.ID); err != nil {
			return err
		}
	} else if err != nil && !errors.Is(err, store.ErrNoSession) {
		return err
	}
	ses := &store.Session{Door: portique.DoorAuth, AccountID: account.ID, UserAgent: cut(f.UserAgent, 300)}
	if in.Cookie, err = open(tx, ses); err != nil {
		return err
	}
	if f.Authorization != "" {
		pending, err := authorization(tx, f.Authorization, f.Browser)
		if err != nil {
			return err
		}
		pending.SessionID = ses.ID
		if err := tx.SaveAuthorization(pending); err != nil {
			return err
		}
	}
	in.Account = account
	actor.AccountID = account.ID
	return tx.Audit(actor.Event(portique.ActionSignedIn, ses.ID, ""))
}
