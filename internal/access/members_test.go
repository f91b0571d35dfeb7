package access_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

func TestChangeRole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		storetest.Write(t, w.db, func(tx *store.Tx) error { return tx.InsertTool(&portique.Tool{ID: "paie", Name: "Paie"}) })
		siren := w.company()
		jeanne, luc, paul := w.person("jeanne"), w.person("luc"), w.person("paul")
		hers := storetest.Member(t, w.db, jeanne, siren, portique.Administrator)
		his := storetest.Member(t, w.db, luc, siren, portique.Member, func(m *portique.Membership) { m.Rights, m.Until = []string{"paie"}, w.watch.Now().Add(9*day) })
		trial := storetest.Member(t, w.db, paul, siren, portique.Declarant, func(m *portique.Membership) { m.Until = w.watch.Now().Add(90 * day) })
		change := func(who *portique.Account, m *portique.Membership, role portique.Role, tools ...string) error {
			_, err := w.ChangeRole(ctx, as(who), siren, m.ID, access.Change{Role: role, Tools: tools})
			return err
		}

		w.want("the last steps down", change(jeanne, hers, portique.Member), portique.ErrLastAdministrator)
		w.want("the last steps down", change(jeanne, hers, portique.Declarant), portique.ErrLastAdministrator)
		w.want("by a member", change(luc, hers, portique.Member), portique.ErrNotAdministrator)
		w.want("by a member, for himself", change(luc, his, portique.Administrator), portique.ErrNotAdministrator)
		if err := change(jeanne, his, portique.Member, "paye"); portique.KindOf(err) != portique.Invalid {
			t.Errorf("an unknown tool: %v", err)
		}
		w.posted("")
		if w.access(jeanne, siren) != "administrator" || w.access(luc, siren) != "member [paie]" {
			t.Fatalf("%s, %s", w.access(jeanne, siren), w.access(luc, siren))
		}

		w.want("a second administrator", change(jeanne, his, portique.Administrator), nil)
		w.posted("administrator>luc")
		w.journal(his.ID, "access.role_changed access.until_changed")
		if d := w.last(luc).Data; d["no_until"] != "yes" {
			t.Errorf("what he reads of his end date: %v", d)
		}
		if m := w.membership(luc, siren); w.access(luc, siren) != "administrator" || !m.Until.IsZero() {
			t.Errorf("he has %+v", m)
		}
		w.want("she steps down", change(jeanne, hers, portique.Member, "paie"), nil)
		w.posted("role_changed>luc") // the other administrator; nobody writes to herself
		if w.access(jeanne, siren) != "member [paie]" {
			t.Errorf("she has %s", w.access(jeanne, siren))
		}
		w.want("too late", change(jeanne, his, portique.Member), portique.ErrNotAdministrator)
		w.want("every tool", change(luc, hers, portique.Member, "*"), nil)
		w.posted("role_changed>jeanne")
		w.want("nothing new", change(luc, hers, portique.Member), refusal("membership.same_role"))
		w.posted("")
		if w.access(jeanne, siren) != "member [*]" {
			t.Errorf("she has %s", w.access(jeanne, siren))
		}
		w.want("a declarant for good", change(luc, trial, portique.Member), nil)
		if m := w.membership(paul, siren); w.access(paul, siren) != "member [*]" || !m.Until.IsZero() {
			t.Errorf("he has %+v", m)
		}
		if d := w.last(paul).Data; d["role"] != "member" || d["by"] != luc.Name() || d["until"] != "" {
			t.Errorf("what he reads: %v", d)
		}

		// Elsewhere, ended, unknown.
		elsewhere := w.company()
		foreign := storetest.Member(t, w.db, w.person("anne"), elsewhere, portique.Administrator)
		over := storetest.Member(t, w.db, w.person("zoe"), siren, portique.Member, func(m *portique.Membership) { m.Status = portique.MembershipEnded })
		w.want("another company's", change(luc, foreign, portique.Member), portique.ErrMembershipUnknown)
		w.want("ended", change(luc, over, portique.Administrator), portique.ErrMembershipEnded)
		w.want("unknown", change(luc, &portique.Membership{ID: "\x00"}, portique.Member), portique.ErrMembershipUnknown)
		_, err := w.ChangeRole(ctx, as(luc), elsewhere, foreign.ID, access.Change{Role: portique.Member})
		w.want("of another company", err, portique.ErrNotAdministrator)
	})
}

