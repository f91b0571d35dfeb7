package access_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/store/storetest"
)

func TestAttach(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		siren := w.company()
		jeanne, luc, paul := w.person("jeanne", func(a *portique.Account) { a.Language = "en" }), w.person("luc"), w.person("paul", declaring)

		// The first person ever becomes the administrator, however the number and the code are typed.
		typed := string(siren[:3]) + " " + string(siren[3:6]) + "." + string(siren[6:]) + " 00012"
		a, err := w.Attach(t.Context(), as(jeanne), typed, " k7qm-2zt9 ab\u00a0")
		if err != nil || a.Request != nil || a.Membership == nil || a.Company.SIREN != siren {
			t.Fatalf("%+v, %v", a, err)
		}
		w.posted("operator_claim>aide administrator>jeanne") // no contact is known: the operator looks at it
		w.journal(a.Membership.ID, "access.first_administrator")
		if m := w.membership(jeanne, siren); w.access(jeanne, siren) != "administrator" || !m.Until.IsZero() || !m.Since.Equal(w.watch.Now()) {
			t.Errorf("she has %+v", m)
		}
		if l := w.last(jeanne); l.Language != "en" || l.Data["siren"] != string(siren) || l.About != a.Membership.ID {
			t.Errorf("her letter: %+v", l)
		}
		_, err = w.attach(jeanne, siren)
		w.want("again", err, portique.ErrAlreadyMember)

		// Then one asks, and is told; a declarant like any other.
		r := w.asks(luc, siren)
		w.posted("request_received>jeanne request_sent>luc")
		w.journal(r.ID, "access.requested")
		if w.access(luc, siren) != "" || r.SentTo != 1 || r.Status != portique.RequestPending {
			t.Errorf("he has %q by %+v", w.access(luc, siren), r)
		}
		if d := w.last(jeanne).Data; d["person"] != "Luc X" || d["person_email"] != luc.Email || d["administrators"] != "1" || d["contributions"] != "" ||
			d["remind_at"] != "2026-03-05T09:00:00Z" || d["expires_at"] != "2026-04-01T09:00:00Z" {
			t.Errorf("what she reads: %v", d)
		}
		_, err = w.attach(luc, siren)
		w.want("again", err, portique.ErrRequestPending)
		storetest.Member(t, w.db, w.person("marie"), siren, portique.Administrator)
		r = w.asks(paul, siren)
		w.posted("request_received>jeanne request_received>marie request_sent>paul")
		if d := w.last(jeanne).Data; r.SentTo != 2 || d["contributions"] != "yes" || d["administrators"] != "2" {
			t.Errorf("sent to %d: %v", r.SentTo, d)
		}

		// Suspended is not gone; past its date is.
		anne, zoe := w.person("anne"), w.person("zoe")
		storetest.Member(t, w.db, anne, siren, portique.Member, func(m *portique.Membership) { m.Status = portique.MembershipSuspended })
		_, err = w.attach(anne, siren)
		w.want("suspended", err, refusal("access.attach.suspended"))
		storetest.Member(t, w.db, zoe, siren, portique.Member, func(m *portique.Membership) { m.Until = w.watch.Now() })
		w.asks(zoe, siren)
		if w.membership(zoe, siren) != nil {
			t.Error("an access past its date is still there")
		}
	})
}

