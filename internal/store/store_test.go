package store_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

const (
	siren portique.SIREN = "552100554"
	other portique.SIREN = "732829320"
)

// What must be one of its kind is a constraint, told in our words, and the transaction goes on.
func TestUniqueness(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		jeanne := storetest.Account(t, db, "jeanne@martin.example")
		luc := storetest.Account(t, db, "luc@martin.example")
		storetest.Company(t, db, siren)
		membership := func(status portique.MembershipStatus) func(tx *store.Tx) error {
			return func(tx *store.Tx) error {
				return tx.InsertMembership(&portique.Membership{ID: store.NewID(), AccountID: jeanne.ID, SIREN: siren, Role: portique.Member, Status: status, Since: tx.Now()})
			}
		}
		request := func(status portique.RequestStatus) func(tx *store.Tx) error {
			return func(tx *store.Tx) error {
				return tx.InsertRequest(&portique.AccessRequest{ID: store.NewID(), AccountID: jeanne.ID, SIREN: siren, Status: status, CreatedAt: tx.Now()})
			}
		}
		account := func(email string) func(tx *store.Tx) error {
			return func(tx *store.Tx) error {
				return tx.InsertAccount(&portique.Account{ID: store.NewID(), Email: email, Status: portique.AccountActive})
			}
		}
		tool := func(tx *store.Tx) error { return tx.InsertTool(&portique.Tool{ID: "paie"}) }
		first := func(accountID string, want bool) func(tx *store.Tx) error {
			return func(tx *store.Tx) error {
				if got, err := tx.ClaimFirstAdministrator(siren, accountID); err != nil || got != want {
					return fmt.Errorf("first = %v, %w", got, err)
				}
				return nil
			}
		}
		for i, c := range []struct {
			do   func(tx *store.Tx) error
			want error
		}{
			{account("paul@martin.example"), nil},
			{account("paul@martin.example"), portique.ErrEmailTaken},
			{membership(portique.MembershipActive), nil},
			{membership(portique.MembershipActive), portique.ErrAlreadyMember},
			{membership(portique.MembershipSuspended), portique.ErrAlreadyMember},
			{membership(portique.MembershipEnded), nil},
			{membership(portique.MembershipEnded), nil},
			{request(portique.RequestPending), nil},
			{request(portique.RequestPending), portique.ErrRequestPending},
			{request(portique.RequestRefused), nil},
			{tool, nil},
			{tool, portique.ErrToolExists},
			{first(luc.ID, true), nil},
			{first(jeanne.ID, false), nil},
			{first(luc.ID, false), nil},
		} {
			storetest.Write(t, db, func(tx *store.Tx) error {
				if err := c.do(tx); !errors.Is(err, c.want) {
					t.Errorf("%d: %v, want %v", i, err, c.want)
				}
				return tx.Audit(portique.Event{Subject: "after"}) // still usable
			})
		}
		if n := len(storetest.Journal(t, db, "after")); n != 15 {
			t.Errorf("%d transactions went on", n)
		}
	})
}

func TestFate(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		fault := errors.New("fault")
		line := func(tx *store.Tx, err error) error {
			if e := tx.Audit(portique.Event{Subject: t.Name(), Action: "test"}); e != nil {
				return e
			}
			if e := tx.Post(&portique.Letter{To: "jeanne@martin.example"}); e != nil {
				return e
			}
			return err
		}
		written := func(what string, want int) {
			t.Helper()
			if e, l := len(storetest.Journal(t, db, t.Name())), len(storetest.Outbox(t, db, "")); e != want || l != want {
				t.Errorf("%s: %d lines and %d letters, want %d", what, e, l, want)
			}
		}
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return line(tx, fault) }); err != fault {
			t.Errorf("an error came out as %v", err)
		}
		written("an error", 0)
		func() {
			defer func() {
				if p := recover(); p != "panic" {
					t.Errorf("a panic came out as %v", p)
				}
			}()
			_ = db.Tx(t.Context(), func(tx *store.Tx) error {
				_ = line(tx, nil)
				panic("panic")
			})
		}()
		written("a panic", 0)
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return fmt.Errorf("counted: %w", store.Refused(line(tx, portique.ErrWrongCode)))
		})
		if !errors.Is(err, portique.ErrWrongCode) || portique.KindOf(err) != portique.Invalid {
			t.Errorf("a refusal came out as %v", err)
		}
		written("a refusal", 1)
		storetest.Write(t, db, func(tx *store.Tx) error { return line(tx, nil) })
		written("a success", 2)
		ctx, cancel := context.WithCancel(t.Context())
		if err := db.Tx(ctx, func(tx *store.Tx) error { cancel(); return line(tx, nil) }); err == nil {
			t.Error("a transaction whose reader has gone succeeded")
		}
		written("a reader who has gone", 2)
	})
}

