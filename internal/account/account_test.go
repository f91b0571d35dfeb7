package account_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"portique"
	"portique/internal/account"
	"portique/internal/mail"
	"portique/internal/secret"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

var hasher = sync.OnceValue(func() *secret.Hasher {
	h, err := secret.NewHasher(2)
	if err != nil {
		panic(err)
	}
	return h
})

const (
	authURL  = "https://auth.opco.example"
	email    = "jeanne.martin@martin.example"
	password = "Soleil-Lune26"
)

// world is a sign-in host on an empty database, at an hour that stands still.
type world struct {
	*account.Service
	t     *testing.T
	db    *store.DB
	watch *storetest.Watch
	actor portique.Actor
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	var watch *storetest.Watch
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		watch = storetest.NewWatch()
		f(t, &world{account.New(db, storetest.Keys(), hasher(), storetest.PasswordRule(portique.PolicyGuide), authURL), t, db, watch,
			portique.Actor{Door: portique.DoorAuth, Source: "192.0.2.1", RequestID: "r1"}})
		for _, l := range storetest.Outbox(t, db, "") {
			if err := mail.Check(l); err != nil {
				t.Error(err)
			}
		}
	}, storetest.Clock(func() time.Time { return watch.Now() }))
}

func form(change ...func(*account.Form)) account.Form {
	f := account.Form{Email: email, EmailConfirmation: email, Password: password, PasswordConfirmation: password,
		FirstName: "Jeanne", LastName: "Martin", Language: "fr"}
	for _, c := range change {
		c(&f)
	}
	return f
}

func with(password string) func(*account.Form) {
	return func(f *account.Form) { f.Password, f.PasswordConfirmation = password, password }
}

// browser is somebody who signed up: their cookie and what their letter carries.
type browser struct{ cookie, id, token, code, disown string }

