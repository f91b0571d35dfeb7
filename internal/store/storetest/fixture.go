package storetest

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Watch is a clock that stands still until a test moves it.
type Watch struct {
	mu  sync.Mutex
	now time.Time
}

// NewWatch shows a Monday morning.
func NewWatch() *Watch { return &Watch{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)} }

// Now is the time shown.
func (w *Watch) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Forward moves the time shown.
func (w *Watch) Forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// PasswordRule is the rule of an installation of that policy, with the list of common passwords that comes with the program.
func PasswordRule(policy portique.PasswordPolicy) portique.PasswordRule {
	common, err := secret.LoadCommonPasswords()
	if err != nil {
		panic(err)
	}
	return portique.PasswordRule{Policy: policy, Common: common.Has, Site: []string{"l'Opcommerce", "Web Services Entreprises"}}
}

// Write runs f in a transaction that must succeed.
func Write(t TB, db *store.DB, f func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Tx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// Account adds an active account of the person of that address: jeanne.martin@x.example is Jeanne Martin.
func Account(t TB, db *store.DB, email string, change ...func(*portique.Account)) *portique.Account {
	t.Helper()
	local, _, _ := strings.Cut(email, "@")
	first, last, _ := strings.Cut(local, ".")
	a := &portique.Account{ID: store.NewID(), Email: email, FirstName: capital(first), LastName: capital(last), Status: portique.AccountActive}
	for _, c := range change {
		c(a)
	}
	Write(t, db, func(tx *store.Tx) error {
		a.CreatedAt = tx.Now()
		return tx.InsertAccount(a)
	})
	return a
}

func capital(s string) string {
	if s == "" {
		return "X"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// MemberCode is the code of every company that Company adds.
const MemberCode = "K7QM2ZT9AB"

// Company adds an active company.
func Company(t TB, db *store.DB, siren portique.SIREN, change ...func(*portique.Company)) *portique.Company {
	t.Helper()
	c := &portique.Company{SIREN: siren, Name: "Société " + string(siren), Status: portique.CompanyActive,
		CodeHash: Keys().MemberCode(string(siren), MemberCode)}
	for _, one := range change {
		one(c)
	}
	Write(t, db, func(tx *store.Tx) error {
		c.ImportedAt = tx.Now()
		return tx.SaveCompany(c)
	})
	return c
}

// Member adds an access.
func Member(t TB, db *store.DB, a *portique.Account, siren portique.SIREN, role portique.Role, change ...func(*portique.Membership)) *portique.Membership {
	t.Helper()
	m := &portique.Membership{ID: store.NewID(), AccountID: a.ID, SIREN: siren, Role: role, Status: portique.MembershipActive}
	if role == portique.Member {
		m.Rights = []string{portique.AllTools}
	}
	for _, c := range change {
		c(m)
	}
	Write(t, db, func(tx *store.Tx) error {
		m.Since = tx.Now()
		if role == portique.Administrator {
			if _, err := tx.ClaimFirstAdministrator(siren, a.ID); err != nil {
				return err
			}
		}
		return tx.InsertMembership(m)
	})
	return m
}

// Outbox returns the letters to an address ("" for all), oldest first, their secrets opened.
func Outbox(t TB, db *store.DB, to string) []*portique.Letter {
	t.Helper()
	var letters []*portique.Letter
	err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		letters, err = tx.Letters(to, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		if len(l.Sealed) == 0 {
			continue
		}
		plain, err := Keys().Open("letter", l.ID, l.Sealed)
		if err == nil {
			err = json.Unmarshal(plain, &l.Secret)
		}
		if err != nil {
			t.Fatalf("letter %s: %v", l.Kind, err)
		}
	}
	return letters
}

// Journal returns the lines about a subject, oldest first.
func Journal(t TB, db *store.DB, subject string) []portique.Event {
	t.Helper()
	var events []portique.Event
	err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		events, err = tx.Events(subject)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// Actions is the journal about a subject in short: "access.requested access.reminded".
func Actions(t TB, db *store.DB, subject string) string {
	t.Helper()
	var names []string
	for _, e := range Journal(t, db, subject) {
		names = append(names, string(e.Action))
	}
	return strings.Join(names, " ")
}

// Refusal is the key of a refusal, "" for none, and the whole error for anything else: what a model says in advance.
func Refusal(err error) string {
	var one *portique.Error
	var many portique.FieldErrors
	switch {
	case err == nil:
		return ""
	case errors.As(err, &one):
		return one.Key
	case errors.As(err, &many) && len(many) == 1:
		return many[0].Key
	}
	return err.Error()
}