// However often a role is changed, people are told how it is in the end, by three letters an hour: the next one waits and stands for
// all that come, and nothing that one of them would have told goes unsaid.
func TestManyChangesFewLetters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		siren := w.company()
		jeanne, luc, paul := w.person("jeanne"), w.person("luc"), w.person("paul")
		storetest.Member(t, w.db, jeanne, siren, portique.Administrator)
		storetest.Member(t, w.db, paul, siren, portique.Administrator)
		his := storetest.Member(t, w.db, luc, siren, portique.Member)
		change := func(to access.Change) {
			t.Helper()
			if _, err := w.ChangeRole(t.Context(), as(jeanne), siren, his.ID, to); err != nil {
				t.Fatal(err)
			}
		}
		queued := func(to *portique.Account) (list []*portique.Letter) {
			for _, l := range storetest.Outbox(t, w.db, to.Email) {
				if l.Status == portique.LetterQueued {
					list = append(list, l)
				}
			}
			return list
		}
		leave := func() { // the outbox at work
			storetest.Write(t, w.db, func(tx *store.Tx) error {
				for _, a := range []*portique.Account{luc, paul} {
					for _, l := range queued(a) {
						if l.Status = portique.LetterSent; l.RunAt.After(tx.Now()) {
							continue
						}
						if err := tx.FinishLetter(l); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
		roles := []portique.Role{portique.Declarant, portique.Administrator, portique.Member}
		for i := range 60 {
			change(access.Change{Role: roles[i%3]})
			leave()
		}
		for _, a := range []*portique.Account{luc, paul} {
			waits := queued(a)
			if all := storetest.Outbox(t, w.db, a.Email); len(all) != 4 || len(waits) != 1 {
				t.Fatalf("%s: %d letters, %d wait", a.Email, len(all), len(waits))
			}
			if l := waits[0]; l.Data["role"] != "member" || !l.RunAt.Equal(w.watch.Now().Add(time.Hour)) {
				t.Errorf("%s: %v at %s", a.Email, l.Data, l.RunAt)
			}
		}
		w.watch.Forward(time.Hour)
		leave()
		if n := len(queued(luc)); n != 0 {
			t.Fatalf("an hour later %d wait", n)
		}

		// Two that have not left yet are one, which says what both changed.
		midnight := w.watch.Now().Truncate(day).Add(20 * day)
		change(access.Change{Role: portique.Member, Until: &midnight})
		leave()
		change(access.Change{Role: portique.Declarant, Until: new(time.Time{})})
		change(access.Change{Role: portique.Declarant, Until: &midnight})
		waits := queued(luc)
		if len(waits) != 1 || waits[0].Data["role"] != "declarant" || waits[0].Data["same_role"] != "" || waits[0].Data["no_until"] != "" || waits[0].Data["until"] == "" {
			t.Errorf("%d wait: %v", len(waits), waits[0].Data)
		}
		change(access.Change{Role: portique.Declarant, Until: new(time.Time{})})
		change(access.Change{Role: portique.Administrator})
		if waits = queued(luc); len(waits) != 1 || waits[0].Kind != portique.LetterAdministrator || waits[0].Data["no_until"] != "yes" {
			t.Errorf("%d wait: %s %v", len(waits), waits[0].Kind, waits[0].Data)
		}

		// An access that ends is told at once, and nothing of it after that.
		leave()
		change(access.Change{Role: portique.Member})
		leave()
		change(access.Change{Role: portique.Declarant})
		leave()
		change(access.Change{Role: portique.Member})
		if waits = queued(luc); len(waits) != 1 || !waits[0].RunAt.After(w.watch.Now()) {
			t.Fatalf("%d wait", len(waits))
		}
		_, err := w.Remove(t.Context(), as(jeanne), siren, his.ID)
		w.want("the end", err, nil)
		if waits = queued(luc); len(waits) != 1 || waits[0].Kind != portique.LetterAccessEnded {
			t.Errorf("after the end %d wait", len(waits))
		}
	})
}

// The end date changes with the role and by itself; what changed is told and written, and nothing goes unsaid.
func TestChangeUntil(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		storetest.Write(t, w.db, func(tx *store.Tx) error {
			if err := tx.InsertTool(&portique.Tool{ID: "paie", Name: "Paie & co"}); err != nil {
				return err
			}
			return tx.InsertTool(&portique.Tool{ID: "stages", Name: "Stages"})
		})
		siren := w.company()
		jeanne, luc := w.person("jeanne"), w.person("luc")
		storetest.Member(t, w.db, jeanne, siren, portique.Administrator)
		his := storetest.Member(t, w.db, luc, siren, portique.Member, func(m *portique.Membership) { m.Rights = []string{"paie"} })
		midnight := w.watch.Now().Truncate(day).Add(20 * day)
		change := func(to access.Change) error {
			_, err := w.ChangeRole(t.Context(), as(jeanne), siren, his.ID, to)
			return err
		}
		reads := func(what string, want map[string]string) {
			t.Helper()
			d := w.last(luc).Data
			for key, value := range want {
				if d[key] != value {
					t.Errorf("%s: %s is %q in %v", what, key, d[key], d)
				}
			}
		}
		written := func(want ...string) {
			t.Helper()
			var got []string
			for _, e := range storetest.Journal(t, w.db, his.ID) {
				got = append(got, string(e.Action)+" "+e.Reason)
			}
			if got = got[len(got)-len(want):]; !slices.Equal(got, want) {
				t.Errorf("journal: %q, want %q", got, want)
			}
		}
		last := midnight.Add(-time.Second).Format(time.RFC3339)

		w.want("a date", change(access.Change{Role: portique.Member, Until: &midnight}), nil)
		w.posted("role_changed>luc")
		reads("a date", map[string]string{"role": "member", "same_role": "yes", "until": last, "no_until": "", "tools": "Paie & co"})
		written("access.until_changed " + midnight.Format(time.RFC3339))
		w.want("nothing new", change(access.Change{Role: portique.Member, Tools: []string{"paie"}, Until: &midnight}), refusal("membership.same_role"))
		w.want("the date left out", change(access.Change{Role: portique.Member, Tools: []string{"stages", "paie"}}), nil)
		reads("tools", map[string]string{"same_role": "yes", "until": last, "tools": "Paie & co, Stages"})
		written("access.role_changed member")

		// A page that showed the access before a colleague changed it changes nothing.
		shown := his.State()
		w.want("a stale page", change(access.Change{Role: portique.Member, Tools: []string{"paie"}, Until: new(time.Time{}), Shown: shown}), refusal("membership.changed"))
		if m := w.membership(luc, siren); m.State() == shown || !m.Until.Equal(midnight) {
			t.Errorf("he has %+v", m)
		}

		// Everything that is wrong is told at once, and nothing is changed.
		past := w.watch.Now().Add(-day)
		var faults portique.FieldErrors
		if err := change(access.Change{Role: portique.Member, Tools: []string{}, Until: &past}); !errors.As(err, &faults) || len(faults) != 2 || faults[0].Field != "tool" || faults[1].Field != "until" {
			t.Errorf("no tool and a past date: %v", err)
		}
		later := midnight.Add(day)
		if err := change(access.Change{Role: portique.Administrator, Until: &later}); !errors.As(err, &faults) || faults[0].Key != "membership.administrator_until" {
			t.Errorf("an administrator with a date: %v", err)
		}
		w.letters()
		if m := w.membership(luc, siren); w.access(luc, siren) != "member [paie stages]" || !m.Until.Equal(midnight) {
			t.Errorf("he has %+v", m)
		}

		w.want("another role and no end", change(access.Change{Role: portique.Declarant, Until: new(time.Time{})}), nil)
		reads("no end", map[string]string{"role": "declarant", "same_role": "", "until": "", "no_until": "yes", "tools": ""})
		written("access.role_changed declarant", "access.until_changed none")
		w.want("a member again, for a time", change(access.Change{Role: portique.Member, Until: &midnight}), nil)
		reads("every tool", map[string]string{"role": "member", "tools": "*", "until": last})
		w.want("the date shown goes with the promotion", change(access.Change{Role: portique.Administrator, Until: &midnight}), nil)
		w.letters()
		reads("promoted", map[string]string{"no_until": "yes", "role": ""})
		written("access.role_changed administrator", "access.until_changed none")
		if m := w.membership(luc, siren); m.Role != portique.Administrator || !m.Until.IsZero() {
			t.Errorf("he has %+v", m)
		}
	})
}

