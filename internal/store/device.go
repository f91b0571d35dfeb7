package store

import (
	"time"

	"portique"
)

// Device is what a device without a browser asked for (RFC 8628): it polls with
// one code, its person types the other. Both are kept by their hashes.
type Device struct {
	Hash        []byte // of the code that the device polls with
	UserHash    []byte // of the code that the person types
	ClientID    string
	Request     string // the authorization request, as of a pending authorization
	CompanyHint string
	Source      string        // network address that it asked from
	Wait        time.Duration // between two polls
	PolledAt    time.Time
	GrantID     string // what the person allowed, or ""
	RefusedAt   time.Time
	RedeemedAt  time.Time
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// Decided says whether a person allowed or refused it.
func (d *Device) Decided() bool { return d.GrantID != "" || !d.RefusedAt.IsZero() }

const deviceColumns = `hash, user_hash, client_id, request, company_hint, source, wait, polled_at, grant_id, refused_at, redeemed_at, created_at, expires_at`

func scanDevice(r row) (*Device, error) {
	var d Device
	var wait int64
	err := r.Scan(&d.Hash, &d.UserHash, &d.ClientID, &d.Request, &d.CompanyHint, &d.Source, &wait, at{&d.PolledAt}, &d.GrantID, at{&d.RefusedAt},
		at{&d.RedeemedAt}, at{&d.CreatedAt}, at{&d.ExpiresAt})
	d.Wait = time.Duration(wait) * time.Millisecond
	return &d, err
}

// ErrNoDevice: no device asked with that code, or it is too long ago.
var ErrNoDevice = &portique.Error{Kind: portique.NotFound, Key: "grant.device"}

// InsertDevice keeps what a device asks for. It says false when the code that
// the person would type is another device's.
func (tx *Tx) InsertDevice(d *Device) (bool, error) {
	n, err := tx.exec(`INSERT INTO device_request (`+deviceColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) ON CONFLICT (user_hash) DO NOTHING`,
		d.Hash, d.UserHash, d.ClientID, d.Request, d.CompanyHint, d.Source, d.Wait.Milliseconds(), ms(d.PolledAt), d.GrantID, ms(d.RefusedAt), ms(d.RedeemedAt),
		ms(d.CreatedAt), ms(d.ExpiresAt))
	return n == 1, err
}

// Device returns the device whose code hashes so, locked for this transaction,
// or ErrNoDevice.
func (tx *Tx) Device(hash []byte) (*Device, error) {
	return one(tx, ErrNoDevice, scanDevice, tx.dialect.forUpdate(`SELECT `+deviceColumns+` FROM device_request WHERE hash = $1`), hash)
}

// DeviceTyped returns the device whose code to type hashes so, or ErrNoDevice.
func (tx *Tx) DeviceTyped(userHash []byte) (*Device, error) {
	return one(tx, ErrNoDevice, scanDevice, `SELECT `+deviceColumns+` FROM device_request WHERE user_hash = $1`, userHash)
}

// ForgetTyped drops the authorizations that wait for a person to decide of a
// device.
func (tx *Tx) ForgetTyped(hash []byte) error {
	return tx.send(`DELETE FROM pending_authorization WHERE device=$1 AND finished_at=0`, hash)
}

// NotePoll saves that a device polled, and how long it waits from now on.
func (tx *Tx) NotePoll(d *Device) error {
	return tx.send(`UPDATE device_request SET polled_at=$2, wait=$3 WHERE hash=$1`, d.Hash, ms(d.PolledAt), d.Wait.Milliseconds())
}

// DecideDevice saves what a person decided of a device, once: the grant, or ""
// for a refusal. It says false when it was decided before, or is too old.
func (tx *Tx) DecideDevice(hash []byte, grantID string) (bool, error) {
	refusedAt := tx.now
	if grantID != "" {
		refusedAt = time.Time{}
	}
	n, err := tx.exec(`UPDATE device_request SET grant_id=$2, refused_at=$3 WHERE hash=$1 AND grant_id='' AND refused_at=0 AND expires_at > $4`,
		hash, grantID, ms(refusedAt), ms(tx.now))
	return n == 1, err
}

// RedeemDevice notes that a device fetched what its person allowed. It says true
// to one caller only.
func (tx *Tx) RedeemDevice(hash []byte) (bool, error) {
	n, err := tx.exec(`UPDATE device_request SET redeemed_at=$2 WHERE hash=$1 AND redeemed_at=0 AND refused_at=0 AND grant_id<>'' AND expires_at > $2`,
		hash, ms(tx.now))
	return n == 1, err
}

// DeviceAsked is a device as the pages of a pending authorization see it.
type DeviceAsked struct {
	Device
	Tool         portique.Tool // Name, NameEN
	BrowserHash  []byte        // of the authorization
	MembershipID string        // of the access chosen, or ""
	CompanyName  string
	SIREN        portique.SIREN
	AccountID    string // of who is signed in for it, or ""
	FinishedAt   time.Time
}

// DeviceAsked returns the device that a pending authorization is for, or
// ErrNoDevice, also when the authorization is a browser's own.
func (tx *Tx) DeviceAsked(authorizationID string) (*DeviceAsked, error) {
	return one(tx, ErrNoDevice, func(r row) (*DeviceAsked, error) {
		var d DeviceAsked
		return &d, r.Scan(&d.ClientID, &d.Source, &d.GrantID, at{&d.RefusedAt}, at{&d.CreatedAt}, at{&d.ExpiresAt}, &d.Tool.Name, &d.Tool.NameEN, &d.BrowserHash, &d.MembershipID,
			&d.CompanyName, &d.SIREN, &d.AccountID, at{&d.FinishedAt})
	}, `SELECT d.client_id, d.source, d.grant_id, d.refused_at, d.created_at, d.expires_at, t.name, t.name_en, p.browser_hash, p.membership_id,
		COALESCE(c.name, ''), COALESCE(c.siren, ''), COALESCE(s.account_id, ''), p.finished_at
		FROM pending_authorization p JOIN device_request d ON d.hash = p.device JOIN tool t ON t.id = p.client_id
		LEFT JOIN membership m ON m.id = p.membership_id LEFT JOIN company c ON c.siren = m.siren
		LEFT JOIN session s ON s.id = p.session_id WHERE p.id = $1`, authorizationID)
}

// PurgeDevices deletes what devices asked for and that expired before a time.
func (tx *Tx) PurgeDevices(before time.Time) error {
	return tx.send(`DELETE FROM device_request WHERE expires_at < $1`, ms(before))
}
