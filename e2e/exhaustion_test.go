package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// megabytes is the most memory the server has held so far.
func (a *App) megabytes(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.server.Process.Pid))
	if err != nil {
		t.Skip("no /proc here to read the memory from")
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kib / 1024
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// send sends one request as it is, and returns the answer with its body read.
func (a *App) send(t *testing.T, method, address, kind string, body io.Reader, change ...func(*http.Request)) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", kind)
	u, _ := url.Parse(address)
	r.Header.Set("Origin", origin(u))
	for _, c := range change {
		c(r)
	}
	c := &http.Client{Transport: a.transport(), Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	answer, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer, err
}

const formType = "application/x-www-form-urlencoded"

// DOS-02: 200 people sign in at once on two cores. Memory stays bounded, who cannot be served soon is told to come back, and the health
// check answers all the while.
func TestManySignIns(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		app.Create(t, Marie)
		const people = 200
		codes := make(chan string, people)
		var all sync.WaitGroup
		for range people {
			all.Go(func() {
				answer, err := app.send(t, http.MethodPost, app.Auth+"/login", formType,
					strings.NewReader(url.Values{"email": {Marie.Email}, "password": {Password}}.Encode()))
				switch {
				case err != nil:
					codes <- err.Error()
				case answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "":
					codes <- "503 without Retry-After"
				default:
					codes <- answer.Status
				}
			})
		}
		ctx, stop := context.WithCancel(t.Context())
		var health []time.Duration
		var watch sync.WaitGroup
		watch.Go(func() {
			c := &http.Client{Transport: app.transport(), Timeout: 10 * time.Second}
			defer c.CloseIdleConnections()
			for ctx.Err() == nil {
				begun := time.Now()
				answer, err := c.Get(app.Auth + "/healthz")
				if err != nil || answer.StatusCode != http.StatusOK {
					t.Errorf("/healthz: %v", err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				health = append(health, time.Since(begun))
				time.Sleep(5 * time.Millisecond)
			}
		})
		begun := time.Now()
		all.Wait()
		timed(t, "200 sign-ins", begun, 10*time.Second, 20*time.Second)
		stop()
		watch.Wait()
		close(codes)
		count := map[string]int{}
		for c := range codes {
			count[c]++
		}
		t.Logf("answers: %v", count)
		if count["303 See Other"] == 0 {
			t.Error("nobody got in")
		}
		for c := range count {
			if !slices.Contains([]string{"303 See Other", "503 Service Unavailable", "429 Too Many Requests"}, c) {
				t.Errorf("an answer: %s", c)
			}
		}
		slices.Sort(health)
		p99 := health[len(health)*99/100]
		if t.Logf("/healthz: %d answers, p99 %s (goal 100ms)", len(health), p99); p99 > 3*time.Second {
			t.Errorf("/healthz: p99 %s", p99)
		}
		if mib := app.megabytes(t); mib > 512 && !Long() { // the race detector of the long run takes its own
			t.Errorf("the server took %d MiB", mib)
		} else {
			t.Logf("memory: %d MiB (limit 512)", mib)
		}
	})
}

// DOS-01: a body that is too large is refused by what it announces, before any of it is read, let alone hashed.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	for _, address := range []string{app.Auth + "/register", app.Auth + "/login", app.Portal + "/companies/add", app.Auth + "/oauth/token", app.Auth + "/password/forgot"} {
		for _, size := range []int{1 << 20, 10 << 20} {
			u, _ := url.Parse(address)
			c, err := net.Dial("tcp", u.Host)
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			begun := time.Now()
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", u.Path, u.Host, origin(u), formType, size)
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || answer.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s, %d bytes announced: %v %v", u.Path, size, answer, err)
			}
			timed(t, fmt.Sprint(u.Path, " ", size), begun, 50*time.Millisecond, 5*time.Second)
			c.Close()
		}
		// Without a length, it is cut where the limit is.
		unknown := io.MultiReader(strings.NewReader("password="), io.LimitReader(letterA{}, 10<<20))
		if answer, err := app.send(t, http.MethodPost, address, formType, unknown); err == nil && answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s without a length: %s", address, answer.Status)
		} else if err != nil && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
			t.Errorf("%s without a length: %v", address, err)
		}
	}
	if mib := app.megabytes(t); mib > 200 && !Long() {
		t.Errorf("the server took %d MiB", mib)
	}
}

