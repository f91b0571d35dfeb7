package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// SQLite is one file with one write lock. It gets one writer and several
// readers, each a connection that keeps its prepared statements: to parse a
// statement costs more than to run it.

// liteConn is one connection. It serves one transaction at a time. What it runs
// is short and local, so that it looks at the context before a statement
// instead of having a goroutine watch each one.
type liteConn struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

func openLite(pool *sql.DB) (*liteConn, error) {
	conn, err := pool.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	return &liteConn{conn, map[string]*sql.Stmt{}}, nil
}

func (c *liteConn) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s := c.statements[query]; s != nil {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.Background(), query)
	if err == nil {
		c.statements[query] = s
	}
	return s, err
}

func (c *liteConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), args...)
}

func (c *liteConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.Background(), args...)
}

func (c *liteConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return c.conn.QueryRowContext(ctx, query, args...) // says the same
	}
	return s.QueryRowContext(context.Background(), args...)
}

// do runs a statement without arguments whoever is still listening.
func (c *liteConn) do(statement string) error {
	_, err := c.ExecContext(context.Background(), statement)
	return err
}

// close ends the statements, then the connection: SQLite keeps a connection open
// while it has any, and folds its journal into the file only when the last
// connection closes.
func (c *liteConn) close() error {
	for _, s := range c.statements {
		_ = s.Close()
	}
	return c.conn.Close()
}

// drop closes a connection in doubt for good, with what it had begun.
func (c *liteConn) drop() {
	for _, s := range c.statements {
		_ = s.Close()
	}
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn }) // the pool closes it
	_ = c.conn.Close()
}

// liteReaders are the reading connections, opened when first needed. A free
// place holds a connection, or nil.
type liteReaders struct {
	pool *sql.DB
	free chan *liteConn
}

func newLiteReaders(pool *sql.DB, n int) *liteReaders {
	r := &liteReaders{pool, make(chan *liteConn, n)}
	for range n {
		r.free <- nil
	}
	return r
}

// run runs f on one snapshot of the database.
func (r *liteReaders) run(ctx context.Context, f func(querier) error) error {
	var c *liteConn
	select {
	case c = <-r.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	sound := false
	defer func() {
		if !sound && c != nil {
			c.drop()
			c = nil
		}
		r.free <- c
	}()
	if c == nil {
		var err error
		if c, err = openLite(r.pool); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	if err := c.do("BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := f(c)
	sound = c.do("ROLLBACK") == nil // nothing was written
	return err
}

func (r *liteReaders) Close() error {
	var err error
	for range cap(r.free) {
		if c := <-r.free; c != nil {
			err = errors.Join(err, c.close())
		}
	}
	return err
}

// liteWriter is the writing connection. Transactions take turns on it, first
// come first served. One that ends while others wait does not commit: it hands
// the open transaction on, the next runs as a savepoint of it, and the last
// commits for all. So a durable commit, which is mostly waiting for the disk,
// is paid once for those who came while the one before was being written.
// Nobody is answered before that commit, not even who was refused, since the
// reason may be a row of it.
type liteWriter struct {
	pool *sql.DB

	mu    sync.Mutex
	taken bool            // somebody has the turn
	queue []chan struct{} // those who wait for it, closed when it is theirs

	// Of who has the turn.
	conn  *liteConn
	group *liteGroup
}

// liteGroup is the transactions of one commit.
type liteGroup struct {
	size int
	done chan struct{} // closed when err is known
	err  error
}

// maxGroup bounds how many wait for one commit.
const maxGroup = 64

// errGroupLost tells those of a group that another one of it broke the
// transaction, as a full disk does: they run again.
var errGroupLost = errors.New("another write broke the transaction of several")

func (w *liteWriter) run(ctx context.Context, f func(querier) error) error {
	if err := w.take(ctx); err != nil {
		return err
	}
	first, err := w.begin()
	if err != nil {
		w.hand()
		return fmt.Errorf("begin: %w", err)
	}
	g, ended := w.group, false
	defer func() {
		if !ended { // f panicked
			_ = w.undo(first)
			w.hand()
		}
	}()
	if err = ctx.Err(); err == nil {
		err = f(w.conn)
	}
	if err == nil {
		err = ctx.Err()
	}
	ended = true
	kept := err == nil || errors.As(err, new(refused))
	var broke error
	switch {
	case !kept:
		broke = w.undo(first)
	case !first:
		if broke = w.conn.do("RELEASE one"); broke != nil {
			w.lose()
		}
	}
	w.hand()
	if broke != nil {
		if kept {
			err = commitError{fmt.Errorf("commit: %w", broke)}
		}
		return err
	}
	if first && !kept {
		return err // it was alone and is gone
	}
	<-g.done
	if g.err != nil {
		return g.err
	}
	return err
}

// take waits for the turn.
func (w *liteWriter) take(ctx context.Context) error {
	w.mu.Lock()
	if !w.taken {
		w.taken = true
		w.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	w.queue = append(w.queue, mine)
	w.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.queue, mine); i >= 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
		return ctx.Err()
	}
	return nil // it came at the same moment, with a transaction that others wait for
}

// begin starts a transaction, or a savepoint in the one handed on.
func (w *liteWriter) begin() (first bool, err error) {
	if w.group != nil {
		if err = w.conn.do("SAVEPOINT one"); err != nil {
			w.lose()
		}
		return false, err
	}
	if w.conn == nil {
		if w.conn, err = openLite(w.pool); err != nil {
			return true, err
		}
	}
	if err = w.conn.do("BEGIN IMMEDIATE"); err == nil {
		w.group = &liteGroup{done: make(chan struct{})}
	} else if faultOf(err) != again {
		w.drop()
	}
	return true, err
}

// undo takes back what one transaction wrote, and nothing else.
func (w *liteWriter) undo(first bool) error {
	var err error
	if first {
		w.group = nil
		if w.conn.do("ROLLBACK") != nil {
			w.drop()
		}
		return nil
	}
	if err = w.conn.do("ROLLBACK TO one"); err == nil {
		err = w.conn.do("RELEASE one")
	}
	if err != nil {
		w.lose()
	}
	return err
}

// lose gives the group up: SQLite has rolled all of it back, or nobody can tell.
func (w *liteWriter) lose() {
	w.drop()
	w.group.err = errGroupLost
	close(w.group.done)
	w.group = nil
}

// drop closes a connection in doubt; the next transaction opens another.
func (w *liteWriter) drop() {
	w.conn.drop()
	w.conn = nil
}

// hand gives the turn to the next, with the transaction while it may grow;
// without a next one it commits.
func (w *liteWriter) hand() {
	if g := w.group; g != nil {
		g.size++
		if g.size < maxGroup && w.pass(false) {
			return
		}
		if err := w.conn.do("COMMIT"); err != nil {
			g.err = commitError{fmt.Errorf("commit: %w", err)}
			if w.conn.do("ROLLBACK") != nil {
				w.drop()
			}
		}
		w.group = nil
		close(g.done)
	}
	w.pass(true)
}

// pass gives the turn to the one who waits longest. It says false when nobody
// does: the turn is then kept, or free for the next to come.
func (w *liteWriter) pass(free bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.taken = !free
		return false
	}
	close(w.queue[0])
	w.queue = slices.Delete(w.queue, 0, 1)
	return true
}

// Close waits for the turn and keeps it.
func (w *liteWriter) Close() error {
	if err := w.take(context.Background()); err != nil {
		return err
	}
	if w.conn == nil {
		return nil
	}
	return w.conn.close()
}
