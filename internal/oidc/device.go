package oidc

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// The device flow (RFC 8628): a device without a browser asks, shows a code, and
// polls; its person types that code in a browser. What follows there is a pending
// authorization like any other, bound to that browser, but for its end: nothing
// goes back to a tool by the browser, and nothing is given before a press on a
// page of its own.

// The lives of a device's codes, and how often it may poll.
const (
	DeviceLife = 10 * time.Minute
	DeviceWait = 5 * time.Second

	pollSlack  = 500 * time.Millisecond // what the network may take off the wait between two polls
	deviceKept = DeviceLife             // how long after it is too old a device is told so
)

const grantDevice = "urn:ietf:params:oauth:grant-type:device_code"

var (
	errPending        = refuse("authorization_pending", "nobody has decided yet")
	errTooManyDevices = &refusal{http.StatusTooManyRequests, "temporarily_unavailable", "too many devices asked from this network address: try again in some minutes"}
	errNoDeviceGrant  = refuse("unauthorized_client", "the tool is not registered for devices: portique tool set ID --device")
)

// deviceAnswer is what a device gets (RFC 8628 3.2).
type deviceAnswer struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int    `json:"expires_in"` // seconds
	Interval                int    `json:"interval"`   // seconds
}

// device takes what a device asks for (RFC 8628 3.1).
func (p *Provider) device(w http.ResponseWriter, r *http.Request) {
	var given *deviceAnswer
	p.machine(w, r, func(f *flight, v url.Values) error {
		if !f.client.Device {
			return errNoDeviceGrant
		}
		q, refused := deviceRequest(f.client, v)
		if refused != nil {
			return refused
		}
		kept, err := json.Marshal(q)
		if err != nil {
			return err
		}
		now := f.tx.Now()
		if f.client.Public() { // anybody may ask in its name, and each is a row until it is purged
			if err := p.begun.take(p.crowdOf(r), now, errTooManyDevices); err != nil {
				return err
			}
		}
		d := &store.Device{ClientID: f.client.ID, Request: string(kept), CompanyHint: q.CompanyHint, Source: f.actor.Source, Wait: DeviceWait,
			CreatedAt: now, ExpiresAt: now.Add(DeviceLife)}
		for range 5 { // two codes that are the same are rarer than anything else that may break
			code, typed := secret.Token(), portique.NewDeviceCode()
			d.Hash, d.UserHash = secret.Hash(code), p.secrets.TypedCode("device", "", typed)
			if fresh, err := f.tx.InsertDevice(d); err != nil || fresh {
				shown := portique.ShownDeviceCode(typed)
				given = &deviceAnswer{DeviceCode: code, UserCode: shown, VerificationURI: p.issuer + pathDevicePage,
					VerificationURIComplete: p.issuer + pathDevicePage + "?" + url.Values{"user_code": {shown}}.Encode(),
					ExpiresIn:               int(DeviceLife / time.Second), Interval: int(DeviceWait / time.Second)}
				return err
			}
		}
		return errors.New("no code is left for one more device")
	}, func() { writeJSON(w, http.StatusOK, given) })
}

// deviceRequest checks what a device asks for. What has a meaning only where a
// browser goes back to the tool is ignored, like any parameter that nobody knows.
func deviceRequest(t *portique.Tool, v url.Values) (*request, *refusal) {
	if len(v.Get("scope")) > maxState {
		return nil, refuse("invalid_request", "the parameter scope is too long")
	}
	q := &request{ClientID: t.ID}
	if refused := q.readScope(v.Get("scope")); refused != nil {
		return nil, refused
	}
	q.readCompanyHint(v.Get("company_hint"))
	if !reaches(acrPassword, t.MinACR) {
		return nil, refuse("unmet_authentication_requirements", "this tool asks for a stronger sign-in than there is: "+t.MinACR)
	}
	return q, nil
}

// ofDevice reads the device that a pending authorization is for, locked, so that
// two browsers in which its code was typed decide one after the other.
func (f *flight) ofDevice() error {
	d, err := f.tx.Device(f.row.Device)
	switch {
	case err != nil && missing(err):
		return errDeviceOld
	case err != nil:
		return err
	case d.Decided():
		return errFinished
	case !f.client.Device:
		return errStale
	}
	return nil
}

// allow gives a device what its page showed, at the press of its person: the same
// access, for who is signed in, and only if nothing else is to be done first.
func (p *Provider) allow(w http.ResponseWriter, r *http.Request) {
	v, err := readForm(w, r)
	if err == nil && twice(v) != "" {
		err = errBadRequest
	}
	if err != nil {
		p.showError(w, r, err)
		return
	}
	f, err := p.fly(r.Context(), func(f *flight) error {
		if err := p.resume(f, r); err != nil {
			return err
		}
		shown := f.row.MembershipID
		switch {
		case f.row.Device == nil:
			return errStale
		case f.current == nil:
			return errSignedOut
		case shown == "" || v.Get("access") != shown || f.row.SessionID != f.current.ID:
			return errOtherPage
		}
		f.allowed = true
		if err := p.proceed(f); err != nil {
			return err
		}
		if f.row.FinishedAt.IsZero() || f.row.MembershipID != shown {
			return errOtherPage // something is to be done first, which the page did not show
		}
		return nil
	})
	p.conclude(w, r, f, err)
}