// letterA is an endless row of a.
type letterA struct{}

func (letterA) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}

// DOS-04: shapes that make parsers work. Each is refused or answered, none breaks anything.
func TestOddRequests(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	var fields, zipped bytes.Buffer
	for i := range 10_000 {
		fmt.Fprintf(&fields, "f%d=&", i%1000)
	}
	z := gzip.NewWriter(&zipped)
	_, _ = io.Copy(z, io.LimitReader(letterA{}, 10<<20))
	z.Close()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	cookies := func(r *http.Request) {
		for i := range 1000 {
			r.AddCookie(&http.Cookie{Name: fmt.Sprint("c", i), Value: "v"})
		}
	}
	for name, c := range map[string]struct {
		kind, body string
		change     func(*http.Request)
		statuses   []int
	}{
		"10,000 fields":    {formType, fields.String(), nil, []int{400, 413, 422}},
		"1,000 cookies":    {formType, "email=x", cookies, []int{400, 401, 403, 422, 431}},
		"a header of 1 MB": {formType, "email=x", header("X-Long", strings.Repeat("a", 1<<20)), []int{431}},
		"many parts":       {"multipart/form-data; boundary=b", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n", 500) + "--b--", nil, []int{400, 415}},
		"gzip":             {formType, zipped.String(), header("Content-Encoding", "gzip"), []int{400, 413, 415, 422}},
		"deep JSON":        {"application/json", strings.Repeat("[", 50_000), nil, []int{400, 415}},
		"deep names":       {formType, "email" + strings.Repeat("[a]", 10_000) + "=x", nil, []int{400, 422}},
		"percent signs":    {formType, strings.Repeat("%25", 20_000), nil, []int{400, 422}},
		"a wrong length":   {formType, "", header("Transfer-Encoding", "identity"), []int{400, 422, 501}},
	} {
		for _, address := range []string{app.Auth + "/register", app.Auth + "/login", app.Auth + "/password/forgot", app.Portal + "/companies/add", app.Auth + "/oauth/token"} {
			change := c.change
			if change == nil {
				change = func(*http.Request) {}
			}
			answer, err := app.send(t, http.MethodPost, address, c.kind, strings.NewReader(c.body), change)
			expected := append(c.statuses, 401, 429) // for who is not signed in, or no client
			if err != nil && c.statuses[0] == 431 {
				continue // the rest of the header met a closed connection
			}
			if err != nil || !slices.Contains(expected, answer.StatusCode) {
				t.Errorf("%s to %s: %v %v", name, address, answer, err)
			}
		}
	}
	if mib := app.megabytes(t); mib > 200 && !Long() {
		t.Errorf("the server took %d MiB", mib)
	}
}

// DOS-03, F-39: hundreds of clients that say half a sentence and wait, and more connections than the process may have files. Others are
// served, and when they are gone everything is as before.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	hang := func(n int) (let func()) {
		u, _ := url.Parse(app.Auth)
		var open []net.Conn
		for i := range n {
			c, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, c)
			switch i % 3 {
			case 0:
				fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nX-Slow: ", u.Host)
			case 1:
				fmt.Fprintf(c, "POST /register HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Type: %s\r\nContent-Length: 1000\r\n\r\nemail=", u.Host, app.Auth, formType)
			case 2: // asks for more than the buffers hold, and does not read
				for range 50 {
					fmt.Fprintf(c, "GET /register HTTP/1.1\r\nHost: %s\r\n\r\n", u.Host)
				}
			}
		}
		return func() {
			for _, c := range open {
				c.Close()
			}
		}
	}
	n := 150
	if Long() {
		n = 1000
	}
	let := hang(n)
	begun := time.Now()
	app.signUp(t, "zoe@patiente.example")
	app.Mail.Wait(t, "zoe@patiente.example", "Validation")
	timed(t, "a sign-up among slow clients", begun, 2*time.Second, 15*time.Second)
	let()

	if _, err := exec.LookPath("prlimit"); err != nil {
		skip(t, "prlimit (Debian: util-linux) is not installed")
	}
	out, err := exec.Command("prlimit", fmt.Sprintf("--pid=%d", app.server.Process.Pid), "--nofile=60:").CombinedOutput()
	if err != nil {
		t.Fatalf("prlimit: %v %s", err, out)
	}
	hang(120)()
	begun = time.Now()
	for status := 0; status != http.StatusOK; status, _ = app.health("/readyz") {
		if time.Since(begun) > 20*time.Second {
			t.Fatal("not ready again")
		}
	}
	timed(t, "ready after the last file was taken", begun, 5*time.Second, 15*time.Second)
	app.signUp(t, "zoe@apres.example")
}