// An administrator reads how many requests wait for each of their companies, and nobody else does.
func TestWaiting(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		one, two, none := w.company(), w.company(), w.company()
		jeanne, luc := w.person("jeanne"), w.person("luc")
		for _, siren := range []portique.SIREN{one, two, none} {
			storetest.Member(t, w.db, jeanne, siren, portique.Administrator)
			storetest.Member(t, w.db, luc, siren, portique.Member)
		}
		for i, siren := range []portique.SIREN{one, one, two} {
			w.asks(w.person(fmt.Sprintf("p%d", i)), siren)
		}
		refused := w.asks(w.person("zoe"), none)
		if _, err := w.Refuse(t.Context(), as(jeanne), none, refused.ID, "Inconnue."); err != nil {
			t.Fatal(err)
		}
		for who, want := range map[*portique.Account]map[portique.SIREN]int{jeanne: {one: 2, two: 1}, luc: {}} {
			if got, err := w.Waiting(t.Context(), who.ID); err != nil || !maps.Equal(got, want) {
				t.Errorf("%s: %v, %v", who.FirstName, got, err)
			}
		}
	})
}

func TestRemove(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		siren := w.company()
		jeanne, luc, paul := w.person("jeanne"), w.person("luc"), w.person("paul")
		hers := storetest.Member(t, w.db, jeanne, siren, portique.Administrator)
		his := storetest.Member(t, w.db, luc, siren, portique.Member)
		also := storetest.Member(t, w.db, paul, siren, portique.Administrator)
		remove := func(who *portique.Account, m *portique.Membership) error {
			_, err := w.Remove(ctx, as(who), siren, m.ID)
			return err
		}
		w.want("by a member", remove(luc, hers), portique.ErrNotAdministrator)
		w.want("removing him", remove(jeanne, his), nil)
		w.posted("access_ended>luc access_ended>paul")
		w.journal(his.ID, "access.removed")
		if w.access(luc, siren) != "" || w.last(luc).Data["by"] != jeanne.Name() {
			t.Errorf("he has %q and reads %v", w.access(luc, siren), w.last(luc).Data)
		}
		if over := w.ended(luc); len(over) != 1 || over[0].ID != his.ID || over[0].By == nil || over[0].By.ID != jeanne.ID || over[0].Left() || over[0].Lapsed() {
			t.Errorf("what ended: %+v", over)
		}
		w.want("twice", remove(jeanne, his), portique.ErrMembershipEnded)
		if r := w.asks(luc, siren); r.SentTo != 2 {
			t.Errorf("he asks %d", r.SentTo)
		}
		w.letters()

		// A disabled administrator does not count, but may be removed; the last who counts stays.
		w.disable(paul)
		w.want("the last one leaves", remove(jeanne, hers), portique.ErrLastAdministrator)
		w.want("the one who does not count", remove(jeanne, also), nil)
		w.posted("access_ended>paul")
		w.want("the last one leaves", remove(jeanne, hers), portique.ErrLastAdministrator)
		if w.access(jeanne, siren) != "administrator" {
			t.Errorf("she has %q", w.access(jeanne, siren))
		}
		marie := w.person("marie")
		storetest.Member(t, w.db, marie, siren, portique.Administrator)
		w.want("one of two leaves", remove(jeanne, hers), nil)
		if over := w.ended(jeanne); len(over) != 1 || over[0].By != nil || !over[0].Left() {
			t.Errorf("what she left: %+v", over)
		}
		w.want("afterwards", remove(jeanne, hers), portique.ErrNotAdministrator)
	})
}

