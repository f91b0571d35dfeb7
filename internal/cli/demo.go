package cli

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"portique"
	"portique/internal/demo"
)

type demoCmd struct {
	Dir     string `help:"Keep everything in this folder; otherwise nothing is left behind." type:"path"`
	Port    int    `help:"Port of the portal; the other doors follow." default:"8080"`
	Verbose bool   `help:"Show the server's log."`
	JSON
}

func (c demoCmd) Run(e *env) error {
	log := slog.New(slog.DiscardHandler)
	if c.Verbose {
		log = slog.New(slog.NewTextHandler(e.Stderr, nil))
	}
	return demo.Run(e.ctx, demo.Options{Dir: c.Dir, Port: c.Port, Log: log}, func(r demo.Ready) {
		if c.JSON.JSON {
			_ = json.NewEncoder(e.Stdout).Encode(r) // one line
			return
		}
		fmt.Fprintf(e.Stdout, `
Portique is running on this machine. Stop it with Ctrl-C.

  Portal     %s      begin here
  Sign-in    %s
  Mailbox    %s      every letter lands here
`, r.Portal, r.Auth, r.Mailbox)
		for i, url := range r.Tools {
			label := ""
			if i == 0 {
				label = "Tools"
			}
			fmt.Fprintf(e.Stdout, "  %-10s %s\n", label, url)
		}
		password := "the password that was chosen meanwhile"
		if r.Taken.Password != "" {
			password = "password " + r.Taken.Password
		}
		fmt.Fprintf(e.Stdout, `
Attach a company that nobody has yet: you become its administrator.
  %s
  SIREN %s    member code %s

Ask for access to one that has an administrator, then sign in as her to decide.
  %s
  SIREN %s    member code %s
  %s    %s
`, r.Free.Name, portique.SIREN(r.Free.SIREN).Grouped(), r.Free.MemberCode,
			r.Taken.Name, portique.SIREN(r.Taken.SIREN).Grouped(), r.Taken.MemberCode, r.Taken.Email, password)
		if r.Members != "" {
			fmt.Fprintf(e.Stdout, "\nThe member file of this demo: %s\n", r.Members)
		}
		fmt.Fprintln(e.Stdout)
	})
}
