package job

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"portique"
	"portique/internal/mail"
	"portique/internal/store"
)

const (
	workers   = 4
	perDomain = 2 // workers that one recipient domain may hold
	// lease is how long a claimed letter is nobody else's: what a node that dies
	// has in hand leaves within the minute. A node that lives renews it at each
	// third, for an attempt may last 80 s.
	lease     = 30 * time.Second
	lookAhead = 4 // letters looked at per free worker, so that a busy domain does not hide the others
	// aside is how long the letters of a stuck domain step out of the others' way.
	aside = 5 * time.Second
)

// flight is a letter on the network.
type flight struct {
	domain   string
	since    time.Time
	attempts int // before this one
	renewed  time.Time
}

// outbox claims due letters and hands them to workers. Due is by the
// database's clock; the second between two looks is real time.
func (r *Runner) outbox(ctx context.Context) {
	working, cancel := afterwards(ctx, r.farewell-time.Second) // the last second writes the outcomes down
	defer cancel()
	flights := map[string]flight{} // by letter id
	landed := make(chan string, workers)
	clock := time.NewTicker(r.tick)
	defer clock.Stop()
	var group sync.WaitGroup
	defer group.Wait()
	for {
		for more := true; more && len(flights) < workers; {
			letters, err := r.claim(ctx, flights)
			if err != nil && ctx.Err() == nil {
				r.log.Error("outbox", "error", err)
			}
			more = err == nil && len(letters) > 0
			for _, l := range letters {
				flights[l.ID] = flight{domainOf(l.To), time.Now(), l.Attempts, time.Now()}
				group.Go(func() {
					r.deliver(working, l)
					landed <- l.ID
				})
			}
		}
		select {
		case id := <-landed:
			delete(flights, id)
		case <-r.kick:
		case <-clock.C:
			r.renew(ctx, flights)
		case <-ctx.Done():
			return
		}
	}
}

// renew keeps the letters in flight this node's.
func (r *Runner) renew(ctx context.Context, flights map[string]flight) {
	var old []string
	for id, f := range flights {
		if time.Since(f.renewed) > lease/3 {
			f.renewed = time.Now()
			flights[id] = f
			old = append(old, id)
		}
	}
	if len(old) == 0 {
		return
	}
	// When it fails another node may send the letter too, under the same Message-ID.
	err := r.db.Tx(ctx, func(tx *store.Tx) error { return tx.KeepLetters(old, lease) })
	if err != nil && ctx.Err() == nil {
		r.log.Error("outbox: letters in flight are not kept", "error", err)
	}
}

