package store

import (
	"context"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migration/*.sql
var migrations embed.FS

func (db *DB) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migration")
	if err != nil {
		return nil, err
	}
	if db.dialect == sqliteEngine {
		return goose.NewProvider(goose.DialectSQLite3, db.write, files)
	}
	// Several nodes may start at once: one migrates, the others wait.
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db.write, files, goose.WithSessionLocker(locker))
}

// Migrate brings the schema up to this program's version. It returns the
// number of steps taken. A schema newer than the program is refused.
func (db *DB) Migrate(ctx context.Context) (int, error) {
	if err := db.ours(ctx); err != nil {
		return 0, err
	}
	if db.Ping(ctx) == nil {
		return 0, nil // the usual start: without the lock that nodes migrate under
	}
	p, err := db.provider()
	if err != nil {
		return 0, err
	}
	if err := db.newer(ctx, p); err != nil {
		return 0, err
	}
	done, err := p.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("migrate: %w", err)
	}
	return len(done), nil
}

// MigrateNew brings an empty database up to this program's schema, and refuses
// another one that is not: upgrading is for the server and for migrate.
func (db *DB) MigrateNew(ctx context.Context) error {
	if err := db.ours(ctx); err != nil {
		return err
	}
	p, err := db.provider()
	if err != nil {
		return err
	}
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if version > 0 {
		return db.CheckSchema(ctx)
	}
	_, err = db.Migrate(ctx)
	return err
}

// ErrSchemaOld and ErrSchemaNew say why a schema is not this program's.
var (
	ErrSchemaOld = errors.New("the database schema is older than this program: run portique migrate")
	ErrSchemaNew = errors.New("the database schema is newer than this program: install the version that wrote it, or a later one")
)

// CheckSchema returns nil when the schema is exactly this program's.
func (db *DB) CheckSchema(ctx context.Context) error {
	if err := db.ours(ctx); err != nil {
		return err
	}
	p, err := db.provider()
	if err != nil {
		return err
	}
	if err := db.newer(ctx, p); err != nil {
		return err
	}
	pending, err := p.HasPending(ctx)
	if err != nil {
		return err
	}
	if pending {
		return ErrSchemaOld
	}
	return nil
}

func (db *DB) newer(ctx context.Context, p *goose.Provider) error {
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	sources := p.ListSources()
	if latest := sources[len(sources)-1].Version; version > latest {
		return ErrSchemaNew
	}
	return nil
}

// Ping says whether the database answers, has exactly this program's schema,
// and, after a write that failed, can be written to again.
func (db *DB) Ping(ctx context.Context) error {
	if db.cannot.Load() {
		err := db.Tx(ctx, func(tx *Tx) error {
			return tx.send(`INSERT INTO setting (name, value) VALUES ('probe', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, NewID())
		})
		if err != nil {
			return err
		}
		db.cannot.Store(false)
	}
	var version int64
	if err := db.read.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&version); err != nil {
		return err
	}
	entries, err := migrations.ReadDir("migration")
	if err != nil {
		return err
	}
	switch latest := int64(len(entries)); { // numbered from 1 without a gap
	case version < latest:
		return ErrSchemaOld
	case version > latest:
		return ErrSchemaNew
	}
	return nil
}

// CheckKeys refuses a master key that is not the one this database was filled
// with. The first call remembers a keyed fingerprint, never the key.
func (db *DB) CheckKeys(ctx context.Context) error {
	want := hex.EncodeToString(db.keys.Mac("fingerprint"))
	return db.Tx(ctx, func(tx *Tx) error {
		if err := tx.send(`INSERT INTO setting (name, value) VALUES ('key_fingerprint', $1) ON CONFLICT (name) DO NOTHING`, want); err != nil {
			return err
		}
		got, err := one(tx, ErrSchemaOld, func(r row) (v string, err error) {
			err = r.Scan(&v)
			return v, err
		}, `SELECT value FROM setting WHERE name = 'key_fingerprint'`)
		if err == nil && got != want {
			return ErrOtherKey
		}
		return err
	})
}