func (w *world) signUp(change ...func(*account.Form)) browser {
	w.t.Helper()
	f := form(change...)
	cookie, err := w.SignUp(w.t.Context(), w.actor, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(cookie)
}

// read takes link and codes from the newest letter of a sign-up.
func (w *world) read(cookie string) browser {
	w.t.Helper()
	id, _, _ := strings.Cut(cookie, ".")
	b := browser{cookie: cookie, id: id}
	for _, l := range storetest.Outbox(w.t, w.db, "") {
		if l.About == id && l.Kind == portique.LetterValidation {
			token, ok := strings.CutPrefix(l.Secret["link"], authURL+"/validate?token=")
			if !ok || len(token) < 22 {
				w.t.Fatalf("the link is %q", l.Secret["link"])
			}
			b.token, b.code, b.disown = token, l.Secret["code"], l.Secret["disown_code"]
		}
	}
	return b
}

func (w *world) validate(b browser, password, cookie string) error {
	return w.Validate(w.t.Context(), w.actor, b.token, password, cookie)
}

func (w *world) typeCode(b browser, code string) error {
	return w.TypeCode(w.t.Context(), w.actor, b.cookie, code)
}

func (w *world) account(email string) *portique.Account {
	w.t.Helper()
	list, err := w.List(w.t.Context(), email)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range list {
		if a.Status != portique.AccountUnvalidated {
			return a
		}
	}
	return nil
}

func (w *world) knows(a *portique.Account, password string) bool {
	w.t.Helper()
	ok, err := hasher().Verify(w.t.Context(), a.PasswordHash, password)
	if err != nil {
		w.t.Fatal(err)
	}
	return ok
}

func (w *world) want(what string, err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func refusal(key string) error { return &portique.Error{Key: key} }

// wrong is a code that is not that one.
func wrong(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// REG-01 Somebody signs up with a stranger's address before them. The stranger's own sign-up is theirs alone, and the first one dies.
func TestSignUpsAreIndependent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		eve := w.signUp(with("Mechante-Poule1"), func(f *account.Form) { f.FirstName, f.ContributionsOnly = "Ève", true })
		jeanne := w.signUp()
		if eve.token == jeanne.token || eve.code == jeanne.code && eve.disown == jeanne.disown {
			t.Fatal("two sign-ups share a secret")
		}
		if link, err := w.OpenLink(ctx, jeanne.token, jeanne.cookie); err != nil || !link.SameBrowser || link.Email != email {
			t.Fatalf("%+v, %v", link, err)
		}
		if w.account(email) != nil {
			t.Fatal("opening a link made an account")
		}
		w.want("her link, her password, Eve's cookie", w.validate(jeanne, "Mechante-Poule1", eve.cookie), portique.ErrWrongPassword)
		w.want("Eve's link in Jeanne's browser", w.validate(eve, password, jeanne.cookie), portique.ErrWrongPassword)
		w.want("her link in her browser", w.validate(jeanne, "", jeanne.cookie), nil)

		a := w.account(email)
		if a == nil || a.Status != portique.AccountActive || a.FirstName != "Jeanne" || a.ContributionsOnly || !w.knows(a, password) || w.knows(a, "Mechante-Poule1") {
			t.Fatalf("the account is %+v", a)
		}
		for name, err := range map[string]error{
			"Eve's link in Eve's browser": w.validate(eve, "", eve.cookie),
			"Eve's link, Eve's password":  w.validate(eve, "Mechante-Poule1", ""),
		} {
			w.want(name, err, portique.ErrLinkUnknown)
		}
		// Her pages say what they said before, so that they tell her nothing; they lead nowhere.
		w.want("Eve's code", w.typeCode(eve, eve.code), portique.ErrWrongCode)
		w.want("a new letter for Eve", w.Resend(ctx, w.actor, eve.cookie), nil)
		last := storetest.Outbox(t, w.db, a.Email)
		if l := last[len(last)-1]; l.Kind != portique.LetterAccountExists || len(l.Secret) != 0 {
			t.Errorf("Eve's resending sent %s with %d secrets", l.Kind, len(l.Secret))
		}
		if s := storetest.Actions(t, w.db, a.ID); s != "account.validated" {
			t.Errorf("the journal of the account: %s", s)
		}
		if e := storetest.Journal(t, w.db, jeanne.id); len(e) != 1 || e[0].Action != portique.ActionSignedUp || e[0].Source != "192.0.2.1" || e[0].RequestID != "r1" {
			t.Errorf("the journal of the sign-up: %+v", e)
		}
	})
}

func TestLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		b := w.signUp()
		// In another browser the password of the sign-up is asked for.
		if link, err := w.OpenLink(ctx, b.token, ""); err != nil || link.SameBrowser {
			t.Errorf("%+v, %v", link, err)
		}
		id, key, _ := strings.Cut(b.cookie, ".")
		for _, cookie := range []string{"", id, id + ".", id + "." + key[1:], "x." + key, b.cookie + "x", "." + key} {
			w.want("no password, cookie "+cookie, w.validate(b, "", cookie), refusal("signup.password_missing"))
		}
		w.want("a wrong password", w.validate(b, "Soleil-Lune25", ""), portique.ErrWrongPassword)

		// REG-09 No other token is this one.
		for i := range b.token {
			other := []byte(b.token)
			other[i]++
			w.want("altered", w.Validate(ctx, w.actor, string(other), password, b.cookie), portique.ErrLinkUnknown)
			w.want("cut", w.Validate(ctx, w.actor, b.token[:i], password, b.cookie), portique.ErrLinkUnknown)
		}
		for _, other := range []string{b.token + "A", b.token + "=", strings.ToUpper(b.token), " " + b.token, "\x00", "\xff", strings.Repeat("A", 10_000)} {
			w.want("changed", w.Validate(ctx, w.actor, other, password, b.cookie), portique.ErrLinkUnknown)
			if link, err := w.OpenLink(ctx, other, b.cookie); link != nil || !errors.Is(err, portique.ErrLinkUnknown) {
				t.Errorf("opening %.20q: %v, %v", other, link, err)
			}
		}

		// REG-07 It ends after 24 hours, to the second, with nobody cleaning up; a new letter gives it another 24.
		w.watch.Forward(portique.ValidationLinkLife - time.Second)
		if link, err := w.OpenLink(ctx, b.token, ""); err != nil || link.Email != email {
			t.Errorf("a second before: %+v, %v", link, err)
		}
		for range 2 { // at the second, and the next
			w.watch.Forward(time.Second)
			if link, err := w.OpenLink(ctx, b.token, ""); !errors.Is(err, portique.ErrLinkExpired) || link.Email != email {
				t.Errorf("%+v, %v", link, err)
			}
			w.want("too old", w.validate(b, password, b.cookie), portique.ErrLinkExpired)
		}
		w.want("resending", w.Resend(ctx, w.actor, b.cookie), nil)
		again := w.read(b.cookie)
		if again.token != b.token || again.code == b.code && again.disown == b.disown {
			t.Error("a second letter has the same link and new codes")
		}
		w.watch.Forward(portique.ValidationLinkLife - time.Second)
		w.want("just in time", w.validate(b, password, ""), nil)
		a := w.account(email)
		if a == nil || !a.CreatedAt.Equal(w.watch.Now()) || a.Language != "fr" {
			t.Fatalf("the account is %+v", a)
		}

		// Once only.
		w.want("again", w.validate(b, password, b.cookie), portique.ErrAlreadyValidated)
		w.want("by code", w.typeCode(again, again.code), portique.ErrAlreadyValidated)
		w.want("disowned afterwards", w.Disown(ctx, w.actor, b.token, again.disown), portique.ErrAlreadyValidated)
		if link, err := w.OpenLink(ctx, b.token, ""); !errors.Is(err, portique.ErrAlreadyValidated) || link == nil {
			t.Errorf("reading it again: %+v, %v", link, err)
		}
		if s := storetest.Actions(t, w.db, a.ID) + " " + storetest.Actions(t, w.db, b.id); s != "account.validated account.signed_up account.validation_resent" {
			t.Errorf("the journal: %s", s)
		}
	})
}

// A code gives 5 wrong tries, a sign-up 10 in all, however many letters it gets and however fast they come.
func TestTypedCode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		b := w.signUp()
		other := w.signUp(func(f *account.Form) { f.Email, f.EmailConfirmation = "luc@martin.example", "luc@martin.example" })
		for _, typed := range []string{"", "12345", "1234567", "12345a", "１２３４５６", "-", strings.Repeat("1", 10_000)} {
			w.want("a code of another form", w.typeCode(b, typed), refusal("signup.code_form"))
		}
		w.want("without a cookie", w.TypeCode(ctx, w.actor, "", b.code), portique.ErrSignUpUnknown)
		w.want("in another browser", w.TypeCode(ctx, w.actor, b.id+".x", b.code), portique.ErrSignUpUnknown)
		w.want("the code of the disown form", w.typeCode(b, b.disown), portique.ErrDisownCode) // and it counts

		// The other four, of forty at once.
		count := func(key string) func(error) int {
			return func(err error) int {
				if errors.Is(err, refusal(key)) {
					return 1
				}
				return 0
			}
		}
		results := make([]error, 40)
		var all sync.WaitGroup
		for i := range results {
			all.Go(func() { results[i] = w.typeCode(b, wrong(b.code)) })
		}
		all.Wait()
		tried, refused := 0, 0
		for _, err := range results {
			tried += count(portique.ErrWrongCode.Key)(err)
			refused += count("signup.code_tries")(err)
		}
		if tried != 4 || refused != 36 {
			t.Fatalf("of 40 tries %d were compared and %d refused", tried, refused)
		}
		w.want("the right code, too late", w.typeCode(b, b.code), refusal("signup.code_tries"))

		w.want("resending", w.Resend(ctx, w.actor, b.cookie), nil)
		old := b
		b = w.read(b.cookie)
		if old.code != b.code {
			w.want("the older code", w.typeCode(b, old.code), portique.ErrWrongCode)
		} else {
			w.want("a wrong code", w.typeCode(b, wrong(b.code)), portique.ErrWrongCode)
		}
		for range 4 {
			w.want("a wrong code", w.typeCode(b, wrong(b.code)), portique.ErrWrongCode)
		}
		w.want("the eleventh", w.typeCode(b, b.code), refusal("signup.code_budget"))
		w.want("resending", w.Resend(ctx, w.actor, b.cookie), nil)
		if b = w.read(b.cookie); b.code != "" {
			t.Error("a letter still prints a code that no longer serves")
		}
		w.want("the last code", w.typeCode(b, old.code), refusal("signup.code_budget"))
		if n := strings.Count(storetest.Actions(t, w.db, b.id), string(portique.ActionCodeFailed)); n != portique.SignUpCodeTries {
			t.Errorf("the journal tells of %d wrong codes", n)
		}
		w.want("its link", w.validate(b, "", b.cookie), nil)

		// A code lives 15 minutes; it may be typed as it is printed.
		w.watch.Forward(portique.TypedCodeLife)
		w.want("too late", w.typeCode(other, other.code), refusal("signup.code_expired"))
		w.want("resending", w.Resend(ctx, w.actor, other.cookie), nil)
		other = w.read(other.cookie)
		w.watch.Forward(portique.TypedCodeLife - time.Second)
		w.want("in time", w.typeCode(other, " "+other.code[:3]+" "+other.code[3:]+"\r\n"), nil)
		if a := w.account("luc@martin.example"); a == nil || a.Status != portique.AccountActive {
			t.Errorf("the account is %+v", a)
		}
	})
}

