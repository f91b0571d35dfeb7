package portique_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"portique"
)

func asked() *portique.AccessRequest {
	return &portique.AccessRequest{Status: portique.RequestPending, CreatedAt: monday, SentTo: 1}
}

func TestRemind(t *testing.T) {
	r := asked()
	for i, c := range []struct {
		after time.Duration
		next  time.Duration // zero: it is done
	}{
		{time.Second, 0}, // the first time whenever they like
		{time.Second, day + time.Second},
		{day, day + time.Second},
		{day + time.Second - time.Millisecond, day + time.Second},
		{day + time.Second, 0},
		{day + time.Second, 2*day + time.Second},
		{5 * day, 0},
	} {
		now := monday.Add(c.after)
		next := r.NextRemindAt(now)
		err := r.Remind(now)
		if c.next == 0 {
			if err != nil || !next.IsZero() || !r.RemindedAt.Equal(now) {
				t.Fatalf("%d: %v, next %v", i, err, next)
			}
			continue
		}
		var soon *portique.Error
		if !errors.As(err, &soon) || soon.Kind != portique.TooSoon || !soon.RetryAt.Equal(monday.Add(c.next)) || !next.Equal(soon.RetryAt) {
			t.Errorf("%d: %v, next %v", i, err, next)
		}
	}
	if r.Reminders != 3 {
		t.Errorf("%d reminders", r.Reminders)
	}
	// A request that an automatic reminder just moved may be reminded all the same; a closed or expired one may not.
	r = asked()
	r.AutoAt = monday.Add(3 * day)
	if err := r.Remind(monday.Add(3*day + hour)); err != nil {
		t.Error(err)
	}
	if err := r.Remind(r.ExpiresAt()); !errors.Is(err, portique.ErrRequestClosed) {
		t.Errorf("an expired one: %v", err)
	}
	r.Status = portique.RequestRefused
	if err := r.Remind(monday.Add(9 * day)); !errors.Is(err, portique.ErrRequestClosed) || r.Reminders != 1 {
		t.Errorf("a refused one: %v", err)
	}
}