// What only writes may be sent later than it was asked for: still before the next question, still all or nothing, and what is wrong
// with it is known, not a commit that nobody can tell of.
func TestKeptBack(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const insert = `INSERT INTO setting (name, value) VALUES ($1, 'x')`
		add := func(tx *store.Tx, n int) error {
			for i := range n {
				if err := tx.Audit(portique.Event{Subject: fmt.Sprint(n), Reason: fmt.Sprint(i)}); err != nil {
					return err
				}
			}
			return nil
		}
		for _, n := range []int{1, 63, 64, 65, 200} {
			storetest.Write(t, db, func(tx *store.Tx) error { return add(tx, n) })
			if got := len(storetest.Journal(t, db, fmt.Sprint(n))); got != n {
				t.Errorf("%d of %d were written", got, n)
			}
		}
		account := &portique.Account{ID: store.NewID(), Email: "jeanne@martin.example", Status: portique.AccountActive}
		storetest.Write(t, db, func(tx *store.Tx) error {
			if err := tx.InsertAccount(account); err != nil {
				return err
			}
			if err := tx.SetAccountLanguage(account.ID, "en"); err != nil {
				return err
			}
			a, err := tx.Account(account.ID)
			if err == nil && a.Language != "en" {
				t.Errorf("the next question does not see what was written: %+v", a)
			}
			return err
		})
		for what, then := range map[string]func(tx *store.Tx) error{
			"at the commit": func(*store.Tx) error { return nil },
			"by a question": func(tx *store.Tx) error { _, err := tx.Account(account.ID); return err },
			"by a refusal":  func(*store.Tx) error { return store.Refused(portique.ErrWrongCode) },
		} {
			tries := 0
			err := db.Tx(t.Context(), func(tx *store.Tx) error {
				tries++
				if err := tx.Audit(portique.Event{Subject: what}); err != nil {
					return err
				}
				for range 2 { // the same name twice
					if err := tx.Send(insert, "twice"); err != nil {
						return err
					}
				}
				return then(tx)
			})
			if portique.KindOf(err) != portique.Internal || tries != 1 || len(storetest.Journal(t, db, what)) != 0 {
				t.Errorf("a broken constraint seen %s: %v after %d tries", what, err, tries)
			}
		}
		// Whoever goes on after an error does not get half of what they asked for.
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			if err := tx.Audit(portique.Event{Subject: "half"}); err != nil {
				return err
			}
			_ = tx.Send(`INSERT INTO nowhere (name) VALUES ($1)`, "x")
			_, _ = tx.Account(account.ID)
			return tx.Audit(portique.Event{Subject: "half"})
		})
		if n := len(storetest.Journal(t, db, "half")); err == nil && n != 2 || err != nil && n != 0 {
			t.Errorf("after an error that was passed over: %d of 2 were written, %v", n, err)
		}
		storetest.Write(t, db, func(*store.Tx) error { return nil })
	})
}

