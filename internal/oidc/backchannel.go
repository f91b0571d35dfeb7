package oidc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"portique"
	"portique/internal/outgoing"
	"portique/internal/secret"
	"portique/internal/store"
)

// How notices of sign-out leave.
const (
	noticesAtOnce   = 32 // calls under way on this node
	noticesPerTool  = 4  // of them to one tool, so that a slow one holds up nobody else's
	noticeLease     = 3 * outgoing.Timeout
	noticeLife      = 24 * time.Hour // then it is given up
	logoutTokenLife = 2 * time.Minute
)

// noticeWaits are the waits between the attempts of one notice; the last one
// goes on.
var noticeWaits = []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

// calls counts what is under way to each tool.
type calls struct {
	mu     sync.Mutex
	all    int
	byTool map[string]int
}

// TellTools hands the notices that are due to calls of their own and does not
// wait for these: for the timetable, each second. Calls end with ctx.
func (p *Provider) TellTools(ctx context.Context) error {
	p.calls.mu.Lock()
	defer p.calls.mu.Unlock()
	free := noticesAtOnce - p.calls.all
	if free <= 0 {
		return nil
	}
	var due []*store.LogoutNotice
	err := p.db.Tx(ctx, func(tx *store.Tx) (err error) {
		busy := map[string]int{}
		for tool, n := range p.calls.byTool {
			busy[tool] = n
		}
		due, err = tx.ClaimNotices(free, busy, noticesPerTool, noticeLease)
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range due {
		p.calls.all++
		p.calls.byTool[n.ClientID]++
		go func() {
			p.tellTool(ctx, n)
			p.calls.mu.Lock()
			defer p.calls.mu.Unlock()
			p.calls.all--
			if p.calls.byTool[n.ClientID]--; p.calls.byTool[n.ClientID] == 0 {
				delete(p.calls.byTool, n.ClientID)
			}
		}()
	}
	return nil
}

// tellTool makes one attempt and writes down what came of it.
func (p *Provider) tellTool(ctx context.Context, n *store.LogoutNotice) {
	defer func() {
		if broke := recover(); broke != nil {
			p.log.Error("notice of sign-out", "tool", n.ClientID, "panic", broke)
		}
	}()
	var token string
	var t *portique.Tool
	_, err := p.fly(ctx, func(f *flight) (err error) {
		if t, err = p.client(f.tx, n.ClientID); err != nil || t.BackchannelLogoutURI == "" {
			return err
		}
		token, err = p.logoutToken(f.tx, t, n)
		return err
	})
	switch {
	case err != nil && missing(err), err == nil && t.BackchannelLogoutURI == "":
		n.Status, n.LastError = store.NoticeDead, "the tool no longer wants to be told"
	case err == nil:
		err = p.postLogout(ctx, t.BackchannelLogoutURI, token)
		fallthrough
	default:
		n.Attempts++
		n.Status, n.LastError = store.NoticeSent, ""
		if err != nil {
			n.Status, n.LastError = store.NoticeQueued, cut(err.Error(), 300)
			p.log.Warn("a tool was not told of a sign-out", "tool", n.ClientID, "attempt", n.Attempts, "error", err)
		}
	}
	// What was done is written down even when the server stops meanwhile.
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), outgoing.Timeout)
	defer cancel()
	err = p.db.Tx(write, func(tx *store.Tx) error {
		row := *n
		row.RunAt = tx.Now().Add(noticeWaits[min(max(row.Attempts-1, 0), len(noticeWaits)-1)])
		if row.Status == store.NoticeQueued && !row.RunAt.Before(row.CreatedAt.Add(noticeLife)) {
			row.Status = store.NoticeDead
		}
		return tx.SettleNotice(&row)
	})
	if err != nil {
		p.log.Error("notice of sign-out", "tool", n.ClientID, "error", err)
	}
}

// logoutToken says that a session ended at us (Back-Channel Logout 1.0, 2.4).
func (p *Provider) logoutToken(tx *store.Tx, t *portique.Tool, n *store.LogoutNotice) (string, error) {
	now := tx.Now()
	return p.keys.sign(t.Algorithm, "logout+jwt", now, map[string]any{
		"iss": p.issuer, "aud": t.ID, "iat": now.Unix(), "exp": now.Add(logoutTokenLife).Unix(), "jti": secret.Token(),
		"sub": p.subject(t, n.AccountID), "sid": p.sid(t, n.SessionID),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	})
}

// postLogout sends a logout token; 200 and 204 mean that it was understood.
func (p *Provider) postLogout(ctx context.Context, address, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, _, err := p.outgoing.Do(r)
	if err == nil && status != http.StatusOK && status != http.StatusNoContent {
		err = fmt.Errorf("the tool answers %d", status)
	}
	return err
}
