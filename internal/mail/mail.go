// Package mail turns a letter into a message in the reader's language, text and
// HTML from one source, and sends it by SMTP. It keeps nothing and decides
// nothing: who is told what, and when it is tried again, is decided elsewhere.
package mail

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Message is a letter ready to leave.
type Message struct {
	MessageID string // with its angle brackets, the same at each attempt
	To        string // one plain address
	Date      time.Time
	Subject   string
	Text      string
	HTML      string
	Secrets   []string // links and codes, which no log may repeat
}

// Transport sends one message. The outside world begins here: Sender is the
// real one. An error that is not a *SendError counts as Temporary.
type Transport interface {
	Send(ctx context.Context, m *Message) error
}

// Outcome says what an attempt that failed means for the letter and its queue.
type Outcome int

// The outcomes.
const (
	// Temporary: this letter is tried again later.
	Temporary Outcome = iota
	// QueueHold: our mail server or our standing with it is at fault (no
	// connection, no TLS, sign-in or sender refused): all letters wait.
	QueueHold
	// PermanentRecipient: the address was refused for good.
	PermanentRecipient
)

func (o Outcome) String() string {
	switch o {
	case QueueHold:
		return "queue-hold"
	case PermanentRecipient:
		return "recipient-refused"
	}
	return "temporary"
}

// SendError is a failed attempt.
type SendError struct {
	Outcome Outcome
	Step    string // connect, sender, recipient, content
	Code    int    // the server's answer, 0 without one
	Err     error
}

func (e *SendError) Error() string { return fmt.Sprintf("%s: %v", e.Step, e.Err) }
func (e *SendError) Unwrap() error { return e.Err }

// OutcomeOf returns the outcome of a failed attempt.
func OutcomeOf(err error) Outcome {
	if e, ok := errors.AsType[*SendError](err); ok {
		return e.Outcome
	}
	return Temporary
}
