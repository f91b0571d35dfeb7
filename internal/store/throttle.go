package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"portique"
)

// Try is one try to count against a budget, under one key. ID is empty but for
// tries of which several are to count once. A mild one is never refused: past its
// budget it is not counted, and who asked finds it missing among those held.
type Try struct {
	Budget portique.Budget
	Key    []string
	ID     string
	Mild   bool
}

// Taken are tries that were counted, to be given back if they succeed, or that
// are held.
type Taken []takenTry

type takenTry struct {
	name string
	key  []byte
	id   string
}

// throttleKey is how a key is kept: nobody reads addresses off the counters.
func (tx *Tx) throttleKey(t Try) []byte { return tx.db.keys.Mac("throttle/"+t.Budget.Name, t.Key...) }

// throttleKeys are the keys of tries, in their order.
func (tx *Tx) throttleKeys(tries []Try) [][]byte {
	keys := make([][]byte, len(tries))
	for i, t := range tries {
		keys[i] = tx.throttleKey(t)
	}
	return keys
}

// times are, for each try, those of its key within the window, oldest first,
// those still to come included. No more are read than the rule looks at.
func (tx *Tx) times(tries []Try, keys [][]byte) ([][]time.Time, error) {
	var query strings.Builder
	var args []any
	for i, t := range tries {
		if i > 0 {
			query.WriteString(" UNION ALL ")
		}
		n := len(args)
		fmt.Fprintf(&query, `SELECT %d, at FROM (SELECT at FROM throttle_try WHERE name = $%d AND key = $%d AND at > $%d ORDER BY at DESC LIMIT $%d) t%d`,
			i, n+1, n+2, n+3, n+4, i)
		args = append(args, t.Budget.Name, keys[i], ms(tx.now.Add(-t.Budget.Window)), t.Budget.Limit)
	}
	lists := make([][]time.Time, len(tries))
	_, err := all(tx, func(r row) (struct{}, error) {
		var i int
		var when time.Time
		err := r.Scan(&i, at{&when})
		lists[i] = append(lists[i], when)
		return struct{}{}, err
	}, query.String(), args...)
	for _, list := range lists {
		slices.SortFunc(list, time.Time.Compare)
	}
	return lists, err
}

// look says, for each try, when it may be taken, zero for now; or the refusal of
// the first whose budget is spent.
func (tx *Tx) look(tries []Try, keys [][]byte) ([]time.Time, error) {
	if len(tries) == 0 {
		return nil, nil
	}
	lists, err := tx.times(tries, keys)
	if err != nil {
		return nil, err
	}
	next := make([]time.Time, len(tries))
	for i, t := range tries {
		if next[i] = t.Budget.Next(lists[i], tx.now); !next[i].IsZero() && !t.Mild {
			return nil, t.Budget.Refused(next[i])
		}
	}
	return next, nil
}

// Allowed says whether those tries could be taken now, taking none: nil, or the
// refusal with the hour. It spares the work before a try that Take will refuse.
func (tx *Tx) Allowed(tries ...Try) error {
	_, err := tx.look(tries, tx.throttleKeys(tries))
	return err
}

// Spent says whether the budget of a key is spent now.
func (tx *Tx) Spent(t Try) (bool, error) {
	err := tx.Allowed(t)
	if portique.KindOf(err) == portique.TooSoon {
		return true, nil
	}
	return false, err
}

// Hold finds out whether those tries may be taken, and keeps their keys locked
// until the transaction ends, so that nobody else takes one meanwhile: the
// caller counts them by CountTaken, or lets them go by LetGo. The error is the
// refusal of the first budget that is spent, with the hour; that of a mild one is
// no refusal, it is only missing among those held. Keys are locked in the order
// given; every caller names its budgets in the order of the table of package
// portique.
func (tx *Tx) Hold(tries ...Try) (Taken, error) {
	if tx.dialect == postgresEngine {
		if err := tx.send(`SAVEPOINT held`); err != nil {
			return nil, err
		}
	}
	return tx.hold(tries)
}

// LetGo unlocks the keys of a try that succeeded, which counts nowhere, before
// the transaction ends: those who wait for a budget of the whole installation
// need not wait for a durable commit as well. It undoes what the transaction did
// since Hold, which must only have read.
func (tx *Tx) LetGo() error {
	if tx.dialect != postgresEngine {
		return nil
	}
	_, err := tx.exec(`ROLLBACK TO SAVEPOINT held`) // and with it the locks taken since, now
	return err
}

