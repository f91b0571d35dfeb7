package account_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/account"
	"portique/internal/mail"
	"portique/internal/secret"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

const (
	oldPassword = "Ancien!Tapis7"
	newPassword = "Nouveau!Tapis8"
)

// resetLink returns the token of the newest reset letter to an address, "" when
// none was posted, and how many were.
func resetLink(t *testing.T, db *store.DB, to string) (token string, letters int) {
	t.Helper()
	for _, l := range storetest.Outbox(t, db, to) {
		if err := mail.Check(l); err != nil {
			t.Error(err)
		}
		if l.Kind == portique.LetterReset {
			_, token, _ = strings.Cut(l.Secret["link"], "token=")
			letters++
		}
	}
	return token, letters
}

// forgot asks for a link and waits for the answer.
func forgot(ctx context.Context, s *account.Service, actor portique.Actor, email string) error {
	return errors.Join(s.Forgot(ctx, actor, email), s.AnswerResets(ctx))
}

func TestForgottenPassword(t *testing.T) {
	hasher, err := secret.NewHasher(4)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		start := now
		defer func() { now = start }()
		ctx, actor := context.Background(), portique.Actor{Door: portique.DoorAuth, Language: "fr"}
		s := account.New(db, storetest.Keys(), hasher, storetest.PasswordRule(portique.PolicyGuide), "https://auth.example")
		chosen := account.Form{Password: newPassword, PasswordConfirmation: newPassword}
		anne, err := s.Create(ctx, portique.Actor{Door: portique.DoorCommand}, account.Form{Email: "anne@shop.example", Password: oldPassword,
			FirstName: "Anne", LastName: "Roy"}, true)
		if err != nil {
			t.Fatal(err)
		}
		session := &store.Session{ID: store.NewID(), Door: portique.DoorAuth, AccountID: anne.ID, SecretHash: secret.Hash("x"),
			CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)}
		if err := db.Tx(ctx, func(tx *store.Tx) error { return tx.InsertSession(session) }); err != nil {
			t.Fatal(err)
		}

		// Any address gets the same answer; only an account gets a letter.
		for _, email := range []string{"anne@shop.example", " ANNE@shop.example ", "nobody@shop.example"} {
			if err := forgot(ctx, s, actor, email); err != nil {
				t.Errorf("%s: %v", email, err)
			}
		}
		if _, n := resetLink(t, db, "nobody@shop.example"); n != 0 {
			t.Error("a letter left for an address without an account")
		}
		newest, n := resetLink(t, db, "anne@shop.example")
		if n != 2 {
			t.Fatalf("%d letters for two requests", n)
		}

		// Opening changes nothing, a weak password neither.
		for range 3 {
			if r, err := s.OpenReset(ctx, newest); err != nil || r.Email != "anne@shop.example" || r.NeedsName {
				t.Fatalf("opening: %+v, %v", r, err)
			}
		}
		if _, err := s.ResetPassword(ctx, actor, newest, account.Form{Password: "court", PasswordConfirmation: "court"}); portique.KindOf(err) != portique.Invalid {
			t.Errorf("a weak password: %v", err)
		}
		if _, err := s.ResetPassword(ctx, actor, newest+"x", chosen); !errors.Is(err, portique.ErrResetUnknown) {
			t.Errorf("an altered link: %v", err)
		}

		// Many at once: one changes the password, the others find the link spent.
		results := make(chan error, 8)
		for range cap(results) {
			go func() {
				_, err := s.ResetPassword(ctx, actor, newest, chosen)
				results <- err
			}()
		}
		done := 0
		for range cap(results) {
			switch err := <-results; {
			case err == nil:
				done++
			case !errors.Is(err, portique.ErrResetUnknown):
				t.Errorf("a spent link: %v", err)
			}
		}
		if done != 1 {
			t.Errorf("one link changed the password %d times", done)
		}
		err = db.View(ctx, func(tx *store.Tx) error {
			a, err := tx.Account(anne.ID)
			if err != nil {
				return err
			}
			if ok, _ := hasher.Verify(ctx, a.PasswordHash, newPassword); !ok {
				t.Error("the new password does not open")
			}
			if a.FirstName != "Anne" {
				t.Errorf("the name became %q", a.FirstName)
			}
			ended, err := tx.Session(session.ID)
			if err == nil && ended.EndedAt.IsZero() {
				t.Error("a session survived the change")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}

		// PWD-11 Half an hour, not a second more; a newer link spends the older.
		if err := forgot(ctx, s, actor, "anne@shop.example"); err != nil {
			t.Fatal(err)
		}
		older, _ := resetLink(t, db, "anne@shop.example")
		now = now.Add(portique.ResetLinkLife - time.Second)
		if _, err := s.OpenReset(ctx, older); err != nil {
			t.Errorf("a second before its end: %v", err)
		}
		now = now.Add(time.Second)
		if _, err := s.ResetPassword(ctx, actor, older, chosen); !errors.Is(err, portique.ErrResetExpired) {
			t.Errorf("at its end: %v", err)
		}

		// PWD-20 A disabled account gets no letter, and an older link no longer serves.
		if err := forgot(ctx, s, actor, "anne@shop.example"); err != nil {
			t.Fatal(err)
		}
		link, before := resetLink(t, db, "anne@shop.example")
		if err := s.Disable(ctx, portique.Actor{Door: portique.DoorCommand}, "anne@shop.example", false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OpenReset(ctx, link); !errors.Is(err, portique.ErrResetUnknown) {
			t.Errorf("opening the link of a disabled account: %v", err)
		}
		if _, err := s.ResetPassword(ctx, actor, link, chosen); !errors.Is(err, portique.ErrResetUnknown) {
			t.Errorf("a disabled account: %v", err)
		}
		if err := forgot(ctx, s, actor, "anne@shop.example"); err != nil {
			t.Fatal(err)
		}
		if _, after := resetLink(t, db, "anne@shop.example"); after != before {
			t.Error("a letter left for a disabled account")
		}

		// A sign-up that waits is validated by it, in the words of whoever reads
		// the letters, and the sign-up's own password dies.
		if _, err := s.SignUp(ctx, actor, account.Form{Email: "paul@shop.example", EmailConfirmation: "paul@shop.example",
			Password: oldPassword, PasswordConfirmation: oldPassword, FirstName: "Mallory", LastName: "Intrus", Language: "fr"}); err != nil {
			t.Fatal(err)
		}
		if err := forgot(ctx, s, actor, "paul@shop.example"); err != nil {
			t.Fatal(err)
		}
		link, _ = resetLink(t, db, "paul@shop.example")
		if r, err := s.OpenReset(ctx, link); err != nil || !r.NeedsName {
			t.Fatalf("a sign-up's link: %+v, %v", r, err)
		}
		var faults portique.FieldErrors
		if _, err := s.ResetPassword(ctx, actor, link, chosen); !errors.As(err, &faults) || len(faults) != 2 {
			t.Errorf("without a name: %v", err)
		}
		chosen.FirstName, chosen.LastName = "Paul", "Besson"
		if _, err := s.ResetPassword(ctx, actor, link, chosen); err != nil {
			t.Fatal(err)
		}
		list, err := s.List(ctx, "paul@shop.example")
		if err != nil || len(list) != 1 || list[0].Status != portique.AccountActive || list[0].FirstName != "Paul" {
			t.Errorf("after: %+v, %v", list, err)
		}
	}, storetest.Clock(clock))
}
