package access_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"portique"
	"portique/internal/access"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// Eight workers claim, ask, accept, give roles, remove, leave and look at the same time, in the names of six people and on up to
// three companies; on PostgreSQL also by two nodes of one installation. Whatever each was told must be what one company, changed
// by one act after another, would have told: no act is ever decided on what another has changed meanwhile.
func TestAccessLinearizable(t *testing.T) {
	histories, acts := 20, 200
	if storetest.Long() {
		histories, acts = 200, 2000
	}
	for _, c := range []struct {
		name, engine string
		nodes        int
	}{{"sqlite", "sqlite", 1}, {"postgres", "postgres", 1}, {"two nodes", "postgres", 2}} {
		t.Run(c.name, func(t *testing.T) {
			watch := storetest.NewWatch()
			nodes := storetest.OpenNodes(t, c.engine, c.nodes, storetest.Clock(watch.Now))
			for n := range histories {
				h := newHistory(t, nodes, n)
				h.run(acts)
				h.check()
				if t.Failed() {
					return
				}
			}
		})
	}
}

const (
	linearWorkers = 8
	linearPeople  = 6
)

// -- the model -------------------------------------------------------------------------------------------------------------

// linearState is one company. Accesses of one person follow each other: n counts them.
type linearState struct {
	claimed   bool
	confirmed bool
	seats     [linearPeople]struct {
		role portique.Role // "" for none
		n    int
	}
	asks [linearPeople]string // ids of pending requests
}

// linearInput is an act: who does what to whom. N says which of their accesses is meant.
type linearInput struct {
	verb          string
	actor, target int
	request       string
	membership    string
	n             int
	role          portique.Role
}

// linearOutput is what the act was told: a refusal, or what was opened, made or seen.
type linearOutput struct {
	refused    string
	membership string
	n          int
	request    string
	seen       portique.Role
}

func (s *linearState) administrators(but int) (n int) {
	for i, seat := range s.seats {
		if seat.role == portique.Administrator && i != but {
			n++
		}
	}
	return n
}

func (s *linearState) sit(person int, role portique.Role) {
	s.seats[person].role = role
	s.seats[person].n++
}

// step does an act on a company and says whether it may have been told out.
func step(s linearState, in linearInput, out linearOutput) (bool, linearState) {
	refused := func(key string) (bool, linearState) { return out.refused == key, s }
	done := func() (bool, linearState) { return out.refused == "", s }
	target := &s.seats[in.target]
	administers := s.seats[in.actor].role == portique.Administrator
	switch in.verb {
	case "look":
		return out.refused == "" && out.seen == target.role, s
	case "attach":
		switch {
		case target.role != "":
			return refused("access.attach.already_member")
		case s.asks[in.target] != "":
			return refused("access.attach.already_pending")
		case s.claimed && out.refused == "throttle.requests":
			return true, s // three asks at once before the test gave them back: nothing changed
		case s.claimed:
			s.asks[in.target] = out.request
			return out.refused == "" && out.request != "", s
		}
		s.claimed = true
		s.sit(in.target, portique.Administrator)
		return out.refused == "" && out.membership != "" && out.n == target.n, s
	case "confirm":
		if s.confirmed {
			return refused("claim.answered")
		}
		s.confirmed = true
		return done()
	case "cancel":
		if s.asks[in.target] != in.request {
			return refused("access.request.closed")
		}
		s.asks[in.target] = ""
		return done()
	}
	governs := in.role == portique.Administrator || target.role == portique.Administrator || in.verb == "remove" ||
		in.role == portique.Declarant && target.role == portique.Member
	switch {
	case !administers:
		return refused("company.unknown")
	case in.verb == "accept":
		switch {
		case in.role == portique.Administrator && !s.confirmed:
			return refused("claim.watched")
		case s.asks[in.target] != in.request:
			return refused("access.request.closed")
		}
		s.asks[in.target] = ""
		s.sit(in.target, in.role)
		return done()
	case target.n != in.n, target.role == "":
		return refused("membership.ended")
	case in.actor != in.target && governs && !s.confirmed:
		return refused("claim.watched")
	case target.role == portique.Administrator && in.role != portique.Administrator && s.administrators(in.target) == 0:
		return refused("membership.last_administrator")
	case in.verb == "role" && target.role == in.role:
		return refused("membership.same_role")
	}
	target.role = in.role // "" when removed
	return done()
}

var linearModel = porcupine.Model{
	Init: func() any { return linearState{} },
	Step: func(state, in, out any) (bool, any) {
		return step(state.(linearState), in.(linearInput), out.(linearOutput))
	},
}

// -- the history -----------------------------------------------------------------------------------------------------------

