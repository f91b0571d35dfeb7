package store

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"portique"
)

// Try is one try to count against a budget, under one key. ID is empty but for
// tries of which several are to count once.
type Try struct {
	Budget portique.Budget
	Key    []string
	ID     string
}

// Taken are tries that were counted, to be given back if they succeed.
type Taken []takenTry

type takenTry struct {
	name string
	key  []byte
	id   string
}

// throttleKey is how a key is kept: nobody reads addresses off the counters.
func (tx *Tx) throttleKey(t Try) []byte { return tx.db.keys.Mac("throttle/"+t.Budget.Name, t.Key...) }

// times are the tries of a key within the window, oldest first, those still to
// come included. No more are read than the rule looks at.
func (tx *Tx) times(b portique.Budget, key []byte) ([]time.Time, error) {
	list, err := all(tx, func(r row) (t time.Time, err error) {
		err = r.Scan(at{&t})
		return t, err
	}, `SELECT at FROM throttle_try WHERE name = $1 AND key = $2 AND at > $3 ORDER BY at DESC LIMIT $4`,
		b.Name, key, ms(tx.now.Add(-b.Window)), b.Limit)
	slices.Reverse(list)
	return list, err
}

// Allowed says whether those tries could be taken now, taking none: nil, or the
// refusal with the hour. It spares the work before a try that Take will refuse.
func (tx *Tx) Allowed(tries ...Try) error {
	for _, t := range tries {
		taken, err := tx.times(t.Budget, tx.throttleKey(t))
		if err != nil {
			return err
		}
		if next := t.Budget.Next(taken, tx.now); !next.IsZero() {
			return t.Budget.Refused(next)
		}
	}
	return nil
}

// Spent says whether the budget of a key is spent now.
func (tx *Tx) Spent(t Try) (bool, error) {
	taken, err := tx.times(t.Budget, tx.throttleKey(t))
	return !t.Budget.Next(taken, tx.now).IsZero(), err
}