// "This was not me" asks for the code printed beside it: a robot that presses every button does nothing.
func TestDisown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		b := w.signUp()
		w.want("a robot", w.Disown(ctx, w.actor, b.token, ""), portique.ErrWrongCode)
		w.want("a wrong code", w.Disown(ctx, w.actor, b.token, wrong(b.disown)), portique.ErrWrongCode)
		w.want("the other code", w.Disown(ctx, w.actor, b.token, b.code), portique.ErrWrongCode)
		w.want("another link", w.Disown(ctx, w.actor, b.token+"x", b.disown), portique.ErrLinkUnknown)
		w.want("the right code", w.Disown(ctx, w.actor, b.token, b.disown), nil)
		w.want("again", w.Disown(ctx, w.actor, b.token, b.disown), portique.ErrLinkUnknown)
		w.want("its link", w.validate(b, password, b.cookie), portique.ErrLinkUnknown)
		w.want("its code", w.typeCode(b, b.code), portique.ErrSignUpUnknown)
		if _, err := w.Mine(ctx, b.cookie); !errors.Is(err, portique.ErrSignUpUnknown) {
			t.Errorf("its page: %v", err)
		}
		if s := storetest.Actions(t, w.db, b.id); s != "account.signed_up account.code_failed account.code_failed account.code_failed account.sign_up_disowned" {
			t.Errorf("the journal: %s", s)
		}
		// Robots are counted too.
		b = w.signUp()
		for range portique.SignUpCodeTries {
			w.want("a robot", w.Disown(ctx, w.actor, b.token, ""), portique.ErrWrongCode)
		}
		w.want("the right code, too late", w.Disown(ctx, w.actor, b.token, b.disown), refusal("signup.code_budget"))
		w.want("its link works all the same", w.validate(b, "", b.cookie), nil)
	})
}