// claim takes the letters that may leave now: at most one for each free worker
// and perDomain for each domain. Those of a domain that does not answer are put
// aside for a moment, so that they never stand in front of everybody else's.
func (r *Runner) claim(ctx context.Context, flights map[string]flight) ([]*portique.Letter, error) {
	var taken []*portique.Letter
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		taken = nil
		busy := map[string]int{}
		stuck := map[string]bool{}
		for _, f := range flights {
			busy[f.domain]++
			stuck[f.domain] = stuck[f.domain] || time.Since(f.since) > r.stuck
		}
		free := workers - len(flights)
		due, err := tx.DueLetters(free * lookAhead)
		if err != nil {
			return err
		}
		var leave, ours []string
		for _, l := range due {
			domain := domainOf(l.To)
			f, here := flights[l.ID]
			switch {
			case here && f.attempts == l.Attempts:
				ours = append(ours, l.ID) // its lease ran out because the clock was moved
			case here: // its outcome is written and its worker about to be free: next time
			case len(leave) < free && busy[domain] < perDomain:
				busy[domain]++
				leave = append(leave, l.ID)
			case busy[domain] >= perDomain && stuck[domain]:
				if err := tx.PutAside(l.ID, tx.Now().Add(aside)); err != nil {
					return err
				}
			}
		}
		if err := tx.KeepLetters(ours, lease); err != nil {
			return err
		}
		taken, err = tx.TakeLetters(leave, lease)
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// deliver sends a letter and writes down what became of it. The network comes
// between two transactions, never inside one.
func (r *Runner) deliver(ctx context.Context, l *portique.Letter) {
	err := guarded(func() error {
		m, err := r.write(l)
		if err != nil {
			return err // a fault of ours: the letter waits for the release that mends it
		}
		return r.transport.Send(ctx, m)
	})
	if err != nil { // it is kept and logged
		err = mail.Hush(err, slices.Collect(maps.Values(l.Secret)))
	}
	record := func(tx *store.Tx) error {
		done := *l // the closure may run again
		settle(&done, err, tx.Now())
		if e := tx.FinishLetter(&done); e != nil {
			return e
		}
		l.Status, l.RunAt = done.Status, done.RunAt
		// The server is back: what waited for it alone leaves within the minute,
		// however long it was away.
		if err == nil && r.held.Load() {
			return tx.ReleaseLetters()
		}
		return nil
	}
	// The outcome is written even while stopping: a letter that left and is not
	// marked leaves again. Its lease leaves time for a few tries.
	for try := range 5 {
		write, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		e := guarded(func() error { return r.db.Tx(write, record) })
		cancel()
		if e == nil {
			break
		}
		r.log.Error("outbox: an outcome is not written", "letter", l.ID, "kind", l.Kind, "error", e)
		if ctx.Err() != nil {
			break
		}
		time.Sleep(time.Duration(try+1) * 200 * time.Millisecond)
	}
	if err == nil || mail.OutcomeOf(err) == mail.QueueHold {
		r.held.Store(err != nil)
	}
	switch {
	case err == nil:
		r.log.Info("letter sent", "letter", l.ID, "kind", l.Kind)
	case l.Status == portique.LetterDead:
		r.log.Error("letter dead", "letter", l.ID, "kind", l.Kind, "outcome", mail.OutcomeOf(err).String(), "error", clean(err))
	case mail.OutcomeOf(err) == mail.QueueHold:
		r.log.Error("the mail server takes no letter", "letter", l.ID, "kind", l.Kind, "until", l.RunAt, "error", clean(err))
	default:
		r.log.Warn("letter waits", "letter", l.ID, "kind", l.Kind, "outcome", mail.OutcomeOf(err).String(), "until", l.RunAt, "error", clean(err))
	}
}

// write writes a letter, in our words when the operator's own fail: nobody
// waits for a letter because of them.
func (r *Runner) write(l *portique.Letter) (*mail.Message, error) {
	m, err := r.renderer.Render(l)
	if own, ok := errors.AsType[*mail.OwnError](err); ok {
		r.log.Error("a letter in PORTIQUE_BRAND_DIR cannot be written; ours leaves", "file", "letter/"+own.File, "letter", l.ID, "kind", l.Kind,
			"error", clean(mail.Hush(own.Err, slices.Collect(maps.Values(l.Secret)))))
		return r.renderer.Ours(l)
	}
	return m, err
}

// settle applies the outcome of an attempt to a letter. Secrets go once it has
// left for good, one way or the other.
func settle(l *portique.Letter, failure error, now time.Time) {
	l.Attempts++
	if failure == nil {
		l.Status, l.SentAt, l.LastError, l.Sealed = portique.LetterSent, now, "", nil
		return
	}
	l.LastError = clean(failure)
	at, dead := portique.NextAttempt(l.CreatedAt, now, l.Attempts)
	if dead || mail.OutcomeOf(failure) == mail.PermanentRecipient {
		l.Status, l.Sealed = portique.LetterDead, nil
		return
	}
	l.RunAt = at
}

// clean makes one line of bounded length of an error: a server may answer
// anything.
func clean(err error) string {
	const most = 500
	s := []rune(portique.CleanText(err.Error()))
	if len(s) > most {
		s = append(s[:most-1], '…')
	}
	return string(s)
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return domain
}
