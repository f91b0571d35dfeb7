package store

import (
	"time"

	"portique"
)

const requestSelect = `SELECT r.id, r.account_id, r.siren, r.status, r.created_at, r.sent_to, r.reminded_at, r.reminders,
	r.auto_at, r.escalated_at, r.decided_at, r.decided_by, r.reason,
	a.email, a.first_name, a.last_name, a.contributions_only, c.name
	FROM access_request r JOIN account a ON a.id = r.account_id JOIN company c ON c.siren = r.siren `

func scanRequest(r row) (*portique.AccessRequest, error) {
	var q portique.AccessRequest
	err := r.Scan(&q.ID, &q.AccountID, &q.SIREN, &q.Status, at{&q.CreatedAt}, &q.SentTo, at{&q.RemindedAt}, &q.Reminders,
		at{&q.AutoAt}, at{&q.EscalatedAt}, at{&q.DecidedAt}, &q.DecidedBy, &q.Reason,
		&q.Email, &q.FirstName, &q.LastName, &q.ContributionsOnly, &q.CompanyName)
	return &q, err
}

// InsertRequest adds a request, or returns ErrRequestPending when one of the
// same person for the same company waits already. It leaves the transaction
// usable.
func (tx *Tx) InsertRequest(r *portique.AccessRequest) error {
	n, err := tx.exec(`INSERT INTO access_request (id, account_id, siren, status, created_at, sent_to, escalated_at, next_tick_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8)
		ON CONFLICT (account_id, siren) WHERE status = 'pending' DO NOTHING`,
		r.ID, r.AccountID, r.SIREN, r.Status, ms(r.CreatedAt), r.SentTo, ms(r.EscalatedAt), ms(r.NextTick()))
	if err == nil && n == 0 {
		return portique.ErrRequestPending
	}
	return err
}

// UpdateRequest saves what changes in the life of a request.
func (tx *Tx) UpdateRequest(r *portique.AccessRequest) error {
	return tx.send(`UPDATE access_request SET status=$2, reminded_at=$3, reminders=$4, auto_at=$5, escalated_at=$6,
		next_tick_at=$7, decided_at=$8, decided_by=$9, reason=$10, sent_to=$11 WHERE id=$1`,
		r.ID, r.Status, ms(r.RemindedAt), r.Reminders, ms(r.AutoAt), ms(r.EscalatedAt), ms(r.NextTick()),
		ms(r.DecidedAt), r.DecidedBy, r.Reason, r.SentTo)
}

// HastenRequest makes a pending request due for the timetable now.
func (tx *Tx) HastenRequest(id string) error {
	return tx.send(`UPDATE access_request SET next_tick_at=$2 WHERE id=$1 AND status='pending'`, id, ms(tx.now))
}

// AccessRequest returns a request by its id, or ErrRequestUnknown. Lock the
// company first when it is going to change.
func (tx *Tx) AccessRequest(id string) (*portique.AccessRequest, error) {
	return one(tx, portique.ErrRequestUnknown, scanRequest, requestSelect+`WHERE r.id = $1`, id)
}

// RequestsOf lists a person's requests, newest first.
func (tx *Tx) RequestsOf(accountID string) ([]*portique.AccessRequest, error) {
	return all(tx, scanRequest, requestSelect+`WHERE r.account_id = $1 ORDER BY r.id DESC`, accountID)
}

// PendingOf lists a person's requests that wait for an answer, newest first.
func (tx *Tx) PendingOf(accountID string) ([]*portique.AccessRequest, error) {
	return all(tx, scanRequest, requestSelect+`WHERE r.account_id = $1 AND r.status = 'pending' ORDER BY r.id DESC`, accountID)
}