// Two administrators take each other away, or themselves, at the same moment: one of them stays. Always.
func TestTheLastTwo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const rounds = 20
		for round := range rounds {
			siren := w.company()
			a, b := w.person(fmt.Sprintf("a%d", round)), w.person(fmt.Sprintf("b%d", round))
			of := map[*portique.Account]*portique.Membership{}
			for _, who := range []*portique.Account{a, b} {
				of[who] = storetest.Member(t, w.db, who, siren, portique.Administrator)
			}
			demote := func(who, whom *portique.Account) func() error {
				return func() error {
					_, err := w.ChangeRole(ctx, as(who), siren, of[whom].ID, access.Change{Role: portique.Member})
					return err
				}
			}
			remove := func(who, whom *portique.Account) func() error {
				return func() error { _, err := w.Remove(ctx, as(who), siren, of[whom].ID); return err }
			}
			revoke := func(whom *portique.Account) func() error {
				return func() error {
					_, err := w.Revoke(ctx, portique.Actor{Door: portique.DoorCommand}, of[whom].ID, "départ")
					return err
				}
			}
			pairs := [][2]func() error{{demote(a, b), demote(b, a)}, {demote(a, a), demote(b, b)}, {remove(a, b), demote(b, a)}, {remove(a, a), revoke(b)}}
			pair := pairs[round%len(pairs)]
			results := together(pair[0], pair[1])
			if (results[0] == nil) == (results[1] == nil) {
				t.Errorf("round %d: %v", round, results)
			}
			err := errors.Join(results...)
			if !errors.Is(err, portique.ErrLastAdministrator) && !errors.Is(err, portique.ErrNotAdministrator) {
				t.Errorf("round %d: %v", round, err)
			}
			left := 0
			for _, who := range []*portique.Account{a, b} {
				if w.access(who, siren) == "administrator" {
					left++
				}
			}
			if left != 1 {
				t.Fatalf("round %d: %d administrators are left", round, left)
			}
		}
	})
}