// REG-11 An address that has an account goes through the same steps; its owner is told, and nothing changes.
func TestTakenAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		owner := storetest.Account(t, w.db, email, func(a *portique.Account) { a.Language = "en" })
		b := w.signUp(func(f *account.Form) { f.Email, f.EmailConfirmation = " Jeanne.MARTIN@martin.example", email }, with("Mechante-Poule1"))
		letters := storetest.Outbox(t, w.db, email)
		if len(letters) != 1 || letters[0].Kind != portique.LetterAccountExists || letters[0].Name != owner.Name() || letters[0].Language != "en" || letters[0].Secret != nil {
			t.Fatalf("the letters: %+v", letters)
		}
		if signUp, err := w.Mine(ctx, b.cookie); err != nil || signUp.Email != email {
			t.Errorf("its page: %+v, %v", signUp, err)
		}
		storetest.Write(t, w.db, func(tx *store.Tx) error { // the code that nobody was sent, guessed
			s, err := tx.SignUp(b.id)
			if err != nil {
				return err
			}
			s.CodeHash = storetest.Keys().TypedCode("sign-up", b.id, "123456")
			return tx.UpdateSignUp(s)
		})
		w.want("a code guessed right", w.typeCode(b, "123456"), portique.ErrWrongCode)
		w.want("resending", w.Resend(ctx, w.actor, b.cookie), nil)
		if list, err := w.List(ctx, email); err != nil || len(list) != 1 || *list[0] != *owner {
			t.Errorf("the list: %v, %v", list, err)
		}
		// Mistyped: the address that was meant is free. The tries are not given back, and nothing sent before works.
		w.want("another address", w.CorrectAddress(ctx, w.actor, b.cookie, "Luc@Martin.example "), nil)
		first := w.read(b.cookie)
		w.want("no address", w.CorrectAddress(ctx, w.actor, b.cookie, "Luc <luc@martin.example>"), refusal("email.form"))
		w.want("a third address", w.CorrectAddress(ctx, w.actor, b.cookie, "paul@martin.example"), nil)
		third := w.read(b.cookie)
		w.want("the link sent to the second", w.validate(first, "Mechante-Poule1", b.cookie), portique.ErrLinkUnknown)
		if first.code != third.code {
			w.want("the code sent to the second", w.typeCode(b, first.code), portique.ErrWrongCode)
		}
		if signUp, err := w.Mine(ctx, b.cookie); err != nil || signUp.Tries < 1 {
			t.Errorf("its page: %+v, %v", signUp, err)
		}
		w.want("the link sent to the third", w.validate(third, "", b.cookie), nil)
		if a := w.account("paul@martin.example"); a == nil || w.account("luc@martin.example") != nil {
			t.Error("which account was made?")
		}
		if a := w.account(email); *a != *owner {
			t.Errorf("the owner's account is now %+v", a)
		}
	})
}

func TestForm(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			change func(*account.Form)
			faults string
		}{
			"as it is":            {func(f *account.Form) {}, ""},
			"another case":        {func(f *account.Form) { f.EmailConfirmation = " JEANNE.MARTIN@Martin.Example " }, ""},
			"accents typed apart": {func(f *account.Form) { f.Password, f.PasswordConfirmation = "Été-Mer-26!", "E\u0301te\u0301-Mer-26!" }, ""},
			"another address":     {func(f *account.Form) { f.EmailConfirmation = "x" + email }, "email_confirmation email.mismatch"},
			"no second address":   {func(f *account.Form) { f.EmailConfirmation = "" }, "email_confirmation email.mismatch"},
			"another password":    {func(f *account.Form) { f.PasswordConfirmation += " " }, "password_confirmation password.mismatch"},
			"a short password":    {func(f *account.Form) { f.Password = "Ab1!" }, "password password.short"},
			"nothing":             {func(f *account.Form) { *f = account.Form{} }, "email email.missing, password password.missing, first_name name.missing.first_name, last_name name.missing.last_name"},
			"10,000 characters each": {func(f *account.Form) {
				s := strings.Repeat("é", 10_000)
				*f = account.Form{Email: s, EmailConfirmation: s, Password: s, PasswordConfirmation: s, FirstName: s, LastName: s, Language: "fr"}
			}, "email email.form, password password.long, first_name name.long, last_name name.long"},
		} {
			_, err := w.SignUp(t.Context(), w.actor, form(c.change))
			got := ""
			var faults portique.FieldErrors
			if errors.As(err, &faults) {
				for _, f := range faults {
					got += ", " + f.Field + " " + f.Key
				}
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got = strings.TrimPrefix(got, ", "); got != c.faults {
				t.Errorf("%s: %q", name, got)
			}
		}
		if n := len(storetest.Outbox(t, w.db, "")); n != 3 {
			t.Errorf("%d letters left", n)
		}
	})
}

