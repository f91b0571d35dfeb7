package access_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// desk is a company with its administrator and somebody who asks.
func (w *world) desk() (siren portique.SIREN, jeanne, luc *portique.Account, r *portique.AccessRequest) {
	w.t.Helper()
	siren = w.company()
	jeanne, luc = w.person(fmt.Sprintf("jeanne%d", w.made)), w.person(fmt.Sprintf("luc%d", w.made))
	storetest.Member(w.t, w.db, jeanne, siren, portique.Administrator)
	r = w.asks(luc, siren)
	w.letters()
	return siren, jeanne, luc, r
}

// REQ-06 One reminder a day, however often one presses.
func TestRemindAndCancel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		siren, jeanne, luc, r := w.desk()
		w.watch.Forward(time.Minute)
		first := w.watch.Now()
		for _, who := range []*portique.Account{jeanne, w.person("eve")} {
			_, _, err := w.Remind(ctx, as(who), r.ID)
			w.want("somebody else's", err, portique.ErrRequestUnknown)
			_, err = w.Cancel(ctx, as(who), r.ID)
			w.want("somebody else's", err, portique.ErrRequestUnknown)
		}
		for _, id := range []string{store.NewID(), "", "\x00"} {
			_, _, err := w.Remind(ctx, as(luc), id)
			w.want("unknown", err, portique.ErrRequestUnknown)
		}
		w.posted("")
		for range 3 {
			_, _, err := w.Remind(ctx, as(luc), r.ID)
			var soon *portique.Error
			if errors.As(err, &soon) && (soon.Kind != portique.TooSoon || !soon.RetryAt.Equal(first.Add(day))) {
				t.Errorf("again: %+v", soon)
			}
		}
		w.posted("request_reminder>jeanne1")
		if d := w.last(jeanne).Data; d["person_email"] != luc.Email || d["asked_at"] != "2026-03-02T09:00:00Z" || d["expires_at"] != "2026-04-01T09:01:00Z" {
			t.Errorf("what she reads: %v", d)
		}
		// Many presses at once, a day later, are one.
		w.watch.Forward(day)
		press := func() error { _, _, err := w.Remind(ctx, as(luc), r.ID); return err }
		done := 0
		for _, err := range together(press, press, press, press, press, press) {
			if err == nil {
				done++
			}
		}
		w.posted("request_reminder>jeanne1")
		w.journal(r.ID, "access.requested access.reminded access.reminded")
		if kept := w.request(r.ID); done != 1 || kept.Reminders != 2 || !kept.RemindedAt.Equal(first.Add(day)) {
			t.Errorf("%d presses, %+v", done, kept)
		}

		// Nobody left to remind: the operator sees it, once.
		w.watch.Forward(day)
		w.disable(jeanne)
		_, _, err := w.Remind(ctx, as(luc), r.ID)
		w.want("without administrators", err, nil)
		w.posted("operator_escalated>aide request_escalated>luc1")
		w.watch.Forward(day)
		_, _, err = w.Remind(ctx, as(luc), r.ID)
		w.want("again", err, nil)
		w.posted("")
		storetest.Write(t, w.db, func(tx *store.Tx) error { return tx.SetAccountStatus(jeanne.ID, portique.AccountActive) })

		_, err = w.Cancel(ctx, as(luc), r.ID)
		w.want("cancelling", err, nil)
		w.posted("request_cancelled>jeanne1")
		_, err = w.Cancel(ctx, as(luc), r.ID)
		w.want("cancelling twice", err, portique.ErrRequestClosed)
		_, _, err = w.Remind(ctx, as(luc), r.ID)
		w.want("reminding afterwards", err, portique.ErrRequestClosed)
		_, err = w.Accept(ctx, as(jeanne), siren, r.ID, access.Terms{Role: portique.Member})
		w.want("accepting afterwards", err, portique.ErrRequestClosed)
		w.posted("")
		w.asks(luc, siren) // at once
	})
}