type history struct {
	t        *testing.T
	db       *store.DB
	services []*access.Service // of each node
	n        int
	accounts []*portique.Account
	firms    []*linearFirm
	clock    atomic.Int64 // orders calls and returns
}

// linearFirm is a company, what was done to it, and what the workers heard of it lately.
type linearFirm struct {
	siren portique.SIREN
	mu    sync.Mutex
	acts  []porcupine.Operation
	known [linearPeople]struct {
		request, membership string
		role                portique.Role
	}
}

func newHistory(t *testing.T, nodes []*store.DB, n int) *history {
	h := &history{t: t, db: nodes[0], n: n}
	o := options
	o.MemberCodeBits = 60
	for _, db := range nodes {
		h.services = append(h.services, access.New(db, storetest.Keys(), o))
	}
	for i := range linearPeople {
		h.accounts = append(h.accounts, storetest.Account(t, h.db, fmt.Sprintf("p%d.h%d@martin.example", i, n)))
	}
	w := &world{t: t, db: h.db, made: 3 * n}
	for range 1 + n%3 {
		h.firms = append(h.firms, &linearFirm{siren: w.company(func(c *portique.Company) { c.ContactEmail = "contact" + string(c.SIREN) + "@martin.example" })})
	}
	return h
}

func (h *history) run(acts int) {
	var all sync.WaitGroup
	for worker := range linearWorkers {
		all.Go(func() {
			draw := rand.New(rand.NewPCG(uint64(h.n), uint64(worker)))
			for range acts / linearWorkers {
				f := h.firms[draw.IntN(len(h.firms))]
				h.act(f, worker, f.next(draw))
			}
		})
	}
	all.Wait()
	for _, f := range h.firms { // what is left must be what the acts made
		for p := range linearPeople {
			h.act(f, 0, linearInput{verb: "look", actor: p, target: p})
		}
	}
}

// forgive gives a request back to its budget of three a day, which would end a history of some hundred acts at one hour.
func (h *history) forgive(account string, siren portique.SIREN) {
	err := h.db.Tx(h.t.Context(), func(tx *store.Tx) error {
		return tx.Forgive(store.Try{Budget: portique.BudgetRequests, Key: []string{account, string(siren)}})
	})
	if err != nil {
		h.t.Error(err)
	}
}

// next draws an act that has some chance to succeed.
func (f *linearFirm) next(draw *rand.Rand) linearInput {
	f.mu.Lock()
	defer f.mu.Unlock()
	in := linearInput{actor: draw.IntN(linearPeople), target: draw.IntN(linearPeople)}
	for p := range linearPeople {
		if f.known[p].role == portique.Administrator && draw.IntN(2) == 0 {
			in.actor = p
		}
	}
	in.request, in.membership = f.known[in.target].request, f.known[in.target].membership
	roles := []portique.Role{portique.Administrator, portique.Administrator, portique.Member, portique.Declarant}
	switch n := draw.IntN(100); {
	case n < 30 && in.request != "":
		in.verb, in.role = "accept", roles[draw.IntN(len(roles))]
	case n < 35 && in.request != "":
		in.verb = "cancel"
	case n < 55 && in.membership != "":
		in.verb = "remove"
	case n < 70 && in.membership != "":
		in.verb, in.role = "role", roles[draw.IntN(len(roles))]
	case n >= 70 && n < 73:
		in.verb = "confirm"
	case n < 85:
		in.verb = "look"
	default:
		in.verb = "attach"
	}
	if in.verb == "look" || in.verb == "attach" || in.verb == "cancel" {
		in.actor = in.target
	}
	return in
}

// act does an act for real, by the node of the worker, and writes it down.
func (h *history) act(f *linearFirm, worker int, in linearInput) {
	ctx, s := h.t.Context(), h.services[worker%len(h.services)]
	actor := portique.Actor{AccountID: h.accounts[in.actor].ID, Door: portique.DoorPortal, Source: fmt.Sprintf("192.0.2.%d", worker)}
	token, code := "", ""
	if in.verb == "confirm" {
		if token, code = h.notice(f); token == "" {
			return // nobody was first yet
		}
	}
	var out linearOutput
	var err error
	call := h.clock.Add(1)
	switch in.verb {
	case "attach":
		var a *access.Attached
		if a, err = s.Attach(ctx, actor, string(f.siren), storetest.MemberCode); err == nil && a.Membership != nil {
			out.membership = a.Membership.ID
		} else if err == nil {
			out.request = a.Request.ID
			h.forgive(actor.AccountID, f.siren)
		}
	case "accept":
		_, err = s.Accept(ctx, actor, f.siren, in.request, access.Terms{Role: in.role})
	case "cancel":
		_, err = s.Cancel(ctx, actor, in.request)
	case "role":
		_, err = s.ChangeRole(ctx, actor, f.siren, in.membership, access.Change{Role: in.role})
	case "remove":
		_, err = s.Remove(ctx, actor, f.siren, in.membership)
	case "confirm":
		_, err = s.Contest(ctx, actor, token, code, false)
	case "look":
		out.membership, out.seen, err = look(ctx, s, actor.AccountID, f.siren)
	}
	done := h.clock.Add(1)
	out.refused = storetest.Refusal(err)

	f.mu.Lock()
	defer f.mu.Unlock()
	f.acts = append(f.acts, porcupine.Operation{ClientId: worker, Input: in, Call: call, Output: out, Return: done})
	known := &f.known[in.target]
	switch {
	case out.request != "":
		known.request = out.request
	case in.verb == "look":
		known.membership, known.role = out.membership, out.seen
	case out.membership != "":
		known.membership, known.role = out.membership, portique.Administrator
	}
}