// A transaction that failed for a moment runs again, a few times.
func TestTransientFailures(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		for _, code := range []string{"40001", "40P01"} {
			tries := 0
			storetest.Write(t, db, func(tx *store.Tx) error {
				if tries++; tries < 3 {
					if err := tx.Audit(portique.Event{Subject: "lost"}); err != nil {
						return err
					}
					return fmt.Errorf("doing: %w", &pgconn.PgError{Code: code})
				}
				return tx.Audit(portique.Event{Subject: code})
			})
			if tries != 3 || len(storetest.Journal(t, db, code)) != 1 || len(storetest.Journal(t, db, "lost")) != 0 {
				t.Errorf("%s: %d tries", code, tries)
			}
		}
		tries := 0
		err := db.Tx(t.Context(), func(*store.Tx) error { tries++; return &pgconn.PgError{Code: "40001"} })
		if portique.KindOf(err) != portique.Unavailable || tries < 5 || tries > 50 {
			t.Errorf("without end: %v after %d tries", err, tries)
		}
		tries = 0
		err = db.Tx(t.Context(), func(*store.Tx) error { tries++; return &pgconn.PgError{Code: "23514"} })
		if portique.KindOf(err) != portique.Internal || tries != 1 {
			t.Errorf("a fault of ours: %v after %d tries", err, tries)
		}
	})
}

// What a failure means, told to whom it concerns: run again, come back later, or ours.
func TestFaults(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		pg := func(code string) error { return fmt.Errorf("doing: %w", &pgconn.PgError{Code: code}) }
		for name, c := range map[string]struct {
			err   error
			kind  portique.Kind
			tries int
		}{
			"a broken connection":      {fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), portique.Unavailable, 3},
			"a reset":                  {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, portique.Unavailable, 3},
			"a bad connection":         {driver.ErrBadConn, portique.Unavailable, 3},
			"ended by the admin":       {pg("57P01"), portique.Unavailable, 3},
			"a connection exception":   {pg("08006"), portique.Unavailable, 3},
			"too many connections":     {pg("53300"), portique.Unavailable, 1},
			"a full disk":              {pg("53100"), portique.Unavailable, 1},
			"starting":                 {pg("57P03"), portique.Unavailable, 1},
			"a statement's time-out":   {pg("57014"), portique.Unavailable, 1},
			"a standby":                {pg("25006"), portique.Unavailable, 1},
			"no time left":             {context.DeadlineExceeded, portique.Unavailable, 1},
			"a fault of the statement": {pg("42601"), portique.Internal, 1},
			"damage":                   {pg("XX001"), portique.Internal, 1},
			"a refusal":                {portique.ErrSignIn, portique.KindOf(portique.ErrSignIn), 1},
		} {
			tries := 0
			err := db.Tx(t.Context(), func(*store.Tx) error { tries++; return c.err })
			if portique.KindOf(err) != c.kind || tries != c.tries || errors.Is(err, store.ErrOutcomeUnknown) {
				t.Errorf("%s: %v after %d tries", name, err, tries)
			}
		}
	})
}

