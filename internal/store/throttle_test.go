package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portique"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

var few = portique.Budget{Name: "few", Limit: 5, Window: time.Hour, Refusal: "throttle.source"}

// However many try at once, no budget is overrun; what is given back can be taken again; keys do not touch each other.
func TestTake(t *testing.T) {
	var watch *storetest.Watch
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		watch = storetest.NewWatch()
		ctx := t.Context()
		mine, yours := store.Try{Budget: few, Key: []string{"a", "bc"}}, store.Try{Budget: few, Key: []string{"ab", "c"}}
		crowd := func() (taken []store.Taken) {
			var mu sync.Mutex
			var all sync.WaitGroup
			for range 40 {
				all.Go(func() {
					one, err := db.Take(ctx, mine)
					mu.Lock()
					defer mu.Unlock()
					switch portique.KindOf(err) {
					case portique.TooSoon:
					default:
						if err != nil {
							t.Error(err)
						}
						taken = append(taken, one)
					}
				})
			}
			all.Wait()
			return taken
		}
		taken := crowd()
		if len(taken) != few.Limit {
			t.Errorf("%d of 40 were let through, the budget is %d", len(taken), few.Limit)
		}
		if _, err := db.Take(ctx, yours); err != nil {
			t.Errorf("another key: %v", err)
		}
		for _, one := range taken[:2] {
			if err := db.GiveBack(ctx, one); err != nil {
				t.Fatal(err)
			}
		}
		if again := crowd(); len(again) != 2 {
			t.Errorf("%d were let through after 2 were given back", len(again))
		}
		// Two budgets are taken together or not at all.
		if _, err := db.Take(ctx, yours, mine); portique.KindOf(err) != portique.TooSoon {
			t.Errorf("the second is spent: %v", err)
		}
		for range few.Limit - 1 {
			if _, err := db.Take(ctx, yours); err != nil {
				t.Errorf("a refused try was counted: %v", err)
			}
		}
		watch.Forward(time.Hour)
		if again := crowd(); len(again) != few.Limit {
			t.Errorf("%d were let through in the next hour", len(again))
		}
		// The hour told is the one at which a try is taken.
		watch.Forward(20 * time.Minute)
		err := db.View(ctx, func(tx *store.Tx) error { return tx.Allowed(mine) })
		refused, _ := err.(*portique.Error)
		if refused == nil || !refused.RetryAt.Equal(watch.Now().Add(40*time.Minute)) || refused.Key != few.Refusal {
			t.Errorf("the refusal is %+v", refused)
		}
		storetest.Write(t, db, func(tx *store.Tx) error { return tx.Forgive(mine) })
		if _, err := db.Take(ctx, mine); err != nil {
			t.Errorf("forgiven: %v", err)
		}
		// Several tries of one id count once.
		once := store.Try{Budget: few, Key: []string{"once"}, ID: "the same"}
		for range 2 * few.Limit {
			if _, err := db.Take(ctx, once); err != nil {
				t.Errorf("the same one again: %v", err)
			}
		}
	}, storetest.Clock(func() time.Time { return watch.Now() }))
}

// A try let go counts nowhere and keeps nobody waiting, though its transaction goes on; one held keeps the others out until its end.
func TestLetGo(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		one := store.Try{Budget: portique.Budget{Name: "one", Limit: 1, Window: time.Hour, Refusal: "throttle.source"}}
		mild := one
		mild.Mild = true
		storetest.Write(t, db, func(tx *store.Tx) error {
			if held, err := tx.Hold(one); err != nil || len(held) != 1 {
				t.Errorf("%v, %v", held, err)
			}
			if err := tx.LetGo(); err != nil {
				return err
			}
			if db.Path() == "" { // on SQLite, who writes is alone
				taken, err := db.Take(t.Context(), one)
				if err != nil {
					t.Errorf("let go: %v", err)
				}
				return db.GiveBack(t.Context(), taken)
			}
			return nil
		})
		var all sync.WaitGroup
		var counted atomic.Int32
		for range 10 {
			all.Go(func() {
				err := db.Tx(t.Context(), func(tx *store.Tx) error {
					held, err := tx.Hold(mild)
					if err != nil {
						return err
					}
					counted.Add(int32(len(held)))
					return tx.CountTaken(held)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := counted.Load(); n != 1 {
			t.Errorf("%d were counted, the budget is 1", n)
		}
		if _, err := db.Take(t.Context(), one); portique.KindOf(err) != portique.TooSoon {
			t.Errorf("it is spent: %v", err)
		}
	})
}