func TestTick(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		siren, jeanne, luc, r := w.desk()
		start := w.watch.Now()
		var story []string
		for h := hour; h <= 40*day; h += hour {
			w.watch.Forward(hour)
			if err := w.Tick(ctx); err != nil {
				t.Fatal(err)
			}
			if err := w.Tick(ctx); err != nil { // nothing twice
				t.Fatal(err)
			}
			if s := w.letters(); s != "" {
				story = append(story, fmt.Sprintf("day %g: %s", h.Hours()/24, s))
			}
		}
		const want = "day 3: request_reminder>jeanne1, day 7: request_reminder>jeanne1, day 14: operator_escalated>aide request_escalated>luc1, day 37: request_expired>luc1"
		if got := strings.Join(story, ", "); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		w.journal(r.ID, "access.requested access.reminded access.reminded access.escalated access.expired")
		for _, e := range storetest.Journal(t, w.db, r.ID)[1:] {
			if e.Door != portique.DoorJob || e.Actor != "" || e.SIREN != siren {
				t.Errorf("%+v", e)
			}
		}
		if kept := w.request(r.ID); kept.Status != portique.RequestExpired || !kept.DecidedAt.Equal(start.Add(37*day)) || kept.Reminders != 0 {
			t.Errorf("%+v", kept)
		}
		// Once expired it may be made again in one press, by its person, once.
		_, err := w.Again(ctx, as(jeanne), r.ID)
		w.want("somebody else's", err, portique.ErrRequestUnknown)
		a, err := w.Again(ctx, as(luc), r.ID)
		if err != nil || a.Request == nil || a.Membership != nil || a.Administrators != 1 || a.Request.ID == r.ID {
			t.Fatalf("again: %+v, %v", a, err)
		}
		w.posted("request_received>jeanne1 request_sent>luc1")
		_, err = w.Again(ctx, as(luc), r.ID)
		w.want("twice", err, portique.ErrRequestClosed)
		_, err = w.Again(ctx, as(luc), a.Request.ID)
		w.want("one that waits", err, portique.ErrRequestClosed)
		if _, err := w.Cancel(ctx, as(luc), a.Request.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.Again(ctx, as(luc), a.Request.ID)
		w.want("one that was cancelled", err, portique.ErrRequestClosed)
		w.letters()

		// REQ-12 By the member code as well; as long as no job came by, it is not accepted any more.
		_, err = w.Accept(ctx, as(jeanne), siren, r.ID, access.Terms{Role: portique.Member})
		w.want("accepting an expired one", err, portique.ErrRequestClosed)
		r = w.asks(luc, siren)
		w.watch.Forward(portique.ExpireAfter)
		_, err = w.Accept(ctx, as(jeanne), siren, r.ID, access.Terms{Role: portique.Member})
		w.want("accepting one that no job has expired", err, portique.ErrRequestClosed)
		if w.access(luc, siren) != "" {
			t.Errorf("he has %s", w.access(luc, siren))
		}
		w.letters()
		// REQ-12 Nor does it keep him from asking again.
		again := w.asks(luc, siren)
		w.posted("request_received>jeanne1 request_sent>luc1")
		w.journal(r.ID, "access.requested access.expired")
		if old := w.request(r.ID); again.ID == r.ID || old.Status != portique.RequestExpired || !old.DecidedAt.Equal(w.watch.Now()) {
			t.Errorf("%+v", old)
		}
		if _, err := w.Cancel(ctx, as(luc), again.ID); err != nil {
			t.Fatal(err)
		}
		w.letters()

		// More than one batch at once.
		crowded := w.company()
		storetest.Member(t, w.db, jeanne, crowded, portique.Administrator)
		for i := range 120 {
			w.asks(w.person(fmt.Sprintf("p%d", i)), crowded)
		}
		w.letters()
		w.watch.Forward(3 * day)
		if err := w.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		letters := w.letters() // three in an hour, and one for all the others
		if strings.Count(letters, "request_reminder>jeanne1") != 3 || strings.Count(letters, "request_digest>jeanne1") != 1 {
			t.Errorf("letters: %s", letters)
		}
		pending, err := w.ListRequests(ctx, crowded, "")
		for _, r := range pending {
			if !r.AutoAt.Equal(w.watch.Now()) {
				t.Errorf("not reminded: %+v", r)
			}
		}
		if err != nil || len(pending) != 120 {
			t.Errorf("%d requests, %v", len(pending), err)
		}
	})
}

// When the last administrator is gone, a request that waited for them goes to
// the operator at once, and everybody concerned is told once.
func TestOrphanedRequest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, jeanne, luc, r := w.desk()
		storetest.Write(t, w.db, func(tx *store.Tx) error {
			if err := tx.SetAccountStatus(jeanne.ID, portique.AccountDisabled); err != nil {
				return err
			}
			return tx.HastenRequest(r.ID)
		})
		for range 2 {
			if err := w.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w.posted("operator_escalated>aide request_escalated>luc1")
		if d := w.last(luc).Data; d["administrators"] != "0" || !w.request(r.ID).EscalatedAt.Equal(w.watch.Now()) {
			t.Errorf("he reads %v", d)
		}
		_, told, err := w.Remind(t.Context(), as(luc), r.ID)
		if err != nil || told != 0 {
			t.Errorf("a reminder to nobody: %d, %v", told, err)
		}
		w.posted("")
	})
}

