package store

import (
	"errors"
	"time"

	"portique"
)

// LogoutNotice is what one tool is to be told of one session: that the person
// has left it. Like a letter it waits in an outbox.
type LogoutNotice struct {
	ID        string
	ClientID  string
	SessionID string
	AccountID string
	Status    string // queued, sent, dead
	Attempts  int
	LastError string
	RunAt     time.Time
	CreatedAt time.Time
}

// The states of a notice.
const (
	NoticeQueued = "queued"
	NoticeSent   = "sent"
	NoticeDead   = "dead"
)

// entered lists what the tools that want to be told hold of living sessions.
const entered = `SELECT DISTINCT g.client_id, g.session_id, g.account_id FROM oauth_grant g
	JOIN tool t ON t.id = g.client_id JOIN session s ON s.id = g.session_id
	WHERE t.backchannel_logout_uri <> '' AND t.disabled_at = 0 AND g.code_redeemed_at <> 0 AND s.ended_at = 0 AND `

func scanEntered(r row) (*LogoutNotice, error) {
	n := &LogoutNotice{}
	return n, r.Scan(&n.ClientID, &n.SessionID, &n.AccountID)
}

// tellTools queues a notice for each tool that holds something of the sessions
// that a condition names; they must not have been ended yet.
func (tx *Tx) tellTools(condition string, args ...any) error {
	notices, err := all(tx, scanEntered, entered+condition, args...)
	if err != nil {
		return err
	}
	return tx.queueNotices(notices)
}

func (tx *Tx) queueNotices(notices []*LogoutNotice) error {
	for _, n := range notices {
		if err := tx.send(`INSERT INTO logout_notice (id, client_id, session_id, account_id, status, run_at, created_at) VALUES ($1,$2,$3,$4,$5,$6,$6)`,
			NewID(), n.ClientID, n.SessionID, n.AccountID, NoticeQueued, ms(tx.now)); err != nil {
			return err
		}
	}
	return nil
}

// tellClosed queues a notice for each tool that was entered by an access and
// that it opens no more.
func (tx *Tx) tellClosed(membershipID string) error {
	notices, err := all(tx, scanEntered, entered+`g.membership_id = $1`, membershipID)
	if err != nil || len(notices) == 0 {
		return err
	}
	m, err := tx.Membership(membershipID)
	if err != nil {
		return err
	}
	var closed []*LogoutNotice
	for _, n := range notices {
		t, err := tx.Tool(n.ClientID)
		if err != nil {
			return err
		}
		if m.Opens(t, tx.now) != portique.Open {
			closed = append(closed, n)
		}
	}
	return tx.queueNotices(closed)
}

// TellCompanyClosed queues a notice for each tool that was entered for a company
// that has just been closed.
func (tx *Tx) TellCompanyClosed(siren portique.SIREN) error {
	return tx.tellTools(`g.membership_id IN (SELECT id FROM membership WHERE siren = $1)`, siren)
}

const noticeColumns = `id, client_id, session_id, account_id, status, attempts, last_error, run_at, created_at`

func scanNotice(r row) (*LogoutNotice, error) {
	n := &LogoutNotice{}
	return n, r.Scan(&n.ID, &n.ClientID, &n.SessionID, &n.AccountID, &n.Status, &n.Attempts, &n.LastError, at{&n.RunAt}, at{&n.CreatedAt})
}

// ClaimNotices takes the notices that are due, the oldest first, at most limit
// of them and none of the tools named in busy; for the time of the lease they
// are nobody else's.
func (tx *Tx) ClaimNotices(limit int, busy map[string]int, perTool int, lease time.Duration) ([]*LogoutNotice, error) {
	// A few of each tool, so that one with a long queue hides nobody else's.
	due, err := all(tx, scanNotice, `SELECT `+noticeColumns+` FROM (SELECT `+noticeColumns+`,
		row_number() OVER (PARTITION BY client_id ORDER BY run_at, id) AS place FROM logout_notice
		WHERE status = 'queued' AND run_at <= $1 AND locked_until <= $1) q WHERE place <= $2 ORDER BY run_at LIMIT $3`, ms(tx.now), perTool, 16*limit)
	if err != nil {
		return nil, err
	}
	var taken []*LogoutNotice
	for _, seen := range due {
		if len(taken) == limit || busy[seen.ClientID] >= perTool {
			continue
		}
		n, err := one(tx, errNoNotice, scanNotice, tx.dialect.skipLocked(`SELECT `+noticeColumns+` FROM logout_notice
			WHERE id = $1 AND status = 'queued' AND locked_until <= $2`), seen.ID, ms(tx.now))
		if errors.Is(err, errNoNotice) {
			continue // another node has it
		}
		if err != nil {
			return nil, err
		}
		busy[n.ClientID]++
		if err := tx.send(`UPDATE logout_notice SET locked_until=$2 WHERE id=$1`, n.ID, ms(tx.now.Add(lease))); err != nil {
			return nil, err
		}
		taken = append(taken, n)
	}
	return taken, nil
}

var errNoNotice = &portique.Error{Kind: portique.NotFound, Key: "grant.notice"}

// SettleNotice saves what came of an attempt.
func (tx *Tx) SettleNotice(n *LogoutNotice) error {
	return tx.send(`UPDATE logout_notice SET status=$2, attempts=$3, last_error=$4, run_at=$5, locked_until=0 WHERE id=$1`,
		n.ID, n.Status, n.Attempts, n.LastError, ms(n.RunAt))
}

// Notices lists the notices of a tool, the oldest first.
func (tx *Tx) Notices(clientID string) ([]*LogoutNotice, error) {
	return all(tx, scanNotice, `SELECT `+noticeColumns+` FROM logout_notice WHERE client_id = $1 ORDER BY id`, clientID)
}

// PurgeNotices deletes the notices made before a time.
func (tx *Tx) PurgeNotices(before time.Time) error {
	return tx.send(`DELETE FROM logout_notice WHERE created_at < $1`, ms(before))
}