// Take counts one try against each of those budgets, or against none: then the
// error is the refusal of the first that is spent, with the hour. The keys are
// locked in the order given until the transaction ends, so that parallel tries
// never overrun a budget; every caller names its budgets in the order of the
// table of package portique.
func (tx *Tx) Take(tries ...Try) (Taken, error) {
	var taken Taken
	for _, t := range tries {
		key := tx.throttleKey(t)
		if err := tx.dialect.lockKey(tx, t.Budget.Name+hex.EncodeToString(key)); err != nil {
			return nil, err
		}
		times, err := tx.times(t.Budget, key)
		if err != nil {
			return nil, err
		}
		if next := t.Budget.Next(times, tx.now); !next.IsZero() {
			return nil, t.Budget.Refused(next)
		}
		id := t.ID
		if id == "" {
			id = NewID()
		}
		taken = append(taken, takenTry{t.Budget.Name, key, id})
	}
	for _, t := range taken {
		if err := tx.count(t, tx.now); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

func (tx *Tx) count(t takenTry, at time.Time) error {
	_, err := tx.exec(`INSERT INTO throttle_try (name, key, id, at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (name, key, id) DO UPDATE SET at = excluded.at`, t.name, t.key, t.id, ms(at))
	return err
}

// Count counts one try whether or not the budget is spent.
func (tx *Tx) Count(t Try) error {
	id := t.ID
	if id == "" {
		id = NewID()
	}
	return tx.count(takenTry{t.Budget.Name, tx.throttleKey(t), id}, tx.now)
}

// Slot reserves the moment at which one more letter may leave: now, or later
// once the budget of the key is spent.
func (tx *Tx) Slot(t Try) (time.Time, error) {
	key := tx.throttleKey(t)
	if err := tx.dialect.lockKey(tx, t.Budget.Name+hex.EncodeToString(key)); err != nil {
		return time.Time{}, err
	}
	times, err := tx.times(t.Budget, key)
	if err != nil {
		return time.Time{}, err
	}
	when := t.Budget.Slot(times, tx.now)
	return when, tx.count(takenTry{t.Budget.Name, key, NewID()}, when)
}

// GiveBack uncounts tries that succeeded.
func (tx *Tx) GiveBack(taken Taken) error {
	for _, t := range taken {
		if _, err := tx.exec(`DELETE FROM throttle_try WHERE name=$1 AND key=$2 AND id=$3`, t.name, t.key, t.id); err != nil {
			return err
		}
	}
	return nil
}

// Forgive clears everything counted against a budget under one key.
func (tx *Tx) Forgive(t Try) error {
	_, err := tx.exec(`DELETE FROM throttle_try WHERE name=$1 AND key=$2`, t.Budget.Name, tx.throttleKey(t))
	return err
}

// Take is Tx.Take in a transaction of its own: what was counted stays counted
// whatever becomes of the try.
func (db *DB) Take(ctx context.Context, tries ...Try) (taken Taken, err error) {
	err = db.Tx(ctx, func(tx *Tx) (err error) {
		taken, err = tx.Take(tries...)
		return err
	})
	return taken, err
}

// GiveBack is Tx.GiveBack in a transaction of its own.
func (db *DB) GiveBack(ctx context.Context, taken Taken) error {
	return db.Tx(ctx, func(tx *Tx) error { return tx.GiveBack(taken) })
}

// What the operator is alerted of.
const (
	AlertSignIns     = "sign_in"     // the installation's budget of failed sign-ins is spent
	AlertMemberCodes = "member_code" // that of wrong member codes is
	AlertGuesser     = "guesser"     // one person's wrong member codes have spent their day
	AlertRequests    = "requests"    // an administrator is flooded with requests
)

// Alert tells the operator of something, in the journal and by a letter to the
// support address if there is one; once in 24 hours for the same thing.
func (tx *Tx) Alert(actor portique.Actor, support, language, what string, data map[string]string) error {
	_, err := tx.Take(Try{Budget: portique.BudgetAlert, Key: []string{what, data["siren"], data["person_email"]}})
	if portique.KindOf(err) == portique.TooSoon {
		return nil
	}
	if err != nil {
		return err
	}
	event := actor.Event(portique.ActionThrottled, "", portique.SIREN(data["siren"]))
	event.Reason = what
	if err := tx.Audit(event); err != nil || support == "" {
		return err
	}
	letter := &portique.Letter{To: support, Language: language, Kind: portique.LetterOperatorAlert, Data: map[string]string{"what": what}}
	for key, value := range data {
		letter.Data[key] = value
	}
	return tx.Post(letter)
}

// PurgeTries deletes the tries that no window reaches any more.
func (tx *Tx) PurgeTries() error {
	_, err := tx.exec(`DELETE FROM throttle_try WHERE at <= $1`, ms(tx.now.Add(-portique.ThrottleMemory)))
	return err
}

// KnownBrowser says whether a person signed in before in the browser of that
// cookie.
func (tx *Tx) KnownBrowser(accountID string, browserHash []byte) (bool, error) {
	return one(tx, nil, func(r row) (known bool, err error) {
		err = r.Scan(&known)
		return known, err
	}, `SELECT EXISTS (SELECT 1 FROM known_browser WHERE account_id = $1 AND browser_hash = $2)`, accountID, browserHash)
}

// RememberBrowser notes that a person signed in in the browser of that cookie.
func (tx *Tx) RememberBrowser(accountID string, browserHash []byte) error {
	_, err := tx.exec(`INSERT INTO known_browser (account_id, browser_hash, created_at, seen_at) VALUES ($1,$2,$3,$3)
		ON CONFLICT (account_id, browser_hash) DO UPDATE SET seen_at = excluded.seen_at`, accountID, browserHash, ms(tx.now))
	return err
}

// ForgetBrowsers makes every browser of a person a new one.
func (tx *Tx) ForgetBrowsers(accountID string) error {
	_, err := tx.exec(`DELETE FROM known_browser WHERE account_id = $1`, accountID)
	return err
}

// PurgeBrowsers deletes the browsers not seen since a time.
func (tx *Tx) PurgeBrowsers(before time.Time) error {
	_, err := tx.exec(`DELETE FROM known_browser WHERE seen_at < $1`, ms(before))
	return err
}
