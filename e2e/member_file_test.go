package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// named is a member file in which every company carries the same mark in its name.
func (m Members) named(mark string) Members {
	marked := slices.Clone(m)
	for i := range marked {
		marked[i].Name += " - " + mark
	}
	return marked
}

// marks counts the companies by the mark in their names.
func marks(t *testing.T, app *App) map[string]int {
	t.Helper()
	var list []struct{ Name string }
	app.JSON(t, &list, "company", "list")
	count := map[string]int{}
	for _, c := range list {
		count[c.Name[strings.LastIndex(c.Name, " - ")+3:]]++
	}
	return count
}

// An import killed at any moment has done everything or nothing, beside a server that goes on, and the next run completes it.
func TestImportKilled(t *testing.T) {
	companies, kills := 1500, 4
	if Long() {
		companies, kills = 20_000, 60
	}
	EachEngine(t, func(t *testing.T, app *App) {
		members := MemberFile(1, companies)
		begun := time.Now()
		app.Run(t, "", "company", "import", app.File(t, "members.csv", members.named("0").CSV()))
		whole := time.Since(begun)
		last, interrupted := "0", 0
		for round := range kills {
			next := fmt.Sprint(round + 1)
			path := app.File(t, "members.csv", members.named(next).CSV())
			c := exec.Command(binary(t), "company", "import", path)
			c.Env, c.Dir = app.env, app.dir
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			exited := make(chan error, 1)
			go func() { exited <- c.Wait() }()
			select { // the moment is the test
			case <-exited:
			case <-time.After(time.Duration(rand.Int64N(int64(whole)))):
				_ = c.Process.Kill()
				<-exited
				interrupted++
			}
			found := marks(t, app)
			if found[last] != companies && found[next] != companies || len(found) != 1 {
				t.Fatalf("round %d: %v", round, found)
			}
			if found[last] == companies {
				app.Run(t, "", "company", "import", path)
				if found = marks(t, app); found[next] != companies || len(found) != 1 {
					t.Fatalf("round %d, completed: %v", round, found)
				}
			}
			last = next
		}
		if out := app.Run(t, "", "company", "import", app.File(t, "members.csv", members.named(last).CSV())); !strings.Contains(out, fmt.Sprintf("%d unchanged", companies)) {
			t.Errorf("the same file again: %s", tail(out, 300))
		}
		if interrupted == 0 {
			t.Error("no import was killed before its end")
		}
	})
}

// People sign in and attach companies while the file that names those companies is imported again and again: nobody is refused.
func TestImportBesideAServer(t *testing.T) {
	companies, imports, people := 5000, 2, 4
	if Long() {
		companies, imports = 100_000, 5
	}
	EachEngine(t, func(t *testing.T, app *App) {
		members := MemberFile(1, companies)
		app.Run(t, "", "company", "import", app.File(t, "members.csv", members.named("0").CSV()))
		crowd := make([]Person, people)
		for i := range crowd {
			crowd[i] = Person{"Prénom", fmt.Sprintf("Numéro %d", i), fmt.Sprintf("personne.%d@foule.example", i)}
			app.Create(t, crowd[i])
		}
		over := make(chan struct{})
		var mu sync.Mutex
		var longest time.Duration
		var wrong []string
		attached := map[string]string{}
		var load sync.WaitGroup
		for i, p := range crowd {
			b := app.Browser(t)
			load.Go(func() {
				step := func(what, want string, f func() (*Page, error)) bool {
					begun := time.Now()
					page, err := f()
					took := time.Since(begun)
					mu.Lock()
					defer mu.Unlock()
					longest = max(longest, took)
					switch {
					case err != nil:
						wrong = append(wrong, fmt.Sprintf("%s: %v", what, err))
					case page.Status >= http.StatusBadRequest || page.Main() != want:
						wrong = append(wrong, fmt.Sprintf("%s: %d, %s", what, page.Status, page.Main()))
					default:
						return true
					}
					return false
				}
				open := func(path string) func() (*Page, error) {
					return func() (*Page, error) { return b.navigate(http.MethodGet, app.Portal+path, nil, nil, false) }
				}
				if !step("open the sign-in", "login", open("/session/start?return=/companies/add")) {
					return
				}
				if !step("sign in", "companies-add", func() (*Page, error) {
					return b.Attempt("/login", Fields{"email": {p.Email}, "password": {Password}})
				}) {
					return
				}
				for n := i; n < companies; n += people {
					select {
					case <-over:
						return
					default:
					}
					m := members[n]
					if !step("open the page", "companies-add", open("/companies/add")) || !step("attach "+m.SIREN, "activated", func() (*Page, error) {
						return b.Attempt("/companies/add", Fields{"siren": {m.SIREN}, "member_code": {m.Code}})
					}) {
						return
					}
					mu.Lock()
					attached[m.SIREN] = p.Email
					mu.Unlock()
				}
			})
		}
		var took time.Duration
		for n := range imports {
			path := app.File(t, "members.csv", members.named(fmt.Sprint(n+1)).CSV())
			begun := time.Now()
			if out := app.Run(t, "", "company", "import", path); !strings.Contains(out, fmt.Sprintf("%d changed", companies)) {
				t.Errorf("import %d: %s", n, tail(out, 300))
			}
			took = max(took, time.Since(begun))
		}
		close(over)
		load.Wait()
		t.Logf("%d lines in at most %s; %d companies attached meanwhile, the longest answer took %s", companies, took.Round(time.Millisecond), len(attached), longest.Round(time.Millisecond))
		if len(wrong) > 0 {
			t.Errorf("refused: %v", wrong)
		}
		if len(attached) == 0 {
			t.Error("nobody attached a company during the imports")
		}
		// IMP-04: no access was touched.
		administrators := map[string]string{}
		var list []Membership
		app.JSON(t, &list, "membership", "list")
		for _, m := range list {
			if m.Role == "administrator" && m.Status == "active" {
				administrators[m.SIREN] = m.Email
			}
		}
		for siren, email := range attached {
			if administrators[siren] != email {
				t.Errorf("%s: attached by %s, now of %q", siren, email, administrators[siren])
			}
		}
		if found := marks(t, app); found[fmt.Sprint(imports)] != companies {
			t.Errorf("the companies: %v", found)
		}
	})
}

