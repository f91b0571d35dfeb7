package store

import "portique"

const accountColumns = `id, email, password_hash, first_name, last_name, contributions_only, language, status, created_at, last_sign_in_at`

func accountFields(a *portique.Account) []any {
	return []any{&a.ID, &a.Email, &a.PasswordHash, &a.FirstName, &a.LastName, &a.ContributionsOnly,
		&a.Language, &a.Status, at{&a.CreatedAt}, at{&a.LastSignInAt}}
}

func scanAccount(r row) (*portique.Account, error) {
	var a portique.Account
	return &a, r.Scan(accountFields(&a)...)
}

// InsertAccount adds an account, or returns ErrEmailTaken. It leaves the
// transaction usable in both cases.
func (tx *Tx) InsertAccount(a *portique.Account) error {
	n, err := tx.exec(`INSERT INTO account (`+accountColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)
		ON CONFLICT (email) DO NOTHING`,
		a.ID, a.Email, a.PasswordHash, a.FirstName, a.LastName, a.ContributionsOnly, a.Language, a.Status,
		ms(a.CreatedAt), ms(a.LastSignInAt))
	if err == nil && n == 0 {
		return portique.ErrEmailTaken
	}
	return err
}

// SaveAccountClaims keeps what more tools may be told of a person, a JSON object.
func (tx *Tx) SaveAccountClaims(id, claims string) error {
	return tx.send(`INSERT INTO account_claims (account_id, claims) VALUES ($1,$2)
		ON CONFLICT (account_id) DO UPDATE SET claims=excluded.claims`, id, claims)
}

// ErrNoAccountClaims: nothing more is known of the person.
var ErrNoAccountClaims = &portique.Error{Kind: portique.NotFound, Key: "grant.claims"}

// AccountClaims returns what SaveAccountClaims keeps, or ErrNoAccountClaims.
func (tx *Tx) AccountClaims(id string) (string, error) {
	return one(tx, ErrNoAccountClaims, func(r row) (claims string, err error) {
		err = r.Scan(&claims)
		return claims, err
	}, `SELECT claims FROM account_claims WHERE account_id = $1`, id)
}

// Account returns the account with that id, or ErrAccountUnknown.
func (tx *Tx) Account(id string) (*portique.Account, error) {
	return one(tx, portique.ErrAccountUnknown, scanAccount, `SELECT `+accountColumns+` FROM account WHERE id = $1`, id)
}

// AccountByEmail returns the account with that canonical address, or ErrAccountUnknown.
func (tx *Tx) AccountByEmail(email string) (*portique.Account, error) {
	return one(tx, portique.ErrAccountUnknown, scanAccount, `SELECT `+accountColumns+` FROM account WHERE email = $1`, email)
}

// Accounts lists every account, oldest first.
func (tx *Tx) Accounts() ([]*portique.Account, error) {
	return all(tx, scanAccount, `SELECT `+accountColumns+` FROM account ORDER BY id`)
}

// LockAccount is Account, held until the transaction ends: signing in, opening
// an access and disabling never cross. Lock companies before accounts.
func (tx *Tx) LockAccount(id string) (*portique.Account, error) {
	return one(tx, portique.ErrAccountUnknown, scanAccount,
		tx.dialect.forNoKeyUpdate(`SELECT `+accountColumns+` FROM account WHERE id = $1`), id)
}

// NoteSignIn writes down a sign-in, and the language of the page for a person
// who never chose one.
func (tx *Tx) NoteSignIn(id, language string) error {
	return tx.send(`UPDATE account SET last_sign_in_at=$2,
		language = CASE WHEN language = '' THEN $3 ELSE language END WHERE id=$1`, id, ms(tx.now), language)
}

// SetAccountLanguage saves the language a person chose.
func (tx *Tx) SetAccountLanguage(id, language string) error {
	return tx.send(`UPDATE account SET language=$2 WHERE id=$1`, id, language)
}

// SetAccountStatus disables or enables an account.
func (tx *Tx) SetAccountStatus(id string, status portique.AccountStatus) error {
	return tx.send(`UPDATE account SET status=$2 WHERE id=$1`, id, status)
}

const signUpColumns = `id, email, password_hash, first_name, last_name, contributions_only, language, taken,
	browser_hash, link_hash, link_expires_at, code_hash, code_expires_at, code_tries, tries, disown_hash,
	created_at, ended_at, account_id, disown_tries`

func scanSignUp(r row) (*portique.SignUp, error) {
	var s portique.SignUp
	err := r.Scan(&s.ID, &s.Email, &s.PasswordHash, &s.FirstName, &s.LastName, &s.ContributionsOnly, &s.Language,
		&s.Taken, &s.BrowserHash, &s.LinkHash, at{&s.LinkExpiresAt}, &s.CodeHash, at{&s.CodeExpiresAt}, &s.CodeTries,
		&s.Tries, &s.DisownHash, at{&s.CreatedAt}, at{&s.EndedAt}, &s.AccountID, &s.DisownTries)
	return &s, err
}

// InsertSignUp adds a sign-up.
func (tx *Tx) InsertSignUp(s *portique.SignUp) error {
	return tx.send(`INSERT INTO sign_up (`+signUpColumns+`)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20)`,
		s.ID, s.Email, s.PasswordHash, s.FirstName, s.LastName, s.ContributionsOnly, s.Language, s.Taken,
		s.BrowserHash, s.LinkHash, ms(s.LinkExpiresAt), s.CodeHash, ms(s.CodeExpiresAt), s.CodeTries, s.Tries,
		s.DisownHash, ms(s.CreatedAt), ms(s.EndedAt), s.AccountID, s.DisownTries)
}

// SignUp returns the sign-up with that id, or ErrSignUpUnknown. It is locked for
// this transaction with all others of its address, in one order: those that
// become an account at the same moment end each other, and would otherwise wait
// for each other.
func (tx *Tx) SignUp(id string) (*portique.SignUp, error) {
	_, err := all(tx, func(r row) (other string, err error) {
		err = r.Scan(&other)
		return other, err
	}, tx.dialect.forUpdate(`SELECT id FROM sign_up WHERE email = (SELECT email FROM sign_up WHERE id = $1) ORDER BY id`), id)
	if err != nil {
		return nil, err
	}
	return tx.ReadSignUp(id)
}

// ReadSignUp is SignUp without the locks, for a View.
func (tx *Tx) ReadSignUp(id string) (*portique.SignUp, error) {
	return one(tx, portique.ErrSignUpUnknown, scanSignUp, `SELECT `+signUpColumns+` FROM sign_up WHERE id = $1`, id)
}

// SignUpByLink returns the sign-up whose link hashes so, or ErrLinkUnknown.
func (tx *Tx) SignUpByLink(hash []byte) (*portique.SignUp, error) {
	return one(tx, portique.ErrLinkUnknown, scanSignUp, `SELECT `+signUpColumns+` FROM sign_up WHERE link_hash = $1`, hash)
}

// OpenSignUps lists the living sign-ups of an address ("" for all), newest first.
func (tx *Tx) OpenSignUps(email string) ([]*portique.SignUp, error) {
	return all(tx, scanSignUp, `SELECT `+signUpColumns+` FROM sign_up
		WHERE ended_at = 0 AND ($1 = '' OR email = $1) ORDER BY id DESC`, email)
}

// UpdateSignUp saves what changes in the life of a sign-up.
func (tx *Tx) UpdateSignUp(s *portique.SignUp) error {
	return tx.send(`UPDATE sign_up SET email=$2, taken=$3, browser_hash=$4, link_hash=$5, link_expires_at=$6,
		code_hash=$7, code_expires_at=$8, code_tries=$9, tries=$10, disown_hash=$11, ended_at=$12, account_id=$13, disown_tries=$14
		WHERE id=$1`,
		s.ID, s.Email, s.Taken, s.BrowserHash, s.LinkHash, ms(s.LinkExpiresAt), s.CodeHash, ms(s.CodeExpiresAt),
		s.CodeTries, s.Tries, s.DisownHash, ms(s.EndedAt), s.AccountID, s.DisownTries)
}

// TakeSignUps makes every living sign-up of an address look as it did and lead
// nowhere: the address has an account now.
func (tx *Tx) TakeSignUps(email string) error {
	return tx.send(`UPDATE sign_up SET taken = $2 WHERE email=$1 AND ended_at=0`, email, true)
}

// EndSignUps ends every living sign-up of an address.
func (tx *Tx) EndSignUps(email string) error {
	return tx.send(`UPDATE sign_up SET ended_at=$2 WHERE email=$1 AND ended_at=0`, email, ms(tx.now))
}

// PurgeSignUps deletes the sign-ups made before a time.
func (tx *Tx) PurgeSignUps(before int64) (int64, error) {
	return tx.exec(`DELETE FROM sign_up WHERE created_at < $1`, before)
}
