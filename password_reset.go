package portique

import "time"

// ResetLinkLife is how long the link of a forgotten password serves.
const ResetLinkLife = 30 * time.Minute

// PasswordReset is a link mailed to whoever forgot a password. It proves the
// address, so it also validates a sign-up that waits there.
type PasswordReset struct {
	ID        string
	Email     string
	TokenHash []byte
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero: still to be used
}

// Check refuses a link that is spent or too old.
func (p *PasswordReset) Check(now time.Time) error {
	switch {
	case !p.UsedAt.IsZero():
		return ErrResetUnknown
	case !now.Before(p.ExpiresAt):
		return ErrResetExpired
	}
	return nil
}

// What resetting a password refuses.
var (
	ErrResetUnknown = &Error{Kind: Invalid, Key: "reset.unknown"}
	ErrResetExpired = &Error{Kind: Invalid, Key: "reset.expired"}
)
