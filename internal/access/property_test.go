package access_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portique"
	"portique/internal/access"
	"portique/internal/account"
	"portique/internal/mail"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// Whatever four people, two companies, a known contact and the operator do, in any order and at any hour, the services do what the
// model says: the same refusals, accesses and requests, and for each act the letters and the lines of the journal that it owes.
func TestAccessLikeTheModel(t *testing.T) {
	storetest.Property(t, 40, 60, func(t *rapid.T, db *store.DB, watch *storetest.Watch) {
		w := newMachine(t, db, watch)
		acts := map[string]func(*rapid.T){
			"attach": func(t *rapid.T) {
				p, f, right := w.person(t), w.firm(t), often(t, "right")
				code := storetest.MemberCode
				if !right {
					code = "ABCDEFGHJK"
				}
				w.same(t, w.as(p), w.m.attach(p, f, right), func() error {
					_, err := w.Attach(t.Context(), w.as(p), string(w.siren(f)), code)
					return err
				})
			},
			"contest": func(t *rapid.T) {
				f, contest, right := w.m.firms[0], yes(t, "contest"), often(t, "right")
				stranger := w.stranger()
				token, code := w.notice(f.contact)
				if !right {
					code = other(code)
				}
				w.same(t, stranger, w.m.contest(f, contest, right), func() error {
					_, err := w.Contest(t.Context(), stranger, token, code, contest)
					return err
				})
			},
			"settle": func(t *rapid.T) {
				f, keep := w.claimed(t), yes(t, "keep")
				i := slices.IndexFunc(w.claims, func(c *portique.FirstClaim) bool { return c.SIREN == w.siren(f) })
				id := w.claims[i].ID
				w.same(t, operator, w.m.settle(f, keep), func() error { return w.Settle(t.Context(), operator, id, keep, "Vérifié") })
			},
			"tell": func(t *rapid.T) { w.same(t, job, w.m.tellProofs(), func() error { return w.TellStepUps(t.Context()) }) },
			"claim": func(t *rapid.T) {
				p, code := w.person(t), "12345678"
				var codes []string // of any letter, spent and other people's too
				for _, q := range w.m.proofs {
					if q.code != "" && (q.person == p || yes(t, "another's")) {
						codes = append(codes, q.code)
					}
				}
				if len(codes) > 0 && often(t, "code of a letter") {
					code = codes[len(codes)-1-rapid.IntRange(0, len(codes)-1).Draw(t, "letter, newest first")]
				}
				actor := w.stranger()
				actor.AccountID = w.as(p).AccountID
				w.same(t, actor, w.m.proveBy(p, code), func() error {
					_, err := w.Claim(t.Context(), actor, code)
					return err
				})
			},
			"vouch": func(t *rapid.T) {
				living := slices.DeleteFunc(slices.Clone(w.m.proofs), func(q *modelProof) bool { return q.status != portique.StepUpWaiting })
				q, accept := pick(t, "proof", w.m.proofs, living), yes(t, "accept")
				id := w.proofs[slices.Index(w.m.proofs, q)].ID
				w.behalf = w.account(q.person).ID // the lines of what it opens are in the person's name
				w.same(t, operator, w.m.vouch(q, accept), func() error { return w.Settle(t.Context(), operator, id, accept, "Vérifié") })
				w.behalf = ""
			},
			"remind": func(t *rapid.T) {
				a := w.ask(t)
				w.same(t, w.as(a.person), w.m.remind(a), func() error {
					_, _, err := w.Remind(t.Context(), w.as(a.person), w.request(a))
					return err
				})
			},
			"cancel": func(t *rapid.T) {
				a := w.ask(t)
				w.same(t, w.as(a.person), w.m.cancel(a), func() error {
					_, err := w.Cancel(t.Context(), w.as(a.person), w.request(a))
					return err
				})
			},
			"again": func(t *rapid.T) {
				a := w.ask(t)
				w.same(t, w.as(a.person), w.m.again(a), func() error {
					_, err := w.Again(t.Context(), w.as(a.person), w.request(a))
					return err
				})
			},
			"somebody else's request": func(t *rapid.T) {
				a := w.ask(t)
				p := w.m.people[(slices.Index(w.m.people, a.person)+1)%len(w.m.people)]
				w.same(t, w.as(p), "access.request.unknown", func() error {
					_, err := w.Cancel(t.Context(), w.as(p), w.request(a))
					return err
				})
			},
			"accept": func(t *rapid.T) {
				a, role, until := w.ask(t), w.role(t), w.until(t)
				by, f := w.chief(t, a.firm)
				w.same(t, w.as(by), w.m.accept(by, f, a, role, until), func() error {
					_, err := w.Accept(t.Context(), w.as(by), w.siren(f), w.request(a), access.Terms{Role: role, Until: until})
					return err
				})
			},
			"refuse": func(t *rapid.T) {
				a := w.ask(t)
				by, f := w.chief(t, a.firm)
				w.same(t, w.as(by), w.m.refuse(by, f, a), func() error {
					_, err := w.Refuse(t.Context(), w.as(by), w.siren(f), w.request(a), "Je ne vous connais pas.")
					return err
				})
			},
			"change role": func(t *rapid.T) {
				s, role := w.seat(t), w.role(t)
				var until *time.Time
				if !often(t, "the date is left out") {
					until = new(w.until(t))
				}
				by, _ := w.chief(t, s.firm)
				w.same(t, w.as(by), w.m.changeRole(by, s, role, until), func() error {
					_, err := w.ChangeRole(t.Context(), w.as(by), w.siren(s.firm), w.membership(s), access.Change{Role: role, Until: until})
					return err
				})
			},
			"remove": func(t *rapid.T) {
				s := w.seat(t)
				by, _ := w.chief(t, s.firm)
				w.same(t, w.as(by), w.m.remove(by, s), func() error {
					_, err := w.Remove(t.Context(), w.as(by), w.siren(s.firm), w.membership(s))
					return err
				})
			},
			"leave": func(t *rapid.T) {
				s := w.seat(t)
				w.same(t, w.as(s.person), w.m.remove(s.person, s), func() error {
					_, err := w.Remove(t.Context(), w.as(s.person), w.siren(s.firm), w.membership(s))
					return err
				})
			},
			"grant": func(t *rapid.T) {
				p, f, role, until := w.person(t), w.firm(t), w.role(t), w.until(t)
				w.same(t, operator, w.m.grant(p, f, role, until), func() error {
					_, err := w.Grant(t.Context(), operator, w.account(p).Email, w.siren(f), access.Terms{Role: role, Until: until}, "Vérifié")
					return err
				})
			},
			"revoke": func(t *rapid.T) {
				s := w.seat(t)
				w.same(t, operator, w.m.revoke(s), func() error {
					_, err := w.Revoke(t.Context(), operator, w.membership(s), "Départ")
					return err
				})
			},
			"disable": func(t *rapid.T) {
				p, force := w.person(t), yes(t, "force")
				w.same(t, operator, w.m.disable(p, force), func() error {
					return w.people.Disable(t.Context(), operator, w.account(p).Email, force)
				})
			},
			"enable": func(t *rapid.T) {
				p := w.person(t)
				w.same(t, operator, w.m.enable(p), func() error { return w.people.Enable(t.Context(), operator, w.account(p).Email) })
			},
			"time": func(t *rapid.T) {
				w.watch.Forward(time.Duration(rapid.SampledFrom([]int{1, 5, 23, 71, 8 * 24, 20 * 24, 31 * 24}).Draw(t, "hours")) * hour)
				w.m.now = w.watch.Now()
				if often(t, "tick") {
					w.tick(t)
				}
			},
			"tick": w.tick,
		}
		t.Repeat(map[string]func(*rapid.T){
			"":    w.check,
			"act": func(t *rapid.T) { acts[rapid.SampledFrom(w.possible()).Draw(t, "act")](t) },
		})
		for _, l := range storetest.Outbox(t, db, "") {
			if err := mail.Check(l); err != nil {
				t.Error(err)
			}
		}
	})
}