// REG-21 Many at once press the button of one link, and three sign-ups of one address are validated together: one account.
func TestValidatingTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		three := []browser{w.signUp(), w.signUp(), w.signUp()}
		results := make([]error, 51)
		var all sync.WaitGroup
		for i := range results {
			b := three[i%3]
			all.Go(func() { results[i] = w.validate(b, "", b.cookie) })
		}
		all.Wait()
		done := map[error]int{}
		for _, err := range results {
			switch {
			case err == nil:
				done[nil]++
			case errors.Is(err, portique.ErrAlreadyValidated), errors.Is(err, portique.ErrLinkUnknown):
				done[portique.ErrLinkUnknown]++
			default:
				t.Error(err)
			}
		}
		if done[nil] != 1 || done[portique.ErrLinkUnknown] != 50 {
			t.Errorf("%v", done)
		}
		if s := storetest.Actions(t, w.db, w.account(email).ID); s != "account.validated" {
			t.Errorf("the journal: %s", s)
		}
		if list, err := w.List(t.Context(), ""); err != nil || len(list) != 1 {
			t.Errorf("%d accounts and sign-ups are left, %v", len(list), err)
		}
	})
}

func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		b := w.signUp(with("Mechante-Poule1"))
		a, err := w.Create(ctx, w.actor, form(), true)
		if err != nil || a.Status != portique.AccountActive || !w.knows(a, password) {
			t.Fatalf("%+v, %v", a, err)
		}
		w.want("the older sign-up's link", w.validate(b, "Mechante-Poule1", b.cookie), portique.ErrLinkUnknown)
		if s := storetest.Actions(t, w.db, a.ID); s != "account.created" {
			t.Errorf("the journal: %s", s)
		}
		_, err = w.Create(ctx, w.actor, form(), true)
		w.want("twice", err, portique.ErrEmailTaken)
		if _, err = w.Create(ctx, w.actor, form(with("azerty")), true); portique.KindOf(err) != portique.Invalid {
			t.Errorf("a weak password: %v", err)
		}
		u, err := w.Create(ctx, w.actor, form(func(f *account.Form) { f.Email = "luc@martin.example" }), false)
		if err != nil || u.Status != portique.AccountUnvalidated || len(storetest.Outbox(t, w.db, "luc@martin.example")) != 1 {
			t.Errorf("%+v, %v", u, err)
		}
		list, err := w.List(ctx, "")
		if err != nil || len(list) != 2 || list[0].ID != a.ID || list[1].Email != "luc@martin.example" || list[1].Status != portique.AccountUnvalidated {
			t.Errorf("the list: %v, %v", list, err)
		}
		// Sign-ups hold nothing: a week later they are gone.
		w.watch.Forward(portique.SignUpPurgedAfter)
		w.want("purging in time", w.Purge(ctx), nil)
		if list, _ := w.List(ctx, "luc@martin.example"); len(list) != 1 {
			t.Error("purged too soon")
		}
		w.watch.Forward(time.Second)
		w.want("purging", w.Purge(ctx), nil)
		if list, _ := w.List(ctx, ""); len(list) != 1 {
			t.Errorf("%d are left", len(list))
		}
	})
}

