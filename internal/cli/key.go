package cli

import (
	"fmt"
	"time"

	"portique/internal/oidc"
	"portique/internal/server"
	"portique/internal/store"
)

type keyCmd struct {
	Rotate keyRotateCmd `cmd:"" help:"Make the next signing keys: published now, they sign later."`
	List   keyListCmd   `cmd:"" help:"List the signing keys."`
	Revoke keyRevokeCmd `cmd:"" help:"Take a key out of use at once; another takes its place."`
}

type keyJSON struct {
	KID       string  `json:"kid"`
	Alg       string  `json:"alg"`
	Status    string  `json:"status"` // waiting, signing, retired, revoked
	CreatedAt *string `json:"created_at,omitempty"`
	SignsAt   *string `json:"signs_at,omitempty"`
	RetiredAt *string `json:"retired_at,omitempty"`
}

func keyOf(k *store.SigningKey, now time.Time) keyJSON {
	v := keyJSON{KID: k.ID, Alg: k.Algorithm, Status: "signing", CreatedAt: stamp(k.CreatedAt), SignsAt: stamp(k.SignsAt), RetiredAt: stamp(k.RetiredAt)}
	switch {
	case !k.RevokedAt.IsZero():
		v.Status = "revoked"
	case now.Before(k.SignsAt):
		v.Status = "waiting"
	case !k.RetiredAt.IsZero() && !now.Before(k.RetiredAt):
		v.Status = "retired"
	}
	if k.SignsAt.IsZero() {
		v.SignsAt = v.CreatedAt
	}
	return v
}

var keyHead = []string{"KID", "ALG", "STATUS", "SIGNS FROM", "UNTIL"}

func keyRow(v keyJSON) []string {
	return []string{v.KID, v.Alg, v.Status, text(v.SignsAt), text(v.RetiredAt)}
}

type keyRotateCmd struct {
	After time.Duration `default:"1h" help:"How long the new keys are published before they sign: as long as tools keep the key set."`
	JSON
}

func (c keyRotateCmd) Run(e *env) error {
	if c.After < 0 {
		return usageError{fmt.Errorf("--after is not negative")}
	}
	return e.with(func(app *server.App) error {
		made, err := oidc.RotateKeys(e.ctx, app.DB, app.Keys, actor(), c.After)
		if err != nil {
			return err
		}
		return e.keys(app, made, c.JSON.JSON)
	})
}

func (e *env) keys(app *server.App, rows []*store.SigningKey, asJSON bool) error {
	var now time.Time
	if err := app.DB.View(e.ctx, func(tx *store.Tx) error { now = tx.Now(); return nil }); err != nil {
		return err
	}
	values := make([]keyJSON, len(rows))
	for i, k := range rows {
		values[i] = keyOf(k, now)
	}
	return list(e, asJSON, values, keyHead, keyRow)
}

type keyListCmd struct{ JSON }

func (c keyListCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		rows, err := oidc.ListKeys(e.ctx, app.DB)
		if err != nil {
			return err
		}
		return e.keys(app, rows, c.JSON.JSON)
	})
}

type keyRevokeCmd struct {
	KID string `arg:"" help:"The key's id (kid)."`
}

func (c keyRevokeCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		if err := oidc.RevokeKey(e.ctx, app.DB, app.Keys, actor(), c.KID); err != nil {
			return err
		}
		fmt.Fprintf(e.Stdout, "%s signs no more, and what it signed is refused.\n", c.KID)
		return nil
	})
}