var (
	operator = portique.Actor{Door: portique.DoorCommand}
	job      = portique.Actor{Door: portique.DoorJob}
)

// machine drives the services and the model side by side.
type machine struct {
	*access.Service
	people   *account.Service
	db       *store.DB
	watch    *storetest.Watch
	m        *model
	t        *rapid.T
	accounts []*portique.Account
	sirens   []portique.SIREN
	sources  int

	members  []*portique.Membership    // what the database has, in the order of the model's seats
	requests []*portique.AccessRequest // in the order of its asks
	claims   []*portique.FirstClaim
	proofs   []*portique.StepUp // in the order of its proofs
	behalf   string             // account in whose name lines may be, too
	letters  string             // read so far
	lines    map[string]int     // of the journal, read so far, by subject
}

func newMachine(t *rapid.T, db *store.DB, watch *storetest.Watch) *machine {
	o := options
	o.MemberCodeBits = 60 // guessing leads nowhere near the installation's budget
	second := yes(t, "code+contact")
	if second {
		o.Policy = portique.ClaimByContact
	}
	w := &machine{Service: access.New(db, storetest.Keys(), o), people: account.New(db, storetest.Keys(), nil, portique.PasswordRule{}, ""),
		db: db, watch: watch, t: t, m: &model{now: watch.Now(), second: second}, lines: map[string]int{},
		sirens: []portique.SIREN{"552100554", "732829320"}}
	for _, name := range []string{"anne", "bruno", "chloe", "denis"} {
		p := &modelPerson{name: name, contributions: name == "denis", wrong: map[*modelFirm][]time.Time{}}
		w.m.people = append(w.m.people, p)
		w.accounts = append(w.accounts, storetest.Account(t, db, name+"@martin.example", func(a *portique.Account) { a.ContributionsOnly = p.contributions }))
	}
	for i, siren := range w.sirens {
		f := &modelFirm{digested: map[*modelPerson]time.Time{}}
		if i == 0 {
			f.contact = "contact"
		}
		w.m.firms = append(w.m.firms, f)
		storetest.Company(t, db, siren, func(c *portique.Company) {
			if f.contact != "" {
				c.ContactEmail = f.contact + "@martin.example"
			}
		})
	}
	return w
}

