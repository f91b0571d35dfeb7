// Package job works the outbox and the timetable: letters leave, and what is
// due at an hour is done. It decides nothing: when a letter is tried again is a
// rule of package portique, and each entry of the timetable is a service's own.
package job

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"portique/internal/mail"
	"portique/internal/store"
)

// Runner runs the outbox and the timetable until it is told to stop. Several
// nodes may each run one on the same database.
type Runner struct {
	db        *store.DB
	renderer  *mail.Renderer
	transport mail.Transport
	log       *slog.Logger
	kick      chan struct{}
	entries   []entry
	tick      time.Duration
	stuck     time.Duration
	farewell  time.Duration
	held      atomic.Bool // the mail server let none of its letters pass, or nobody has tried yet
}

// Options are what a runner needs.
type Options struct {
	DB        *store.DB
	Renderer  *mail.Renderer
	Transport mail.Transport
	Log       *slog.Logger // slog.Default when nil
}

type entry struct {
	name     string
	interval time.Duration
	do       func(context.Context) error
}

// New makes a runner; Run starts it.
func New(o Options) *Runner {
	r := &Runner{db: o.DB, renderer: o.Renderer, transport: o.Transport, log: o.Log, kick: make(chan struct{}, 1),
		tick: time.Second, stuck: 2 * time.Second, farewell: 8 * time.Second}
	if r.log == nil {
		r.log = slog.Default()
	}
	r.held.Store(true)
	return r
}

// Every adds an entry to the timetable, before Run: do is called at once and
// then every interval, never twice at a time. Intervals are real time; what is
// due is for do to ask the database, whose clock may be a test's. Its errors
// and panics are logged and stop nothing.
func (r *Runner) Every(name string, interval time.Duration, do func(ctx context.Context) error) {
	r.entries = append(r.entries, entry{name, interval, do})
}

// Kick makes the outbox look for letters at once rather than within a second.
// It never waits.
func (r *Runner) Kick() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, then lets letters in flight and running entries
// finish, for 8 seconds at most.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { r.outbox(ctx) })
	for _, e := range r.entries {
		all.Go(func() { r.timetable(ctx, e) })
	}
	all.Wait()
}

func (r *Runner) timetable(ctx context.Context, e entry) {
	// What has begun may finish after ctx ends, within the same farewell.
	working, cancel := afterwards(ctx, r.farewell)
	defer cancel()
	clock := time.NewTicker(e.interval)
	defer clock.Stop()
	for ctx.Err() == nil {
		if err := guarded(func() error { return e.do(working) }); err != nil {
			r.log.Error("timetable", "entry", e.name, "error", err)
		}
		select {
		case <-clock.C:
		case <-ctx.Done():
		}
	}
}

// afterwards is a context that outlives ctx by some time.
func afterwards(ctx context.Context, more time.Duration) (context.Context, context.CancelFunc) {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(more):
			cancel()
		case <-working.Done():
		}
	})
	return working, func() {
		stop()
		cancel()
	}
}

// guarded turns a panic into an error.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}
