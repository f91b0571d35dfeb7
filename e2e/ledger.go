package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Ledger is what the people of a busy day were told: each thing they did, and how it was answered. After a fault it is held
// against what the installation shows, by its pages, its commands and its mailbox.
type Ledger struct {
	mu     sync.Mutex
	lines  []line
	faults int // moments at which letters may have been between the mail server and the database
}

type class string

const (
	acked   class = "acked"   // answered by a redirect: it is promised
	refused class = "refused" // answered by a page that says no
	unknown class = "unknown" // no answer, or "we cannot tell"
)

type line struct {
	verb   string // sign-up validate sign-in sign-out attach accept remove
	person Person
	object string // SIREN, or the id of what was acted upon
	answer class
	status int
	note   *Browser // signed in or out by it
}

func (l *Ledger) write(one line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, one)
}

// Grown waits until n more things were done, so that the moment of a fault does not depend on how fast the machine is.
func (l *Ledger) Grown(n int) {
	size := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.lines)
	}
	for begin, deadline := size(), time.Now().Add(20*time.Second); size() < begin+n && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// of returns the lines of a verb that were answered in one of these ways.
func (l *Ledger) of(verb string, answers ...class) []line {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []line
	for _, one := range l.lines {
		if one.verb == verb && slices.Contains(answers, one.answer) {
			found = append(found, one)
		}
	}
	return found
}

// String counts the lines by verb and answer.
func (l *Ledger) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := map[string]int{}
	for _, one := range l.lines {
		count[one.verb+" "+string(one.answer)]++
	}
	return fmt.Sprint(count)
}

// Load is people at work: newcomers walk from the sign-up to a company, regulars sign in and out, all want the same few companies,
// and who administers one decides.
type Load struct {
	*Ledger
	members Members
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Regulars makes accounts for the people of Work.
func (a *App) Regulars(t *testing.T, n int) []Person {
	t.Helper()
	list := make([]Person, n)
	for i := range list {
		list[i] = Person{"Dominique", "Fidèle", fmt.Sprintf("fidele.%d@habitues.example", i)}
		a.Create(t, list[i])
	}
	return list
}

// Work sends the regulars and as many newcomers to the nodes of an installation until Stop. The newcomers' names begin with a word of
// the round's own, so that rounds do not meet.
func Work(t *testing.T, ledger *Ledger, members Members, round string, regulars []Person, seed uint64, nodes ...*App) *Load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &Load{Ledger: ledger, members: members, stop: stop}
	for i, regular := range regulars {
		app := nodes[i%len(nodes)]
		for _, walk := range []func(b *Browser, random *rand.Rand, n int){
			func(b *Browser, random *rand.Rand, n int) {
				p := Person{"Camille", "Passant", fmt.Sprintf("%s.%d.%d@passants.example", round, i, n)}
				if l.join(ctx, b, p) {
					l.visit(ctx, random, b, p)
				}
			},
			func(b *Browser, random *rand.Rand, _ int) { l.visit(ctx, random, b, regular) },
		} {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			l.done.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					b := app.Browser(t)
					b.http.Timeout = 15 * time.Second
					walk(b, random, n)
				}
			})
		}
	}
	return l
}

// Stop lets everybody finish what they are doing.
func (l *Load) Stop() {
	l.stop()
	l.done.Wait()
}

// join is a newcomer's way to an account.
func (l *Load) join(ctx context.Context, b *Browser, p Person) bool {
	if b.try(b.app.Auth+"/register") != nil {
		return false
	}
	if l.do(b, "sign-up", p, "", "/register", Fields{"email": {p.Email}, "email_confirmation": {p.Email}, "password": {Password},
		"password_confirmation": {Password}, "first_name": {p.First}, "last_name": {p.Last}}) != acked {
		return false
	}
	letter := b.app.Mail.find(ctx, p.Email, "Validation")
	if letter == nil || b.try(letter.link("/validate")) != nil {
		return false
	}
	return l.do(b, "validate", p, letter.link("/validate"), "/validate", nil) == acked
}

// visit is what somebody with an account does. It ends at the first thing that does not go as it should.
func (l *Load) visit(ctx context.Context, random *rand.Rand, b *Browser, p Person) {
	if b.try("/session/start") != nil || l.do(b, "sign-in", p, "", "/login", Fields{"email": {p.Email}, "password": {Password}}) != acked {
		return
	}
	for range 3 {
		m := l.members[random.IntN(len(l.members))]
		if ctx.Err() != nil || b.try("/companies/add") != nil {
			return
		}
		l.do(b, "attach", p, m.SIREN, "/companies/add", Fields{"siren": {m.SIREN}, "member_code": {m.Code}})
		users := "/companies/" + m.SIREN + "/users"
		for range 4 { // an administrator decides on those who wait, and removes one in three again
			if b.try(users) != nil || b.page.Main() != "users" {
				break
			}
			f := b.page.one("/companies/" + m.SIREN + "/requests/*/accept")
			if ctx.Err() != nil || f == nil {
				break
			}
			l.do(b, "accept", p, segment(f.action.Path, 4), f.action.Path, Fields{"role": {"member"}})
			if b.try(users) != nil {
				return
			}
			if asks := b.page.link(users + "/*/remove"); asks != "" && random.IntN(3) == 0 && b.try(asks) == nil {
				l.do(b, "remove", p, segment(asks, 4), asks, nil)
			}
		}
	}
	if random.IntN(2) == 0 && b.try("/tools") == nil {
		l.do(b, "sign-out", p, "", "/session/end", nil)
	}
}