func (tx *Tx) hold(tries []Try) (Taken, error) {
	keys := tx.throttleKeys(tries)
	names := make([]string, len(tries))
	for i, t := range tries {
		names[i] = t.Budget.Name + hex.EncodeToString(keys[i])
	}
	// On PostgreSQL the tries are read twice: before, so that a flood of refused
	// ones waits for no lock and makes nobody wait; and by a statement that begins
	// with the locks held, since it sees what was committed when it began.
	if tx.dialect == postgresEngine {
		if _, err := tx.look(tries, keys); err != nil {
			return nil, err
		}
		if err := tx.dialect.lockKeys(tx, names...); err != nil {
			return nil, err
		}
	}
	next, err := tx.look(tries, keys)
	if err != nil {
		return nil, err
	}
	var held Taken
	for i, t := range tries {
		if !next[i].IsZero() {
			continue // a mild one
		}
		id := t.ID
		if id == "" {
			id = NewID()
		}
		held = append(held, takenTry{t.Budget.Name, keys[i], id})
	}
	return held, nil
}

// Take counts one try against each of those budgets, or against none: then the
// error is the refusal of the first that is spent, with the hour. Parallel tries
// never overrun a budget.
func (tx *Tx) Take(tries ...Try) (Taken, error) {
	taken, err := tx.hold(tries)
	if err != nil {
		return nil, err
	}
	return taken, tx.CountTaken(taken)
}

// CountTaken counts tries that are held.
func (tx *Tx) CountTaken(held Taken) error { return tx.count(tx.now, held...) }

func (tx *Tx) count(at time.Time, tries ...takenTry) error {
	if len(tries) == 0 {
		return nil
	}
	rows, args := make([]string, len(tries)), []any{ms(at)}
	for i, t := range tries {
		n := len(args)
		rows[i] = fmt.Sprintf("($%d,$%d,$%d,$1)", n+1, n+2, n+3)
		args = append(args, t.name, t.key, t.id)
	}
	return tx.send(`INSERT INTO throttle_try (name, key, id, at) VALUES `+strings.Join(rows, ",")+`
		ON CONFLICT (name, key, id) DO UPDATE SET at = excluded.at`, args...)
}

// Count counts one try whether or not the budget is spent.
func (tx *Tx) Count(t Try) error {
	id := t.ID
	if id == "" {
		id = NewID()
	}
	return tx.count(tx.now, takenTry{t.Budget.Name, tx.throttleKey(t), id})
}

// Slot reserves the moment at which one more letter may leave: now, or later
// once the budget of the key is spent.
func (tx *Tx) Slot(t Try) (time.Time, error) {
	key := tx.throttleKey(t)
	if err := tx.dialect.lockKeys(tx, t.Budget.Name+hex.EncodeToString(key)); err != nil {
		return time.Time{}, err
	}
	times, err := tx.times([]Try{t}, [][]byte{key})
	if err != nil {
		return time.Time{}, err
	}
	when := t.Budget.Slot(times[0], tx.now)
	return when, tx.count(when, takenTry{t.Budget.Name, key, NewID()})
}

// GiveBack uncounts tries that succeeded.
func (tx *Tx) GiveBack(taken Taken) error {
	if len(taken) == 0 {
		return nil
	}
	rows, args := make([]string, len(taken)), []any{}
	for i, t := range taken {
		n := len(args)
		rows[i] = fmt.Sprintf("name=$%d AND key=$%d AND id=$%d", n+1, n+2, n+3)
		args = append(args, t.name, t.key, t.id)
	}
	return tx.send(`DELETE FROM throttle_try WHERE `+strings.Join(rows, " OR "), args...)
}

// Forgive clears everything counted against a budget under one key.
func (tx *Tx) Forgive(t Try) error {
	return tx.send(`DELETE FROM throttle_try WHERE name=$1 AND key=$2`, t.Budget.Name, tx.throttleKey(t))
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
	return tx.send(`DELETE FROM throttle_try WHERE at <= $1`, ms(tx.now.Add(-portique.ThrottleMemory)))
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
	return tx.send(`INSERT INTO known_browser (account_id, browser_hash, created_at, seen_at) VALUES ($1,$2,$3,$3)
		ON CONFLICT (account_id, browser_hash) DO UPDATE SET seen_at = excluded.seen_at`, accountID, browserHash, ms(tx.now))
}

// ForgetBrowsers makes every browser of a person a new one.
func (tx *Tx) ForgetBrowsers(accountID string) error {
	return tx.send(`DELETE FROM known_browser WHERE account_id = $1`, accountID)
}

// PurgeBrowsers deletes the browsers not seen since a time.
func (tx *Tx) PurgeBrowsers(before time.Time) error {
	return tx.send(`DELETE FROM known_browser WHERE seen_at < $1`, ms(before))
}