// possible are the acts that have something to act upon, the likelier ones more than once.
func (w *machine) possible() []string {
	list := strings.Split("attach,attach,attach,attach,attach,grant,disable,time,time,tick", ",")
	more := func(when bool, acts string) {
		if when {
			list = append(list, strings.Split(acts, ",")...)
		}
	}
	more(w.m.firms[0].claim != nil, "contest")
	more(w.m.firms[0].claim != nil || w.m.firms[1].claim != nil, "settle")
	more(len(w.m.asks) > 0, "remind,cancel,again,somebody else's request,accept,refuse")
	more(slices.ContainsFunc(w.m.asks, w.m.waits), "accept,accept")
	more(len(w.m.seats) > 0, "change role,remove,leave,revoke")
	more(len(w.m.proofs) > 0, "tell,claim,claim,vouch")
	more(slices.ContainsFunc(w.m.people, func(p *modelPerson) bool { return p.disabled }), "enable,enable,enable")
	return list
}

// -- whom and what an act is about -----------------------------------------------------------------------------------------

func yes(t *rapid.T, what string) bool   { return rapid.Bool().Draw(t, what) }
func often(t *rapid.T, what string) bool { return rapid.IntRange(0, 3).Draw(t, what) != 3 }

func (w *machine) person(t *rapid.T) *modelPerson {
	name := rapid.SampledFrom([]string{"anne", "bruno", "chloe", "denis"}).Draw(t, "person")
	return w.m.people[slices.IndexFunc(w.m.people, func(p *modelPerson) bool { return p.name == name })]
}

func (w *machine) firm(t *rapid.T) *modelFirm {
	return w.m.firms[rapid.IntRange(0, 1).Draw(t, "company")]
}

// claimed is a company that has a first claim.
func (w *machine) claimed(t *rapid.T) *modelFirm {
	if first := w.m.firms[0]; first.claim != nil && (w.m.firms[1].claim == nil || yes(t, "first company")) {
		return first
	}
	return w.m.firms[1]
}

// ask and seat are mostly those that still count; what is over must stay so.
func (w *machine) ask(t *rapid.T) *modelAsk {
	waiting := slices.DeleteFunc(slices.Clone(w.m.asks), func(a *modelAsk) bool { return !w.m.waits(a) })
	return pick(t, "request", w.m.asks, waiting)
}

func (w *machine) seat(t *rapid.T) *modelSeat {
	living := slices.DeleteFunc(slices.Clone(w.m.seats), func(s *modelSeat) bool { return s.ended })
	return pick(t, "access", w.m.seats, living)
}

func pick[T any](t *rapid.T, what string, all, preferred []*T) *T {
	if len(preferred) > 0 && often(t, "living") {
		all = preferred
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(t, what)]
}