// do sends a form of the page and writes down how it was answered: the first answer decides, for it alone is the promise.
func (l *Load) do(b *Browser, verb string, p Person, object, form string, fields Fields) class {
	one := line{verb: verb, person: p, object: object, note: b}
	if _, err := b.page.form(form); err != nil {
		return refused // the page does not offer it: nothing was sent
	}
	_, _ = b.Attempt(form, fields)
	switch {
	case len(b.Hops) == 0:
		one.answer = unknown
	case b.Hops[0].Status == http.StatusSeeOther:
		one.answer, one.status = acked, http.StatusSeeOther
	case b.Hops[0].Status >= 500:
		one.answer, one.status = unknown, b.Hops[0].Status
	default:
		one.answer, one.status = refused, b.Hops[0].Status
	}
	l.write(one)
	return one.answer
}

// try opens an address from any goroutine; an answer of 5xx is an error too.
func (b *Browser) try(address string) error {
	p, err := b.navigate(http.MethodGet, b.absolute(address), nil, nil, false)
	if err == nil && p.Status >= 500 {
		err = fmt.Errorf("%s", p)
	}
	return err
}

// one returns a form of the page whose path matches, nil without any.
func (p *Page) one(pattern string) *form {
	for _, f := range p.forms(p.Doc) {
		if ok, _ := path.Match(pattern, f.action.Path); ok {
			return f
		}
	}
	return nil
}

// link returns the path of the last link that matches, empty without any: the newest of a list, and never oneself.
func (p *Page) link(pattern string) (found string) {
	for n := range p.Doc.Descendants() {
		if ok, _ := path.Match(pattern, attr(n, "href")); ok {
			found = attr(n, "href")
		}
	}
	return found
}

func segment(path string, n int) string { return strings.Split(path, "/")[n] }

// find waits a few seconds for a letter, from any goroutine.
func (m *Mailbox) find(ctx context.Context, to, subjectContains string) *Mail {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		m.mu.Lock()
		arrived := m.arrived
		for _, l := range m.letters {
			if strings.EqualFold(l.To, to) && strings.Contains(Plain(l.Subject), Plain(subjectContains)) {
				m.mu.Unlock()
				return l
			}
		}
		m.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil
		}
	}
}

// link is Link for any goroutine, empty without one.
func (m *Mail) link(path string) string {
	for _, l := range m.Links {
		if u, err := url.Parse(l); err == nil && u.Path == path {
			return l
		}
	}
	return ""
}

