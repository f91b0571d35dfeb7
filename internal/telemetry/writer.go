package telemetry

import (
	"io"
	"sync/atomic"
	"time"
)

// backlog is how many lines of the log wait for a reader that is slow.
const backlog = 4096

// Writer passes the log on without making anybody wait for who reads it: a pipe
// that nobody empties must not stop the server. Lines beyond the backlog are
// dropped and counted. The journal is in the database and loses nothing.
type Writer struct {
	out   io.Writer
	lines chan []byte
	lost  atomic.Int64
	idle  chan struct{} // closed when everything is written after Close
	note  func(lost int64)
}

// NewWriter starts passing on to out, one Write for each line. note is called
// between two lines with how many were dropped before.
func NewWriter(out io.Writer, note func(lost int64)) *Writer {
	w := &Writer{out: out, lines: make(chan []byte, backlog), idle: make(chan struct{}), note: note}
	go func() {
		defer close(w.idle)
		for line := range w.lines {
			if line == nil {
				return
			}
			_, _ = w.out.Write(line) // there is nowhere else to tell it
			if n := w.lost.Swap(0); n > 0 {
				w.note(n)
			}
		}
	}()
	return w
}

// Write never blocks and never fails.
func (w *Writer) Write(line []byte) (int, error) {
	select {
	case w.lines <- append([]byte(nil), line...):
	default:
		w.lost.Add(1)
	}
	return len(line), nil
}

// Close waits until the backlog is written, a second at most.
func (w *Writer) Close() {
	limit := time.After(time.Second)
	select {
	case w.lines <- nil:
	case <-limit:
		return
	}
	select {
	case <-w.idle:
	case <-limit:
	}
}
