package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// PostgreSQL is at the far end of a network: what costs there is the number of
// times that one waits for it. A transaction therefore keeps back what only
// writes, and sends it together with the next question, or with COMMIT
// (pipelining; decision 0017).

// openPostgres makes a pool, without connecting yet. A server at the far end of
// a network that swallows packets must not hold anybody: connecting takes
// connectTime at most, unless the URL says connect_timeout; a connection that
// was left idle proves within pingTime that it still leads somewhere; and
// PostgreSQL frees the locks of a node that vanished in the middle of a
// transaction after patience.
func openPostgres(ctx context.Context, databaseURL string, readOnly bool, patience time.Duration, size int32) (*pgxpool.Pool, error) {
	const (
		connectTime = 4 * time.Second
		pingTime    = 2 * time.Second
		idle        = time.Second
	)
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	// The size is ours to say: a pool_ setting in the URL goes to the server, which refuses it.
	if config.ConnConfig, err = pgx.ParseConfig(databaseURL); err != nil {
		return nil, err
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
		config.ConnConfig.DialFunc = (&net.Dialer{Timeout: connectTime}).DialContext
	}
	if readOnly {
		config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	}
	config.MinConns, config.MinIdleConns, config.MaxConns = 0, 0, size
	config.MaxConnIdleTime = 5 * time.Minute // opening one costs more than a transaction
	var pool *pgxpool.Pool
	config.ShouldPing = func(ctx context.Context, p pgxpool.ShouldPingParams) bool {
		if p.IdleDuration < idle {
			return false
		}
		// Not for as long as who asks has time: who gives up says nothing of the connection.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTime)
		defer cancel()
		if p.Conn.Ping(ctx) == nil {
			return false
		}
		pool.Reset() // the others led the same way: nobody waits for each of them in turn
		return true  // pgx finds it closed, and takes another
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		if patience == 0 {
			return nil
		}
		_, err := c.Exec(ctx, fmt.Sprintf("SET idle_in_transaction_session_timeout = %d", patience.Milliseconds()))
		return err
	}
	pool, err = pgxpool.NewWithConfig(ctx, config)
	return pool, err
}

// pgView runs statements one by one, each on any connection.
type pgView struct{ pool *pgxpool.Pool }

func (p pgView) send(ctx context.Context, query string, args []any) error {
	_, err := p.exec(ctx, query, args)
	return err
}

func (p pgView) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := p.pool.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (p pgView) query(ctx context.Context, query string, args []any) (rows, error) {
	found, err := p.pool.Query(ctx, query, args...)
	return pgRows{Rows: found}, err
}

// pgRows are the rows of one statement, the last of those it was sent with.
type pgRows struct {
	pgx.Rows
	sent pgx.BatchResults // nil when it was sent alone
}

func (r pgRows) Close() error {
	r.Rows.Close()
	err := r.Rows.Err()
	if r.sent != nil {
		err = errors.Join(err, r.sent.Close())
	}
	return err
}

// pgTx is a writing transaction. It has no connection before it has a question.
type pgTx struct {
	pool    *pgxpool.Pool
	conn    *pgxpool.Conn
	waiting *pgx.Batch
	failed  error // what was sent was not all done, BEGIN perhaps neither: nothing more may be
}

// maxWaiting bounds how many statements are kept back.
const maxWaiting = 64

func newPgTx(pool *pgxpool.Pool) *pgTx {
	t := &pgTx{pool: pool, waiting: &pgx.Batch{}}
	t.waiting.Queue("begin")
	return t
}

func (t *pgTx) send(ctx context.Context, query string, args []any) error {
	if len(t.waiting.QueuedQueries) >= maxWaiting {
		_, err := t.exec(ctx, query, args)
		return err
	}
	t.waiting.Queue(query, args...)
	return nil
}

// flush sends what waits, with one statement more. The answers are those of all.
func (t *pgTx) flush(ctx context.Context, query string, args []any) (sent pgx.BatchResults, before int, err error) {
	if t.failed != nil {
		return nil, 0, t.failed
	}
	if t.conn == nil {
		if t.conn, err = t.pool.Acquire(ctx); err != nil {
			return nil, 0, fmt.Errorf("begin: %w", err)
		}
	}
	batch := t.waiting
	t.waiting = &pgx.Batch{}
	batch.Queue(query, args...)
	return t.conn.SendBatch(ctx, batch), batch.Len() - 1, nil
}

// ask is flush when the answers to what waited are not of interest.
func (t *pgTx) ask(ctx context.Context, query string, args []any) (pgx.BatchResults, error) {
	sent, before, err := t.flush(ctx, query, args)
	if err != nil {
		return nil, err
	}
	for range before {
		if _, err := sent.Exec(); err != nil {
			_ = sent.Close() // says the same
			t.failed = err
			return nil, err
		}
	}
	return sent, nil
}

func (t *pgTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	sent, err := t.ask(ctx, query, args)
	if err != nil {
		return 0, err
	}
	tag, err := sent.Exec()
	if closed := sent.Close(); err == nil { // else it says the same
		err = closed
	}
	t.failed = err
	return tag.RowsAffected(), err
}

func (t *pgTx) query(ctx context.Context, query string, args []any) (rows, error) {
	if t.conn != nil && t.waiting.Len() == 0 && t.failed == nil {
		found, err := t.conn.Query(ctx, query, args...)
		return pgRows{Rows: found}, err
	}
	sent, err := t.ask(ctx, query, args)
	if err != nil {
		return nil, err
	}
	found, err := sent.Query()
	r := pgRows{found, sent}
	if err != nil {
		_ = r.Close() // says the same
		t.failed = err
		return nil, err
	}
	return r, nil
}

// commit sends what waits with COMMIT. The error is a commitError when nobody
// can say whether that was done.
func (t *pgTx) commit(ctx context.Context) error {
	if t.conn == nil && t.waiting.Len() == 1 {
		return nil // nothing was asked, nothing written
	}
	sent, before, err := t.flush(ctx, "commit", nil)
	if err != nil {
		return err
	}
	defer sent.Close()
	for range before {
		if _, err := sent.Exec(); err != nil {
			var refused *pgconn.PgError
			if errors.As(err, &refused) || unsent(err) {
				return err // and so COMMIT was not looked at
			}
			return commitError{fmt.Errorf("commit: %w", err)}
		}
	}
	tag, err := sent.Exec()
	switch {
	case unsent(err):
		return err
	case err != nil:
		return commitError{fmt.Errorf("commit: %w", err)}
	case tag.String() != "COMMIT":
		return pgx.ErrTxCommitRollback // a statement had failed
	}
	return nil
}

// unsent says whether an error came before any of the statements sent together
// was on its way: the connection was found closed, or one could not be prepared.
func unsent(err error) bool {
	var preparing pgx.ErrPreprocessingBatch
	return pgconn.SafeToRetry(err) || errors.As(err, &preparing)
}

// end undoes what was not committed, and gives the connection back.
func (t *pgTx) end() {
	if t.conn == nil {
		return
	}
	if c := t.conn.Conn(); !c.IsClosed() && c.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		_, _ = c.Exec(ctx, "rollback") // a connection where it failed is not given back
		cancel()
	}
	t.conn.Release()
}

// postgres runs f in a writing transaction of PostgreSQL.
func (db *DB) postgres(ctx context.Context, f func(querier) error) error {
	t := newPgTx(db.pgWrite)
	defer t.end()
	fErr := f(t)
	var r refused
	if fErr != nil && !errors.As(fErr, &r) {
		return fErr
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	return fErr
}