// REQ-05 Decided is decided. REQ-11 By who is administrator now, of somebody who is still there.
func TestAccept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, id := range []string{"paie", "stages"} {
			storetest.Write(t, w.db, func(tx *store.Tx) error { return tx.InsertTool(&portique.Tool{ID: id, Name: id}) })
		}
		soon := w.watch.Now().Add(30 * day)
		for name, c := range map[string]struct {
			terms access.Terms
			has   string
			fault string
		}{
			"the page's default":           {access.Terms{Role: portique.Member}, "member [*]", ""},
			"two tools, one of them twice": {access.Terms{Role: portique.Member, Tools: []string{"stages", "paie", "stages"}}, "member [paie stages]", ""},
			"every tool":                   {access.Terms{Role: portique.Member, Tools: []string{"paie", "*"}}, "member [*]", ""},
			"for a time":                   {access.Terms{Role: portique.Member, Until: soon}, "member [*]", ""},
			"a declarant":                  {access.Terms{Role: portique.Declarant, Tools: []string{"stages"}}, "declarant", ""},
			"an administrator":             {access.Terms{Role: portique.Administrator}, "administrator", ""},
			"no tool":                      {access.Terms{Role: portique.Member, Tools: []string{}}, "", "tool membership.tools_missing"},
			"no tool, and until now":       {access.Terms{Role: portique.Member, Tools: []string{}, Until: w.watch.Now()}, "", "tool membership.tools_missing, until membership.until_past"},
			"an unknown tool, until now":   {access.Terms{Role: portique.Member, Tools: []string{"paye"}, Until: w.watch.Now()}, "", "tool membership.tool_unknown, until membership.until_past"},
			"an unknown tool":              {access.Terms{Role: portique.Member, Tools: []string{"paye"}}, "", "tool membership.tool_unknown"},
			"until now":                    {access.Terms{Role: portique.Member, Until: w.watch.Now()}, "", "until membership.until_past"},
			"an administrator for a time":  {access.Terms{Role: portique.Administrator, Until: soon}, "", "until membership.administrator_until"},
		} {
			siren, jeanne, luc, r := w.desk()
			marie := w.person(fmt.Sprintf("marie%d", w.made))
			storetest.Member(t, w.db, marie, siren, portique.Administrator)
			_, err := w.Accept(ctx, as(jeanne), siren, r.ID, c.terms)
			if got := w.access(luc, siren); got != c.has {
				t.Errorf("%s: he has %q", name, got)
			}
			if c.fault != "" {
				var faults portique.FieldErrors
				errors.As(err, &faults)
				var told []string
				for _, f := range faults {
					told = append(told, f.Field+" "+f.Key)
				}
				if strings.Join(told, ", ") != c.fault {
					t.Errorf("%s: %v", name, err)
				}
				w.posted("")
				if w.request(r.ID).Status != portique.RequestPending {
					t.Errorf("%s: decided all the same", name)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			handled := fmt.Sprintf("request_accepted>luc%d request_handled>marie%d", w.made, w.made)
			w.posted(handled)
			w.journal(r.ID, "access.requested access.accepted")
			if d := w.last(luc).Data; d["by"] != jeanne.Name() || d["role"] != string(c.terms.Role) || (d["until"] == "") != c.terms.Until.IsZero() {
				t.Errorf("%s: what he reads: %v", name, d)
			}
			if d := w.last(luc).Data; !c.terms.Until.IsZero() && d["until"] != c.terms.Until.Add(-time.Second).Format(time.RFC3339) {
				t.Errorf("%s: he reads %s as his last moment", name, d["until"])
			}
			if d := w.last(marie).Data; d["by"] != jeanne.Name() || d["decision"] != "accepted" || d["person_email"] != luc.Email {
				t.Errorf("%s: what the other reads: %v", name, d)
			}
			if kept := w.request(r.ID); kept.DecidedBy != jeanne.ID || !w.membership(luc, siren).Until.Equal(c.terms.Until) {
				t.Errorf("%s: %+v", name, kept)
			}
			// Decided is decided.
			_, err = w.Accept(ctx, as(marie), siren, r.ID, access.Terms{Role: portique.Administrator})
			w.want("accepted twice", err, portique.ErrRequestClosed)
			_, err = w.Refuse(ctx, as(marie), siren, r.ID, "non")
			w.want("refused afterwards", err, portique.ErrRequestClosed)
			w.posted("")
		}

		// By nobody but an administrator of that very company.
		siren, jeanne, luc, r := w.desk()
		elsewhere, anne, _, foreign := w.desk()
		member, declarant, former := w.person("member"), w.person("declarant"), w.person("former")
		storetest.Member(t, w.db, member, siren, portique.Member)
		storetest.Member(t, w.db, declarant, siren, portique.Declarant)
		storetest.Member(t, w.db, former, siren, portique.Administrator, func(m *portique.Membership) { m.Status = portique.MembershipEnded })
		w.letters()
		decide := func(who *portique.Account, siren portique.SIREN, id string) []error {
			_, accepting := w.Accept(ctx, as(who), siren, id, access.Terms{Role: portique.Member})
			_, refusing := w.Refuse(ctx, as(who), siren, id, "non")
			return []error{accepting, refusing}
		}
		for _, who := range []*portique.Account{member, declarant, former, luc, anne, {}} {
			for _, err := range decide(who, siren, r.ID) {
				w.want("by "+who.Email, err, portique.ErrNotAdministrator)
			}
		}
		for what, c := range map[string]struct {
			siren portique.SIREN
			id    string
			want  error
		}{
			"another company's, under one's own": {elsewhere, r.ID, portique.ErrRequestUnknown},
			"another company's":                  {siren, foreign.ID, portique.ErrNotAdministrator},
			"an unknown one":                     {elsewhere, store.NewID(), portique.ErrRequestUnknown},
			"a company that does not exist":      {"732829320", r.ID, portique.ErrNotAdministrator},
		} {
			for _, err := range decide(anne, c.siren, c.id) {
				w.want(what, err, c.want)
			}
		}
		if _, err := w.Users(ctx, as(member), siren); !errors.Is(err, portique.ErrNotAdministrator) {
			t.Errorf("a member reads the users: %v", err)
		}
		// Somebody disabled meanwhile gets nothing.
		w.disable(luc)
		_, err := w.Accept(ctx, as(jeanne), siren, r.ID, access.Terms{Role: portique.Member})
		w.want("of a disabled account", err, refusal("access.account_gone"))
		w.posted("")
		if w.request(r.ID).Status != portique.RequestPending {
			t.Error("decided all the same")
		}
	})
}