// WaitingFor is how many requests wait for a person's answer, by the company
// that they administer.
func (tx *Tx) WaitingFor(accountID string) (map[portique.SIREN]int, error) {
	type line struct {
		siren portique.SIREN
		n     int
	}
	lines, err := all(tx, func(r row) (l line, err error) {
		err = r.Scan(&l.siren, &l.n)
		return l, err
	}, `SELECT r.siren, count(*) FROM membership m JOIN access_request r ON r.siren = m.siren
		WHERE m.account_id = $1 AND m.role = 'administrator' AND m.status = 'active' AND (m.until = 0 OR m.until > $2)
		AND r.status = 'pending' GROUP BY r.siren`, accountID, ms(tx.now))
	if err != nil {
		return nil, err
	}
	waiting := make(map[portique.SIREN]int, len(lines))
	for _, l := range lines {
		waiting[l.siren] = l.n
	}
	return waiting, nil
}

// LastRequest returns a person's newest request for a company, or
// ErrRequestUnknown.
func (tx *Tx) LastRequest(accountID string, siren portique.SIREN) (*portique.AccessRequest, error) {
	return one(tx, portique.ErrRequestUnknown, scanRequest,
		requestSelect+`WHERE r.account_id = $1 AND r.siren = $2 ORDER BY r.id DESC LIMIT 1`, accountID, siren)
}

// PendingIn lists the requests that wait for a company's administrators, oldest
// first.
func (tx *Tx) PendingIn(siren portique.SIREN) ([]*portique.AccessRequest, error) {
	return all(tx, scanRequest, requestSelect+`WHERE r.siren = $1 AND r.status = 'pending' ORDER BY r.id`, siren)
}

// Requests lists requests, ended ones included, of a company and an address
// ("" for all), oldest first.
func (tx *Tx) Requests(siren portique.SIREN, email string) ([]*portique.AccessRequest, error) {
	return all(tx, scanRequest,
		requestSelect+`WHERE ($1 = '' OR r.siren = $1) AND ($2 = '' OR a.email = $2) ORDER BY r.id`, siren, email)
}

// DueRequests returns pending requests whose timetable has something to do,
// those due first in front, skipping the first skip of them.
func (tx *Tx) DueRequests(limit, skip int) ([]*portique.AccessRequest, error) {
	return all(tx, scanRequest,
		requestSelect+`WHERE r.status = 'pending' AND r.next_tick_at <= $1 ORDER BY r.next_tick_at, r.id LIMIT $2 OFFSET $3`, ms(tx.now), limit, skip)
}

// Delivery tells how the letters about something fared.
type Delivery struct {
	Kind   portique.LetterKind
	Status portique.LetterStatus
	Count  int
	LastAt time.Time // sent, for sent ones
}

// Deliveries sums up the letters about a person's pending requests, by request,
// and the letters that stand for many of their companies, those that left since
// the request was made or still will.
func (tx *Tx) Deliveries(accountID string) (map[string][]Delivery, error) {
	type line struct {
		about string
		Delivery
	}
	lines, err := all(tx, func(r row) (l line, err error) {
		err = r.Scan(&l.about, &l.Kind, &l.Status, &l.Count, at{&l.LastAt})
		return l, err
	}, `SELECT l.about, l.kind, l.status, count(*), max(l.sent_at) FROM letter l
		JOIN access_request r ON r.id = l.about WHERE r.account_id = $1 AND r.status = 'pending'
		GROUP BY l.about, l.kind, l.status
		UNION ALL SELECT r.id, l.kind, l.status, count(*), max(l.sent_at) FROM letter l
		JOIN access_request r ON r.siren = l.about AND l.run_at >= r.created_at WHERE r.account_id = $1 AND r.status = 'pending' AND l.kind = $2
		GROUP BY r.id, l.kind, l.status ORDER BY 1, 2, 3`, accountID, portique.LetterRequestDigest)
	if err != nil {
		return nil, err
	}
	deliveries := map[string][]Delivery{}
	for _, l := range lines {
		deliveries[l.about] = append(deliveries[l.about], l.Delivery)
	}
	return deliveries, nil
}
