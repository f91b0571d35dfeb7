package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// away fails the test unless an answer says that we cannot, for now, in our own words and with nothing of the inside.
func away(t *testing.T, what string, p *Page) {
	t.Helper()
	if p.Status != http.StatusServiceUnavailable || p.Header.Get("Retry-After") == "" || p.Main() != "error" {
		t.Errorf("%s: %s, Retry-After %q", what, p, p.Header.Get("Retry-After"))
	}
	for _, inside := range []string{"sql", "postgres", "pgx", "dial", "127.0.0.1", "connection", "context", "commit"} {
		if strings.Contains(strings.ToLower(p.Text()), inside) {
			t.Errorf("%s: the page says %q:\n%s", what, inside, p.Text())
		}
	}
}

// F-07, F-08: the database is away, swallows what it is sent, is slow. Nobody is told yes, everybody is told something, in time; and
// when it is back the server is, without a hand.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]mode{"F-07 refused": refuse, "F-08 swallowed": swallow} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := Prepare(t, "postgres")
			proxy := app.Behind(t)
			app.serve(t)
			members := app.Import(t, 2)
			app.Create(t, Marie)
			app.Create(t, Paul)
			tool := app.NewTool(t, "formation", "Demandes de formation")
			marie := app.SignIn(t, Marie)
			marie.Open("/companies/add")
			paul := app.Browser(t)
			paul.Open("/session/start")
			paul.At("login")
			newcomer := app.Browser(t)
			newcomer.Open(app.Auth + "/register")

			proxy.Set(how)
			begun := time.Now()
			var all sync.WaitGroup
			told := func(what string, do func() (*Page, error)) {
				all.Go(func() {
					p, err := do()
					if err != nil {
						t.Errorf("%s: %v", what, err)
						return
					}
					away(t, what, p)
				})
			}
			// More people than the pool has connections, so that it would be used up if they were kept.
			told("attach", func() (*Page, error) {
				return marie.Attempt("/companies/add", Fields{"siren": {members[0].SIREN}, "member_code": {members[0].Code}})
			})
			told("sign-in", func() (*Page, error) {
				return paul.Attempt("/login", Fields{"email": {Paul.Email}, "password": {Password}})
			})
			told("sign-up", func() (*Page, error) {
				return newcomer.Attempt("/register", Fields{"email": {Lucie.Email}, "email_confirmation": {Lucie.Email}, "password": {Password},
					"password_confirmation": {Password}, "first_name": {"L"}, "last_name": {"H"}})
			})
			cookies := app.Browser(t)
			cookies.http.Jar = marie.http.Jar
			for i := range 20 {
				told(fmt.Sprint("page ", i), func() (*Page, error) {
					b := &Browser{Language: "fr", t: t, app: app, http: cookies.http}
					return b.navigate(http.MethodGet, app.Portal+"/tools", nil, nil, false)
				})
			}
			all.Go(func() {
				r, _ := http.NewRequest(http.MethodPost, tool.Endpoint.TokenURL, strings.NewReader(url.Values{"grant_type": {"authorization_code"}, "code": {"x"},
					"redirect_uri": {tool.URL}, "code_verifier": {strings.Repeat("v", 43)}}.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.SetBasicAuth(tool.ID, tool.Secret)
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Errorf("token: %v", err)
					return
				}
				defer answer.Body.Close()
				body, _ := io.ReadAll(answer.Body)
				if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "temporarily_unavailable") {
					t.Errorf("token: %s %s", answer.Status, body)
				}
			})
			if status, err := app.health("/healthz"); status != http.StatusOK {
				t.Errorf("/healthz: %d %v", status, err)
			}
			if status, err := app.health("/readyz"); status != http.StatusServiceUnavailable {
				t.Errorf("/readyz: %d %v", status, err)
			}
			all.Wait()
			timed(t, "the answers", begun, 10*time.Second, 15*time.Second)

			proxy.Set(fine)
			begun = time.Now()
			for status := 0; status != http.StatusOK; status, _ = app.health("/readyz") {
				if time.Since(begun) > 20*time.Second {
					t.Fatal("not ready again")
				}
			}
			timed(t, "ready again", begun, 5*time.Second, 15*time.Second)
			if list := app.Memberships(t, members[0].SIREN); len(list) != 0 {
				t.Errorf("nobody was told yes, and yet: %+v", list)
			}
			marie.Open("/companies/add")
			marie.Attach(members[0])
			marie.At("activated")
			app.walkThrough(t, members[1])
		})
	}
}

