// Package account is about people's accounts: signing up, proving the address,
// and what the operator's command line does to them. Every sign-up is a row of
// its own, with its own password, link, code and browser; the first one whose
// address is proved becomes the account and the others of that address die.
// Nothing here opens a session.
package account

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Service signs people up.
type Service struct {
	db      *store.DB
	keys    *secret.Keys
	hasher  *secret.Hasher
	rule    portique.PasswordRule
	authURL string
}

// New makes the service. New passwords must meet the rule; authURL is the
// origin that validation links point at.
func New(db *store.DB, keys *secret.Keys, hasher *secret.Hasher, rule portique.PasswordRule, authURL string) *Service {
	return &Service{db: db, keys: keys, hasher: hasher, rule: rule, authURL: authURL}
}

// Form is a filled sign-up form.
type Form struct {
	Email                string
	EmailConfirmation    string
	Password             string
	PasswordConfirmation string
	FirstName            string
	LastName             string
	ContributionsOnly    bool
	Language             string
	Claims               Claims // by the operator only
}

// faults gathers what is wrong with a form.
type faults struct{ portique.FieldErrors }

func (f *faults) add(err error) {
	var one *portique.Error
	var many portique.FieldErrors
	switch {
	case errors.As(err, &many):
		f.FieldErrors = append(f.FieldErrors, many...)
	case errors.As(err, &one):
		f.FieldErrors = append(f.FieldErrors, one)
	}
}

// check reads the form: all faults at once, in the order of the fields.
func (f *Form) check(rule portique.PasswordRule) error {
	var all faults
	f.checkEmail(&all)
	f.checkPassword(&all, rule, portique.PasswordOwner{FirstName: f.FirstName, LastName: f.LastName, Email: f.Email})
	f.checkName(&all)
	return all.Err()
}

func (f *Form) checkEmail(all *faults) {
	email, err := portique.ParseEmail("email", f.Email)
	all.add(err)
	if err == nil {
		if again, err := portique.ParseEmail("email_confirmation", f.EmailConfirmation); err != nil || again != email {
			all.Add("email_confirmation", "email.mismatch")
		}
	}
	f.Email = email
}

func (f *Form) checkPassword(all *faults, rule portique.PasswordRule, owner portique.PasswordOwner) {
	err := portique.CheckPassword(rule, f.Password, owner)
	all.add(err)
	if err == nil && portique.NormalPassword(f.Password) != portique.NormalPassword(f.PasswordConfirmation) {
		all.Add("password_confirmation", "password.mismatch")
	}
}

func (f *Form) checkName(all *faults) {
	var err error
	f.FirstName, err = portique.ParseName("first_name", f.FirstName)
	all.add(err)
	f.LastName, err = portique.ParseName("last_name", f.LastName)
	all.add(err)
}

// SignUp keeps a sign-up and posts its validation letter. The cookie finds the
// sign-up again from this browser. An address that already has an account goes
// through the same steps; its owner gets another letter.
func (s *Service) SignUp(ctx context.Context, actor portique.Actor, f Form) (cookie string, err error) {
	if err := f.check(s.rule); err != nil {
		return "", err
	}
	if stranger(actor) {
		if _, err := s.db.Take(ctx, bySource(portique.BudgetSignUpSource, actor)); err != nil {
			return "", err
		}
	}
	hash, err := s.hasher.Hash(ctx, f.Password)
	if err != nil {
		return "", err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		browser := secret.Token()
		signUp := &portique.SignUp{ID: store.NewID(), Email: f.Email, PasswordHash: hash, FirstName: f.FirstName,
			LastName: f.LastName, ContributionsOnly: f.ContributionsOnly, Language: f.Language,
			BrowserHash: secret.Hash(browser), CreatedAt: tx.Now()}
		if err := s.prove(tx, actor, signUp); err != nil {
			return err
		}
		if err := tx.InsertSignUp(signUp); err != nil {
			return err
		}
		action := portique.ActionSignedUp
		if signUp.Taken {
			action = portique.ActionSignUpTaken
		}
		cookie = signUp.ID + "." + browser
		return tx.Audit(actor.Event(action, signUp.ID, ""))
	})
	return cookie, err
}