// Wrong code, unknown company, closed company, somebody else's: one answer, and a line of the journal that stays.
func TestAttachNeutral(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		taken, free := w.company(), w.company()
		closed := w.company(func(c *portique.Company) { c.Status = portique.CompanyClosed })
		merged := w.company(func(c *portique.Company) { c.Status = portique.CompanyMerged })
		jeanne, luc := w.person("jeanne"), w.person("luc")
		storetest.Member(t, w.db, jeanne, taken, portique.Administrator)
		otherCode := w.company(func(c *portique.Company) { c.CodeHash = storetest.Keys().MemberCode(string(free), "K7QM2ZT9AB") }) // a hash moved over
		lines := 0
		for name, c := range map[string]struct {
			who   *portique.Account
			siren portique.SIREN
			code  string
		}{
			"a wrong code":               {luc, free, "K7QM2ZT9AC"},
			"a code cut":                 {luc, free, "K7QM2ZT9A"},
			"a code and more":            {luc, free, "K7QM2ZT9ABA"},
			"an O for a zero":            {luc, free, "K7QM2ZT9A8"},
			"a taken one":                {luc, taken, "WRONG"},
			"one's own":                  {jeanne, taken, "WRONG"},
			"an unknown one":             {luc, "732829320", storetest.MemberCode},
			"a closed one":               {luc, closed, storetest.MemberCode},
			"a merged one":               {luc, merged, storetest.MemberCode},
			"another's hash on this row": {luc, otherCode, storetest.MemberCode},
		} {
			a, err := w.Attach(t.Context(), as(c.who), string(c.siren), c.code)
			if a != nil || err == nil || !errors.Is(err, portique.ErrAttachNoMatch) || err.Error() != portique.ErrAttachNoMatch.Error() {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
			lines++
			w.watch.Forward(6 * hour) // the budgets of wrong codes are another test's
			events := storetest.Journal(t, w.db, "")
			if len(events) != lines {
				t.Fatalf("%s: %d lines, want %d", name, len(events), lines)
			}
			if e := events[lines-1]; e.Action != portique.ActionAttachFailed || e.Actor != c.who.ID || e.SIREN != c.siren || e.Reason != "" || e.Source == "" {
				t.Errorf("%s: %+v", name, e)
			}
		}
		w.posted("")
		// What is no number and no code is told at once, beside its field, and counts for nothing.
		for typed, want := range map[[2]string]string{
			{"", ""}:            "siren.missing member_code.missing",
			{"123456789", "x"}:  "siren.key",
			{"12", "  - "}:      "siren.length member_code.missing",
			{string(free), "-"}: "member_code.missing",
			{strings.Repeat("9", 10_000), strings.Repeat("A", 10_000)}: "siren.length member_code.long",
		} {
			_, err := w.Attach(t.Context(), as(luc), typed[0], typed[1])
			var faults portique.FieldErrors
			errors.As(err, &faults)
			var keys []string
			for _, f := range faults {
				keys = append(keys, f.Key)
				if field, _, _ := strings.Cut(f.Key, "."); field != f.Field {
					t.Errorf("%s beside %s", f.Key, f.Field)
				}
			}
			if got := strings.Join(keys, " "); got != want {
				t.Errorf("%.30q: %s", typed, got)
			}
		}
		if n := len(storetest.Journal(t, w.db, "")); n != lines {
			t.Errorf("%d lines more", n-lines)
		}
	})
}

// Who only declares contributions gets in for 90 days, and leaves the seat free.
func TestAttachDeclarant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		siren := w.company()
		paul, jeanne := w.person("paul", declaring), w.person("jeanne")
		a, err := w.attach(paul, siren)
		if err != nil || a.Membership == nil || w.access(paul, siren) != "declarant" {
			t.Fatalf("%+v, %v", a, err)
		}
		until := w.watch.Now().Add(portique.DeclarantTrial)
		if m := w.membership(paul, siren); !m.Until.Equal(until) || len(m.Rights) != 0 {
			t.Errorf("he has %+v", m)
		}
		w.posted("access_opened>paul")
		if d := w.last(paul).Data; d["role"] != "declarant" || d["until"] != "2026-05-31T08:59:59Z" {
			t.Errorf("what he reads: %v", d)
		}
		w.journal(a.Membership.ID, "access.declarant_attached")
		if a, err = w.attach(jeanne, siren); err != nil || a.Membership == nil || a.Membership.Role != portique.Administrator {
			t.Fatalf("the seat was not free: %+v, %v", a, err)
		}
		w.posted("operator_claim>aide administrator>jeanne")
		w.watch.Forward(portique.DeclarantTrial - time.Millisecond)
		if w.access(paul, siren) == "" {
			t.Error("the trial ends too soon")
		}
		w.watch.Forward(time.Millisecond)
		if w.access(paul, siren) != "" {
			t.Error("the trial does not end")
		}
		w.asks(paul, siren) // now that there is somebody to ask
	})
}