func TestGrantAndRevoke(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		operator := portique.Actor{Door: portique.DoorCommand}
		siren := w.company()
		closed := w.company(func(c *portique.Company) { c.Status = portique.CompanyClosed })
		jeanne, luc, paul := w.person("jeanne"), w.person("luc"), w.person("paul")
		grant := func(a *portique.Account, siren portique.SIREN, terms access.Terms) (*portique.Membership, error) {
			return w.Grant(ctx, operator, a.Email, siren, terms, " papier\nreçu ")
		}
		member := access.Terms{Role: portique.Member}
		for name, c := range map[string]struct {
			email  string
			siren  portique.SIREN
			terms  access.Terms
			reason string
			want   error // nil: something in the form
		}{
			"nobody":               {"nobody@martin.example", siren, member, "x", portique.ErrAccountUnknown},
			"an unknown company":   {luc.Email, "732829320", member, "x", store.ErrCompanyUnknown},
			"a closed company":     {luc.Email, closed, member, "x", refusal("company.closed")},
			"without a reason":     {luc.Email, siren, member, " \t", nil},
			"an unknown tool":      {luc.Email, siren, access.Terms{Role: portique.Member, Tools: []string{"paye"}}, "x", nil},
			"until yesterday":      {luc.Email, siren, access.Terms{Role: portique.Member, Until: w.watch.Now().Add(-day)}, "x", nil},
			"a provisional master": {luc.Email, siren, access.Terms{Role: portique.Administrator, Until: w.watch.Now().Add(day)}, "x", nil},
		} {
			_, err := w.Grant(ctx, operator, c.email, c.siren, c.terms, c.reason)
			if c.want == nil && portique.KindOf(err) != portique.Invalid || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.posted("")

		// An administrator by command is the first one: the code gives no second.
		hers, err := grant(jeanne, siren, access.Terms{Role: portique.Administrator})
		if err != nil || hers.Role != portique.Administrator || hers.CompanyName == "" || hers.Email != jeanne.Email {
			t.Fatalf("%+v, %v", hers, err)
		}
		w.posted("access_opened>jeanne")
		w.journal(hers.ID, "access.granted")
		if e := storetest.Journal(t, w.db, hers.ID)[0]; e.Reason != "papier reçu" || e.Door != portique.DoorCommand || e.Actor != "" {
			t.Errorf("%+v", e)
		}
		r := w.asks(luc, siren)
		w.letters()
		_, err = grant(jeanne, siren, member)
		w.want("twice", err, refusal("access.already_member"))

		// A grant answers the request, and tells the administrators.
		his, err := grant(luc, siren, access.Terms{Role: portique.Declarant, Until: w.watch.Now().Add(day)})
		if err != nil || w.access(luc, siren) != "declarant" {
			t.Fatalf("%+v, %v", his, err)
		}
		w.posted("access_opened>luc access_opened>jeanne")
		if l, j := w.last(luc).Data, w.last(jeanne).Data; l["reason"] != "papier reçu" || l["person"] != "" || j["person_email"] != luc.Email || j["until"] == "" {
			t.Errorf("what they read: %v, %v", l, j)
		}
		if kept := w.request(r.ID); kept.Status != portique.RequestAnswered {
			t.Errorf("his request is %s", kept.Status)
		}
		// Past its date it makes room for another.
		w.watch.Forward(day)
		if _, err = grant(luc, siren, member); err != nil || w.access(luc, siren) != "member [*]" {
			t.Errorf("%s, %v", w.access(luc, siren), err)
		}
		w.disable(paul)
		_, err = grant(paul, siren, member)
		w.want("a disabled account", err, refusal("access.account_gone"))
		w.letters()

		revoke := func(id, reason string) error { _, err := w.Revoke(ctx, operator, id, reason); return err }
		w.want("unknown", revoke(store.NewID(), "x"), portique.ErrMembershipUnknown)
		w.want("already ended", revoke(his.ID, "x"), portique.ErrMembershipEnded)
		w.want("the last administrator", revoke(hers.ID, "x"), portique.ErrLastAdministrator)
		if err := revoke(w.membership(luc, siren).ID, " "); portique.KindOf(err) != portique.Invalid {
			t.Errorf("without a reason: %v", err)
		}
		w.posted("")
		w.want("revoking", revoke(w.membership(luc, siren).ID, "départ"), nil)
		w.posted("access_ended>luc access_ended>jeanne")
		if l, j := w.last(luc).Data, w.last(jeanne).Data; l["reason"] != "départ" || l["by"] != "" || l["person"] != "" || j["person"] != luc.Name() {
			t.Errorf("what they read: %v, %v", l, j)
		}
		list, err := w.List(ctx, siren, luc.Email)
		if err != nil || len(list) != 2 || list[0].Status != portique.MembershipEnded || !list[0].EndedAt.Equal(list[0].Until) || list[1].Status != portique.MembershipEnded {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// An access ends by itself on its date, and with its account; nothing needs to come by.
func TestAccessEndsOnItsDate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		siren := w.company()
		jeanne, luc := w.person("jeanne"), w.person("luc")
		storetest.Member(t, w.db, jeanne, siren, portique.Administrator)
		storetest.Member(t, w.db, luc, siren, portique.Administrator, func(m *portique.Membership) { m.Until = w.watch.Now().Add(hour) }) // by an older version
		w.watch.Forward(hour - time.Millisecond)
		if _, err := w.Users(t.Context(), as(luc), siren); err != nil {
			t.Error(err)
		}
		w.watch.Forward(time.Millisecond)
		if _, err := w.Users(t.Context(), as(luc), siren); !errors.Is(err, portique.ErrNotAdministrator) {
			t.Errorf("past his date he reads: %v", err)
		}
		if over := w.ended(luc); len(over) != 1 || len(w.ended(jeanne)) != 0 || over[0].By != nil || !over[0].Lapsed() {
			t.Errorf("what ended: %+v", over)
		}
		if r := w.asks(w.person("paul"), siren); r.SentTo != 1 {
			t.Errorf("%d administrators are told", r.SentTo)
		}
		w.watch.Forward(portique.ExpireAfter)
		if len(w.ended(luc)) != 1 {
			t.Error("thirty days later it is not told any more")
		}
		if w.watch.Forward(time.Millisecond); len(w.ended(luc)) != 0 {
			t.Error("after thirty days it is still told")
		}
	})
}
