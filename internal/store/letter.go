package store

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"portique"
)

const letterColumns = `id, message_id, recipient, name, language, kind, about, data, sealed, status, attempts, last_error, run_at, created_at, sent_at`

func scanLetter(r row) (*portique.Letter, error) {
	var l portique.Letter
	var data string
	err := r.Scan(&l.ID, &l.MessageID, &l.To, &l.Name, &l.Language, &l.Kind, &l.About, &data, &l.Sealed, &l.Status,
		&l.Attempts, &l.LastError, at{&l.RunAt}, at{&l.CreatedAt}, at{&l.SentAt})
	if err == nil {
		err = json.Unmarshal([]byte(data), &l.Data)
	}
	return &l, err
}

// Post puts a letter in the outbox: it leaves only if the transaction commits.
// It gives the letter its id and Message-ID and seals its secrets.
func (tx *Tx) Post(l *portique.Letter) error {
	l.ID = NewID()
	l.MessageID = "<" + l.ID + "@" + tx.db.domain + ">"
	if l.Data == nil {
		l.Data = map[string]string{}
	}
	data, err := json.Marshal(l.Data)
	if err != nil {
		return err
	}
	if len(l.Secret) > 0 {
		if tx.db.keys == nil {
			return errors.New("a letter with secrets needs the master key")
		}
		plain, err := json.Marshal(l.Secret)
		if err != nil {
			return err
		}
		l.Sealed = tx.db.keys.Seal("letter", l.ID, plain)
	}
	l.Status, l.CreatedAt = portique.LetterQueued, tx.now
	if l.RunAt.IsZero() {
		l.RunAt = tx.now
	}
	return tx.send(`INSERT INTO letter (`+letterColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)`,
		l.ID, l.MessageID, l.To, l.Name, l.Language, l.Kind, l.About, string(data), l.Sealed, l.Status, l.Attempts,
		l.LastError, ms(l.RunAt), ms(l.CreatedAt), ms(l.SentAt))
}

// DueLetter is a letter that may leave.
type DueLetter struct {
	ID, To   string
	Attempts int
}

// DueLetters lists up to limit letters that may leave and that nobody has, one
// for each recipient, the oldest first, so that they arrive in the order of the
// acts they tell; only one that failed and waits for its next attempt is
// overtaken. Until the transaction ends no other node sees them.
func (tx *Tx) DueLetters(limit int) ([]DueLetter, error) {
	return all(tx, func(r row) (DueLetter, error) {
		var l DueLetter
		return l, r.Scan(&l.ID, &l.To, &l.Attempts)
	}, tx.dialect.skipLocked(`SELECT id, recipient, attempts FROM letter l WHERE status = 'queued' AND run_at <= $1 AND locked_until <= $1
		AND NOT EXISTS (SELECT 1 FROM letter b WHERE b.recipient = l.recipient AND b.id < l.id AND b.status = 'queued' AND b.run_at <= $1)
		ORDER BY run_at, id LIMIT $2`), ms(tx.now), limit)
}

// TakeLetters takes due letters for a worker. Nobody else does before lease has
// passed, so a dead worker's letters come back. Their secrets are opened; one
// that does not open keeps a nil Secret.
func (tx *Tx) TakeLetters(ids []string, lease time.Duration) ([]*portique.Letter, error) {
	var letters []*portique.Letter
	for _, id := range ids {
		taken, err := all(tx, scanLetter, `UPDATE letter SET locked_until = $2 WHERE id = $1 RETURNING `+letterColumns, id, ms(tx.now.Add(lease)))
		if err != nil {
			return nil, err
		}
		letters = append(letters, taken...)
	}
	for _, l := range letters {
		if tx.db.keys == nil {
			break
		}
		if plain, err := tx.db.keys.Open("letter", l.ID, l.Sealed); err == nil {
			_ = json.Unmarshal(plain, &l.Secret) // sealed by Post, so it is what Post wrote
		}
	}
	return letters, nil
}

// PutAside has a letter that nobody has wait until a time.
func (tx *Tx) PutAside(id string, until time.Time) error {
	return tx.send(`UPDATE letter SET run_at = $2 WHERE id = $1`, id, ms(until))
}

// KeepLetters prolongs the lease of letters that their worker still has.
func (tx *Tx) KeepLetters(ids []string, lease time.Duration) error {
	for _, id := range ids {
		if err := tx.send(`UPDATE letter SET locked_until = $2 WHERE id = $1 AND locked_until <> 0`, id, ms(tx.now.Add(lease))); err != nil {
			return err
		}
	}
	return nil
}

// FinishLetter saves the outcome of an attempt and frees the letter.
func (tx *Tx) FinishLetter(l *portique.Letter) error {
	return tx.send(`UPDATE letter SET status=$2, attempts=$3, last_error=$4, run_at=$5, sent_at=$6, sealed=$7, locked_until=0
		WHERE id=$1`, l.ID, l.Status, l.Attempts, l.LastError, ms(l.RunAt), ms(l.SentAt), l.Sealed)
}

// DropDelayed takes back the letters about something that were to leave later:
// a newer one stands for them.
func (tx *Tx) DropDelayed(about string) error {
	return tx.send(`DELETE FROM letter WHERE about = $1 AND about <> '' AND status = 'queued' AND attempts = 0 AND run_at > $2`, about, ms(tx.now))
}

// TakeBackLetters takes back the letters of two kinds to an address about
// something that have not left and that nobody has in hand, and returns them,
// the oldest first: the caller posts a newer one that stands for them.
func (tx *Tx) TakeBackLetters(to, about string, one, other portique.LetterKind) ([]*portique.Letter, error) {
	taken, err := all(tx, scanLetter, `DELETE FROM letter WHERE about = $1 AND about <> '' AND recipient = $2 AND kind IN ($3, $4)
		AND status = 'queued' AND locked_until <= $5 RETURNING `+letterColumns, about, to, one, other, ms(tx.now))
	slices.SortFunc(taken, func(a, b *portique.Letter) int { return strings.Compare(a.ID, b.ID) })
	return taken, err
}

// HasDelayed says whether a letter of that kind about something is to leave
// later to an address.
func (tx *Tx) HasDelayed(to string, kind portique.LetterKind, about string) (bool, error) {
	return one(tx, nil, func(r row) (has bool, err error) {
		err = r.Scan(&has)
		return has, err
	}, `SELECT EXISTS (SELECT 1 FROM letter WHERE recipient = $1 AND kind = $2 AND about = $3 AND status = 'queued' AND attempts = 0 AND run_at > $4)`,
		to, kind, about, ms(tx.now))
}

// ReleaseLetters ends the wait of the letters that failed before and that
// nobody is sending: the mail server takes letters again.
func (tx *Tx) ReleaseLetters() error {
	return tx.send(`UPDATE letter SET run_at = $1 WHERE status = 'queued' AND attempts > 0 AND run_at > $1 AND locked_until <= $1`, ms(tx.now))
}

// Undelivered says whether the newest letter about something to an address
// that has an outcome is dead.
func (tx *Tx) Undelivered(about, to string) (bool, error) {
	status, err := one(tx, nil, func(r row) (s portique.LetterStatus, err error) {
		err = r.Scan(&s)
		return s, err
	}, `SELECT status FROM letter WHERE about = $1 AND recipient = $2 AND status <> 'queued' ORDER BY id DESC LIMIT 1`, about, to)
	return status == portique.LetterDead, err
}

// Letters lists the outbox of an address and a status ("" for all), oldest first.
func (tx *Tx) Letters(to string, status portique.LetterStatus) ([]*portique.Letter, error) {
	return all(tx, scanLetter, `SELECT `+letterColumns+` FROM letter
		WHERE ($1 = '' OR recipient = $1) AND ($2 = '' OR status = $2) ORDER BY id`, to, status)
}

// Audit writes a line of the journal: it stands only if the transaction commits.
func (tx *Tx) Audit(e portique.Event) error {
	return tx.send(`INSERT INTO event (id, at, action, actor, door, subject, siren, reason, source, request_id)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`,
		NewID(), ms(tx.now), e.Action, e.Actor, e.Door, e.Subject, e.SIREN, e.Reason, e.Source, e.RequestID)
}

const eventColumns = `at, action, actor, door, subject, siren, reason, source, request_id`

func scanEvent(r row) (e portique.Event, err error) {
	err = r.Scan(at{&e.At}, &e.Action, &e.Actor, &e.Door, &e.Subject, &e.SIREN, &e.Reason, &e.Source, &e.RequestID)
	return e, err
}

// Events lists the journal of a subject, oldest first.
func (tx *Tx) Events(subject string) ([]portique.Event, error) {
	return all(tx, scanEvent, `SELECT `+eventColumns+` FROM event WHERE subject = $1 ORDER BY id`, subject)
}

// LastEvents are the newest lines of the journal, at most n, with one of two
// actions, newest first. It reads the journal backwards: for what happens now
// and then, by command.
func (tx *Tx) LastEvents(n int, one, other portique.Action) ([]portique.Event, error) {
	return all(tx, scanEvent, `SELECT `+eventColumns+` FROM event WHERE action IN ($2, $3) ORDER BY id DESC LIMIT $1`, n, one, other)
}

// ErrLetterNotDead: only a dead letter that still has its secrets can be tried
// again.
var ErrLetterNotDead = &portique.Error{Kind: portique.Conflict, Key: "letter.not_dead"}

// RetryLetter queues a dead letter again. One that carried a link or a code
// lost it when it died: the person asks for a new one instead.
func (tx *Tx) RetryLetter(id string) error {
	n, err := tx.exec(`UPDATE letter SET status = 'queued', attempts = 0, run_at = $2, created_at = $2, locked_until = 0
		WHERE id = $1 AND status = 'dead' AND kind NOT IN ($3, $4, $5, $6)`, id, ms(tx.now),
		portique.LetterValidation, portique.LetterReset, portique.LetterClaimCode, portique.LetterFirstClaim)
	if err == nil && n == 0 {
		return ErrLetterNotDead
	}
	return err
}
