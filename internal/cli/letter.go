package cli

import (
	"fmt"
	"strconv"

	"portique"
	"portique/internal/server"
	"portique/internal/store"
)

type letterCmd struct {
	List  letterListCmd  `cmd:"" help:"List the letters: queued, sent, dead."`
	Retry letterRetryCmd `cmd:"" help:"Queue a dead letter again."`
}

type letterJSON struct {
	ID        string  `json:"id"`
	MessageID string  `json:"message_id"`
	To        string  `json:"to"`
	Kind      string  `json:"kind"`
	Status    string  `json:"status"`
	Attempts  int     `json:"attempts"`
	LastError string  `json:"last_error,omitempty"`
	CreatedAt *string `json:"created_at,omitempty"`
	SentAt    *string `json:"sent_at,omitempty"`
}

type letterListCmd struct {
	Email  string `help:"To that address only."`
	Status string `enum:"queued,sent,dead," default:"" help:"queued, sent or dead."`
	JSON
}

func (c letterListCmd) Run(e *env) error {
	_, email, err := filters{Email: c.Email}.read()
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		var letters []*portique.Letter
		err := app.DB.View(e.ctx, func(tx *store.Tx) (err error) {
			letters, err = tx.Letters(email, portique.LetterStatus(c.Status))
			return err
		})
		if err != nil {
			return err
		}
		values := make([]letterJSON, len(letters))
		for i, l := range letters {
			values[i] = letterJSON{ID: l.ID, MessageID: l.MessageID, To: l.To, Kind: string(l.Kind), Status: string(l.Status), Attempts: l.Attempts,
				LastError: l.LastError, CreatedAt: stamp(l.CreatedAt), SentAt: stamp(l.SentAt)}
		}
		return list(e, c.JSON.JSON, values, []string{"ID", "TO", "KIND", "STATUS", "ATTEMPTS", "CREATED", "SENT", "LAST ERROR"}, func(v letterJSON) []string {
			return []string{v.ID, v.To, v.Kind, v.Status, strconv.Itoa(v.Attempts), text(v.CreatedAt), text(v.SentAt), v.LastError}
		})
	})
}

type letterRetryCmd struct {
	ID string `arg:"" help:"The letter, as letter list names it."`
}

func (c letterRetryCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		err := app.DB.Tx(e.ctx, func(tx *store.Tx) error {
			if err := tx.RetryLetter(c.ID); err != nil {
				return err
			}
			return tx.Audit(actor().Event(portique.ActionLetterRetried, c.ID, ""))
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(e.Stdout, "The letter is queued again.")
		return nil
	})
}
