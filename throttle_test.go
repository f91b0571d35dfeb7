package portique

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBudget(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	ago := func(minutes ...float64) []time.Time {
		var list []time.Time
		for _, m := range minutes {
			list = append(list, now.Add(-time.Duration(m*float64(time.Minute))))
		}
		return list
	}
	every := func(n int, minutes float64) []time.Time {
		var list []float64
		for i := n; i > 0; i-- {
			list = append(list, float64(i)*minutes)
		}
		return ago(list...)
	}
	plain := Budget{Limit: 3, Window: time.Hour}
	for name, c := range map[string]struct {
		budget Budget
		taken  []time.Time
		wait   time.Duration
	}{
		"nothing yet":                            {plain, nil, 0},
		"two of three":                           {plain, ago(2, 1), 0},
		"three of three":                         {plain, ago(50, 2, 1), 10 * time.Minute},
		"the oldest leaves at its hour":          {plain, ago(60, 2, 1), 0},
		"more than allowed, as after a change":   {plain, ago(50, 40, 2, 1), 20 * time.Minute},
		"still to come":                          {plain, ago(1, 0, -30), 59 * time.Minute},
		"four failures":                          {BudgetSignIn, ago(0, 0, 0, 0), 0},
		"five failures":                          {BudgetSignIn, ago(0, 0, 0, 0, 0), time.Minute},
		"five failures, a minute ago":            {BudgetSignIn, ago(9, 8, 7, 6, 1), 0},
		"six: the wait doubles":                  {BudgetSignIn, ago(9, 8, 7, 6, 5, 0), 2 * time.Minute},
		"ten":                                    {BudgetSignIn, append(every(9, 1), now), 32 * time.Minute},
		"eleven: an hour":                        {BudgetSignIn, append(every(10, 1), now), time.Hour},
		"twenty: an hour":                        {BudgetSignIn, append(every(19, 1), now), time.Hour},
		"twenty-five: the day's":                 {BudgetSignIn, every(25, 30), 24*time.Hour - 750*time.Minute},
		"the failures of yesterday are forgiven": {BudgetSignIn, ago(1441, 1440, 1440, 3, 2, 1), 0},
	} {
		next := c.budget.Next(c.taken, now)
		if c.wait == 0 && !next.IsZero() || c.wait != 0 && !next.Equal(now.Add(c.wait)) {
			t.Errorf("%s: next is %v, want %v later", name, next, c.wait)
		}
	}
}

// Letters beyond the budget leave later, three in each hour, never not at all.
func TestSlot(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var taken []time.Time
	for i, want := range []time.Duration{0, 0, 0, 60, 60, 60, 120, 120, 120, 180} {
		at := BudgetSignUpLetters.Slot(taken, now)
		if got := at.Sub(now); got != want*time.Minute {
			t.Errorf("letter %d leaves after %v, want %v min", i+1, got, want)
		}
		taken = append(taken, at)
	}
}

// S5: 8 digits give 2,739 wrong codes a day, 6 digits 27.
func TestGuessBudget(t *testing.T) {
	for bits, want := range map[int]int{1: 1, 20: 28, 26: 1838, 27: 3677, 49: 1 << 30, 256: 1 << 30} {
		if got := GuessBudget(bits).Limit; got != want {
			t.Errorf("%d bits: %d, want %d", bits, got, want)
		}
	}
}

// LOG-12: a thousand addresses of one /64 are one source.
func TestSourceKey(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2::1": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::9": "2001:db8:1:2::/64",
		"2001:db8:1:3::1": "2001:db8:1:3::/64", "fe80::1%eth0": "fe80::/64", "": "", "unix": "unix",
	} {
		if got := SourceKey(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

// Whatever was tried before, a try that is refused is allowed at the hour told and, without growing waits, not a moment sooner; and
// letters that take their slots one after another are never more than the limit in any window, nor later than they must.
func TestBudgetsHold(t *testing.T) {
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		b := Budget{Limit: rapid.IntRange(1, 8).Draw(t, "limit"), Window: time.Duration(rapid.IntRange(1, 180).Draw(t, "window")) * time.Minute,
			Free: rapid.IntRange(0, 4).Draw(t, "free")}
		now := start
		var taken, slots []time.Time
		for _, pause := range rapid.SliceOfN(rapid.IntRange(0, 90), 1, 40).Draw(t, "pauses") {
			now = now.Add(time.Duration(pause) * time.Minute)
			within := 0
			for _, at := range taken {
				if now.Sub(at) < b.Window {
					within++
				}
			}
			next := b.Next(taken, now)
			switch {
			case next.IsZero() && within >= b.Limit:
				t.Fatalf("allowed %d in a window, limit %d", within+1, b.Limit)
			case next.IsZero():
				taken = append(taken, now)
			case !next.After(now), !b.Next(taken, next).IsZero():
				t.Fatalf("told %v at %v, and refused then", next, now)
			case b.Free == 0 && b.Next(taken, next.Add(-1)).IsZero():
				t.Fatalf("told %v at %v, and allowed before", next, now)
			case b.Free == 0 && within < b.Limit:
				t.Fatalf("refused after %d, limit %d", within, b.Limit)
			}

			at := b.Slot(slots, now)
			if n := len(slots); at.Before(now) || n >= b.Limit && at.Sub(slots[n-b.Limit]) < b.Window {
				t.Fatalf("a letter leaves at %v after %v", at, slots)
			} else if at.After(now) && at.Sub(slots[n-b.Limit]) != b.Window {
				t.Fatalf("a letter leaves at %v, later than it must after %v", at, slots)
			}
			slots = append(slots, at)
		}
	})
}

// A watch ends at a full minute, never early.
func TestWatchedUntil(t *testing.T) {
	day := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for after, minutes := range map[time.Duration]int{0: 0, time.Nanosecond: 1, 30 * time.Second: 1, time.Minute - 1: 1, time.Minute: 1} {
		if got, want := WatchedUntil(day.Add(after)), day.Add(ClaimWatch+time.Duration(minutes)*time.Minute); !got.Equal(want) {
			t.Errorf("claimed %s past: until %s, want %s", after, got, want)
		}
	}
}
