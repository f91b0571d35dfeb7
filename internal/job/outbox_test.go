package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portique"
	"portique/internal/i18n"
	"portique/internal/mail"
	"portique/internal/mail/mailtest"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// clock is a clock that a test moves by hand, on top of the real one.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(by time.Duration) { c.ahead.Add(int64(by)) }

func newRunner(t *testing.T, db *store.DB, server *mailtest.Server, change ...func(*mail.Options)) *Runner {
	t.Helper()
	catalog, err := i18n.New(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	o := mail.Options{PortalURL: "http://localhost:8080", AuthURL: "http://localhost:8081",
		PortalName: "Web Services Entreprises", OperatorName: "l'Opcommerce", SupportEmail: "aide@opco.example", Catalog: catalog}
	for _, c := range change {
		c(&o)
	}
	renderer, err := mail.NewRenderer(o)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(server.Addr)
	sender, err := mail.NewSender(mail.SenderOptions{URL: "smtp://localhost:" + port + "?tls=none", From: "no-reply@opco.example",
		Step: 15 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{DB: db, Renderer: renderer, Transport: sender, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	r.tick, r.stuck = 20*time.Millisecond, 50*time.Millisecond
	return r
}

// run starts a runner, stopped and waited for at the end of the test or by the
// function it returns.
func run(t *testing.T, r *Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func post(t *testing.T, db *store.DB, to string) {
	t.Helper()
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.Post(&portique.Letter{To: to, Language: "fr", Kind: portique.LetterValidation,
			Secret: map[string]string{"link": "http://localhost:8081/validate?token=secret", "code": "048213", "disown_code": "715306"}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func letter(t *testing.T, db *store.DB, to string) *portique.Letter {
	t.Helper()
	var l *portique.Letter
	err := db.View(t.Context(), func(tx *store.Tx) error {
		list, err := tx.Letters(to, "")
		if err == nil && len(list) != 1 {
			err = fmt.Errorf("%s has %d letters", to, len(list))
		}
		if err == nil {
			l = list[0]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		script   mailtest.Script
		everyone bool // 5xx at MAIL comes before the recipient is known
		status   portique.LetterStatus
		arrives  bool
	}{
		"taken":         {status: portique.LetterSent, arrives: true},
		"4xx at RCPT":   {script: mailtest.Script{Rcpt: mailtest.Refuse(450)}, status: portique.LetterQueued},
		"5xx at RCPT":   {script: mailtest.Script{Rcpt: mailtest.Refuse(550)}, status: portique.LetterDead},
		"5xx at MAIL":   {script: mailtest.Script{Mail: mailtest.Refuse(550)}, everyone: true, status: portique.LetterQueued},
		"5xx at DATA":   {script: mailtest.Script{Data: mailtest.Refuse(554)}, status: portique.LetterQueued},
		"broken at end": {script: mailtest.Script{Drop: true}, status: portique.LetterQueued, arrives: true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, db *store.DB) {
				const to = "jeanne@martin.example"
				server := mailtest.New(t)
				server.On(map[bool]string{true: "", false: to}[c.everyone], c.script)
				post(t, db, to)
				run(t, newRunner(t, db, server))
				until(t, "one attempt", func() bool { return letter(t, db, to).Attempts == 1 })
				l := letter(t, db, to)
				if l.Status != c.status || (l.Status == portique.LetterSent) != (l.LastError == "") {
					t.Errorf("the letter is %s (%q)", l.Status, l.LastError)
				}
				if (l.Status == portique.LetterQueued) != (len(l.Sealed) > 0) {
					t.Errorf("a letter %s has %d sealed bytes", l.Status, len(l.Sealed))
				}
				if (l.Status == portique.LetterSent) == l.SentAt.IsZero() {
					t.Errorf("a letter %s was sent at %s", l.Status, l.SentAt)
				}
				if wait := l.RunAt.Sub(l.CreatedAt); l.Status == portique.LetterQueued && (wait < 9*time.Second || wait > 30*time.Second) {
					t.Errorf("it is tried again after %s", wait)
				}
				if arrived := len(server.Received()) == 1; arrived != c.arrives {
					t.Errorf("arrived: %v", arrived)
				}
			})
		})
	}
}

// The operator's own letter fails on the day: ours leaves at once, and the log names the file, without the letter's secrets.
func TestOwnLetterFails(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const to = "jeanne@martin.example"
		server := mailtest.New(t)
		r := newRunner(t, db, server, func(o *mail.Options) {
			o.Own = map[string]string{"validation.fr.txt": "Subject: Code {{.code}}\n\n{{.link}} {{.disown_code}}\n\n--\n\nx"}
		})
		var log lines
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		post(t, db, to)
		run(t, r)
		until(t, "sent", func() bool { return letter(t, db, to).Status == portique.LetterSent })
		got := server.Received()
		if l := letter(t, db, to); l.Attempts != 1 || l.LastError != "" || len(got) != 1 {
			t.Fatalf("%d attempts, %q, %d messages", l.Attempts, l.LastError, len(got))
		}
		if subject, err := new(mime.WordDecoder).DecodeHeader(got[0].Header.Get("Subject")); err != nil || subject != "Validation de création de compte" {
			t.Errorf("what left is %q: %v", subject, err)
		}
		if said := log.String(); !strings.Contains(said, "letter/validation.fr.txt") || strings.Contains(said, "048213") || strings.Contains(said, "token=secret") {
			t.Errorf("the log says %q", said)
		}
	})
}

// fails is a transport that repeats all it was given.
type fails struct{}

func (fails) Send(_ context.Context, m *mail.Message) error { return errors.New("550 " + m.Text) }

// Whatever an error repeats of a letter, neither its row nor the log has the secrets.
func TestErrorsHaveNoSecrets(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const to = "jeanne@martin.example"
		r := newRunner(t, db, mailtest.New(t))
		r.transport = fails{}
		var log lines
		r.log = slog.New(slog.NewTextHandler(&log, nil))
		post(t, db, to)
		run(t, r)
		until(t, "one attempt", func() bool { return letter(t, db, to).Attempts == 1 && log.String() != "" })
		for _, secret := range []string{"token=secret", "048213", "715306"} {
			if l := letter(t, db, to); strings.Contains(l.LastError, secret) || strings.Contains(log.String(), secret) || l.LastError == "" {
				t.Errorf("%s is in %q or in %q", secret, l.LastError, log.String())
			}
		}
	})
}

// lines are what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A letter that fails keeps its Message-ID, is tried again later and later, and
// dies after three days without its secrets.
func TestRetryUntilDead(t *testing.T) {
	var c clock
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const to = "jeanne@martin.example"
		server := mailtest.New(t)
		server.On(to, mailtest.Script{Drop: true})
		post(t, db, to)
		run(t, newRunner(t, db, server))
		last := time.Duration(0)
		for attempt := 1; attempt <= 20; attempt++ {
			until(t, fmt.Sprint("attempt ", attempt), func() bool { return letter(t, db, to).Attempts == attempt })
			l := letter(t, db, to)
			wait := l.RunAt.Sub(c.Now())
			if l.Status != portique.LetterQueued || wait < last-2*time.Second || wait > time.Hour {
				t.Fatalf("after attempt %d the letter is %s and waits %s", attempt, l.Status, wait)
			}
			last = wait
			c.forward(wait)
		}
		if last < 50*time.Minute {
			t.Errorf("the last wait is %s", last)
		}
		for _, m := range server.Received() {
			if m.MessageID != letter(t, db, to).MessageID {
				t.Errorf("an attempt has the Message-ID %s", m.MessageID)
			}
		}
		c.forward(portique.LetterLife)
		until(t, "dead", func() bool { return letter(t, db, to).Status == portique.LetterDead })
		if l := letter(t, db, to); len(l.Sealed) != 0 || l.LastError == "" {
			t.Errorf("the dead letter keeps %d sealed bytes and says %q", len(l.Sealed), l.LastError)
		}
	}, storetest.Clock(c.Now))
}

// The mail server refuses everybody for a day and comes back: the first letter that passes takes the others with it.
func TestServerComesBack(t *testing.T) {
	var c clock
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const waiting, fresh = "jeanne@martin.example", "luc@durand.example"
		server := mailtest.New(t)
		server.On("", mailtest.Script{Mail: mailtest.Refuse(550)})
		post(t, db, waiting)
		run(t, newRunner(t, db, server))
		until(t, "the first attempt", func() bool { return letter(t, db, waiting).Attempts == 1 })
		c.forward(24 * time.Hour)
		until(t, "the second attempt", func() bool { return letter(t, db, waiting).Attempts == 2 })
		if wait := letter(t, db, waiting).RunAt.Sub(c.Now()); wait < 50*time.Minute {
			t.Fatalf("it waits %s", wait)
		}
		server.On("", mailtest.Script{})
		post(t, db, fresh)
		until(t, "both sent", func() bool {
			return letter(t, db, fresh).Status == portique.LetterSent && letter(t, db, waiting).Status == portique.LetterSent
		})
	}, storetest.Clock(c.Now))
}

func TestTwoNodesSendOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		server := mailtest.New(t)
		const letters = 40
		for i := range letters {
			post(t, db, fmt.Sprintf("p%d@d%d.example", i, i%7))
		}
		run(t, newRunner(t, db, server))
		run(t, newRunner(t, db, server))
		until(t, "all sent", func() bool { return len(server.Received()) >= letters })
		time.Sleep(100 * time.Millisecond)
		seen := map[string]bool{}
		for _, m := range server.Received() {
			if seen[m.MessageID] {
				t.Errorf("%s left twice", m.MessageID)
			}
			seen[m.MessageID] = true
		}
		if len(seen) != letters {
			t.Errorf("%d letters left", len(seen))
		}
	})
}

// A domain that does not answer holds two workers; everybody else's letters
// pass, even behind many of its own.
func TestStuckDomain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		server := mailtest.New(t)
		for i := range 30 {
			to := fmt.Sprintf("p%d@stuck.example", i)
			server.On(to, mailtest.Script{Hang: true})
			post(t, db, to)
		}
		r := newRunner(t, db, server)
		r.farewell = 1500 * time.Millisecond
		r.stuck = 500 * time.Millisecond // a delivery on a busy machine takes a while too
		run(t, r)
		until(t, "stuck", func() bool { return server.Busiest("stuck.example") == perDomain })
		for i := range 10 {
			post(t, db, fmt.Sprintf("p%d@fine.example", i))
		}
		r.Kick()
		until(t, "the others pass", func() bool { return len(server.Received()) == 10 })
		if most := server.Busiest("stuck.example"); most != perDomain {
			t.Errorf("the stuck domain held %d workers", most)
		}
	})
}