func TestRefuse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		siren, jeanne, luc, r := w.desk()
		marie := w.person("marie")
		storetest.Member(t, w.db, marie, siren, portique.Administrator)
		_, err := w.Refuse(ctx, as(jeanne), siren, r.ID, " \t")
		w.want("without a reason", err, refusal("access.refuse.reason_missing"))
		_, err = w.Refuse(ctx, as(jeanne), siren, r.ID, " Inconnu\u202e\r\nchez nous ")
		w.want("refusing", err, nil)
		w.posted("request_refused>luc1 request_handled>marie")
		if d := w.last(luc).Data; d["reason"] != "Inconnu chez nous" || d["again_at"] != "2026-03-03T09:00:00Z" {
			t.Errorf("what he reads: %v", d)
		}
		if e := storetest.Journal(t, w.db, r.ID); e[1].Action != portique.ActionRequestRefused || e[1].Actor != jeanne.ID || e[1].Reason != "Inconnu chez nous" {
			t.Errorf("the journal: %+v", e)
		}
		_, err = w.attach(luc, siren)
		var soon *portique.Error
		if !errors.As(err, &soon) || soon.Kind != portique.TooSoon || soon.Key != "access.attach.refused_recently" || !soon.RetryAt.Equal(w.watch.Now().Add(day)) {
			t.Errorf("asking again at once: %v", err)
		}
		w.watch.Forward(day)
		r = w.asks(luc, siren)
		w.letters()

		// Two administrators decide otherwise, together: one is heard, and one letter says so.
		results := together(
			func() error {
				_, err := w.Accept(ctx, as(jeanne), siren, r.ID, access.Terms{Role: portique.Member})
				return err
			},
			func() error { _, err := w.Refuse(ctx, as(marie), siren, r.ID, "non"); return err })
		accepted := results[0] == nil
		if accepted == (results[1] == nil) {
			t.Fatalf("both were heard, or neither: %v", results)
		}
		if !errors.Is(errors.Join(results...), portique.ErrRequestClosed) {
			t.Errorf("the other was told %v", results)
		}
		if (w.access(luc, siren) != "") != accepted || (w.request(r.ID).Status == portique.RequestAccepted) != accepted {
			t.Errorf("accepted = %v, he has %q", accepted, w.access(luc, siren))
		}
		if s := w.letters(); strings.Count(s, ">luc1") != 1 {
			t.Errorf("letters: %s", s)
		}
	})
}

