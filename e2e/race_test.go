package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// crowd is how many people do the same thing at the same moment.
const crowd = 50

// CLM-02: fifty people attach one company at once: one becomes its administrator, the others ask. Always.
func TestRaceForTheFirstSeat(t *testing.T) {
	// A crowd serves twenty companies: the page of a person lists every request they made, and would grow with each round.
	const perCrowd = 20
	crowds := 1
	if Long() {
		crowds = 10
	}
	EachEngine(t, func(t *testing.T, app *App) {
		members := app.Import(t, crowds*perCrowd)
		people := make([]*Browser, crowd)
		for round, m := range members {
			if round%perCrowd == 0 {
				for i := range people {
					p := Person{"Prénom", fmt.Sprintf("Numéro %d", i), fmt.Sprintf("personne.%d.%d@foule.example", round, i)}
					app.Create(t, p)
					people[i] = app.SignIn(t, p)
				}
			}
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
			active, administrators, pending := 0, 0, 0
			for _, one := range app.Memberships(t, m.SIREN) {
				if one.Status == "active" {
					active++
				}
				if one.Role == "administrator" {
					administrators++
				}
			}
			for _, r := range app.Requests(t, m.SIREN) {
				if r.Status == "pending" {
					pending++
				}
			}
			if active != 1 || administrators != 1 || pending != crowd-1 {
				t.Fatalf("%s: %d accesses, %d administrators, %d requests", m.SIREN, active, administrators, pending)
			}
		}
	})
}

// One code is redeemed by fifty calls at once: one gets tokens, the others nothing.
func TestRaceForOneCode(t *testing.T) {
	rounds := 3
	if Long() {
		rounds = 30
	}
	EachEngine(t, func(t *testing.T, app *App) {
		shop := app.Import(t, 1)[0]
		app.Create(t, Marie)
		marie := app.SignIn(t, Marie)
		marie.Attach(shop)
		tool := app.NewTool(t, "formation", "Demandes de formation")
		tool.Hold()
		for range rounds {
			marie.Open(tool.URL)
			marie.At("tool-held")
			code := tool.Held(t)
			answers := atOnce(crowd, func(int) string {
				status, body, err := tool.Exchange(code)
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
			if answers["tokens"] != 1 || answers["invalid_grant"] != crowd-1 {
				t.Fatalf("one code, %d calls: %v", crowd, answers)
			}
		}
	})
}

// The only two administrators demote each other at the same moment: one of them stays.
func TestRaceOfTheLastTwo(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		for _, shop := range app.Import(t, 10) {
			one := Person{"Une", "Première", "une@" + shop.SIREN + ".example"}
			two := Person{"Deux", "Seconde", "deux@" + shop.SIREN + ".example"}
			app.Create(t, one)
			app.Create(t, two)
			first, second := app.SignIn(t, one), app.SignIn(t, two)
			first.Attach(shop)
			second.Attach(shop)
			app.Confirm(t, shop)
			first.Decide(app.Pending(t, shop.SIREN, two), "accept", Fields{"role": {"administrator"}})
			users := "/companies/" + shop.SIREN + "/users"
			first.Open(users)
			second.Open(users)
			targets := []string{app.Membership(t, shop.SIREN, two).ID, app.Membership(t, shop.SIREN, one).ID}
			atOnce(2, func(i int) string {
				_, err := []*Browser{first, second}[i].Attempt(users+"/"+targets[i]+"/role", Fields{"role": {"member"}})
				return fmt.Sprint(err)
			})
			administrators := 0
			for _, m := range app.Memberships(t, shop.SIREN) {
				if m.Role == "administrator" && m.Status == "active" {
					administrators++
				}
			}
			if administrators != 1 {
				t.Fatalf("%s is left with %d administrators", shop.SIREN, administrators)
			}
		}
	})
}

// atOnce runs f n times from one starting line and counts the outcomes.
func atOnce(n int, f func(i int) string) map[string]int {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	outcomes := make([]string, n)
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			outcomes[i] = f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	count := map[string]int{}
	for _, o := range outcomes {
		count[o]++
	}
	return count
}