func TestDisable(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const siren, second portique.SIREN = "552100554", "732829320"
		storetest.Company(t, w.db, siren)
		storetest.Company(t, w.db, second)
		jeanne, luc, paul := storetest.Account(t, w.db, email), storetest.Account(t, w.db, "luc@martin.example"), storetest.Account(t, w.db, "paul@martin.example")
		storetest.Member(t, w.db, jeanne, siren, portique.Administrator)
		storetest.Member(t, w.db, jeanne, second, portique.Administrator)
		storetest.Member(t, w.db, luc, second, portique.Administrator)
		request := &portique.AccessRequest{ID: store.NewID(), AccountID: paul.ID, SIREN: siren, Status: portique.RequestPending, SentTo: 1}
		session := &store.Session{ID: store.NewID(), Door: portique.DoorAuth, AccountID: jeanne.ID, SecretHash: []byte{1}}
		storetest.Write(t, w.db, func(tx *store.Tx) error {
			request.CreatedAt = tx.Now()
			return errors.Join(tx.InsertRequest(request), tx.InsertSession(session))
		})
		status := func(a *portique.Account) portique.AccountStatus { return w.account(a.Email).Status }

		w.want("nobody", w.Disable(ctx, w.actor, "nobody@martin.example", true), portique.ErrAccountUnknown)
		err := w.Disable(ctx, w.actor, email, false)
		w.want("the only administrator", err, portique.ErrOnlyAdmin)
		var only *portique.Error
		if !errors.As(err, &only) || len(only.Args) != 4 || only.Args[3] != string(siren) || only.Kind != portique.Conflict {
			t.Errorf("which company? %+v", only)
		}
		if status(jeanne) != portique.AccountActive {
			t.Error("disabled all the same")
		}
		w.want("one of two", w.Disable(ctx, w.actor, luc.Email, false), nil)
		if status(luc) != portique.AccountDisabled {
			t.Error("not disabled")
		}
		w.want("by force", w.Disable(ctx, w.actor, email, true), nil)
		if s := storetest.Actions(t, w.db, jeanne.ID); status(jeanne) != portique.AccountDisabled || s != "account.disabled" {
			t.Errorf("%s, journal %s", status(jeanne), s)
		}
		err = w.db.View(ctx, func(tx *store.Tx) error {
			r, err := tx.AccessRequest(request.ID)
			if err != nil {
				return err
			}
			ses, err := tx.Session(session.ID)
			if err == nil && (r.Status != portique.RequestPending || !r.EscalatedAt.IsZero() || !ses.EndedAt.Equal(tx.Now())) {
				t.Errorf("request %+v, session %+v", r, ses)
			}
			if due, dueErr := tx.DueRequests(10, 0); dueErr != nil || len(due) != 1 || due[0].ID != request.ID {
				t.Errorf("the timetable does not pass the request on at once: %v, %v", due, dueErr)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		// An address that has only sign-ups: all of them end.
		x := func(f *account.Form) { f.Email, f.EmailConfirmation = "eve@x.example", "eve@x.example" }
		one, two := w.signUp(x), w.signUp(x)
		w.want("sign-ups", w.Disable(ctx, w.actor, "eve@x.example", false), nil)
		w.want("the first", w.validate(one, "", one.cookie), portique.ErrLinkUnknown)
		w.want("the second", w.validate(two, "", two.cookie), portique.ErrLinkUnknown)
	})
}

// The person becomes the last administrator while being disabled: the company keeps one all the same.
func TestDisableMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const siren portique.SIREN = "552100554"
		storetest.Company(t, w.db, siren)
		jeanne, luc := storetest.Account(t, w.db, email), storetest.Account(t, w.db, "luc@martin.example")
		hers := storetest.Member(t, w.db, jeanne, siren, portique.Member)
		his := storetest.Member(t, w.db, luc, siren, portique.Administrator)
		locked := make(chan bool)
		var handover sync.WaitGroup
		handover.Go(func() {
			err := w.db.Tx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.LockCompany(siren)
				close(locked)
				time.Sleep(100 * time.Millisecond)
				hers.Role, his.Status = portique.Administrator, portique.MembershipEnded
				return errors.Join(err, tx.UpdateMembership(hers), tx.UpdateMembership(his))
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-locked
		w.want("disabling her", w.Disable(t.Context(), w.actor, email, false), portique.ErrOnlyAdmin)
		handover.Wait()
	})
}