// What a person reads of their requests: those that wait, with their letters, and those decided in the last month.
func TestRequests(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		siren, jeanne, luc, old := w.desk()
		if _, err := w.Refuse(ctx, as(jeanne), siren, old.ID, "non"); err != nil {
			t.Fatal(err)
		}
		w.watch.Forward(20 * day)
		r := w.asks(luc, siren)
		list, err := w.Requests(ctx, luc.ID)
		if err != nil || len(list) != 2 || list[0].ID != r.ID || list[1].ID != old.ID || len(list[0].Deliveries) != 2 || list[1].Deliveries != nil {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, d := range list[0].Deliveries {
			if d.Count != 1 || d.Status != portique.LetterQueued {
				t.Errorf("%+v", d)
			}
		}
		if list[1].By == nil || list[1].By.ID != jeanne.ID || list[0].By != nil {
			t.Errorf("refused by %+v, %+v", list[1].By, list[0].By)
		}
		if !list[1].AskAgainAt.Equal(list[1].DecidedAt.Add(day)) || !list[0].AskAgainAt.IsZero() {
			t.Errorf("again at %v, %v", list[0].AskAgainAt, list[1].AskAgainAt)
		}
		w.watch.Forward(10*day + 1)
		if list, err = w.Requests(ctx, luc.ID); err != nil || len(list) != 2 {
			t.Errorf("%d, %v", len(list), err)
		}
		w.watch.Forward(time.Millisecond)
		if list, err = w.Requests(ctx, luc.ID); err != nil || len(list) != 1 || list[0].ID != r.ID {
			t.Errorf("%d, %v", len(list), err)
		}
		users, err := w.Users(ctx, as(jeanne), siren)
		if err != nil || len(users.Pending) != 1 || users.Pending[0].Email != luc.Email || len(users.Members) != 1 || users.Me.AccountID != jeanne.ID {
			t.Errorf("%+v, %v", users, err)
		}
	})
}

// Who insists does not silence who asks for the first time: reminders have a budget of their own. Beyond either, one letter stands for
// many, and the requester's page knows of it.
func TestFirstLettersBesideReminders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		siren, _, luc, _ := w.desk()
		w.watch.Forward(2 * time.Hour)
		old := []*portique.AccessRequest{}
		for i := range 3 {
			old = append(old, w.asks(w.person(fmt.Sprintf("old%d", i)), siren))
		}
		w.watch.Forward(2 * time.Hour)
		w.letters()
		list, err := w.Requests(ctx, luc.ID)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, r := range append(old, list[0].AccessRequest) {
			if _, _, err := w.Remind(ctx, portique.Actor{AccountID: r.AccountID}, r.ID); err != nil {
				t.Fatal(err)
			}
		}
		w.posted("request_reminder>jeanne1 request_reminder>jeanne1 request_reminder>jeanne1 request_digest>jeanne1 operator_alert>aide")
		for i := range 3 {
			w.asks(w.person(fmt.Sprintf("new%d", i)), siren)
		}
		if got := strings.Count(w.letters(), "request_received>jeanne1"); got != 3 {
			t.Errorf("%d of three first letters", got)
		}
		zoe := w.person("zoe")
		r := w.asks(zoe, siren)
		if got := w.letters(); strings.Contains(got, "request_received") {
			t.Errorf("a fourth: %s", got)
		}
		digest := func() (n int, status portique.LetterStatus) {
			list, err := w.Requests(ctx, zoe.ID)
			if err != nil || len(list) != 1 || list[0].ID != r.ID {
				t.Fatalf("%+v, %v", list, err)
			}
			for _, d := range list[0].Deliveries {
				if d.Kind == portique.LetterRequestDigest {
					n, status = n+d.Count, d.Status
				}
			}
			return n, status
		}
		if n, status := digest(); n != 1 || status != portique.LetterQueued {
			t.Errorf("%d letters that stand for hers, %s", n, status)
		}
		// Who was told by a letter of their own long after such a one knows of none.
		w.watch.Forward(3 * time.Hour)
		late := w.person("late")
		w.asks(late, siren)
		if list, err = w.Requests(ctx, late.ID); err != nil {
			t.Fatal(err)
		}
		for _, d := range list[0].Deliveries {
			if d.Kind == portique.LetterRequestDigest {
				t.Errorf("a letter of before: %+v", d)
			}
		}
	})
}

