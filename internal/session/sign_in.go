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
// SignUp the cookie of this browser's sign-up, Known the one that tells that
// people signed in here before.
type SignInForm struct {
	Email         string
	Password      string
	Authorization string
	Browser       string
	SignUp        string
	Known         string
	Former        string // the auth cookie this browser had
	UserAgent     string
	Language      string // of the page, kept for a person who never chose
}

// SignedIn is a sign-in that succeeded, or that found a sign-up still to be
// validated: then Cookie is empty and SignUp is the cookie that finds it. Known
// is the cookie by which this browser is known from now on.
type SignedIn struct {
	Cookie  string
	SignUp  string
	Known   string
	Account *portique.Account
}

// SignIn checks the password and opens an auth session. Wrong password, unknown
// address and disabled account give one answer, ErrSignIn, after the same work,
// and count alike; past a budget the answer is TooSoon with the hour, whatever
// the password. The right password of a sign-up not yet validated opens no
// session. ErrNoAuthorization: the page was too old, or another browser's.
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
	if len(f.Password) > 4000 {
		f.Password = f.Password[:4000] // longer than any password can be, accents typed apart; it will be wrong
	}
	var c candidate
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		if f.Authorization != "" {
			pending, err := tx.Waiting(f.Authorization)
			if err != nil {
				return err
			}
			if err := waits(pending.BrowserHash, pending.ExpiresAt, pending.FinishedAt, f.Browser, tx.Now()); err != nil {
				return err
			}
		}
		if c, err = look(tx, actor, f); err != nil {
			return err
		}
		return tx.Allowed(c.tries...)
	})
	if err != nil {
		return nil, err
	}

	// The place among the hashes comes first and the count second: tries count
	// before they are checked, and no more of them at once than there are
	// places, so that two hundred colleagues behind one address are not taken
	// for a hundred failures.
	place, err := s.hasher.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer place.Release()
	taken, err := s.db.Take(ctx, c.tries...)
	if err != nil {
		return nil, err
	}

	// Whatever the address, a sign-in that fails costs two verifications: the
	// account's and a sign-up's, or decoys. A sign-up for an address that has an
	// account answers like any other, so that trying one tells nothing.
	right, err := place.Verify(c.hash, f.Password)
	if err != nil {
		return nil, err
	}
	right = right && c.account.Status == portique.AccountActive
	waiting := false
	if !right {
		if waiting, err = place.Verify(c.signUpHash, f.Password); err != nil {
			return nil, err
		}
	}
	renewed := ""
	if right && s.hasher.Stale(c.hash) {
		if renewed, err = place.Hash(f.Password); err != nil {
			return nil, err
		}
	}
	in := &SignedIn{}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		*in = SignedIn{}
		if !right && !waiting {
			return s.failed(tx, actor, c)
		}
		if err := tx.GiveBack(taken); err != nil {
			return err
		}
		if waiting {
			return s.adopt(tx, c.signUp.ID, in)
		}
		if err := tx.Forgive(c.tries[0]); err != nil {
			return err
		}
		return s.enter(tx, actor, c.account.ID, c.hash, renewed, f, in)
	})
	if err != nil {
		if right || waiting { // no guess, whatever went wrong: what gave it back was undone
			err = errors.Join(err, s.db.GiveBack(ctx, taken))
		}
		return nil, err
	}
	return in, nil
}

// candidate is whom a sign-in is for, as far as the address tells, and what a
// failure counts against.
type candidate struct {
	account    *portique.Account
	signUp     *portique.SignUp
	hash       string // of the account's password, "" without one
	signUpHash string
	tries      []store.Try
}

func look(tx *store.Tx, actor portique.Actor, f SignInForm) (c candidate, err error) {
	source := []string{portique.SourceKey(actor.Source)}
	strange := func(whom string) []store.Try {
		return []store.Try{{Budget: portique.BudgetSignIn, Key: []string{whom}},
			{Budget: portique.BudgetSignInSource, Key: source}, {Budget: portique.BudgetSignInAll}}
	}
	email, err := portique.ParseEmail("email", f.Email)
	if err != nil {
		c.tries = strange("no address")[1:]
		return c, nil
	}
	c.tries = strange(email)
	c.account, err = tx.AccountByEmail(email)
	if err != nil && !errors.Is(err, portique.ErrAccountUnknown) {
		return c, err
	}
	if err == nil {
		c.hash = c.account.PasswordHash
		known, err := tx.KnownBrowser(c.account.ID, secret.Hash(f.Known))
		if err != nil {
			return c, err
		}
		if known {
			c.tries = []store.Try{{Budget: portique.BudgetSignInKnown, Key: []string{c.account.ID, f.Known}}}
		}
	}
	open, err := tx.OpenSignUps(email)
	if err != nil || len(open) == 0 {
		return c, err
	}
	c.signUp = open[0]
	id, _, _ := split(f.SignUp)
	for _, other := range open {
		if other.ID == id {
			c.signUp = other
		}
	}
	c.signUpHash = c.signUp.PasswordHash
	return c, nil
}

// failed writes a refused sign-in down; the try stays counted. What it spends is
// written down too, and the operator is alerted when that is the budget of the
// installation: somebody tries one password on everybody.
func (s *Service) failed(tx *store.Tx, actor portique.Actor, c candidate) error {
	subject := ""
	if c.account != nil {
		subject = c.account.ID
	}
	if err := tx.Audit(actor.Event(portique.ActionSignInFailed, subject, "")); err != nil {
		return err
	}
	for _, t := range c.tries {
		spent, err := tx.Spent(t)
		if err != nil {
			return err
		}
		if !spent {
			continue
		}
		if t.Budget.Name == portique.BudgetSignInAll.Name {
			if err := tx.Alert(actor, s.Support, s.Language, store.AlertSignIns, nil); err != nil {
				return err
			}
			continue
		}
		event := actor.Event(portique.ActionThrottled, subject, "")
		event.Reason = t.Budget.Name
		if err := tx.Audit(event); err != nil {
			return err
		}
	}
	return store.Refused(portique.ErrSignIn)
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
	if in.Known, err = recognise(tx, actor, account, f); err != nil {
		return err
	}
	if err := tx.NoteSignIn(account.ID, f.Language); err != nil {
		return err
	}
	// Whoever was signed in here, their session ends with what hangs on it: the
	// portal would go on in another's name, and one's own former session would
	// outlive the sign-out of the new one (ASVS 5.0 7.2.4). The portal comes back
	// by itself.
	if former, err := CurrentTx(tx, portique.DoorAuth, f.Former); err == nil {
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

// recognise makes the browser known to the account and returns its cookie. The
// owner is told of a sign-in in a browser that was not, but for the first one
// of all: the right password may have been somebody else's find.
func recognise(tx *store.Tx, actor portique.Actor, account *portique.Account, f SignInForm) (string, error) {
	cookie := f.Known
	if !isToken(cookie) {
		cookie = secret.Token()
	}
	known, err := tx.KnownBrowser(account.ID, secret.Hash(cookie))
	if err != nil {
		return "", err
	}
	if !known && !account.LastSignInAt.IsZero() {
		err := tx.Post(&portique.Letter{To: account.Email, Name: account.Name(), Language: account.Language, Kind: portique.LetterNewDevice,
			About: account.ID, Data: newDevice(tx.Now(), f.UserAgent, actor.Source)})
		if err != nil {
			return "", err
		}
	}
	return cookie, tx.RememberBrowser(account.ID, secret.Hash(cookie))
}