func look(ctx context.Context, s *access.Service, accountID string, siren portique.SIREN) (id string, role portique.Role, err error) {
	list, err := s.Memberships(ctx, accountID)
	for _, m := range list {
		if m.SIREN == siren {
			return m.ID, m.Role, err
		}
	}
	return "", "", err
}

// notice is what the known contact was sent.
func (h *history) notice(f *linearFirm) (token, code string) {
	for _, l := range storetest.Outbox(h.t, h.db, "contact"+string(f.siren)+"@martin.example") {
		_, token, _ = strings.Cut(l.Secret["link"], "/contest/")
		code = l.Secret["code"]
	}
	return token, code
}

// -- the judgement ---------------------------------------------------------------------------------------------------------

func (h *history) check() {
	for _, f := range h.firms {
		rows, err := h.services[0].List(h.t.Context(), f.siren, "")
		if err != nil {
			h.t.Fatal(err)
		}
		order, opened := map[string]int{}, map[string]int{} // which access of a person it is
		for _, m := range rows {
			opened[m.AccountID]++
			order[m.ID] = opened[m.AccountID]
		}
		for i := range f.acts {
			in, out := f.acts[i].Input.(linearInput), f.acts[i].Output.(linearOutput)
			in.n, out.n = order[in.membership], order[out.membership]
			f.acts[i].Input, f.acts[i].Output = in, out
		}
		result, info := porcupine.CheckOperationsVerbose(linearModel, f.acts, time.Minute)
		if result != porcupine.Ok {
			h.t.Errorf("history %d, company %s, %d acts: %s\n%s", h.n, f.siren, len(f.acts), result, explain(info, f.acts))
		}
	}
}

// explain tells how far the acts can be put in order, and what then fits nowhere.
func explain(info porcupine.LinearizationInfo, acts []porcupine.Operation) string {
	var longest []porcupine.Operation
	for _, partition := range info.PartialLinearizationsOperations() {
		for _, order := range partition {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	var b strings.Builder
	state := linearState{}
	for i, o := range longest {
		_, state = step(state, o.Input.(linearInput), o.Output.(linearOutput))
		if i == len(longest)-12 {
			b.WriteString("…\n")
		}
		if i > len(longest)-12 {
			b.WriteString("  " + sentence(o) + "\n")
		}
	}
	for i := range state.asks {
		state.asks[i] = tail(state.asks[i])
	}
	fmt.Fprintf(&b, "the company is now %+v, and of these the first cannot follow:\n", state)
	placed := map[int64]bool{}
	for _, o := range longest {
		placed[o.Call] = true
	}
	rest := slices.DeleteFunc(slices.Clone(acts), func(o porcupine.Operation) bool { return placed[o.Call] })
	first := slices.MinFunc(append(rest, porcupine.Operation{Return: 1 << 62}), func(a, b porcupine.Operation) int { return int(a.Return - b.Return) })
	for _, o := range rest {
		if o.Call <= first.Return {
			b.WriteString("  " + sentence(o) + "\n")
		}
	}
	return b.String()
}

func sentence(o porcupine.Operation) string {
	in, out := o.Input.(linearInput), o.Output.(linearOutput)
	told := out.refused
	if told == "" {
		told = strings.TrimSpace("done " + string(out.seen) + " " + tail(out.request))
	}
	return fmt.Sprintf("[%d–%d] worker %d: person %d, %s person %d %s (request %s, access %d): %s", o.Call, o.Return, o.ClientId,
		in.actor, in.verb, in.target, in.role, tail(in.request), in.n, told)
}

// tail is the end of an id, where ids differ.
func tail(id string) string { return id[max(0, len(id)-6):] }
