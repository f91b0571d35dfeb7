package e2e

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// LOG-02, REG-12, PWD-08, CLM-04: time tells nothing that the page does not. Each answer is asked for in turns, in an order that changes,
// with the server and the asker on one machine. The bigger counts hold the figure itself (medians within 5 ms, AUC at most 0.55, in two
// runs of three); the ordinary run only finds a class that stands apart, on a machine that may be busy: one calm run in three is enough.

// clocked is how long each class took, run after run.
type clocked map[string][]time.Duration

// timings are the counts of a run.
type timings struct {
	rounds, discard int
	medians         time.Duration
	auc             float64
	runs, needed    int
}

func timingsNow() timings {
	if Long() {
		return timings{rounds: 520, discard: 20, medians: 5 * time.Millisecond, auc: 0.55, runs: 3, needed: 2}
	}
	return timings{rounds: 30, discard: 4, medians: 25 * time.Millisecond, auc: 0.75, runs: 3, needed: 1}
}

// alike fails the test when the classes of an answer can be told apart by their time. run measures rounds times each class.
func alike(t *testing.T, run func(t *testing.T, rounds int) clocked) {
	t.Helper()
	want, good := timingsNow(), 0
	for n := 1; n <= want.runs && good < want.needed; n++ {
		times := run(t, want.rounds)
		if t.Failed() {
			return
		}
		var names []string
		for name := range times {
			times[name] = times[name][want.discard:]
			names = append(names, name)
		}
		slices.Sort(names)
		var medians []time.Duration
		worst := 0.5
		for i, a := range names {
			medians = append(medians, median(times[a]))
			for _, b := range names[i+1:] {
				worst = max(worst, apart(times[a], times[b]))
			}
			t.Logf("run %d, %-12s median %s", n, a, medians[i].Round(10*time.Microsecond))
		}
		between := slices.Max(medians) - slices.Min(medians)
		t.Logf("run %d: medians within %s, AUC at most %.3f", n, between.Round(10*time.Microsecond), worst)
		allowed := want.medians
		if !Long() { // a machine that is four times slower is four times noisier
			allowed = max(allowed, slices.Min(medians)/4)
		}
		if between <= allowed && worst <= want.auc {
			good++
		}
	}
	if good < want.needed {
		t.Errorf("the time tells: %d runs of %d within %s and an AUC of %.2f", good, want.runs, want.medians, want.auc)
	}
}

func median(times []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(times))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// apart is how well the time tells two classes apart: the area under the curve, from 0.5 (not at all) to 1, by Mann and Whitney's sum of
// ranks.
func apart(a, b []time.Duration) float64 {
	type one struct {
		d     time.Duration
		first bool
	}
	var all []one
	for _, d := range a {
		all = append(all, one{d, true})
	}
	for _, d := range b {
		all = append(all, one{d, false})
	}
	slices.SortFunc(all, func(x, y one) int { return cmp.Compare(x.d, y.d) })
	ranks := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].d == all[i].d {
			j++
		}
		for k := i; k < j; k++ { // equals share their ranks
			if all[k].first {
				ranks += float64(i+j+1) / 2
			}
		}
		i = j
	}
	n, m := float64(len(a)), float64(len(b))
	return 0.5 + math.Abs((ranks-n*(n+1)/2)/(n*m)-0.5)
}

