package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
)

// SQLite is one file with one write lock. It gets one writer and several
// readers, each a connection that keeps its prepared statements: to parse a
// statement costs more than to run it. They speak to SQLite without
// database/sql, which costs more than a read by key (decision 0014).

// liteConn is one connection. It serves one transaction at a time. What it runs
// is short and local, so that it looks at the context before a statement
// instead of having a goroutine watch each one.
type liteConn struct {
	conn       *sqlite.Conn
	statements map[string]*liteStatement
}

// busyTime is how long a connection waits for a lock that another process
// holds, a backup for instance.
const busyTime = 5 * time.Second

// openLite connects to a database file that exists and keeps a write-ahead
// journal, as Open has seen to.
func openLite(path string, reading bool) (*liteConn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(busyTime)
	c := &liteConn{conn, map[string]*liteStatement{}}
	pragmas := []string{"foreign_keys = 1", "synchronous = FULL"}
	if reading {
		pragmas = append(pragmas, "query_only = 1")
	}
	for _, pragma := range pragmas {
		if err := c.do("PRAGMA " + pragma); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// liteStatement is a prepared statement, and a reader of what it returns.
type liteStatement struct {
	*sqlite.Stmt
	params []int // which argument each parameter is, from 0
	begun  bool  // and not reset since
	err    error // of the last step
}

func (c *liteConn) prepared(query string) (*liteStatement, error) {
	if s := c.statements[query]; s != nil {
		return s, nil
	}
	stmt, err := c.conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	s := &liteStatement{Stmt: stmt, params: make([]int, stmt.BindParamCount())}
	for i := range s.params { // SQLite numbers $2 by where it comes first, not by its name
		n, err := strconv.Atoi(strings.TrimPrefix(stmt.BindParamName(i+1), "$"))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("parameter %q is not $1, $2 and so on", stmt.BindParamName(i+1))
		}
		s.params[i] = n - 1
	}
	c.statements[query] = s
	return s, nil
}

// begin gives a statement its arguments, so that it can step. Close ends it.
func (c *liteConn) begin(ctx context.Context, query string, args []any) (*liteStatement, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := c.prepared(query)
	if err == nil {
		err = s.Close() // after a panic it was left as it was
	}
	if err != nil {
		return nil, err
	}
	for i, n := range s.params {
		if n >= len(args) {
			return nil, fmt.Errorf("the statement needs $%d, and has %d arguments", n+1, len(args))
		}
		if err := s.bind(i+1, args[n]); err != nil {
			return nil, err
		}
	}
	s.begun, s.err = true, nil
	return s, nil
}

func (s *liteStatement) bind(i int, arg any) error {
	switch v := arg.(type) {
	case nil:
		s.BindNull(i)
	case string:
		s.BindText(i, v)
	case []byte:
		if v == nil {
			s.BindNull(i)
		} else {
			s.BindBytes(i, v)
		}
	case int64:
		s.BindInt64(i, v)
	case int:
		s.BindInt64(i, int64(v))
	case bool:
		s.BindBool(i, v)
	default:
		switch r := reflect.ValueOf(arg); r.Kind() {
		case reflect.String: // a word of the root: a SIREN, a status
			s.BindText(i, r.String())
		default:
			return fmt.Errorf("no column takes a %T", arg)
		}
	}
	return nil
}

func (c *liteConn) exec(ctx context.Context, query string, args []any) (int64, error) {
	s, err := c.begin(ctx, query, args)
	if err != nil {
		return 0, err
	}
	for s.Next() {
	}
	if err := errors.Join(s.err, s.Close()); err != nil {
		return 0, err
	}
	return int64(c.conn.Changes()), nil
}

func (c *liteConn) send(ctx context.Context, query string, args []any) error {
	_, err := c.exec(ctx, query, args)
	return err
}

func (c *liteConn) query(ctx context.Context, query string, args []any) (rows, error) {
	return c.begin(ctx, query, args)
}

func (s *liteStatement) Next() bool {
	more := false
	if s.err == nil {
		more, s.err = s.Step()
	}
	return more
}

func (s *liteStatement) Err() error { return s.err }

func (s *liteStatement) Close() error {
	if !s.begun {
		return nil
	}
	s.begun = false
	if s.err != nil {
		return nil // told already, and reset by the step
	}
	return s.Reset()
}

// Scan reads the row, column by column. A NULL only goes where bytes go.
func (s *liteStatement) Scan(dest ...any) error {
	if n := s.ColumnCount(); n != len(dest) {
		return fmt.Errorf("%d columns for %d variables", n, len(dest))
	}
	for i, d := range dest {
		if err := s.column(i, d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func (s *liteStatement) column(i int, dest any) error {
	switch d := dest.(type) {
	case *string:
		*d = s.ColumnText(i)
		return s.sure(i, *d == "", sqlite.TypeText)
	case *[]byte:
		if *d = nil; !s.ColumnIsNull(i) {
			*d = make([]byte, s.ColumnLen(i))
			s.ColumnBytes(i, *d)
		}
	case *int:
		*d = s.ColumnInt(i)
		return s.sure(i, *d == 0, sqlite.TypeInteger)
	case *int64:
		*d = s.ColumnInt64(i)
		return s.sure(i, *d == 0, sqlite.TypeInteger)
	case *bool:
		*d = s.ColumnBool(i)
		return s.sure(i, !*d, sqlite.TypeInteger)
	case at:
		n := s.ColumnInt64(i)
		d.set(n)
		return s.sure(i, n == 0, sqlite.TypeInteger)
	case sql.Scanner:
		text := s.ColumnText(i)
		if err := s.sure(i, text == "", sqlite.TypeText); err != nil {
			return err
		}
		return d.Scan(text)
	default:
		r := reflect.ValueOf(dest)
		if r.Kind() != reflect.Pointer || r.Elem().Kind() != reflect.String {
			return fmt.Errorf("nothing is read into a %T", dest)
		}
		text := s.ColumnText(i)
		r.Elem().SetString(text)
		return s.sure(i, text == "", sqlite.TypeText)
	}
	return nil
}

// sure says whether an empty value is one: SQLite also makes one of what it
// cannot convert.
func (s *liteStatement) sure(i int, empty bool, want sqlite.ColumnType) error {
	if !empty {
		return nil
	}
	// Asked after the value was read: what SQLite says then is of the value as it was kept,
	// since nothing was there to convert.
	if is := s.ColumnType(i); is != want {
		return fmt.Errorf("%v, not %v", is, want)
	}
	return nil
}

// do runs a statement without arguments whoever is still listening.
func (c *liteConn) do(statement string) error {
	_, err := c.exec(context.Background(), statement, nil)
	return err
}

// close ends the connection and its statements. The last one to close folds the
// journal into the file.
func (c *liteConn) close() error { return c.conn.Close() }

// liteReaders are the reading connections, opened when first needed. A free
// place holds a connection, or nil.
type liteReaders struct {
	path     string
	free     chan *liteConn
	patience time.Duration // to wait for one; 0: as long as it takes
}

func newLiteReaders(path string, n int, patience time.Duration) *liteReaders {
	r := &liteReaders{path, make(chan *liteConn, n), patience}
	for range n {
		r.free <- nil
	}
	return r
}

// run runs f on one snapshot of the database.
func (r *liteReaders) run(ctx context.Context, f func(querier) error) error {
	c, err := r.take(ctx)
	if err != nil {
		return err
	}
	sound := false
	defer func() {
		if !sound && c != nil {
			_ = c.close() // with what it had begun
			c = nil
		}
		r.free <- c
	}()
	if c == nil {
		if c, err = openLite(r.path, true); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	if err := c.do("BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err = f(c)
	sound = c.do("ROLLBACK") == nil // nothing was written
	return err
}

// take waits for a free place.
func (r *liteReaders) take(ctx context.Context) (*liteConn, error) {
	select {
	case c := <-r.free:
		return c, nil
	default:
	}
	if r.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.patience)
		defer cancel()
	}
	select {
	case c := <-r.free:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
	path string

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
		if w.conn, err = openLite(w.path, false); err != nil {
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
	_ = w.conn.close() // with what it had begun
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