// DOS-05: sign-ups that nobody validates, authorizations that nobody finishes and sessions that nobody ends are swept away in time, and
// weigh on nobody meanwhile.
func TestLeftoversAreSwept(t *testing.T) {
	t.Parallel()
	rows := 5_000
	if Long() {
		rows = 100_000
	}
	EachEngine(t, func(t *testing.T, app *App) {
		app.Create(t, Marie)
		account := app.Account(t, Marie.Email).ID
		db := app.database(t)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now().UnixMilli()
		do := func(statement string, args ...any) {
			if _, err := tx.ExecContext(t.Context(), statement, args...); err != nil {
				t.Fatal(err)
			}
		}
		for i := range rows {
			id, hash := fmt.Sprintf("00000000-0000-7000-8000-%012d", i), []byte(strconv.Itoa(i))
			do(`INSERT INTO sign_up (id, email, password_hash, first_name, last_name, contributions_only, language, taken, browser_hash, link_hash,
				link_expires_at, code_hash, code_expires_at, disown_hash, created_at) VALUES ($1, $2, '', 'A', 'B', false, 'fr', false, $3, $3, $4, $3, $4, $3, $4)`,
				id, strconv.Itoa(i)+"@foule.example", hash, now)
			do(`INSERT INTO pending_authorization (id, client_id, browser_hash, redirect_uri, request, created_at, expires_at)
				VALUES ($1, 'portal', $2, '', '{}', $3, $4)`, id, hash, now, now+3_600_000)
			do(`INSERT INTO session (id, door, account_id, secret_hash, created_at, seen_at, expires_at) VALUES ($1, 'auth', $2, $3, $4, $4, $5)`,
				id, account, hash, now, now+43_200_000)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		b := app.SignIn(t, Marie)
		b.Open("/companies/add")
		timed(t, "a sign-in among leftovers", begun, time.Second, 15*time.Second)
		app.Advance(t, 9*24*time.Hour)
		app.Restart(t) // what is done each hour is done at the start too
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			var n int64
			err := db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM sign_up WHERE email LIKE '%@foule.example')
				+ (SELECT count(*) FROM pending_authorization) + (SELECT count(*) FROM session)`).Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d rows are left", n)
			}
		}
	})
}

// A body that is too large is refused before it comes, whatever its length: also one that net/http would rather wait for.
func TestLargeBodyUnread(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	for _, address := range []string{app.Auth + "/login", app.Portal + "/companies/add", app.Auth + "/oauth/token"} {
		for _, length := range []int{65_537, 200_000, 10 << 20} {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", u.Host)
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(4 * time.Second)) // the server gives up on a slow body after 30
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", u.Path, u.Host, origin(u), formType, length)
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || answer.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%d bytes to %s: %v %v", length, address, answer, err)
			}
			c.Close()
		}
	}
}