// A company that has lost its administrators never gets one by its code again: the operator sees the request at once.
func TestAttachWithoutAdministrators(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, lose := range map[string]func(jeanne *portique.Account, siren portique.SIREN){
			"disabled": func(jeanne *portique.Account, siren portique.SIREN) { w.disable(jeanne) },
			"ended": func(jeanne *portique.Account, siren portique.SIREN) {
				storetest.Member(t, w.db, jeanne, siren, portique.Administrator, func(m *portique.Membership) { m.Status = portique.MembershipEnded })
			},
		} {
			siren := w.company()
			jeanne, luc, paul := w.person("jeanne."+name), w.person("luc."+name), w.person("paul."+name, declaring)
			if name == "disabled" {
				storetest.Member(t, w.db, jeanne, siren, portique.Administrator)
			}
			lose(jeanne, siren)
			for _, who := range []*portique.Account{luc, paul} {
				r := w.asks(who, siren)
				to, _, _ := strings.Cut(who.Email, "@")
				w.posted("operator_escalated>aide request_escalated>" + to)
				w.journal(r.ID, "access.requested access.escalated")
				if kept := w.request(r.ID); !kept.EscalatedAt.Equal(w.watch.Now()) || kept.SentTo != 0 || w.access(who, siren) != "" {
					t.Errorf("%s: %+v", name, kept)
				}
				if d := w.last(who).Data; d["administrators"] != "0" {
					t.Errorf("what they read: %v", d)
				}
			}
		}
	})
}

// CLM-02, REQ-07: fifty people attach one company together, from one network: one administrator, forty-nine requests, and the letters
// that go with them.
func TestAttachTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const crowd = 50
		rounds := 3
		if os.Getenv("PORTIQUE_TEST_LONG") != "" {
			rounds = 200
		}
		people := make([]*portique.Account, crowd)
		for i := range people {
			people[i] = w.person(fmt.Sprintf("p%d", i))
		}
		for range rounds {
			siren := w.company()
			calls := make([]func() error, crowd)
			for i := range calls {
				calls[i] = func() error {
					a, err := w.attach(people[i], siren)
					if err == nil && (a.Membership == nil) == (a.Request == nil) {
						err = fmt.Errorf("an access or a request: %+v", a)
					}
					return err
				}
			}
			for _, err := range together(calls...) {
				if err != nil {
					t.Error(err)
				}
			}
			members, err := w.List(t.Context(), siren, "")
			if err != nil || len(members) != 1 || members[0].Role != portique.Administrator {
				t.Errorf("the members: %v, %v", members, err)
			}
			requests, err := w.ListRequests(t.Context(), siren, "")
			if err != nil || len(requests) != crowd-1 {
				t.Errorf("%d requests, %v", len(requests), err)
			}
			for _, r := range requests {
				if r.SentTo != 1 || !r.EscalatedAt.IsZero() {
					t.Errorf("a request nobody reads: %+v", r)
				}
			}
			kinds := map[string]int{}
			for _, l := range strings.Fields(w.letters()) {
				kind, _, _ := strings.Cut(l, ">")
				kinds[kind]++
			}
			// Three letters an hour to one administrator, then one for all; and the operator hears of it. The member file has no
			// contact to tell of the claim.
			if fmt.Sprint(kinds) != "map[administrator:1 operator_alert:1 operator_claim:1 request_digest:1 request_received:3 request_sent:49]" {
				t.Errorf("letters: %v", kinds)
			}
			w.watch.Forward(2 * hour)
		}
	})
}