// chief is mostly an administrator of the company, and the company mostly the right one.
func (w *machine) chief(t *rapid.T, f *modelFirm) (*modelPerson, *modelFirm) {
	if administrators := w.m.administrators(f); len(administrators) > 0 && often(t, "administrator") {
		return administrators[rapid.IntRange(0, len(administrators)-1).Draw(t, "by")], f
	}
	return w.person(t), w.firm(t)
}

func (w *machine) role(t *rapid.T) portique.Role {
	return rapid.SampledFrom([]portique.Role{portique.Administrator, portique.Member, portique.Declarant}).Draw(t, "role")
}

func (w *machine) until(t *rapid.T) time.Time {
	if often(t, "without end") {
		return time.Time{}
	}
	return w.m.now.Add(10 * day)
}

func (w *machine) as(p *modelPerson) portique.Actor {
	i := slices.Index(w.m.people, p)
	return portique.Actor{AccountID: w.accounts[i].ID, Door: portique.DoorPortal, Source: fmt.Sprintf("192.0.2.%d", i+1)}
}

func (w *machine) account(p *modelPerson) *portique.Account {
	return w.accounts[slices.Index(w.m.people, p)]
}
func (w *machine) siren(f *modelFirm) portique.SIREN { return w.sirens[slices.Index(w.m.firms, f)] }
func (w *machine) membership(s *modelSeat) string    { return w.members[slices.Index(w.m.seats, s)].ID }
func (w *machine) request(a *modelAsk) string        { return w.requests[slices.Index(w.m.asks, a)].ID }

// notice is the link and the code that the known contact got.
func (w *machine) notice(contact string) (token, code string) {
	for _, l := range storetest.Outbox(w.t, w.db, contact+"@martin.example") {
		if l.Kind == portique.LetterFirstClaim {
			_, token, _ = strings.Cut(l.Secret["link"], "/contest/")
			return token, l.Secret["code"]
		}
	}
	w.t.Fatalf("no notice to %s", contact)
	return "", ""
}

// stranger comes from elsewhere each time: the budget of a source has a test of its own.
func (w *machine) stranger() portique.Actor {
	w.sources++
	return portique.Actor{Door: portique.DoorPortal, Source: fmt.Sprintf("198.51.%d.%d", w.sources/250, w.sources%250)}
}

func (w *machine) tick(t *rapid.T) {
	w.same(t, job, w.m.tick(), func() error { return w.Tick(t.Context()) })
}

// -- what must be the same -------------------------------------------------------------------------------------------------

// same does what the model has just done, and compares the refusal, the letters and the journal.
func (w *machine) same(t *rapid.T, actor portique.Actor, want string, act func() error) {
	t.Helper()
	if got := storetest.Refusal(act()); got != want {
		t.Fatalf("refused with %q, want %q", got, want)
	}
	w.look(t)
	letters, journal := w.newLetters(t), w.newLines(t, actor)
	slices.Sort(w.m.letters)
	slices.Sort(w.m.journal)
	if !slices.Equal(letters, w.m.letters) {
		t.Fatalf("letters %q, want %q", letters, w.m.letters)
	}
	if !slices.Equal(journal, w.m.journal) {
		t.Fatalf("journal %q, want %q", journal, w.m.journal)
	}
	w.m.letters, w.m.journal = nil, nil
}

// look reads every access and request.
func (w *machine) look(t *rapid.T) {
	var err, err2, err3 error
	w.members, err = w.List(t.Context(), "", "")
	w.requests, err2 = w.ListRequests(t.Context(), "", "")
	w.claims, w.proofs, err3 = w.Claims(t.Context(), "", "")
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
}

func (w *machine) newLetters(t *rapid.T) (news []string) {
	for _, l := range storetest.Outbox(t, w.db, "") {
		if l.ID <= w.letters { // not by their number: a newer one may stand for an older one
			continue
		}
		w.letters = l.ID
		to, _, _ := strings.Cut(l.To, "@")
		news = append(news, string(l.Kind)+">"+to)
		for i, q := range w.proofs {
			if l.Kind == portique.LetterClaimCode && l.About == q.ID {
				w.m.proofs[i].code = l.Secret["code"]
			}
		}
	}
	slices.Sort(news)
	return news
}

