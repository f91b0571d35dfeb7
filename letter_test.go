package portique_test

import (
	"testing"
	"time"

	"portique"
)

// A letter that always fails at once: when it is tried, from its posting to its death (contract.md 3, Letters).
func TestNextAttempt(t *testing.T) {
	now, last := monday, time.Duration(0)
	early, late := 0, 0
	for attempt := 1; ; attempt++ {
		next, dead := portique.NextAttempt(monday, now, attempt)
		age, wait := now.Sub(monday), next.Sub(now)
		if dead != (age >= 72*hour) {
			t.Fatalf("after %s: dead = %v", age, dead)
		}
		if dead {
			break
		}
		switch {
		case attempt == 1 && wait > 30*time.Second:
			t.Errorf("the first retry comes after %s", wait)
		case wait < last || wait > hour:
			t.Errorf("after %s: a wait of %s after one of %s", age, wait, last)
		case age < 10*time.Minute && wait > time.Minute:
			t.Errorf("after %s: a wait of %s", age, wait)
		case age >= 10*time.Minute && wait > 2*last+time.Minute:
			t.Errorf("after %s: a wait of %s after one of %s is no backing off", age, wait, last)
		}
		if age < 10*time.Minute {
			early++
		} else if wait == hour {
			late++
		}
		now, last = next, wait
	}
	if early < 10 || late < 60 {
		t.Errorf("%d attempts in the first ten minutes, %d hourly ones", early, late)
	}
	// However long the server was away, and whatever the number of attempts.
	for _, attempts := range []int{0, 1, 100, 1 << 30} {
		if next, dead := portique.NextAttempt(monday, monday.Add(hour), attempts); dead || next.Sub(monday) < hour || next.Sub(monday) > 2*hour {
			t.Errorf("attempt %d: %v, %v", attempts, next, dead)
		}
	}
}
