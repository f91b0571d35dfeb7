package store_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portique"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// rival is somebody else on the same PostgreSQL, with rights over our connections.
type rival struct {
	t    *testing.T
	conn *pgx.Conn
}

func newRival(t *testing.T, address string) *rival {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return &rival{t, conn}
}

// do runs a statement and returns how many rows it returned or changed.
func (r *rival) do(statement string) int64 {
	r.t.Helper()
	done, err := r.conn.Exec(r.t.Context(), statement)
	if err != nil {
		r.t.Fatal(err)
	}
	return done.RowsAffected()
}

// endAll ends every connection but its own, and waits until they are gone.
func (r *rival) endAll() {
	r.t.Helper()
	const others = "FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
	r.do("SELECT pg_terminate_backend(pid) " + others)
	for r.do("SELECT "+others) > 0 {
		time.Sleep(time.Millisecond)
	}
}

// What is said of a commit that was interrupted: that nobody knows, unless COMMIT was not sent at all.
func TestInterruptedCommits(t *testing.T) {
	address := ""
	db := storetest.Open(t, "postgres", func(o *store.Options) { address = o.URL })
	them := newRival(t, address)
	them.endAll()
	if err := db.Tx(t.Context(), func(tx *store.Tx) error { _, err := tx.Account(store.NewID()); return err }); !errors.Is(err, portique.ErrAccountUnknown) {
		t.Fatal(err)
	}
	tries := 0
	err := db.Tx(t.Context(), func(tx *store.Tx) error { // on that new connection, which has yet to learn what COMMIT is
		if tries++; tries == 1 {
			if _, err := tx.Account(store.NewID()); !errors.Is(err, portique.ErrAccountUnknown) {
				return err
			}
			them.endAll()
			return nil // nothing is left to send but COMMIT
		}
		return tx.Audit(portique.Event{Subject: "not sent"})
	})
	if n := len(storetest.Journal(t, db, "not sent")); err != nil || tries != 2 || n != 1 {
		t.Errorf("a connection that ended before COMMIT was sent: %v after %d tries, %d rows", err, tries, n)
	}
	them.do("BEGIN")
	them.do("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		for them.do("SELECT FROM pg_locks WHERE NOT granted AND relation = 'event'::regclass") == 0 {
			time.Sleep(time.Millisecond)
		}
		giveUp()
	}()
	err = db.Tx(ctx, func(tx *store.Tx) error { return tx.Audit(portique.Event{Subject: "given up"}) })
	var told *portique.Error
	if !errors.As(err, &told) || told.Key != store.ErrOutcomeUnknown.Key || !errors.Is(err, context.Canceled) {
		t.Errorf("given up while COMMIT is under way: %v", err)
	}
	them.do("ROLLBACK")
}

// A network that swallows what was sent on connections made before: one wait for an answer tells of all of them.
func TestConnectionsSwallowed(t *testing.T) {
	t.Parallel()
	address := ""
	storetest.Open(t, "postgres", func(o *store.Options) { address = o.URL })
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	target := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var age atomic.Int64 // connections of another swallow
	over := make(chan struct{})
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", target)
			if err != nil {
				near.Close()
				continue
			}
			go func() {
				<-over
				near.Close()
				far.Close()
			}()
			born := age.Load()
			pass := func(from, to net.Conn) {
				defer to.Close()
				some := make([]byte, 4096)
				for {
					n, err := from.Read(some)
					if err != nil {
						return
					}
					if age.Load() == born {
						_, _ = to.Write(some[:n])
					}
				}
			}
			go pass(near, far)
			go pass(far, near)
		}
	}()
	u.Host = l.Addr().String()
	db, err := store.Open(t.Context(), store.Options{URL: u.String(), Keys: storetest.Keys(), Patience: 8 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		begun := time.Now()
		db.Close()
		if took := time.Since(begun); took > 10*time.Second { // the library's own patience is 15 s a pool
			t.Errorf("closing waited %s for goodbyes that nobody hears", took)
		}
		close(over)
	}()
	const many = 6
	var all, inside sync.WaitGroup
	inside.Add(many)
	look := func(tx *store.Tx) error {
		_, err := tx.Account(store.NewID())
		if errors.Is(err, portique.ErrAccountUnknown) {
			return nil
		}
		return err
	}
	for range many { // each holds a connection until all have one
		all.Go(func() {
			err := db.Tx(t.Context(), func(tx *store.Tx) error {
				err := look(tx)
				inside.Done()
				inside.Wait()
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	time.Sleep(1100 * time.Millisecond) // idle for long enough to be doubted
	age.Add(1)
	if err := db.Tx(t.Context(), look); err != nil {
		t.Errorf("after %d connections were swallowed: %v", many, err)
	}
}

// Somebody ends every connection of the pools (a failover, an administrator): who comes next does not meet them one after the other.
func TestConnectionsEnded(t *testing.T) {
	address := ""
	db := storetest.Open(t, "postgres", func(o *store.Options) { address = o.URL })
	them := newRival(t, address)
	look := func(tx *store.Tx) error {
		_, err := tx.Membership(store.NewID())
		if errors.Is(err, portique.ErrMembershipUnknown) {
			return nil
		}
		return err
	}
	for what, run := range map[string]func(context.Context, func(*store.Tx) error) error{"reading": db.View, "writing": db.Tx} {
		const many = 6 // more than the times that a transaction runs again
		for range 2 {  // at its second use the pool asks a connection whether it lives, and then for a second no more
			// They wait for the same table, so that each has a connection of its own.
			them.do("BEGIN")
			them.do("LOCK TABLE membership IN ACCESS EXCLUSIVE MODE")
			var all sync.WaitGroup
			for range many {
				all.Go(func() {
					if err := run(t.Context(), look); err != nil {
						t.Errorf("%s: %v", what, err)
					}
				})
			}
			for them.do("SELECT FROM pg_locks WHERE NOT granted AND relation = 'membership'::regclass") < many {
				time.Sleep(time.Millisecond)
			}
			them.do("COMMIT")
			all.Wait()
		}
		them.endAll()
		if err := run(t.Context(), look); err != nil {
			t.Errorf("%s, after all connections were ended: %v", what, err)
		}
	}
}
