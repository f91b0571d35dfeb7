// Command bench prints, in one run, what the machine can do at best and what Portique does, and the ratio of the two: only
// that ratio travels from one machine, or one minute, to another. See README.md beside it.
//
// It sees the built program only, as a stranger does: commands, addresses, fields. It stays on loopback and ends by itself.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// The layout of every figure: the server, its database and the floors on core 0, this load generator on core 1.
const (
	serverCore = "0"
	loadCore   = "1"
)

// options of a run.
type options struct {
	JSON     bool
	Binary   string
	Engines  string
	Only     string
	Rounds   int
	Each     time.Duration
	Lines    int
	Postgres string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		if err := floor(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "floor:", err)
			os.Exit(1)
		}
		return
	}
	o := options{Postgres: os.Getenv("PORTIQUE_BENCH_POSTGRES")}
	flag.BoolVar(&o.JSON, "json", false, "print JSON instead of a table")
	flag.StringVar(&o.Binary, "binary", "bin/portique", "the built program")
	flag.StringVar(&o.Engines, "engines", "sqlite,postgres", "which databases")
	flag.StringVar(&o.Only, "only", "", "only the items whose name contains this")
	flag.IntVar(&o.Rounds, "rounds", 3, "measures of each, limit and Portique in turn; the median counts")
	flag.DurationVar(&o.Each, "each", 800*time.Millisecond, "how long one measure lasts")
	flag.IntVar(&o.Lines, "lines", 100_000, "companies in the member file")
	flag.Parse()
	pinned := pin()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, pinned); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// pin starts this program again on the load generator's core, where the machine has two and taskset. Children choose theirs.
func pin() bool {
	taskset, err := exec.LookPath("taskset")
	if err != nil || runtime.GOOS != "linux" {
		return false
	}
	if os.Getenv("PORTIQUE_BENCH_PINNED") != "" {
		return true
	}
	if runtime.NumCPU() < 2 {
		return false
	}
	self, err := os.Executable()
	if err != nil {
		return false
	}
	environ := append(os.Environ(), "PORTIQUE_BENCH_PINNED=1")
	return syscall.Exec(taskset, append([]string{"taskset", "-c", loadCore, self}, os.Args[1:]...), environ) == nil
}

// onServerCore makes a command that runs where the server runs.
func onServerCore(ctx context.Context, pinned bool, name string, args ...string) *exec.Cmd {
	if !pinned {
		return exec.CommandContext(ctx, name, args...)
	}
	return exec.CommandContext(ctx, "taskset", append([]string{"-c", serverCore, name}, args...)...)
}

// item is one line of the table.
type item struct {
	Engine   string   `json:"engine"`
	Name     string   `json:"item"`
	Unit     string   `json:"unit"`
	LimitIs  string   `json:"limit_is"`
	Target   string   `json:"target"`
	Limits   []sample `json:"limits"`
	Portique []sample `json:"portique"`
	Limit    sample   `json:"limit"` // medians
	Ours     sample   `json:"median"`
	Ratio    float64  `json:"ratio"`
	Failures int      `json:"failures"`
}

func run(ctx context.Context, o options, pinned bool) error {
	binary, err := filepath.Abs(o.Binary)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("%w: run `make build` first", err)
	}
	o.Binary = binary
	started := time.Now()
	say := io.Discard
	if !o.JSON {
		say = os.Stdout
	}
	fmt.Fprintf(say, "%s. ", runtime.Version())
	if pinned {
		fmt.Fprintf(say, "Server, SQLite and floors on core %s, load generator on core %s.\n", serverCore, loadCore)
	} else {
		fmt.Fprintln(say, "NOT pinned (it takes Linux, taskset and two cores): limits, server and load generator share the cores.")
	}
	var items []*item
	for engine := range strings.SplitSeq(o.Engines, ",") {
		switch {
		case engine != "sqlite" && engine != "postgres":
			return fmt.Errorf("unknown engine %q", engine)
		case engine == "postgres" && o.Postgres == "":
			fmt.Fprintln(say, "PostgreSQL left out: PORTIQUE_BENCH_POSTGRES names no server (make bench starts one).")
			continue
		}
		some, err := measureEngine(ctx, o, pinned, engine)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		items = append(items, some...)
	}
	if len(items) == 0 {
		return errors.New("nothing was measured")
	}
	if o.JSON {
		return json.NewEncoder(os.Stdout).Encode(items)
	}
	table(say, items)
	fmt.Fprintf(say, "\nMedians of %d, limit and Portique in turn. %s in all.\n",
		o.Rounds, time.Since(started).Round(time.Second))
	for _, it := range items {
		if it.Failures > 0 {
			return fmt.Errorf("%s on %s: %d requests were answered wrongly", it.Name, it.Engine, it.Failures)
		}
	}
	return nil
}

func table(out io.Writer, items []*item) {
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', tabwriter.AlignRight)
	engine := ""
	for _, it := range items {
		if it.Engine != engine {
			engine = it.Engine
			fmt.Fprintf(w, "\n%s\tlimit\tPortique\tratio\tCPU µs\tp50 ms\tp99 ms\ttarget\t  the limit is\n", engine)
		}
		limit, ratio, spent, p50, p99 := "–", "–", "–", "–", "–"
		if it.Limit.Rate > 0 {
			limit, ratio = number(it.Limit.Rate), fmt.Sprintf("%.0f %%", 100*it.Ratio)
		}
		if it.Limit.CPU > 0 && it.Ours.CPU > 0 {
			spent = fmt.Sprintf("%.0f / %.0f", it.Limit.CPU, it.Ours.CPU)
		}
		if it.Ours.P50 > 0 {
			p50, p99 = fmt.Sprintf("%.2f", it.Ours.P50), fmt.Sprintf("%.2f", it.Ours.P99)
		}
		fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\t%s\t%s\t%s\t  %s\n", it.Name, limit, number(it.Ours.Rate), it.Unit, ratio, spent, p50, p99, cmp.Or(it.Target, "–"), it.LimitIs)
	}
	w.Flush()
}

func number(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.1f", v)
	}
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