// What happens to a request nobody answers, looked at every hour of 60 days, and again only when NextTick says so.
func TestTimetable(t *testing.T) {
	for name, c := range map[string]struct {
		reminded []time.Duration // by the person
		down     [2]time.Duration
		want     string
	}{
		"left alone":                        {want: "3d remind, 7d remind, 14d escalate, 37d expire"},
		"reminded at once":                  {reminded: []time.Duration{hour}, want: "3d remind, 7d remind, 14d escalate, 37d expire"},
		"reminded on the eve of the third":  {reminded: []time.Duration{2*day + 12*hour}, want: "7d remind, 14d escalate, 37d expire"},
		"reminded later":                    {reminded: []time.Duration{20 * day, 30 * day}, want: "3d remind, 7d remind, 14d escalate, 60d expire"},
		"the server away from day 2 to 10":  {down: [2]time.Duration{2 * day, 10 * day}, want: "10d remind, 14d escalate, 40d expire"},
		"the server away from day 2 to 20":  {down: [2]time.Duration{2 * day, 20 * day}, want: "20d remind escalate, 50d expire"},
		"the server away from day 8 to 40":  {down: [2]time.Duration{8 * day, 40 * day}, want: "3d remind, 7d remind, 40d expire"},
		"the server away from day 10 to 16": {down: [2]time.Duration{10 * day, 16 * day}, want: "3d remind, 7d remind, 16d escalate, 37d expire"},
	} {
		for _, lazy := range []bool{false, true} {
			r := asked()
			var got []string
			for h := time.Duration(0); h <= 60*day; h += hour {
				now := monday.Add(h)
				if slices.Contains(c.reminded, h) {
					if err := r.Remind(now); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
				if h >= c.down[0] && h < c.down[1] || lazy && now.Before(r.NextTick()) {
					continue
				}
				remind, escalate, expire := r.Tick(now)
				did := ""
				for i, due := range []bool{remind, escalate, expire} {
					if due {
						did += []string{" remind", " escalate", " expire"}[i]
					}
				}
				if did != "" {
					got = append(got, fmt.Sprintf("%gd%s", h.Hours()/24, did))
				}
				if again, _, _ := r.Tick(now); again {
					t.Fatalf("%s: reminded twice at %s", name, h)
				}
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("%s: %s\nwant %s", name, s, c.want)
			}
			if r.Status != portique.RequestExpired || r.DecidedBy != "" {
				t.Errorf("%s: in the end it is %s", name, r.Status)
			}
		}
	}
	r := asked()
	r.Status = portique.RequestAccepted
	if remind, escalate, expire := r.Tick(monday.Add(60 * day)); remind || escalate || expire || r.Status != portique.RequestAccepted {
		t.Error("an accepted request still has a timetable")
	}
}

func TestDecide(t *testing.T) {
	for name, c := range map[string]struct {
		status portique.RequestStatus
		reason string
		after  time.Duration
		kept   string
		fault  string
	}{
		"accepted":               {status: portique.RequestAccepted},
		"cancelled":              {status: portique.RequestCancelled},
		"answered":               {status: portique.RequestAnswered, reason: "papier reçu", kept: "papier reçu"},
		"refused":                {status: portique.RequestRefused, reason: " Partie\r\nen 2024 ", kept: "Partie en 2024"},
		"refused without a word": {status: portique.RequestRefused, reason: " \u200b ", fault: "reason access.refuse.reason_missing"},
		"refused in 500":         {status: portique.RequestRefused, reason: strings.Repeat("é", 500), kept: strings.Repeat("é", 500)},
		"refused in 501":         {status: portique.RequestRefused, reason: strings.Repeat("é", 501), fault: "reason access.refuse.reason_long"},
		"accepted on day 29":     {status: portique.RequestAccepted, after: 30*day - 1},
		"accepted on day 30":     {status: portique.RequestAccepted, after: 30 * day, fault: "access.request.closed"}, // though no job came by
		"refused on day 30":      {status: portique.RequestRefused, reason: "non", after: 30 * day, fault: "access.request.closed"},
		"cancelled on day 30":    {status: portique.RequestCancelled, after: 30 * day},
	} {
		r := asked()
		now := monday.Add(c.after)
		err := r.Decide(c.status, "marie", c.reason, now)
		if keyOf(err) != c.fault {
			t.Errorf("%s: %v", name, err)
		}
		if c.fault != "" {
			if r.Status != portique.RequestPending || !r.DecidedAt.IsZero() {
				t.Errorf("%s: it is %s all the same", name, r.Status)
			}
			continue
		}
		if r.Status != c.status || r.DecidedBy != "marie" || !r.DecidedAt.Equal(now) || r.Reason != c.kept {
			t.Errorf("%s: %+v", name, r)
		}
		for _, again := range []portique.RequestStatus{portique.RequestAccepted, portique.RequestRefused, portique.RequestCancelled} {
			if err := r.Decide(again, "luc", "non", now); !errors.Is(err, portique.ErrRequestClosed) || r.DecidedBy != "marie" {
				t.Errorf("%s, then %s: %v", name, again, err)
			}
		}
	}
}

func TestMayAskAgain(t *testing.T) {
	for status, fault := range map[portique.RequestStatus]string{
		portique.RequestRefused: "access.attach.refused_recently", portique.RequestCancelled: "",
		portique.RequestExpired: "", portique.RequestAccepted: "", portique.RequestAnswered: "",
	} {
		r := &portique.AccessRequest{Status: status, DecidedAt: monday}
		err := r.MayAskAgain(monday.Add(day - time.Millisecond))
		if keyOf(err) != fault {
			t.Errorf("%s: %v", status, err)
		}
		var soon *portique.Error
		if errors.As(err, &soon) && (soon.Kind != portique.TooSoon || !soon.RetryAt.Equal(monday.Add(day))) {
			t.Errorf("%s: again at %v", status, soon.RetryAt)
		}
		if err := r.MayAskAgain(monday.Add(day)); err != nil {
			t.Errorf("%s, a day later: %v", status, err)
		}
	}
}