func TestStopFinishesLettersInFlight(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		server := mailtest.New(t)
		server.On("slow@martin.example", mailtest.Script{Slow: 500 * time.Millisecond})
		server.On("never@stuck.example", mailtest.Script{Hang: true})
		post(t, db, "slow@martin.example")
		post(t, db, "never@stuck.example")
		r := newRunner(t, db, server)
		r.farewell = 2 * time.Second
		stop := run(t, r)
		until(t, "in flight", func() bool { return server.Tries("slow@martin.example")+server.Tries("never@stuck.example") == 2 })
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > 15*time.Second {
			t.Errorf("stopping took %s", took)
		}
		if l := letter(t, db, "slow@martin.example"); l.Status != portique.LetterSent {
			t.Errorf("the letter in flight is %s", l.Status)
		}
		if l := letter(t, db, "never@stuck.example"); l.Status != portique.LetterQueued || l.Attempts != 1 || len(l.Sealed) == 0 {
			t.Errorf("the letter that could not finish is %s after %d attempts", l.Status, l.Attempts)
		}
	})
}

// A node that died with a letter in hand does not keep it.
func TestLeaseRunsOut(t *testing.T) {
	var c clock
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const to = "jeanne@martin.example"
		server := mailtest.New(t)
		post(t, db, to)
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			due, err := tx.DueLetters(1)
			if err == nil && len(due) != 1 {
				err = errors.New("nothing was due")
			}
			if err == nil {
				_, err = tx.TakeLetters([]string{due[0].ID}, lease)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		run(t, newRunner(t, db, server))
		time.Sleep(100 * time.Millisecond)
		if len(server.Received()) != 0 {
			t.Fatal("a letter that somebody else holds was sent")
		}
		c.forward(lease)
		until(t, "sent", func() bool { return letter(t, db, to).Status == portique.LetterSent })
	}, storetest.Clock(c.Now))
}