// newLines reads the journal about everything there is; each line names who acted.
func (w *machine) newLines(t *rapid.T, actor portique.Actor) (news []string) {
	subjects := []string{""}
	for _, a := range w.accounts {
		subjects = append(subjects, a.ID)
	}
	for _, m := range w.members {
		subjects = append(subjects, m.ID)
	}
	for _, r := range w.requests {
		subjects = append(subjects, r.ID)
	}
	for _, c := range w.claims {
		subjects = append(subjects, c.ID)
	}
	for _, q := range w.proofs {
		subjects = append(subjects, q.ID)
	}
	err := w.db.View(t.Context(), func(tx *store.Tx) error {
		for _, subject := range subjects {
			lines, err := tx.Events(subject)
			if err != nil {
				return err
			}
			for _, e := range lines[w.lines[subject]:] {
				news = append(news, string(e.Action))
				if e.Actor != actor.AccountID && e.Actor != w.behalf || e.Door != actor.Door {
					t.Errorf("the line %s is in the name of %q by %s, want %q by %s", e.Action, e.Actor, e.Door, actor.AccountID, actor.Door)
				}
			}
			w.lines[subject] = len(lines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(news)
	return news
}

// check compares every access and request with the model's, and then what must hold whatever was done.
func (w *machine) check(t *rapid.T) {
	w.look(t)
	var got, want []string
	for _, r := range w.members {
		got = append(got, fmt.Sprintf("%s %s %s until %v open %v", r.Email, r.SIREN, r.Role, r.Until.Unix(), r.Active(w.m.now)))
	}
	for _, s := range w.m.seats {
		want = append(want, fmt.Sprintf("%s %s %s until %v open %v", w.account(s.person).Email, w.siren(s.firm), s.role, s.until.Unix(), w.m.active(s)))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("accesses:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	got, want = nil, nil
	pending := map[string]int{}
	for _, r := range w.requests {
		got = append(got, fmt.Sprintf("%s %s %s escalated %v", r.Email, r.SIREN, r.Status, !r.EscalatedAt.IsZero()))
		if r.Status == portique.RequestPending {
			if pending[r.Email+string(r.SIREN)]++; pending[r.Email+string(r.SIREN)] > 1 {
				t.Errorf("%s asks %s twice", r.Email, r.SIREN)
			}
		}
	}
	for _, a := range w.m.asks {
		want = append(want, fmt.Sprintf("%s %s %s escalated %v", w.account(a.person).Email, w.siren(a.firm), a.status, a.escalated))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("requests:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	got, want = nil, nil
	for _, q := range w.proofs {
		got = append(got, fmt.Sprintf("%s %s %s tries %d", q.Email, q.SIREN, q.Status, q.Tries))
	}
	for _, q := range w.m.proofs {
		want = append(want, fmt.Sprintf("%s %s %s tries %d", w.account(q.person).Email, w.siren(q.firm), q.status, q.tries))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("second proofs:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, f := range w.m.firms {
		w.governed(t, f)
	}
}

// governed: a company that had an administrator and has members keeps an active administrator, unless the operator took the last
// one away; and its first administrator stays its first.
func (w *machine) governed(t *rapid.T, f *modelFirm) {
	var had bool
	if err := w.db.View(t.Context(), func(tx *store.Tx) (err error) {
		had, err = tx.HadAdministrator(w.siren(f))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if had != (f.first != nil) {
		t.Errorf("%s had an administrator: %v", w.siren(f), had)
	}
	administrators, members := 0, 0
	for _, m := range w.members {
		if m.SIREN == w.siren(f) && m.Active(w.m.now) && m.Role != portique.Declarant {
			members++
			if m.Role == portique.Administrator {
				administrators++
			}
		}
	}
	if administrators > 0 {
		f.forced = false
	}
	if had && members > 0 && administrators == 0 && !f.forced {
		t.Errorf("%s has %d members and nobody to administer them", w.siren(f), members)
	}
	first := slices.DeleteFunc(slices.Clone(w.claims), func(c *portique.FirstClaim) bool { return c.SIREN != w.siren(f) })
	switch {
	case f.claim == nil && len(first) != 0, f.claim != nil && len(first) != 1:
		t.Errorf("%d first claims of %s", len(first), w.siren(f))
	case f.claim != nil && (first[0].Status != f.claim.status || first[0].Email != w.account(f.claim.seat.person).Email):
		t.Errorf("the first claim of %s: %+v, want %s by %s", w.siren(f), first[0], f.claim.status, f.claim.seat.person.name)
	}
}
