package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sample is one measure. Times are milliseconds.
type sample struct {
	Rate float64 `json:"rate"` // per second
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	CPU  float64 `json:"cpu_us"` // of the measured process for one, microseconds; 0 when not known
	n    int
}

// errOver ends a worker whose work is used up.
var errOver = errors.New("nothing is left to do")

// load has workers take steps side by side for a while, or until their work is over, and says how many per second. Steps that
// failed are counted apart; the first error is kept.
func load(workers int, each time.Duration, step func(worker int) error) (s sample, failures int, first error) {
	times := make([][]time.Duration, workers)
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	end := start.Add(each)
	for w := range workers {
		wg.Go(func() {
			mine := make([]time.Duration, 0, 4096)
			for now := time.Now(); now.Before(end); {
				err := step(w)
				after := time.Now()
				if errors.Is(err, errOver) {
					break
				}
				if err != nil {
					mu.Lock()
					failures++
					if first == nil {
						first = err
					}
					mu.Unlock()
					break
				}
				mine = append(mine, after.Sub(now))
				now = after
			}
			times[w] = mine
		})
	}
	wg.Wait()
	took := time.Since(start)
	all := slices.Concat(times...)
	slices.Sort(all)
	if len(all) == 0 {
		return s, failures, first
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return sample{n: len(all), Rate: float64(len(all)) / took.Seconds(), P50: ms(all[len(all)/2]), P99: ms(all[len(all)*99/100])}, failures, first
}

// median is the sample whose rate is in the middle.
func median(list []sample) sample {
	if len(list) == 0 {
		return sample{}
	}
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b sample) int {
		switch {
		case a.Rate < b.Rate:
			return -1
		case a.Rate > b.Rate:
			return 1
		}
		return 0
	})
	return sorted[len(sorted)/2]
}

// cpu is the time that a process has had on a core. 0 where the system does not tell.
func cpu(pid int) time.Duration {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	var sum time.Duration
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		if fields := strings.Fields(string(text)); len(fields) == 3 {
			ns, _ := strconv.ParseInt(fields[0], 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}