// prove gives a sign-up its link and new codes, and posts the letter that
// carries them; or the letter to the owner of an account that has the address
// already. The link is the same in every letter to one address, so that whoever
// asked for a second letter may open the first; it works once whatever their
// number. It follows from the sign-up and the address by a keyed hash and is
// itself kept only hashed. Codes replace the older ones.
//
// When strangers had many letters sent to that address this one leaves later,
// and link and code live from then on.
func (s *Service) prove(tx *store.Tx, actor portique.Actor, signUp *portique.SignUp) error {
	leaves := tx.Now()
	if stranger(actor) {
		var err error
		if leaves, err = tx.Slot(lettersTo(signUp.Email)); err != nil {
			return err
		}
		if leaves.Sub(tx.Now()) > longestDelay {
			return portique.BudgetSignUpLetters.Refused(leaves)
		}
	}
	if err := tx.DropDelayed(signUp.ID); err != nil {
		return err
	}
	link := base64.RawURLEncoding.EncodeToString(s.keys.Mac("validation-link", signUp.ID, signUp.Email))
	code, disown := secret.Digits(6), secret.Digits(6)
	for disown == code {
		disown = secret.Digits(6)
	}
	signUp.LinkHash = secret.Hash(link)
	signUp.LinkExpiresAt = leaves.Add(portique.ValidationLinkLife)
	signUp.CodeHash = s.keys.TypedCode("sign-up", signUp.ID, code)
	signUp.CodeExpiresAt = leaves.Add(portique.TypedCodeLife)
	signUp.CodeTries = 0
	signUp.DisownHash = s.keys.TypedCode("disown", signUp.ID, disown)

	owner, err := tx.AccountByEmail(signUp.Email)
	switch {
	case errors.Is(err, portique.ErrAccountUnknown):
		signUp.Taken = false
		letter := &portique.Letter{To: signUp.Email, Language: signUp.Language, Kind: portique.LetterValidation, About: signUp.ID, RunAt: leaves,
			Secret: map[string]string{"link": s.authURL + "/validate?token=" + link, "code": code, "disown_code": disown}}
		if signUp.Tries >= portique.SignUpCodeTries {
			delete(letter.Secret, "code") // only the link works from now on
		}
		return tx.Post(letter)
	case err != nil:
		return err
	}
	signUp.Taken = true
	return tx.Post(&portique.Letter{To: owner.Email, Name: owner.Name(), Language: languageOf(owner, signUp.Language),
		Kind: portique.LetterAccountExists, About: signUp.ID, RunAt: leaves})
}

// longestDelay is how long a letter to an address that is flooded may wait. Past
// it a sign-up is refused: the reset link, which serves whoever reads the
// mailbox, is then the quicker way.
const longestDelay = 12 * time.Hour

// stranger says whether an act comes from a page, where anybody may be: the
// operator's engineer is not counted.
func stranger(actor portique.Actor) bool { return actor.Door != portique.DoorCommand }

func bySource(b portique.Budget, actor portique.Actor) store.Try {
	return store.Try{Budget: b, Key: []string{portique.SourceKey(actor.Source)}}
}

func lettersTo(email string) store.Try {
	return store.Try{Budget: portique.BudgetSignUpLetters, Key: []string{email}}
}

func languageOf(a *portique.Account, otherwise string) string {
	if a.Language != "" {
		return a.Language
	}
	return otherwise
}

// mine returns the sign-up that a browser's cookie finds, locked, or
// ErrSignUpUnknown.
func mine(tx *store.Tx, cookie string) (*portique.SignUp, error) {
	return found(tx, tx.SignUp, cookie)
}

func found(tx *store.Tx, read func(id string) (*portique.SignUp, error), cookie string) (*portique.SignUp, error) {
	id, key, ok := strings.Cut(cookie, ".")
	if !ok || id == "" {
		return nil, portique.ErrSignUpUnknown
	}
	signUp, err := read(id)
	if err != nil {
		return nil, err
	}
	if !secret.Equal(signUp.BrowserHash, secret.Hash(key)) || tx.Now().After(signUp.CreatedAt.Add(portique.SignUpPurgedAfter)) {
		return nil, portique.ErrSignUpUnknown
	}
	return signUp, nil
}

// Mine returns the sign-up that this browser's cookie finds, or
// ErrSignUpUnknown; ErrAlreadyValidated once it became an account.
func (s *Service) Mine(ctx context.Context, cookie string) (signUp *portique.SignUp, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if signUp, err = found(tx, tx.ReadSignUp, cookie); err != nil {
			return err
		}
		return living(signUp)
	})
	return signUp, err
}

// Undelivered says whether the last letter of a sign-up to its address was
// refused for good.
func (s *Service) Undelivered(ctx context.Context, signUp *portique.SignUp) (refused bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		refused, err = tx.Undelivered(signUp.ID, signUp.Email)
		return err
	})
	return refused, err
}

func living(signUp *portique.SignUp) error {
	switch {
	case signUp.Validated():
		return portique.ErrAlreadyValidated
	case !signUp.EndedAt.IsZero():
		return portique.ErrSignUpUnknown
	}
	return nil
}

// Resend posts the validation letter again, with the same link and a new code;
// TooSoon with the hour when many went to that address already.
func (s *Service) Resend(ctx context.Context, actor portique.Actor, cookie string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		signUp, err := mine(tx, cookie)
		if err != nil {
			return err
		}
		if err := living(signUp); err != nil {
			return err
		}
		if err := tx.Allowed(lettersTo(signUp.Email)); err != nil {
			return err
		}
		return s.proveAgain(tx, actor, signUp, portique.ActionResent)
	})
}

func (s *Service) proveAgain(tx *store.Tx, actor portique.Actor, signUp *portique.SignUp, action portique.Action) error {
	if _, err := tx.Take(bySource(portique.BudgetLetterSource, actor)); err != nil {
		return err
	}
	if err := s.prove(tx, actor, signUp); err != nil {
		return err
	}
	if err := tx.UpdateSignUp(signUp); err != nil {
		return err
	}
	return tx.Audit(actor.Event(action, signUp.ID, ""))
}

// CorrectAddress moves a sign-up to the address that was meant and posts its
// letter there. The wrong tries already counted stay counted.
func (s *Service) CorrectAddress(ctx context.Context, actor portique.Actor, cookie, typed string) error {
	email, err := portique.ParseEmail("email", typed)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		signUp, err := mine(tx, cookie)
		if err != nil {
			return err
		}
		if err := living(signUp); err != nil {
			return err
		}
		signUp.Email = email
		return s.proveAgain(tx, actor, signUp, portique.ActionAddressCorrected)
	})
}
