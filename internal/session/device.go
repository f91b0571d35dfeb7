package session

import (
	"context"
	"errors"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// BrowserLife is how long the cookie lives that binds pending authorizations to
// a browser.
const BrowserLife = 24 * time.Hour

// BeginDevice takes the code that a device shows, and begins an authorization
// for that device in this browser: nothing is allowed yet. A code that no device
// waits for is refused, and counted; past a budget every code is.
func (s *Service) BeginDevice(ctx context.Context, actor portique.Actor, typed, browser string) (authorization string, err error) {
	code, err := portique.ParseDeviceCode(typed)
	if err != nil {
		return "", err
	}
	// Who is signed in has a budget of their own, so that somebody who guesses keeps no colleague out.
	try := store.Try{Budget: portique.BudgetDeviceSource, Key: []string{portique.SourceKey(actor.Source)}}
	if actor.AccountID != "" {
		try = store.Try{Budget: portique.BudgetDeviceAccount, Key: []string{actor.AccountID}}
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		taken, err := tx.Take(try)
		if err != nil {
			return err
		}
		d, err := waitingDevice(tx, s.keys.TypedCode("device", "", code))
		if errors.Is(err, store.ErrNoDevice) {
			if err := tx.Audit(actor.Event(portique.ActionDeviceCodeFailed, "", "")); err != nil {
				return err
			}
			return store.Refused(portique.ErrDeviceCode)
		}
		if err != nil {
			return err
		}
		if err := tx.GiveBack(taken); err != nil {
			return err
		}
		// Where the code was typed before, nothing waits any more: however often it
		// is, one row does.
		if err := tx.ForgetTyped(d.Hash); err != nil {
			return err
		}
		authorization = store.NewID()
		return tx.SaveAuthorization(&store.Authorization{ID: authorization, ClientID: d.ClientID, BrowserHash: secret.Hash(browser), Request: d.Request,
			Device: d.Hash, CompanyHint: d.CompanyHint, CreatedAt: tx.Now(), ExpiresAt: d.ExpiresAt})
	})
	return authorization, err
}

// waitingDevice finds a device that waits for somebody to decide, of a tool that
// still may be entered so.
func waitingDevice(tx *store.Tx, userHash []byte) (*store.Device, error) {
	d, err := tx.DeviceTyped(userHash)
	if err != nil {
		return nil, err
	}
	t, err := tx.Tool(d.ClientID)
	if errors.Is(err, store.ErrToolUnknown) || err == nil && (!t.Device || !t.DisabledAt.IsZero()) || d.Decided() || !tx.Now().Before(d.ExpiresAt) {
		return nil, store.ErrNoDevice
	}
	return d, err
}

// DeviceAsked returns the device that an authorization of this browser is for,
// decided or not, or ErrNoAuthorization.
func (s *Service) DeviceAsked(ctx context.Context, id, browser string) (d *store.DeviceAsked, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		d, err = tx.DeviceAsked(id)
		if errors.Is(err, store.ErrNoDevice) || err == nil && (browser == "" || !secret.Equal(d.BrowserHash, secret.Hash(browser))) {
			return store.ErrNoAuthorization
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}