// settle ends the authorization of a device: with what the person allowed, or a
// refusal, of theirs or of the policy's. The device learns it when it polls.
func (f *flight) settle() error {
	id := ""
	if f.refusal == nil {
		id = store.NewID()
		now := f.tx.Now()
		if err := f.tx.InsertGrant(&store.Grant{ID: id, ClientID: f.client.ID, AccountID: f.current.Account.ID, SessionID: f.current.ID,
			MembershipID: f.row.MembershipID, CodeExpiresAt: f.row.ExpiresAt, Request: f.row.Request, CreatedAt: now}); err != nil {
			return err
		}
	} else if err := f.tx.Audit(f.actor.Event(portique.ActionDeviceRefused, f.client.ID, "")); err != nil {
		return err
	}
	decided, err := f.tx.DecideDevice(f.row.Device, id)
	if err == nil && !decided {
		return errFinished
	}
	f.refusal = nil
	f.row.FinishedAt = f.tx.Now()
	f.location = pathDeviceDone + "?" + url.Values{"authorization": {f.row.ID}}.Encode()
	return err
}

// poll gives a device the tokens that its person allowed (RFC 8628 3.4), once.
// While nobody has decided, it counts the time between two polls.
func (p *Provider) poll(t *tokenRequest) (*tokenAnswer, error) {
	if !t.client.Device {
		return nil, errNoDeviceGrant
	}
	code := t.v.Get("device_code")
	if code == "" {
		return nil, refuse("invalid_request", "device_code is missing")
	}
	d, err := t.tx.Device(secret.Hash(code))
	if errors.Is(err, store.ErrNoDevice) {
		return nil, refuse("invalid_grant", "the device code is unknown")
	}
	if err != nil {
		return nil, err
	}
	now := t.tx.Now()
	switch {
	case d.ClientID != t.client.ID:
		return nil, refuse("invalid_grant", "the device code was given to another client")
	case !d.RedeemedAt.IsZero():
		return nil, errDeviceUsed
	case !d.RefusedAt.IsZero():
		return nil, refuse("access_denied", "the person refused")
	case !now.Before(d.ExpiresAt):
		return nil, refuse("expired_token", "the device code is too old: it lives 10 minutes")
	case d.GrantID == "":
		return nil, t.wait(d)
	}
	return p.fetch(t, d)
}

// wait tells a device to come back, later each time that it comes too soon (RFC
// 8628 3.5).
func (t *tokenRequest) wait(d *store.Device) error {
	now := t.tx.Now()
	early := !d.PolledAt.IsZero() && now.Sub(d.PolledAt) < d.Wait-pollSlack
	if d.PolledAt = now; early {
		d.Wait += DeviceWait
	}
	if err := t.tx.NotePoll(d); err != nil {
		return err
	}
	if early {
		return refuse("slow_down", "the device polls too often: wait "+d.Wait.String()+" between two polls")
	}
	return errPending
}

// fetch is the end of it: what a code gives when it is redeemed.
func (p *Provider) fetch(t *tokenRequest, d *store.Device) (*tokenAnswer, error) {
	g, err := t.tx.Grant(d.GrantID)
	if err != nil && !missing(err) {
		return nil, err
	}
	if err != nil || !g.RevokedAt.IsZero() {
		return nil, errFallenDevice
	}
	if err := t.tx.HoldStanding(g); err != nil { // as for a code: what ends the access finds that the tool was entered
		return nil, err
	}
	s, err := p.stand(t.tx, g)
	if err != nil && !missing(err) {
		return nil, err
	}
	if err != nil {
		if err := revoke(t.tx, g); err != nil {
			return nil, err
		}
		return nil, errFallenDevice
	}
	q := &request{}
	if err := json.Unmarshal([]byte(g.Request), q); err != nil {
		return nil, err
	}
	first, err := t.tx.RedeemDevice(d.Hash)
	if err != nil {
		return nil, err
	}
	if !first {
		return nil, errDeviceUsed
	}
	g.CodeRedeemedAt, g.DPoPKey = t.tx.Now(), t.dpopKey
	if err := t.tx.MarkGrant(g); err != nil {
		return nil, err
	}
	return p.issueFirst(t, g, s, q)
}

var (
	errDeviceUsed   = refuse("invalid_grant", "the device code was used before")
	errFallenDevice = refuse("invalid_grant", "the access behind the device code has ended")
)

// forDevice says whether an authorization is a device's, whose person has not
// pressed yet.
func (f *flight) forDevice() bool { return f.row.Device != nil && !f.allowed }
