package access_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/mail"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

var options = access.Options{Language: "fr", Support: "aide@opco.example", PortalURL: "https://ws.opco.example", Policy: portique.ClaimByCode, MemberCodeBits: 26}

// world is a portal at an hour that stands still.
type world struct {
	*access.Service
	t     *testing.T
	db    *store.DB
	watch *storetest.Watch
	read  string // letters read so far
	made  int    // companies made so far
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	var watch *storetest.Watch
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		watch = storetest.NewWatch()
		f(t, &world{Service: access.New(db, storetest.Keys(), options), t: t, db: db, watch: watch})
		for _, l := range storetest.Outbox(t, db, "") {
			if err := mail.Check(l); err != nil {
				t.Error(err)
			}
			if strings.Contains(fmt.Sprint(l.Data, l.Secret), storetest.MemberCode) { // MAI-05
				t.Errorf("a letter %s tells the member code", l.Kind)
			}
		}
	}, storetest.Clock(func() time.Time { return watch.Now() }))
}

// person has an account at martin.example.
func (w *world) person(name string, change ...func(*portique.Account)) *portique.Account {
	w.t.Helper()
	return storetest.Account(w.t, w.db, name+"@martin.example", change...)
}

func declaring(a *portique.Account) { a.ContributionsOnly = true }

// company is an active one that nobody has yet.
func (w *world) company(change ...func(*portique.Company)) portique.SIREN {
	w.t.Helper()
	w.made++
	base := fmt.Sprintf("%08d", 55210055+w.made)
	for key := range 10 {
		if siren, err := portique.ParseSIREN(base + fmt.Sprint(key)); err == nil {
			storetest.Company(w.t, w.db, siren, change...)
			return siren
		}
	}
	panic("every number has its key")
}

func as(a *portique.Account) portique.Actor {
	return portique.Actor{AccountID: a.ID, Door: portique.DoorPortal, Source: "192.0.2.1"}
}

func (w *world) attach(a *portique.Account, siren portique.SIREN) (*access.Attached, error) {
	return w.Attach(w.t.Context(), as(a), string(siren), storetest.MemberCode)
}

// asks attaches a company that has had administrators, and returns the request.
func (w *world) asks(a *portique.Account, siren portique.SIREN) *portique.AccessRequest {
	w.t.Helper()
	attached, err := w.attach(a, siren)
	if err != nil || attached.Request == nil || attached.Membership != nil {
		w.t.Fatalf("asking for access: %+v, %v", attached, err)
	}
	return attached.Request
}

// letters are those posted since it was last asked: "request_received>jeanne request_sent>luc".
func (w *world) letters() string {
	w.t.Helper()
	var news []string
	for _, l := range storetest.Outbox(w.t, w.db, "") {
		if l.ID <= w.read { // not by their number: a newer one may stand for an older one
			continue
		}
		to, _, _ := strings.Cut(l.To, "@")
		news = append(news, string(l.Kind)+">"+to)
		w.read = l.ID
	}
	return strings.Join(news, " ")
}

// last is the newest letter to somebody.
func (w *world) last(a *portique.Account) *portique.Letter {
	w.t.Helper()
	all := storetest.Outbox(w.t, w.db, a.Email)
	if len(all) == 0 {
		w.t.Fatalf("no letter to %s", a.Email)
	}
	return all[len(all)-1]
}

func (w *world) posted(want string) {
	w.t.Helper()
	if got := w.letters(); got != want {
		w.t.Errorf("letters: %q, want %q", got, want)
	}
}

func (w *world) journal(subject, want string) {
	w.t.Helper()
	if got := storetest.Actions(w.t, w.db, subject); got != want {
		w.t.Errorf("journal: %q, want %q", got, want)
	}
}

func (w *world) want(what string, err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func refusal(key string) error { return &portique.Error{Key: key} }

// access is what somebody has in a company: "member [*]", "" for nothing.
func (w *world) access(a *portique.Account, siren portique.SIREN) string {
	w.t.Helper()
	m := w.membership(a, siren)
	if m == nil || !m.Active(w.watch.Now()) {
		return ""
	}
	return strings.TrimSuffix(fmt.Sprint(m.Role, " ", m.Rights), " []")
}

func (w *world) membership(a *portique.Account, siren portique.SIREN) *portique.Membership {
	w.t.Helper()
	list, err := w.Memberships(w.t.Context(), a.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range list {
		if m.SIREN == siren {
			return m
		}
	}
	return nil
}

func (w *world) ended(a *portique.Account) []access.Ended {
	w.t.Helper()
	over, err := w.Ended(w.t.Context(), a.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return over
}

func (w *world) request(id string) *portique.AccessRequest {
	w.t.Helper()
	var r *portique.AccessRequest
	err := w.db.View(w.t.Context(), func(tx *store.Tx) (err error) {
		r, err = tx.AccessRequest(id)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) disable(a *portique.Account) {
	w.t.Helper()
	storetest.Write(w.t, w.db, func(tx *store.Tx) error { return tx.SetAccountStatus(a.ID, portique.AccountDisabled) })
}

// together runs calls at the same time.
func together(calls ...func() error) []error {
	results := make([]error, len(calls))
	var all sync.WaitGroup
	for i, call := range calls {
		all.Go(func() { results[i] = call() })
	}
	all.Wait()
	return results
}
