package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
)

// F-02: one of two nodes dies under load. The other goes on, and takes over what the dead one had in hand.
func TestOneOfTwoNodesKilled(t *testing.T) {
	t.Parallel()
	rounds := 2
	if Long() {
		rounds = 50
	}
	app := Start(t, "postgres", behindProxy)
	second := app.Node(t)
	random := rand.New(rand.NewPCG(seed(t), 2))
	members := app.Import(t, rounds*4)
	regulars := app.Regulars(t, 4)
	ledger := new(Ledger)
	for round := range rounds {
		load := Work(t, ledger, members[round*4:round*4+3], fmt.Sprint("tour", round), regulars, random.Uint64(), app, second)
		ledger.Grown(12 + random.IntN(30)) // the moment is the case
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
		second.Kill()
		ledger.faults++
		begun := time.Now()
		if status, err := app.health("/readyz"); status != http.StatusOK {
			t.Errorf("the other node: %d %v", status, err)
		}
		app.walkThrough(t, members[round*4+3])
		timed(t, "a whole journey on the other node", begun, time.Second, 20*time.Second)
		load.Stop()
		second.serve(t)
	}
	ledger.Check(t, app)
}

// F-21: the races across two nodes whose clocks differ by 90 seconds. One company, one seat; one request, one decision; one code, one
// use.
func TestRacesAcrossNodes(t *testing.T) {
	t.Parallel()
	crowd, rounds := 20, 2
	if Long() {
		crowd, rounds = 50, 20 // the page of a person lists every request they made, and grows with each round
	}
	app := Start(t, "postgres")
	ahead := app.Node(t)
	ahead.Advance(t, 90*time.Second)
	people := make([]*Browser, crowd)
	names := make([]Person, crowd)
	for i := range people {
		names[i] = Person{"Prénom", fmt.Sprintf("Numéro %d", i), fmt.Sprintf("personne.%d@foule.example", i)}
		app.Create(t, names[i])
		people[i] = []*App{app, ahead}[i%2].SignIn(t, names[i])
	}
	members := app.Import(t, rounds+1)
	for _, m := range members[:rounds] {
		for _, b := range people {
			b.Open("/companies/add")
		}
		arrived := atOnce(crowd, func(i int) string {
			p, err := people[i].Attempt("/companies/add", Fields{"siren": {m.SIREN}, "member_code": {m.Code}})
			if err != nil {
				return err.Error()
			}
			return fmt.Sprintf("%d %s", p.Status, p.Main())
		})
		if arrived["200 activated"] != 1 || arrived["200 companies-add"] != crowd-1 {
			t.Fatalf("%s: the people arrived at %v", m.SIREN, arrived)
		}
		first := 0
		list := app.Memberships(t, m.SIREN)
		for i, p := range names {
			if len(list) == 1 && list[0].Email == p.Email {
				first = i
			}
		}
		// Two browsers of the administrator, one at each node, decide the same request at once, and the person cancels it.
		other := 1
		if first == other {
			other = 3
		}
		r := app.Pending(t, m.SIREN, names[other])
		company := "/companies/" + m.SIREN
		users := company + "/users?requests=all" // the list shows ten, the crowd is larger
		one, two := people[first], []*App{app, ahead}[(first+1)%2].SignIn(t, names[first])
		one.Open(users)
		two.Open(users)
		people[other].Open("/requests/" + r.ID + "/cancel")
		decided := atOnce(3, func(i int) string {
			b, form, fields := one, company+"/requests/"+r.ID+"/accept", Fields{"role": {"member"}}
			switch i {
			case 1:
				b, form, fields = two, company+"/requests/"+r.ID+"/refuse", Fields{"reason": {"non"}}
			case 2:
				b, form, fields = people[other], "/requests/"+r.ID+"/cancel", nil
			}
			if _, err := b.Attempt(form, fields); err != nil {
				return err.Error()
			}
			return fmt.Sprint(b.Hops[0].Status)
		})
		if decided["303"] != 1 || decided["409"] != 2 {
			t.Errorf("%s: three decided at once: %v", m.SIREN, decided)
		}
		for _, after := range app.Requests(t, m.SIREN) {
			if after.ID == r.ID && after.Status == "pending" {
				t.Errorf("%s: nobody decided", m.SIREN)
			}
		}
	}
	// A code given by one node is redeemed on both at once. It lives 60 s, so the node ahead may find that one of the other is too old.
	app.Create(t, Marie) // one company only: whoever won twice would be asked for which one
	holder := app.SignIn(t, Marie)
	holder.Attach(members[rounds])
	tool := app.NewTool(t, "formation", "Demandes de formation")
	tool.Hold()
	holder.Open(tool.URL)
	code := tool.Held(t)
	answers := atOnce(crowd, func(i int) string {
		status, body, err := tool.ExchangeAt([]*App{app, ahead}[i%2], code)
		switch {
		case err != nil:
			return err.Error()
		case status == http.StatusOK && strings.Contains(body, "access_token"):
			return "tokens"
		case status == http.StatusBadRequest && strings.Contains(body, "invalid_grant"):
			return "invalid_grant"
		}
		return fmt.Sprintf("%d %s", status, body)
	})
	if answers["tokens"] > 1 || answers["tokens"]+answers["invalid_grant"] != crowd {
		t.Errorf("one code, %d calls to two nodes: %v", crowd, answers)
	}
}