// Found by TestAccessLikeTheModel: a page opened before the account was disabled asked again in its name, and ended the access that
// the operator had meant to give back with the account.
func TestAgainWhenDisabled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		siren, _, luc, r := w.desk()
		w.watch.Forward(38 * day)
		if err := w.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		storetest.Member(t, w.db, luc, siren, portique.Member)
		w.disable(luc)
		w.letters()
		_, err := w.Again(t.Context(), as(luc), r.ID)
		w.want("when disabled", err, store.ErrNoSession)
		w.posted("")
		if m := w.membership(luc, siren); m == nil || m.Status != portique.MembershipActive {
			t.Errorf("the access is now %+v", m)
		}
	})
}

// Letters name the tools that an access opens: all of a few, the first of many.
func TestLettersNameTools(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		siren, jeanne, luc, r := w.desk()
		ids := strings.Fields("a b c d e f g")
		storetest.Write(t, w.db, func(tx *store.Tx) error {
			var errs []error
			for _, id := range ids {
				errs = append(errs, tx.InsertTool(&portique.Tool{ID: id, Name: "Outil " + id}))
			}
			return errors.Join(errs...)
		})
		told := func(kind portique.LetterKind, want string) {
			t.Helper()
			l := w.last(luc)
			if got := l.Data["tools"] + "+" + l.Data["more_tools"]; l.Kind != kind || got != want {
				t.Errorf("%s names %q, want %q", l.Kind, got, want)
			}
		}
		if _, err := w.Accept(ctx, as(jeanne), siren, r.ID, access.Terms{Role: portique.Member, Tools: []string{"b", "a"}}); err != nil {
			t.Fatal(err)
		}
		told(portique.LetterRequestAccepted, "Outil a, Outil b+")
		mine, err := w.Memberships(ctx, luc.ID)
		if err != nil || len(mine) != 1 {
			t.Fatal(mine, err)
		}
		for _, c := range []struct {
			role  portique.Role
			tools []string
			want  string
		}{
			{portique.Member, ids[:6], "Outil a, Outil b, Outil c, Outil d, Outil e, Outil f+"},
			{portique.Member, ids, "Outil a, Outil b, Outil c, Outil d, Outil e+2"},
			{portique.Member, []string{portique.AllTools}, "*+"},
			{portique.Declarant, nil, "+"},
		} {
			if _, err := w.ChangeRole(ctx, as(jeanne), siren, mine[0].ID, access.Change{Role: c.role, Tools: c.tools}); err != nil {
				t.Fatal(err)
			}
			told(portique.LetterRoleChanged, c.want)
		}
	})
}

// Each reads the tools of a letter in their own language, in its order.
func TestLettersNameToolsInTheReadersLanguage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		siren, jeanne, luc, _ := w.desk()
		storetest.Write(t, w.db, func(tx *store.Tx) error {
			return errors.Join(tx.SetAccountLanguage(luc.ID, "en"), tx.InsertTool(&portique.Tool{ID: "a", Name: "Apprentissage", NameEN: "Work and study"}),
				tx.InsertTool(&portique.Tool{ID: "b", Name: "Écoles", NameEN: "Schools"}), tx.InsertTool(&portique.Tool{ID: "c", Name: "Zones"}))
		})
		_, err := w.Grant(t.Context(), portique.Actor{}, luc.Email, siren, access.Terms{Role: portique.Member, Tools: []string{"a", "b", "c"}}, "call")
		w.want("by the command", err, nil)
		for _, c := range []struct {
			who            *portique.Account
			language, want string
		}{{luc, "en", "Schools, Work and study, Zones"}, {jeanne, "fr", "Apprentissage, Écoles, Zones"}} {
			if l := w.last(c.who); l.Kind != portique.LetterAccessOpened || l.Language != c.language || l.Data["tools"] != c.want {
				t.Errorf("%s reads %s in %s: %q, want %q", c.who.FirstName, l.Kind, l.Language, l.Data["tools"], c.want)
			}
		}
	})
}