// A transaction takes no longer than its caller allows, whatever it waits for, and then says that it cannot, not that it broke.
func TestPatience(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		storetest.Company(t, db, siren)
		held, release := make(chan struct{}), make(chan struct{})
		var holder sync.WaitGroup
		holder.Go(func() {
			err := db.Tx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.LockCompany(siren)
				close(held)
				<-release
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-held
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := db.Tx(ctx, func(tx *store.Tx) error { _, err := tx.LockCompany(siren); return err })
		if portique.KindOf(err) != portique.Unavailable || errors.Is(err, store.ErrOutcomeUnknown) {
			t.Errorf("one that waited: %v", err)
		}
		close(release)
		holder.Wait()
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// Two transactions that wait for each other both succeed in the end.
func TestDeadlock(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		storetest.Company(t, db, siren)
		storetest.Company(t, db, other)
		var both sync.WaitGroup
		for _, order := range [][]portique.SIREN{{siren, other}, {other, siren}} {
			both.Go(func() {
				err := db.Tx(t.Context(), func(tx *store.Tx) error {
					for _, s := range order {
						if _, err := tx.LockCompany(s); err != nil {
							return err
						}
						time.Sleep(50 * time.Millisecond)
					}
					return tx.Audit(portique.Event{Subject: "both"})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if n := len(storetest.Journal(t, db, "both")); n != 2 {
			t.Errorf("%d succeeded", n)
		}
	})
}

// Sign-ups of one address that end each other at the same moment take turns: neither waits for the other's end.
func TestSignUpsTakeTurns(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ids := []string{store.NewID(), store.NewID()}
		for _, id := range ids {
			storetest.Write(t, db, func(tx *store.Tx) error {
				return tx.InsertSignUp(&portique.SignUp{ID: id, Email: "jeanne@martin.example", BrowserHash: []byte(id), LinkHash: []byte(id), CodeHash: []byte(id), DisownHash: []byte(id)})
			})
		}
		var runs atomic.Int32
		var both sync.WaitGroup
		for _, id := range ids {
			both.Go(func() {
				err := db.Tx(t.Context(), func(tx *store.Tx) error {
					runs.Add(1)
					s, err := tx.SignUp(id)
					if err != nil {
						return err
					}
					time.Sleep(50 * time.Millisecond)
					return tx.EndSignUps(s.Email)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if n := runs.Load(); n != 2 {
			t.Errorf("two transactions ran %d times", n)
		}
	})
}

// A text that no database holds is simply unknown: what people send in an address or a cookie ends here.
func TestUnwritableText(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		for _, s := range []string{"\x00", "a\x00b", "\xff", "abc\xc3"} {
			err := db.View(t.Context(), func(tx *store.Tx) error {
				for name, c := range map[string]struct {
					read func() error
					want error
				}{
					"authorization": {func() error { _, err := tx.Waiting(s); return err }, store.ErrNoAuthorization},
					"membership":    {func() error { _, err := tx.Membership(s); return err }, portique.ErrMembershipUnknown},
					"request":       {func() error { _, err := tx.AccessRequest(s); return err }, portique.ErrRequestUnknown},
					"session":       {func() error { _, err := tx.Session(s); return err }, store.ErrNoSession},
					"tool":          {func() error { _, err := tx.Tool(s); return err }, store.ErrToolUnknown},
					"signed in":     {func() error { _, err := tx.SignedIn(s); return err }, store.ErrNoSession},
					"standing":      {func() error { _, err := tx.Standing(s); return err }, store.ErrNoGrant},
				} {
					if err := c.read(); !errors.Is(err, c.want) {
						t.Errorf("%q as %s: %v", s, name, err)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}

func TestViewCannotWrite(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		err := db.View(t.Context(), func(tx *store.Tx) error { return tx.Audit(portique.Event{Subject: "view"}) })
		if err == nil || len(storetest.Journal(t, db, "view")) != 0 {
			t.Errorf("a reading transaction wrote: %v", err)
		}
	})
}

// Two workers never take the same letter; those of a dead worker come back.
func TestTakeLetters(t *testing.T) {
	watch := storetest.NewWatch()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		storetest.Write(t, db, func(tx *store.Tx) error {
			for i := range 30 {
				l := &portique.Letter{To: fmt.Sprintf("p%d@x.example", i), Secret: map[string]string{"code": "048213"}}
				if err := tx.Post(l); err != nil {
					return err
				}
			}
			return tx.Post(&portique.Letter{To: "later@x.example", RunAt: tx.Now().Add(time.Hour)})
		})
		claim := func() []string {
			var to []string
			err := db.Tx(t.Context(), func(tx *store.Tx) error {
				to = nil
				due, err := tx.DueLetters(10)
				if err != nil {
					return err
				}
				var ids []string
				for _, l := range due {
					ids = append(ids, l.ID)
				}
				letters, err := tx.TakeLetters(ids, time.Minute)
				for _, l := range letters {
					to = append(to, l.To)
					if l.Secret["code"] != "048213" || strings.Contains(string(l.Sealed), "048213") {
						t.Errorf("%s: secret %v", l.To, l.Secret)
					}
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return to
		}
		var mu sync.Mutex
		taken := map[string]int{}
		var workers sync.WaitGroup
		for range 2 {
			workers.Go(func() {
				for range 4 { // PostgreSQL may skip what the other is looking at
					for _, to := range claim() {
						mu.Lock()
						taken[to]++
						mu.Unlock()
					}
				}
			})
		}
		workers.Wait()
		if len(taken) != 30 {
			t.Errorf("%d of 30 letters were taken", len(taken))
		}
		for to, n := range taken {
			if n != 1 || to == "later@x.example" {
				t.Errorf("%s was taken %d times", to, n)
			}
		}
		if again := claim(); len(again) != 0 {
			t.Errorf("taken again before the lease ran out: %v", again)
		}
		watch.Forward(time.Minute)
		if again := claim(); len(again) != 10 {
			t.Errorf("%d came back", len(again))
		}
	}, storetest.Clock(watch.Now))
}

// A letter that a newer one stands for is taken back, unless somebody has it in hand, it has left, or it is another's.
func TestTakeBackLetters(t *testing.T) {
	watch := storetest.NewWatch()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const to, about = "jeanne@martin.example", "0197"
		letters := map[string]*portique.Letter{
			"first":        {To: to, About: about, Kind: portique.LetterRoleChanged, Data: map[string]string{"role": "member"}},
			"second":       {To: to, About: about, Kind: portique.LetterAdministrator, RunAt: watch.Now().Add(time.Hour)},
			"in hand":      {To: to, About: about, Kind: portique.LetterRoleChanged},
			"sent":         {To: to, About: about, Kind: portique.LetterRoleChanged},
			"dead":         {To: to, About: about, Kind: portique.LetterRoleChanged},
			"of a kind":    {To: to, About: about, Kind: portique.LetterAccessEnded},
			"to another":   {To: "luc@durand.example", About: about, Kind: portique.LetterRoleChanged},
			"of another":   {To: to, About: "0198", Kind: portique.LetterRoleChanged},
			"about no one": {To: to, Kind: portique.LetterRoleChanged},
		}
		storetest.Write(t, db, func(tx *store.Tx) error {
			for _, name := range []string{"first", "second", "in hand", "sent", "dead", "of a kind", "to another", "of another", "about no one"} {
				l := letters[name]
				if err := tx.Post(l); err != nil {
					return err
				}
				if name == "sent" || name == "dead" {
					l.Status = portique.LetterStatus(name)
					if err := tx.FinishLetter(l); err != nil {
						return err
					}
				}
			}
			_, err := tx.TakeLetters([]string{letters["in hand"].ID}, time.Minute)
			return err
		})
		take := func(about string) (taken []*portique.Letter) {
			storetest.Write(t, db, func(tx *store.Tx) (err error) {
				taken, err = tx.TakeBackLetters(to, about, portique.LetterRoleChanged, portique.LetterAdministrator)
				return err
			})
			return taken
		}
		if got := take(""); len(got) != 0 {
			t.Errorf("about nothing: %d", len(got))
		}
		got := take(about)
		if len(got) != 2 || got[0].ID != letters["first"].ID || got[0].Data["role"] != "member" || got[1].ID != letters["second"].ID {
			t.Errorf("%d taken back: %+v", len(got), got)
		}
		if left := storetest.Outbox(t, db, ""); len(left) != len(letters)-2 {
			t.Errorf("%d are left", len(left))
		}
		watch.Forward(2 * time.Minute) // the worker is dead
		if got := take(about); len(got) != 1 || got[0].ID != letters["in hand"].ID {
			t.Errorf("%d after the lease", len(got))
		}
	}, storetest.Clock(watch.Now))
}

// A dead letter may be queued again, unless what it carried is gone with it.
func TestRetryLetter(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		for _, c := range []struct {
			kind   portique.LetterKind
			status portique.LetterStatus
			ok     bool
		}{
			{portique.LetterAdministrator, portique.LetterDead, true},
			{portique.LetterValidation, portique.LetterDead, false},
			{portique.LetterAdministrator, portique.LetterSent, false},
			{portique.LetterAdministrator, portique.LetterQueued, false},
		} {
			l := &portique.Letter{To: "jeanne@martin.example", Kind: c.kind}
			storetest.Write(t, db, func(tx *store.Tx) error {
				if err := tx.Post(l); err != nil {
					return err
				}
				l.Status, l.Attempts = c.status, 40
				return tx.FinishLetter(l)
			})
			err := db.Tx(t.Context(), func(tx *store.Tx) error { return tx.RetryLetter(l.ID) })
			if (err == nil) != c.ok || err != nil && !errors.Is(err, store.ErrLetterNotDead) {
				t.Errorf("a letter %s %s: %v", c.kind, c.status, err)
			}
			all := storetest.Outbox(t, db, "")
			now := all[slices.IndexFunc(all, func(one *portique.Letter) bool { return one.ID == l.ID })]
			if c.ok && (now.Status != portique.LetterQueued || now.Attempts != 0 || now.MessageID != l.MessageID) {
				t.Errorf("queued again: %+v", now)
			}
		}
	})
}

// raw runs a statement behind the store's back.
func raw(t *testing.T, address, statement string) {
	t.Helper()
	driver := "pgx"
	if path, lite := strings.CutPrefix(address, "sqlite:"); lite {
		driver, address = "sqlite", path
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestSchemaVersion(t *testing.T) {
	var address string
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if n, err := db.Migrate(ctx); n != 0 || err != nil {
			t.Errorf("a schema up to date took %d steps: %v", n, err)
		}
		raw(t, address, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
		if err := db.CheckSchema(ctx); !errors.Is(err, store.ErrSchemaNew) {
			t.Errorf("a newer schema: %v", err)
		}
		if _, err := db.Migrate(ctx); !errors.Is(err, store.ErrSchemaNew) {
			t.Errorf("migrating a newer schema: %v", err)
		}
		raw(t, address, "DELETE FROM goose_db_version WHERE version_id = 99999 OR version_id = (SELECT max(version_id) FROM goose_db_version WHERE version_id < 99999)")
		if err := db.CheckSchema(ctx); !errors.Is(err, store.ErrSchemaOld) {
			t.Errorf("an older schema: %v", err)
		}
	}, func(o *store.Options) { address = o.URL })

	empty, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "new.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if err := empty.Ping(t.Context()); err == nil {
		t.Error("an empty database is ready")
	}
	if err := empty.CheckSchema(t.Context()); !errors.Is(err, store.ErrSchemaOld) {
		t.Errorf("an empty database: %v", err)
	}
	if n, err := empty.Migrate(t.Context()); n < 2 || err != nil {
		t.Errorf("%d steps, %v", n, err)
	}
	if err := errors.Join(empty.CheckSchema(t.Context()), empty.Ping(t.Context())); err != nil {
		t.Error(err)
	}
}

// A database knows the key that it was filled with, by a fingerprint.
func TestCheckKeys(t *testing.T) {
	var address string
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		for range 2 {
			if err := db.CheckKeys(t.Context()); err != nil {
				t.Error(err)
			}
		}
		foreign, err := secret.NewKeys([]byte("another master key, of 32 bytes!"))
		if err != nil {
			t.Fatal(err)
		}
		second, err := store.Open(t.Context(), store.Options{URL: address, Keys: foreign})
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		if err := second.CheckKeys(t.Context()); err == nil || !strings.Contains(err.Error(), "master key") {
			t.Errorf("with another key: %v", err)
		}
		if err := db.CheckKeys(t.Context()); err != nil {
			t.Errorf("the right key, after a wrong one: %v", err)
		}
	}, func(o *store.Options) { address = o.URL })
}

// One server on a SQLite file; any number on PostgreSQL.
func TestLock(t *testing.T) {
	var address string
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		again := func() (*store.DB, error) {
			t.Helper()
			second, err := store.Open(t.Context(), store.Options{URL: address})
			if err != nil {
				t.Fatal(err)
			}
			return second, second.Lock()
		}
		first, err := again()
		if err != nil {
			t.Fatal(err)
		}
		second, err := again()
		if lite := db.Path() != ""; lite != (err != nil) {
			t.Errorf("a second server: %v", err)
		}
		if err := db.CheckKeys(t.Context()); err != nil { // other commands run beside it
			t.Error(err)
		}
		first.Close()
		second.Close()
		third, err := again()
		if err != nil {
			t.Errorf("once the first has stopped: %v", err)
		}
		third.Close()
	}, func(o *store.Options) { address = o.URL })
}

func TestOpenRefuses(t *testing.T) {
	for _, address := range []string{"", "sqlite:", "mysql://x", "portique.db", "sqlite:" + filepath.Join(t.TempDir(), "no", "such", "folder.db"),
		"postgres://nobody@127.0.0.1:1/x?connect_timeout=2"} {
		if db, err := store.Open(t.Context(), store.Options{URL: address}); err == nil {
			db.Close()
			t.Errorf("%q opens", address)
		}
	}
}
