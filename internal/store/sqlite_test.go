package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"portique"
)

// liteDB opens a SQLite database of the test's own.
func liteDB(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "portique.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// crowd runs writes that all come while a first one is under way, in that order, and returns their errors.
func crowd(t *testing.T, db *DB, writes ...func(context.Context, *Tx) error) []error {
	t.Helper()
	errs := make([]error, len(writes))
	under, goOn := make(chan bool), make(chan bool)
	begun := sync.OnceFunc(func() { close(under) }) // it may run again
	var all sync.WaitGroup
	all.Go(func() {
		err := db.Tx(t.Context(), func(tx *Tx) error { begun(); <-goOn; return line(tx, "first") })
		if err != nil {
			t.Errorf("the first: %v", err)
		}
	})
	<-under
	for i, f := range writes {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			errs[i] = db.Tx(t.Context(), func(tx *Tx) error { return f(t.Context(), tx) })
		})
		for waiting := -1; waiting != i+1; runtime.Gosched() {
			db.writer.mu.Lock()
			waiting = len(db.writer.queue)
			db.writer.mu.Unlock()
		}
	}
	close(goOn)
	all.Wait()
	return errs
}

func line(tx *Tx, subject string) error { return tx.Audit(portique.Event{Subject: subject}) }

func journal(t *testing.T, db *DB) (subjects []string) {
	t.Helper()
	err := db.View(t.Context(), func(tx *Tx) (err error) {
		subjects, err = all(tx, func(r row) (s string, err error) { err = r.Scan(&s); return s, err }, `SELECT subject FROM event ORDER BY rowid`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return subjects
}

// Writes that wait for each other share a commit, and nothing else: an error, a refusal, a panic keep to their own.
func TestWritesInOneCommit(t *testing.T) {
	db := liteDB(t)
	fault := errors.New("fault")
	var seen []string
	errs := crowd(t, db,
		func(_ context.Context, tx *Tx) error { return line(tx, "second") },
		func(_ context.Context, tx *Tx) error { return errors.Join(line(tx, "failed"), fault) },
		func(_ context.Context, tx *Tx) error { _ = line(tx, "panicked"); panic("oh") },
		func(_ context.Context, tx *Tx) error {
			return Refused(errors.Join(line(tx, "refused"), portique.ErrWrongCode))
		},
		func(_ context.Context, tx *Tx) error {
			_, err := tx.exec(`INSERT INTO setting (name, value) VALUES ('a', 'b'), ('a', 'c')`) // a broken constraint
			return errors.Join(line(tx, "broken"), err)
		},
		func(_ context.Context, tx *Tx) error {
			if got := journal(t, db); len(got) != 0 {
				t.Errorf("a reader sees what is not committed: %v", got)
			}
			seen, _ = all(tx, func(r row) (s string, err error) { err = r.Scan(&s); return s, err }, `SELECT subject FROM event ORDER BY rowid`)
			return line(tx, "last")
		},
	)
	want := []string{"first", "second", "refused", "last"}
	if got := journal(t, db); !slices.Equal(got, want) {
		t.Errorf("the journal has %v", got)
	}
	if !slices.Equal(seen, want[:3]) {
		t.Errorf("the last one saw %v", seen)
	}
	if errs[0] != nil || errs[1] == nil || !errors.Is(errs[1], fault) || errs[2] == nil || errs[2].Error() != "panic: oh" ||
		!errors.Is(errs[3], portique.ErrWrongCode) || errs[4] == nil || errs[5] != nil {
		t.Errorf("the errors are %v", errs)
	}
}

// One whose reader has gone, before its turn or in it, harms nobody.
func TestWriterGoneInACrowd(t *testing.T) {
	db := liteDB(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	err := db.Tx(gone, func(tx *Tx) error { ran = true; return line(tx, "gone") })
	if !errors.Is(err, context.Canceled) || ran {
		t.Errorf("%v, ran: %v", err, ran)
	}
	var inside error
	errs := crowd(t, db,
		func(_ context.Context, tx *Tx) error {
			var leave context.CancelFunc
			tx.ctx, leave = context.WithCancel(tx.ctx)
			_ = line(tx, "left")
			leave()
			inside = line(tx, "left")
			return inside
		},
		func(_ context.Context, tx *Tx) error { return line(tx, "last") },
	)
	if !errors.Is(inside, context.Canceled) || !errors.Is(errs[0], context.Canceled) || errs[1] != nil {
		t.Errorf("%v, %v", inside, errs)
	}
	// The same while waiting: it leaves the queue at once, and those behind it have their turn.
	waiting, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	errs = crowd(t, db, func(context.Context, *Tx) error {
		go func() { left <- db.Tx(waiting, func(tx *Tx) error { return line(tx, "never") }) }()
		for n := 0; n == 0; runtime.Gosched() {
			db.writer.mu.Lock()
			n = len(db.writer.queue)
			db.writer.mu.Unlock()
		}
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left the queue: %v", err)
		}
		return nil
	})
	if got := journal(t, db); errs[0] != nil || !slices.Equal(got, []string{"first", "last", "first"}) {
		t.Errorf("%v, the journal has %v", errs, got)
	}
}

// When SQLite itself rolls everything back, as it does on a full disk, those whose writes went with it run again.
func TestGroupLost(t *testing.T) {
	db := liteDB(t)
	fault := errors.New("the disk is full")
	tries := map[string]int{}
	again := func(name string) func(context.Context, *Tx) error {
		return func(_ context.Context, tx *Tx) error { tries[name]++; return line(tx, name) }
	}
	errs := crowd(t, db, again("before"),
		func(_ context.Context, tx *Tx) error {
			_, err := tx.exec("ROLLBACK")
			return errors.Join(fault, err)
		},
		again("after"))
	got := journal(t, db)
	slices.Sort(got)
	if !slices.Equal(got, []string{"after", "before", "first"}) || tries["before"] != 2 || tries["after"] != 1 {
		t.Errorf("the journal has %v after %v", got, tries)
	}
	if errs[0] != nil || !errors.Is(errs[1], fault) || errs[2] != nil {
		t.Errorf("the errors are %v", errs)
	}
	// Also when the one who broke it does not notice.
	errs = crowd(t, db, func(_ context.Context, tx *Tx) error {
		if tries["unaware"]++; tries["unaware"] == 1 {
			_, _ = tx.exec("ROLLBACK")
			return nil
		}
		return line(tx, "unaware")
	})
	if got := journal(t, db); errs[0] == nil && len(got) != 5 || errs[0] != nil && len(got) != 4 {
		t.Errorf("%v, the journal has %v", errs, got)
	}
}