func TestApart(t *testing.T) {
	list := func(ms ...int) (l []time.Duration) {
		for _, m := range ms {
			l = append(l, time.Duration(m)*time.Millisecond)
		}
		return l
	}
	for _, c := range []struct {
		a, b []time.Duration
		want float64
	}{{list(1, 2, 3), list(4, 5, 6), 1}, {list(4, 5, 6), list(1, 2, 3), 1}, {list(1, 3, 5), list(1, 3, 5), 0.5}, {list(2, 2), list(2, 2, 2), 0.5},
		{list(1, 2), list(2, 3), 0.875}} {
		if got := apart(c.a, c.b); got != c.want {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
	if got := median(list(9, 1, 5, 3)); got != 4*time.Millisecond {
		t.Errorf("median %s", got)
	}
}

// shuffled calls each class once, in an order of its own.
func shuffled(classes map[string]func() (time.Duration, bool), times clocked) bool {
	var names []string
	for name := range classes {
		names = append(names, name)
	}
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		took, ok := classes[name]()
		if !ok {
			return false
		}
		times[name] = append(times[name], took)
	}
	return true
}

func TestTime(t *testing.T) {
	engines := []string{"sqlite"}
	if Long() {
		engines = append(engines, "postgres")
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			app := Start(t, engine, behindProxy)
			members := MemberFile(11, 24)
			members[0].Status = "closed"
			app.Run(t, "", "company", "import", app.File(t, "members.csv", members.CSV()))
			people, sources := 0, 0
			// newPerson is one nobody met before, and source an address that nothing counts against.
			newPerson := func() Person { people++; return person(fmt.Sprintf("temps%d", people)) }
			source := func() string {
				sources++
				return fmt.Sprintf("10.%d.%d.%d", sources>>16&255, sources>>8&255, sources&255)
			}
			// post sends a form and says how long its answer took; another status than expected fails the test.
			post := func(t *testing.T, address string, form url.Values, status int, header ...string) (answer, time.Duration, bool) {
				t.Helper()
				u, _ := url.Parse(address)
				header = append(header, "X-Forwarded-For", source(), "Origin", origin(u))
				start := time.Now()
				got := call(t, "POST", address, form, header...)
				took := time.Since(start)
				if got.status != status {
					t.Errorf("%s %v: %d, not %d\n%s", address, form, got.status, status, tail(got.body, 300))
				}
				return got, took, got.status == status
			}
			cookies := func(header http.Header) string {
				var list []string
				for _, c := range (&http.Response{Header: header}).Cookies() {
					list = append(list, c.Name+"="+c.Value)
				}
				return strings.Join(list, "; ")
			}

			t.Run("LOG-02 sign-in", func(t *testing.T) {
				alike(t, func(t *testing.T, rounds int) clocked {
					times := clocked{}
					var whom map[string]Person
					for round := range rounds {
						if round%25 == 0 { // what an address bears in a day
							whom = map[string]Person{"known": newPerson(), "unknown": newPerson(), "unvalidated": newPerson(), "disabled": newPerson()}
							app.Create(t, whom["known"])
							app.Create(t, whom["disabled"])
							app.Run(t, "", "account", "disable", "--email", whom["disabled"].Email)
							app.Run(t, Password, "account", "create", "--email", whom["unvalidated"].Email, "--first-name", "Camille", "--last-name", "Dupont", "--password-stdin")
						}
						classes := map[string]func() (time.Duration, bool){}
						for name, p := range whom {
							classes[name] = func() (time.Duration, bool) {
								_, took, ok := post(t, app.Auth+"/login", url.Values{"email": {p.Email}, "password": {"Mauvais!Mouton9"}}, http.StatusUnprocessableEntity)
								return took, ok
							}
						}
						if !shuffled(classes, times) {
							return nil
						}
						if round%25 >= 4 {
							app.Advance(t, time.Hour) // the longest wait
						}
					}
					return times
				})
			})

			t.Run("REG-12 sign-up, and another letter", func(t *testing.T) {
				taken := newPerson()
				app.Create(t, taken)
				for _, again := range []bool{false, true} {
					alike(t, func(t *testing.T, rounds int) clocked {
						times, free := clocked{}, newPerson()
						for range rounds {
							classes := map[string]func() (time.Duration, bool){}
							for name, p := range map[string]Person{"taken": taken, "free": free} {
								classes[name] = func() (time.Duration, bool) {
									got, took, ok := post(t, app.Auth+"/register", url.Values{"email": {p.Email}, "email_confirmation": {p.Email}, "password": {Password},
										"password_confirmation": {Password}, "first_name": {p.First}, "last_name": {p.Last}}, http.StatusSeeOther)
									if ok && again {
										_, took, ok = post(t, app.Auth+"/register/resend", url.Values{}, http.StatusSeeOther, "Cookie", cookies(got.header))
									}
									return took, ok
								}
							}
							if !shuffled(classes, times) {
								return nil
							}
							app.Advance(t, time.Hour)
						}
						return times
					})
				}
			})

			t.Run("PWD-08 reset", func(t *testing.T) {
				known := newPerson()
				app.Create(t, known)
				alike(t, func(t *testing.T, rounds int) clocked {
					times, unknown := clocked{}, newPerson()
					for range rounds {
						classes := map[string]func() (time.Duration, bool){}
						for name, p := range map[string]Person{"known": known, "unknown": unknown} {
							classes[name] = func() (time.Duration, bool) {
								_, took, ok := post(t, app.Auth+"/password/forgot", url.Values{"email": {p.Email}}, http.StatusSeeOther)
								return took, ok
							}
						}
						if !shuffled(classes, times) {
							return nil
						}
					}
					return times
				})
			})

			// claimer signs somebody new in and returns what sends a SIREN and a code in their name.
			claimer := func(t *testing.T, status int) func(siren, code string) (time.Duration, bool) {
				t.Helper()
				p := newPerson()
				app.Create(t, p)
				var jar []string
				for _, c := range app.SignIn(t, p).Cookies(app.Portal + "/") {
					jar = append(jar, c.Name+"="+c.Value)
				}
				return func(siren, code string) (time.Duration, bool) {
					_, took, ok := post(t, app.Portal+"/companies/add", url.Values{"siren": {siren}, "member_code": {code}}, status, "Cookie", strings.Join(jar, "; "))
					return took, ok
				}
			}

			t.Run("CLM-04 a company", func(t *testing.T) {
				taken := members[1]
				owner := newPerson()
				app.Create(t, owner)
				app.SignIn(t, owner).Attach(taken)
				alike(t, func(t *testing.T, rounds int) clocked {
					times := clocked{}
					var try func(siren, code string) (time.Duration, bool)
					for round := range rounds {
						if round%5 == 0 { // twenty wrong codes a day
							try = claimer(t, http.StatusUnprocessableEntity)
						}
						classes := map[string]func() (time.Duration, bool){}
						for name, siren := range map[string]string{"free": members[2].SIREN, "taken": taken.SIREN, "closed": members[0].SIREN, "unknown": MemberFile(12, 1)[0].SIREN} {
							classes[name] = func() (time.Duration, bool) { return try(siren, notNow) }
						}
						if !shuffled(classes, times) {
							return nil
						}
						app.Advance(t, time.Hour)
					}
					return times
				})
			})

			t.Run("CLM-04 a second proof", func(t *testing.T) {
				app.env = append(app.env, "PORTIQUE_CLAIM_POLICY=code+contact", "PORTIQUE_MEMBER_CODE_BITS=16") // one wrong code a day
				app.Restart(t)
				// spend makes sure that the budget of the installation is spent for a day: somebody gives a wrong code.
				spend := func(t *testing.T) {
					p := newPerson()
					app.Create(t, p)
					app.SignIn(t, p).add(members[3].SIREN, notNow)
				}
				alike(t, func(t *testing.T, rounds int) clocked {
					times := clocked{}
					var try func(siren, code string) (time.Duration, bool)
					for round := range rounds {
						if round%10 == 0 { // twenty codes a day
							spend(t)
							try = claimer(t, http.StatusSeeOther)
						}
						next := 4 + round/5%10*2 // five codes a day on one company
						classes := map[string]func() (time.Duration, bool){
							"right": func() (time.Duration, bool) { return try(members[next].SIREN, members[next].Code) },
							"wrong": func() (time.Duration, bool) { return try(members[next+1].SIREN, notNow) },
						}
						if !shuffled(classes, times) {
							return nil
						}
						if round%2 == 1 {
							app.Advance(t, time.Hour)
						}
					}
					return times
				})
			})
		})
	}
}
