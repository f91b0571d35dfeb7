// Package cli is the door for the operator's engineers: each command is one
// call of a service. Exit status: 0 done, 1 failed, 2 wrong usage. Errors are
// one line each on standard error: what is wrong and how to mend it.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"portique"
	"portique/internal/company"
	"portique/internal/config"
	"portique/internal/i18n"
	"portique/internal/server"
)

// Environment is what a command may touch of the outside world.
type Environment struct {
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  *os.File
	Environ []string
}

type commands struct {
	Demo       demoCmd       `cmd:"" help:"Everything on this machine, with nothing to configure."`
	Serve      serveCmd      `cmd:"" help:"The server, configured by the environment (docs/operating.md)."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database schema up to this version."`
	Config     configCmd     `cmd:"" help:"The configuration as it counts, secrets masked."`
	Doctor     doctorCmd     `cmd:"" help:"Look at everything the server needs, changing nothing."`
	Company    companyCmd    `cmd:"" help:"The member file."`
	Account    accountCmd    `cmd:"" help:"People's accounts."`
	Membership membershipCmd `cmd:"" help:"Who may act for which company."`
	Request    requestCmd    `cmd:"" help:"Requests for access."`
	Claim      claimCmd      `cmd:"" help:"First claims of companies, and second proofs."`
	Letter     letterCmd     `cmd:"" help:"The outbox."`
	Tool       toolCmd       `cmd:"" help:"The tools that people open."`
	Key        keyCmd        `cmd:"" help:"The keys that sign what tools are told."`
	Routes     routesCmd     `cmd:"" help:"Every address that the server answers."`
	Version    versionCmd    `cmd:"" help:"The version of this program."`
}

// env is what commands are run with.
type env struct {
	Environment
	ctx context.Context
}

// english is made when a sentence is first needed: the server has words of its
// own, and does not start later for these. They are part of the program, so
// that it panics only on what no test let pass.
var english = sync.OnceValue(func() *i18n.Printer {
	catalog, err := i18n.New(time.UTC)
	if err != nil {
		panic(err)
	}
	return catalog.Printer(i18n.English)
})

// usageError makes the exit status 2.
type usageError struct{ error }

// errTold says that everything was told already and the status is 1.
var errTold = errors.New("told")

// Main runs one command and returns the exit status.
func Main(args []string, e Environment) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("portique"),
		kong.Description("The front door of an organisation that serves member companies."),
		kong.Writers(e.Stdout, e.Stderr), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(e.Stderr, "portique:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(e.Stderr, "portique: %v; portique --help lists the commands\n", err)
		return 2
	}
	err = command.Run(&env{Environment: e, ctx: ctx})
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errTold):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintln(e.Stderr, "portique:", usage.error)
		return 2
	}
	for _, line := range sentences(err) {
		fmt.Fprintln(e.Stderr, "portique:", line)
	}
	return 1
}

// sentence puts one refusal in words.
func sentence(err error) string {
	p := english()
	var e *portique.Error
	if !errors.As(err, &e) || !p.Has(e.Key) {
		return strings.ReplaceAll(err.Error(), "\n", " ")
	}
	args := append([]any{}, e.Args...)
	if !e.RetryAt.IsZero() {
		args = append(args, "RetryAt", p.DateTime(e.RetryAt))
	}
	text := p.T(e.Key, args...)
	if e.Kind == portique.Unavailable && e.Cause != nil { // who runs commands can mend it
		text += " (" + strings.ReplaceAll(e.Cause.Error(), "\n", " ") + ")"
	}
	return text
}

// sentences puts an error of a command in words, one line for each fault, with
// the argument or flag it concerns.
func sentences(err error) []string {
	say := func(e *portique.Error) string {
		text := sentence(e)
		if e.Field != "" {
			text = strings.ReplaceAll(e.Field, "_", "-") + ": " + text
		}
		return text
	}
	var many portique.FieldErrors
	if errors.As(err, &many) {
		var lines []string
		for _, e := range many {
			lines = append(lines, say(e))
		}
		return lines
	}
	var one *portique.Error
	if errors.As(err, &one) {
		return []string{say(one)}
	}
	return strings.Split(err.Error(), "\n")
}

// open reads the configuration and opens the application.
func (e *env) open() (*server.App, error) {
	c, err := config.Load(e.Environ)
	if err != nil {
		return nil, err
	}
	return server.OpenApp(e.ctx, c, server.MakeNew)
}

// with runs f on an open application.
func (e *env) with(f func(app *server.App) error) error {
	app, err := e.open()
	if err != nil {
		return err
	}
	defer app.Close()
	return f(app)
}

// actor is the operator's engineer.
func actor() portique.Actor { return portique.Actor{Door: portique.DoorCommand} }

// JSON is the flag of every command that lists or shows.
type JSON struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (e *env) json(v any) error {
	enc := json.NewEncoder(e.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table prints rows under headings, aligned.
func (e *env) table(headings []string, rows [][]string) error {
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(headings, "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// list prints values as one JSON array or as a table.
func list[T any](e *env, asJSON bool, values []T, headings []string, row func(T) []string) error {
	if asJSON {
		if values == nil {
			values = []T{}
		}
		return e.json(values)
	}
	rows := make([][]string, len(values))
	for i, v := range values {
		rows[i] = row(v)
	}
	return e.table(headings, rows)
}

// stamp writes a time for JSON; nil leaves the field out.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339)
	return &s
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func parseSIREN(s string) (portique.SIREN, error) {
	if s == "" {
		return "", nil
	}
	return portique.ParseSIREN(s)
}

// fileError makes an import's own errors read like the others.
func fileError(err error) error {
	var f *company.ErrFile
	if errors.As(err, &f) {
		return f
	}
	return err
}