// Check holds the ledger against what the installation shows once the fault is over: the invariants I1 to I5 and I7 of "nothing
// lost". The clock is moved by a minute, the time that letters of a dead node may take.
func (l *Ledger) Check(t *testing.T, app *App) {
	t.Helper()
	app.Advance(t, time.Minute)
	letters := app.drained(t)
	var accounts []Account
	var memberships []Membership
	var requests []Request
	app.JSON(t, &accounts, "account", "list")
	app.JSON(t, &memberships, "membership", "list")
	app.JSON(t, &requests, "request", "list")

	status := map[string]string{} // of an account, by address
	for _, a := range accounts {
		if before := status[a.Email]; before == "active" && a.Status == "active" {
			t.Errorf("I2: %s has two accounts", a.Email)
		} else if before != "active" {
			status[a.Email] = a.Status
		}
	}
	sent := map[string]bool{} // kind and address
	for _, m := range letters {
		sent[m.Kind+" "+m.To] = true
	}
	// I1: what was promised is there, by its pages and lists, and I3: with its letter.
	for _, one := range l.of("sign-up", acked) {
		if status[one.person.Email] == "" || !sent["validation "+one.person.Email] {
			t.Errorf("I1: the sign-up of %s was promised: account %q, letter %t", one.person.Email, status[one.person.Email], sent["validation "+one.person.Email])
		}
	}
	for _, one := range l.of("validate", acked) {
		if status[one.person.Email] != "active" {
			t.Errorf("I1: %s was validated and is %q", one.person.Email, status[one.person.Email])
		}
	}
	member := map[string]Membership{}
	firsts := map[string]int{}
	for _, m := range memberships {
		if key := m.Email + m.SIREN; member[key].Status != "active" {
			member[key] = m
		}
		if m.Role == "administrator" {
			firsts[m.SIREN]++
		}
	}
	request := map[string]Request{}
	pending := map[string]int{}
	for _, r := range requests {
		request[r.ID] = r
		request[r.Email+r.SIREN] = r
		if r.Status == "pending" {
			pending[r.Email+r.SIREN]++
		}
	}
	for _, one := range l.of("attach", acked) {
		key := one.person.Email + one.object
		switch {
		case member[key].Role == "administrator" && sent["administrator "+one.person.Email]:
		case request[key].ID != "" && sent["request_sent "+one.person.Email]:
		default:
			t.Errorf("I1: %s attached %s: access %+v, request %+v", one.person.Email, one.object, member[key], request[key])
		}
	}
	for _, one := range l.of("accept", acked) {
		r := request[one.object]
		if r.Status != "accepted" || member[r.Email+r.SIREN].ID == "" || !sent["request_accepted "+r.Email] {
			t.Errorf("I1: the request %+v was accepted: access %+v, letter %t", r, member[r.Email+r.SIREN], sent["request_accepted "+r.Email])
		}
	}
	ended := map[string]string{}
	for _, m := range memberships {
		ended[m.ID] = m.Status
	}
	for _, one := range l.of("remove", acked) {
		if ended[one.object] != "ended" {
			t.Errorf("I4: the access %s was removed and is %q", one.object, ended[one.object])
		}
	}
	// I2: one first administrator of a company that somebody attached, one pending request, one final state.
	for _, m := range l.of("attach", acked) {
		if firsts[m.object] != 1 {
			t.Errorf("I2: %s has %d administrators", m.object, firsts[m.object])
		}
	}
	for key, n := range pending {
		if n > 1 {
			t.Errorf("I2: %d pending requests of %s", n, key)
		}
	}
	// A session that was promised counts; one that was ended, and a link that was used, do not.
	outs := map[*Browser]bool{}
	for _, one := range l.of("sign-out", acked, unknown) {
		outs[one.note] = true
	}
	check := func(verb string, most int, look func(one line)) {
		list := l.of(verb, acked)
		for i := max(0, len(list)-most); i < len(list); i++ {
			look(list[i])
		}
	}
	check("sign-in", 20, func(one line) {
		err := one.note.try("/companies")
		if in := err == nil && one.note.page.Main() == "companies"; !in && !outs[one.note] {
			t.Errorf("I1: the session of %s was promised: %s, %v", one.person.Email, one.note.page, err)
		}
	})
	check("sign-out", 20, func(one line) {
		if err := one.note.try("/companies"); err != nil || one.note.page.Main() == "companies" {
			t.Errorf("I4: the session of %s was ended: %s, %v", one.person.Email, one.note.page, err)
		}
	})
	check("validate", 10, func(one line) {
		b := app.Browser(t)
		b.Open(one.object)
		if b.page.Form("/validate") {
			t.Errorf("I4: the link of %s works twice: %s", one.person.Email, b.page)
		}
	})
	app.mailIsState(t, letters, l.faults)
	app.journalled(t, accounts, memberships, requests)
}

// drained waits until no letter is queued and returns them all. A digest leaves within the hour, on purpose.
func (a *App) drained(t *testing.T) []Letter {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		var queued, all []Letter
		a.JSON(t, &queued, "letter", "list", "--status", "queued")
		queued = slices.DeleteFunc(queued, func(l Letter) bool { return l.Kind == "request_digest" })
		if len(queued) == 0 {
			a.JSON(t, &all, "letter", "list")
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("I7: %d letters are still queued: %+v", len(queued), queued[0])
		}
	}
}

// mailIsState is I3: each letter of the outbox arrived, nothing else did, and what arrived twice says so by its Message-ID. A node
// has four letters in hand at most.
func (a *App) mailIsState(t *testing.T, letters []Letter, faults int) {
	t.Helper()
	arrived := map[string]int{}
	a.Mail.mu.Lock()
	for _, m := range a.Mail.letters {
		arrived[m.MessageID]++
	}
	a.Mail.mu.Unlock()
	twice := 0
	for _, l := range letters {
		switch n := arrived[l.MessageID]; {
		case n == 0 && l.Status == "sent":
			t.Errorf("I3: %s to %s is marked as sent and did not arrive", l.Kind, l.To)
		case n > 1:
			twice++
		}
		delete(arrived, l.MessageID)
	}
	if len(arrived) > 0 {
		t.Errorf("I3: letters arrived of what was never done: %v", arrived)
	}
	if t.Logf("%d letters, %d arrived twice", len(letters), twice); twice > 4*faults {
		t.Errorf("I3: %d letters arrived twice, %d faults", twice, faults)
	}
}
