package session

import (
	"context"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// authorization returns a pending authorization that belongs to this browser
// and still waits, or ErrNoAuthorization.
func authorization(tx *store.Tx, id, browser string) (*store.Authorization, error) {
	a, err := tx.Authorization(id)
	if err != nil {
		return nil, err
	}
	return a, waits(a.BrowserHash, a.ExpiresAt, a.FinishedAt, browser, tx.Now())
}

func waits(browserHash []byte, expiresAt, finishedAt time.Time, browser string, now time.Time) error {
	if !finishedAt.IsZero() || !now.Before(expiresAt) || browser == "" || !secret.Equal(browserHash, secret.Hash(browser)) {
		return store.ErrNoAuthorization
	}
	return nil
}

// Authorization returns the pending authorization that a page works for, when
// it belongs to this browser and still waits, or ErrNoAuthorization.
func (s *Service) Authorization(ctx context.Context, id, browser string) (w *store.Waiting, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if w, err = tx.Waiting(id); err != nil {
			return err
		}
		return waits(w.BrowserHash, w.ExpiresAt, w.FinishedAt, browser, tx.Now())
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Consent notes that the person agrees to what a tool is told, for this time and
// for the next ones. The authorization must be waiting for this very person:
// ErrNoAuthorization otherwise.
func (s *Service) Consent(ctx context.Context, actor portique.Actor, id, browser string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		pending, err := authorization(tx, id, browser)
		if err != nil {
			return err
		}
		asked, err := tx.Session(pending.SessionID)
		if err != nil || asked.AccountID != actor.AccountID || len(pending.Told) == 0 {
			return store.ErrNoAuthorization
		}
		pending.ConsentedAt = tx.Now()
		if err := tx.SaveAuthorization(pending); err != nil {
			return err
		}
		if err := tx.SaveConsent(actor.AccountID, pending.ClientID, pending.Told); err != nil {
			return err
		}
		return tx.Audit(actor.Event(portique.ActionConsented, pending.ClientID, ""))
	})
}

// ChooseCompany notes for which access a tool will be entered. The access must
// be the signed-in person's; whether it opens the tool is checked when the
// authorization goes on. ErrMembershipUnknown otherwise.
func (s *Service) ChooseCompany(ctx context.Context, actor portique.Actor, id, browser, membershipID string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		pending, err := authorization(tx, id, browser)
		if err != nil {
			return err
		}
		m, err := tx.Membership(membershipID)
		if err != nil {
			return err
		}
		if m.AccountID != actor.AccountID || !m.Active(tx.Now()) {
			return portique.ErrMembershipUnknown
		}
		pending.MembershipID = m.ID
		return tx.SaveAuthorization(pending)
	})
}