// A node keeps the letter it is sending, however long the mail server takes.
func TestLeaseIsRenewed(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const to = "jeanne@martin.example"
		r := newRunner(t, db, mailtest.New(t))
		post(t, db, to)
		taken, err := r.claim(t.Context(), nil)
		if err != nil || len(taken) != 1 {
			t.Fatal(taken, err)
		}
		long := time.Now().Add(-lease)
		flights := map[string]flight{taken[0].ID: {domain: "martin.example", since: long, renewed: long}}
		free := func() (n int) {
			err := db.Tx(t.Context(), func(tx *store.Tx) error {
				list, err := tx.DueLetters(1)
				n = len(list)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		err = db.Tx(t.Context(), func(tx *store.Tx) error { return tx.KeepLetters([]string{taken[0].ID}, 0) }) // the lease runs out now
		if err != nil {
			t.Fatal(err)
		}
		r.renew(t.Context(), flights)
		if free() != 0 || !flights[taken[0].ID].renewed.After(long) {
			t.Error("a letter in flight was somebody else's to take")
		}
	})
}

// The clock jumps past the lease while a letter is on the network: this node
// knows that it still has it.
func TestClockJumpsInFlight(t *testing.T) {
	var c clock
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const to = "slow@martin.example"
		server := mailtest.New(t)
		server.On(to, mailtest.Script{Slow: 400 * time.Millisecond})
		post(t, db, to)
		run(t, newRunner(t, db, server))
		until(t, "in flight", func() bool { return server.Tries(to) == 1 })
		c.forward(time.Hour)
		until(t, "sent", func() bool { return letter(t, db, to).Status == portique.LetterSent })
		if server.Tries(to) != 1 {
			t.Errorf("it was tried %d times", server.Tries(to))
		}
	}, storetest.Clock(c.Now))
}

// A letter that cannot be written (a kind of a later release, a master key that
// changed) waits and says why.
func TestUnwritableLetterWaits(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const to = "jeanne@martin.example"
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return tx.Post(&portique.Letter{To: to, Kind: "postcard"})
		})
		if err != nil {
			t.Fatal(err)
		}
		server := mailtest.New(t)
		run(t, newRunner(t, db, server))
		until(t, "an attempt", func() bool { return letter(t, db, to).Attempts == 1 })
		if l := letter(t, db, to); l.Status != portique.LetterQueued || l.LastError == "" {
			t.Errorf("it is %s (%q)", l.Status, l.LastError)
		}
	})
}

func TestTimetable(t *testing.T) {
	db := storetest.Open(t, "sqlite")
	r := newRunner(t, db, mailtest.New(t))
	var works, fails, panics atomic.Int32
	r.Every("works", 10*time.Millisecond, func(context.Context) error { works.Add(1); return nil })
	r.Every("fails", 10*time.Millisecond, func(context.Context) error { fails.Add(1); return errors.New("no") })
	r.Every("panics", 10*time.Millisecond, func(context.Context) error { panics.Add(1); panic("no") })
	var atOnce, finished atomic.Bool
	r.Every("long", time.Hour, func(ctx context.Context) error {
		atOnce.Store(true)
		time.Sleep(300 * time.Millisecond)
		finished.Store(ctx.Err() == nil)
		return nil
	})
	stop := run(t, r)
	until(t, "three turns of each", func() bool { return works.Load() >= 3 && fails.Load() >= 3 && panics.Load() >= 3 && atOnce.Load() })
	if stop(); !finished.Load() {
		t.Error("an entry that had begun was cut short")
	}
}
