package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portique"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// Budgets small enough to be spent in a few tries.
var (
	three = portique.Budget{Name: "three", Limit: 3, Window: time.Hour, Refusal: "throttle.source"}
	waits = portique.Budget{Name: "waits", Limit: 8, Window: 24 * time.Hour, Free: 2, Refusal: "throttle.sign_in"}
	slots = portique.Budget{Name: "slots", Limit: 2, Window: time.Hour}
)

// tries is the model of a counter: when each try was counted, by id.
type tries map[string]time.Time

// recent are the tries that count, oldest first, those still to come included.
func (c tries) recent(b portique.Budget, now time.Time) (list []time.Time) {
	for _, t := range c {
		if now.Sub(t) < b.Window {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}

// allows says whether one more try may be taken: fewer than the limit in the window, and once the free ones are used a wait since
// the last, a minute that doubles with each further try, up to an hour.
func (c tries) allows(b portique.Budget, now time.Time) bool {
	recent := c.recent(b, now)
	n := len(recent)
	if n >= b.Limit {
		return false
	}
	if b.Free == 0 || n < b.Free {
		return true
	}
	wait := time.Minute
	for range n - b.Free {
		wait = min(2*wait, time.Hour)
	}
	return !now.Before(recent[n-1].Add(wait))
}

// The counters in the database do what a list of times does: tries are counted against all their budgets or none, given back,
// forgiven, counted once for one id, purged; letters leave at the first moment that their budget allows.
func TestThrottleLikeTheModel(t *testing.T) {
	storetest.Property(t, 40, 50, func(t *rapid.T, db *store.DB, watch *storetest.Watch) {
		counters := map[string]tries{}
		counter := func(b portique.Budget, key string) tries {
			name := b.Name + " " + key
			if counters[name] == nil {
				counters[name] = tries{}
			}
			return counters[name]
		}
		key := func(t *rapid.T) string { return rapid.SampledFrom([]string{"anne", "bruno"}).Draw(t, "key") }
		budget := func(t *rapid.T) portique.Budget {
			return map[string]portique.Budget{"three": three, "waits": waits, "slots": slots}[rapid.SampledFrom([]string{"three", "waits", "slots"}).Draw(t, "budget")]
		}
		type given struct {
			taken   store.Taken
			counted []func() // take it off the model
		}
		var kept []given
		made := 0
		take := func(t *rapid.T) {
			who, id := key(t), rapid.SampledFrom([]string{"", "", "same"}).Draw(t, "id")
			asked := []store.Try{{Budget: three, Key: []string{who}, ID: id}, {Budget: waits, Key: []string{"all"}}}[rapid.IntRange(0, 1).Draw(t, "without the first"):]
			var refusing *portique.Budget
			var full tries
			for _, a := range slices.Backward(asked) {
				if c := counter(a.Budget, a.Key[0]); !c.allows(a.Budget, watch.Now()) {
					refusing, full = &a.Budget, c
				}
			}
			taken, err := db.Take(t.Context(), asked...)
			if refusing == nil {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				g := given{taken: taken}
				for _, a := range asked {
					made++
					id, c := fmt.Sprint(made), counter(a.Budget, a.Key[0])
					if a.ID != "" {
						id = a.ID
					}
					c[id] = watch.Now()
					g.counted = append(g.counted, func() { delete(c, id) })
				}
				kept = append(kept, g)
				return
			}
			var e *portique.Error
			if !errors.As(err, &e) || e.Kind != portique.TooSoon || e.Key != refusing.Refusal {
				t.Fatalf("%v, want the refusal of %s", err, refusing.Name)
			}
			if !e.RetryAt.After(watch.Now()) || !full.allows(*refusing, e.RetryAt) {
				t.Fatalf("%s is not allowed at the hour told, %v", refusing.Name, e.RetryAt)
			}
			if refusing.Free == 0 && full.allows(*refusing, e.RetryAt.Add(-time.Millisecond)) {
				t.Fatalf("%s is allowed before the hour told, %v", refusing.Name, e.RetryAt)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				for _, b := range []portique.Budget{three, waits, slots} {
					for _, who := range []string{"anne", "bruno", "all"} {
						var spent bool
						if err := db.View(t.Context(), func(tx *store.Tx) (err error) {
							spent, err = tx.Spent(store.Try{Budget: b, Key: []string{who}})
							return err
						}); err != nil {
							t.Fatal(err)
						}
						if want := !counter(b, who).allows(b, watch.Now()); spent != want {
							t.Errorf("%s of %s is spent: %v, want %v: %v", b.Name, who, spent, want, counter(b, who))
						}
					}
				}
			},
			"take":     take,
			"take too": take,
			"give back": func(t *rapid.T) {
				if len(kept) == 0 {
					t.Skip("nothing was taken")
				}
				i := rapid.IntRange(0, len(kept)-1).Draw(t, "which")
				if err := db.GiveBack(t.Context(), kept[i].taken); err != nil {
					t.Fatal(err)
				}
				for _, off := range kept[i].counted {
					off()
				}
			},
			"slot": func(t *rapid.T) {
				who := key(t)
				c := counter(slots, who)
				want := watch.Now()
				if recent := c.recent(slots, want); len(recent) >= slots.Limit { // two in any hour
					want = recent[len(recent)-slots.Limit].Add(slots.Window)
				}
				storetest.Write(t, db, func(tx *store.Tx) error {
					when, err := tx.Slot(store.Try{Budget: slots, Key: []string{who}})
					if !when.Equal(want) {
						t.Errorf("the letter leaves at %v, want %v", when, want)
					}
					return err
				})
				made++
				c[fmt.Sprint(made)] = want
			},
			"count": func(t *rapid.T) {
				b, who := budget(t), key(t)
				if b.Name == slots.Name {
					t.Skip("its times are slots")
				}
				storetest.Write(t, db, func(tx *store.Tx) error { return tx.Count(store.Try{Budget: b, Key: []string{who}}) })
				made++
				counter(b, who)[fmt.Sprint(made)] = watch.Now()
			},
			"forgive": func(t *rapid.T) {
				b, who := budget(t), key(t)
				storetest.Write(t, db, func(tx *store.Tx) error { return tx.Forgive(store.Try{Budget: b, Key: []string{who}}) })
				clear(counter(b, who))
			},
			"purge": func(t *rapid.T) { storetest.Write(t, db, func(tx *store.Tx) error { return tx.PurgeTries() }) }, // no window sees the difference
			"time": func(t *rapid.T) {
				watch.Forward(time.Duration(rapid.SampledFrom([]int{1, 2, 20, 60, 23 * 60}).Draw(t, "minutes")) * time.Minute)
			},
		})
	})
}