// What the member file says of a company holds at once for people and tools, and changes nobody's access.
func TestMemberFileRules(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		members := app.Import(t, 4)
		shop, other := members[0], members[1]
		tool := app.NewTool(t, "formation", "Demandes de formation")
		for _, p := range []Person{Marie, Paul, Lucie} {
			app.Create(t, p)
		}
		marie, paul, lucie := app.SignIn(t, Marie), app.SignIn(t, Paul), app.SignIn(t, Lucie)
		marie.Attach(shop)
		marie.At("activated")
		paul.Attach(shop)
		request := app.Pending(t, shop.SIREN, Paul)
		marie.Open(tool.URL)
		visit := tool.Last()
		if tool.UserInfo(t, visit) != http.StatusOK {
			t.Fatal("the tool cannot ask userinfo")
		}
		file := func(code, status string) string {
			return app.File(t, "one.csv", fmt.Sprintf("siren;name;member_code;status\n%s;%s;%s;%s\n", shop.SIREN, shop.Name, code, status))
		}

		t.Run("CLM-18 a new code refuses the old one at once and leaves requests alone", func(t *testing.T) {
			wrong := func(code string) {
				t.Helper()
				lucie.Open("/companies/add")
				lucie.Attach(Member{SIREN: shop.SIREN, Code: code})
				lucie.At("companies-add")
				lucie.Answers(http.StatusUnprocessableEntity)
			}
			app.Run(t, "", "company", "import", file("NOUVEAU-CODE", ""))
			wrong(shop.Code)
			drawn := strings.TrimSpace(app.Run(t, "", "company", "new-code", shop.SIREN))
			wrong("NOUVEAU-CODE")
			if again := app.Pending(t, shop.SIREN, Paul); again != request {
				t.Errorf("the request was %+v and is %+v", request, again)
			}
			lucie.Open("/companies/add")
			lucie.Attach(Member{SIREN: shop.SIREN, Code: strings.ToLower(drawn[:5] + " " + drawn[5:])})
			app.Pending(t, shop.SIREN, Lucie)
			shop.Code = drawn
		})

		t.Run("CLM-15 a closed company cannot be attached or used", func(t *testing.T) {
			before := app.Memberships(t, shop.SIREN)
			app.Run(t, "", "company", "import", "--allow-delete", "1", file("", "closed"))
			app.Create(t, Anne)
			anne := app.SignIn(t, Anne)
			anne.Attach(shop)
			closed := anne.At("companies-add").Alert()
			anne.Attach(Member{SIREN: other.SIREN, Code: "12121212"})
			if wrong := anne.At("companies-add").Alert(); wrong != closed || closed == "" {
				t.Errorf("a closed company: %q, a wrong code: %q", closed, wrong)
			}
			if status := tool.UserInfo(t, visit); status == http.StatusOK {
				t.Error("userinfo still answers for a closed company")
			}
			marie.Open("/tools")
			if tile, _ := marie.Page().Tile("formation"); tile.State != "closed" || tile.Reason == "" {
				t.Errorf("the tool is %+v", tile)
			}
			if after := app.Memberships(t, shop.SIREN); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("the accesses were %v and are %v", before, after)
			}
			app.Run(t, "", "company", "import", file("", "active"))
			marie.Open("/tools")
			if tile, _ := marie.Page().Tile("formation"); tile.State != "open" {
				t.Errorf("the company is open again, the tool %+v", tile)
			}
		})
	})
}
