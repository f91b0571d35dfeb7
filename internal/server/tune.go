package server

import (
	"os"
	"runtime"
	"runtime/debug"

	"portique/internal/config"
	"portique/internal/store"
)

// cores is how many this process may use, by the machine, its affinity and its
// control group.
var cores = runtime.GOMAXPROCS(0)

// Tune fits Go's runtime to a server. A setting that the operator made by Go's
// own variables stays as it is.
//
// On one core Go would run nothing while a commit of SQLite waits for the disk,
// and commits would not be shared by those who wait; with a second thread it
// does. PostgreSQL waits for itself, and only loses by it.
//
// The heap is so small that collecting it each time it doubles costs more than
// the memory is worth: it may grow fourfold. Password hashes, 19 MiB each, would
// make that much; hence a limit, which they alone never reach.
func Tune(c *config.Config) {
	if os.Getenv("GOMAXPROCS") == "" && cores == 1 && store.SQLitePath(c.DatabaseURL) != "" {
		runtime.GOMAXPROCS(2)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(128<<20 + int64(cores)*48<<20)
	}
}