// F-08: each answer of the database takes two seconds. Whoever cannot be served in time is told so; nothing waits for more than ten.
func TestDatabaseSlow(t *testing.T) {
	t.Parallel()
	app := Prepare(t, "postgres")
	proxy := app.Behind(t)
	app.serve(t)
	app.Create(t, Marie)
	marie := app.SignIn(t, Marie)
	proxy.Set(slow)
	begun := time.Now()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			b := &Browser{Language: "fr", t: t, app: app, http: marie.http}
			p, err := b.navigate(http.MethodGet, app.Portal+"/companies", nil, nil, false)
			switch {
			case err != nil:
				t.Error(err)
			case p.Status == http.StatusServiceUnavailable:
				away(t, "slow", p)
			case p.Status != http.StatusOK:
				t.Errorf("slow: %s", p)
			}
		})
	}
	all.Wait()
	timed(t, "the answers", begun, 10*time.Second, 15*time.Second)
	proxy.Set(fine)
	begun = time.Now()
	for marie.try("/companies") != nil {
		if time.Since(begun) > 15*time.Second {
			t.Fatal("not back")
		}
	}
	timed(t, "back", begun, 5*time.Second, 15*time.Second)
}

// The connection is cut between COMMIT and its answer. Whether it was done nobody knows: the answer is neither yes nor a second try.
func TestCommitWithoutAnswer(t *testing.T) {
	t.Parallel()
	app := Prepare(t, "postgres")
	proxy := app.Behind(t)
	app.serve(t)
	shops := app.Import(t, 3)
	app.Create(t, Marie)
	marie := app.SignIn(t, Marie)
	ledger := new(Ledger)
	l := &Load{Ledger: ledger}
	for _, shop := range shops {
		before := proxy.Cuts()
		marie.Open("/companies/add")
		for tries := 0; proxy.Cuts() == before; tries++ { // a job's commit may be cut instead
			if tries == 20 {
				t.Fatal("no commit was cut")
			}
			proxy.Set(cut)
			l.do(marie, "attach", Marie, shop.SIREN, "/companies/add", Fields{"siren": {shop.SIREN}, "member_code": {shop.Code}})
			proxy.Set(fine)
			if proxy.Cuts() > before && marie.page.Status >= 500 && !marie.page.Has("Nous ne pouvons pas dire si c'est fait") {
				t.Errorf("the page says that it is not done: %s", marie.page.Text())
			}
			marie.Open("/companies/add")
		}
		if list := app.Memberships(t, shop.SIREN); len(list) > 1 {
			t.Errorf("it was done twice: %+v", list)
		}
	}
	for _, one := range ledger.of("attach", unknown) {
		if one.status != http.StatusServiceUnavailable {
			t.Errorf("an answer of %d", one.status)
		}
	}
	t.Logf("told: %s", ledger)
	ledger.faults = proxy.Cuts()
	ledger.Check(t, app)
}

// The same, all the time and at random, under load: what was told holds.
func TestNetworkComesAndGoes(t *testing.T) {
	t.Parallel()
	rounds := 3
	if Long() {
		rounds = 60
	}
	app := Prepare(t, "postgres", behindProxy)
	proxy := app.Behind(t)
	app.serve(t)
	random := rand.New(rand.NewPCG(seed(t), 3))
	members := app.Import(t, 5)
	ledger := new(Ledger)
	load := Work(t, ledger, members[:4], "tour", app.Regulars(t, 3), random.Uint64(), app)
	for range rounds {
		ledger.Grown(2 + random.IntN(8))
		how := []mode{refuse, cut, cut}[random.IntN(3)]
		proxy.Set(how)
		time.Sleep(time.Duration(100+random.IntN(400)) * time.Millisecond)
		proxy.Set(fine)
		ledger.faults++
	}
	load.Stop()
	ledger.faults += proxy.Cuts()
	t.Logf("told: %s, %d commits without an answer", ledger, proxy.Cuts())
	app.walkThrough(t, members[4])
	ledger.Check(t, app)
}

// F-10: a rival ends our connections and holds rows. Nothing is done twice, nobody waits for ever, and no page tells
// of the inside.
func TestRivalOnTheDatabase(t *testing.T) {
	t.Parallel()
	app := Start(t, "postgres")
	shop := app.Import(t, 1)[0]
	app.Create(t, Marie)
	app.Create(t, Paul)
	marie, paul := app.SignIn(t, Marie), app.SignIn(t, Paul)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rival, err := pgx.Connect(ctx, app.setting("PORTIQUE_DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer rival.Close(ctx)
	do := func(statement string, args ...any) {
		t.Helper()
		if _, err := rival.Exec(ctx, statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	// It ends every connection: the pages go on, at once.
	do(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	for range 5 {
		marie.Open("/companies/add")
		marie.At("companies-add")
	}
	// It holds the company: who wants it is told to come back, and nothing was done.
	paul.Open("/companies/add")
	do("BEGIN")
	do("SELECT 1 FROM company WHERE siren = $1 FOR UPDATE", shop.SIREN)
	begun := time.Now()
	p, err := marie.Attempt("/companies/add", Fields{"siren": {shop.SIREN}, "member_code": {shop.Code}})
	if err != nil {
		t.Fatal(err)
	}
	away(t, "a row that is held", p)
	timed(t, "the answer", begun, 10*time.Second, 15*time.Second)
	do("ROLLBACK")
	paul.Attach(shop)
	paul.At("activated")
	if list := app.Memberships(t, shop.SIREN); len(list) != 1 {
		t.Errorf("%+v", list)
	}
}
