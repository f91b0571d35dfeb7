package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// F-05: asked to stop under load, the server answers every request it has begun and goes within ten seconds. A request counts as begun
// once the server has read its first byte; connections that were idle, or come too late, are closed without harm.
func TestStopUnderLoad(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		app.Create(t, Marie)
		page := app.Browser(t)
		page.Open(app.Auth + "/register")
		transport := app.transport()
		transport.MaxIdleConnsPerHost = 50
		client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
		idle, err := client.Get(app.Portal + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		idle.Body.Close()

		// Sign-ups in flight: each has been accepted by the server, for a hash takes long enough for all of them to queue.
		const people = 12
		var written, failed, promised atomic.Int32
		var all sync.WaitGroup
		for i := range people {
			all.Go(func() {
				email := fmt.Sprintf("%d@pressee.example", i)
				form := "email=" + email + "&email_confirmation=" + email + "&first_name=A&last_name=B&password=" + Password + "&password_confirmation=" + Password
				traced := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { written.Add(1) }})
				r, err := http.NewRequestWithContext(traced, http.MethodPost, app.Auth+"/register", strings.NewReader(form))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", app.Auth)
				c := &http.Client{Transport: app.transport(), Timeout: 20 * time.Second,
					CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
				answer, err := c.Do(r)
				switch {
				case err != nil:
					t.Errorf("a request in flight: %v", err)
					failed.Add(1)
				default:
					_, _ = io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
					switch {
					case answer.StatusCode == http.StatusSeeOther:
						promised.Add(1)
					case answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "":
						t.Errorf("a request in flight: %s", answer.Status)
					}
				}
			})
		}
		for deadline := time.Now().Add(10 * time.Second); written.Load() < people && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(30 * time.Millisecond) // what the kernel holds reaches the server
		begun := time.Now()
		_ = app.server.Process.Signal(syscall.SIGTERM)
		all.Wait()
		<-app.exited
		timed(t, "the stop", begun, 10*time.Second, 12*time.Second)
		if !app.server.ProcessState.Success() {
			t.Errorf("it stopped with %v", app.server.ProcessState)
		}
		app.serve(t)
		var accounts []Account
		if app.JSON(t, &accounts, "account", "list"); len(accounts) != int(promised.Load())+1 || len(accounts) == 1 {
			t.Errorf("%d of %d sign-ups are there", len(accounts)-1, promised.Load())
		}
		if client.CloseIdleConnections(); failed.Load() > 0 {
			t.Errorf("%d requests failed", failed.Load())
		}
	})
}

// F-44: nobody reads the log. The server goes on all the same, and says afterwards how many lines were lost.
func TestNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	app := Prepare(t, "sqlite", "PORTIQUE_LOG_LEVEL=debug")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	c := exec.Command(binary(t), "serve")
	c.Env, c.Dir, c.Stderr = app.env, app.dir, write
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	client := &http.Client{Timeout: 5 * time.Second}
	answers := 0
	for deadline := time.Now().Add(20 * time.Second); answers < 6000 && time.Now().Before(deadline); {
		if answer, err := client.Get(app.Portal + "/healthz"); err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			answers++
		} else if answers > 0 {
			t.Fatalf("after %d answers: %v", answers, err)
		}
	}
	if answers < 1000 {
		t.Errorf("only %d answers", answers)
	}
	log := make(chan string)
	go func() {
		b, _ := io.ReadAll(read)
		log <- string(b)
	}()
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Errorf("it stopped with %v", err)
	}
	if s := <-log; answers == 6000 && !strings.Contains(s, "lines were dropped") {
		t.Errorf("nothing tells that lines were lost; the end is %s", tail(s, 500))
	}
}
