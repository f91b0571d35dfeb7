package telemetry

import (
	"bytes"
	"fmt"
	"testing"
)

// gate is a reader of the log that stands still until it is opened.
type gate struct {
	open chan struct{}
	bytes.Buffer
}

func (g *gate) Write(b []byte) (int, error) {
	<-g.open
	return g.Buffer.Write(b)
}

// F-44: who reads the log slowly loses lines, is told how many, and holds nobody up.
func TestWriter(t *testing.T) {
	out := &gate{open: make(chan struct{})}
	var dropped int64
	w := NewWriter(out, func(n int64) { dropped += n })
	const lines = backlog + 100
	line := []byte("x\n")
	for range lines {
		if n, err := w.Write(line); n != 2 || err != nil {
			t.Fatal(n, err)
		}
	}
	line[0] = 'y' // the writer keeps its own copy
	close(out.open)
	w.Close()
	kept := int64(bytes.Count(out.Bytes(), []byte("x\n")))
	if dropped < 99 || kept+dropped != lines {
		t.Error(fmt.Sprint(kept, " kept, ", dropped, " told as dropped"))
	}
}
