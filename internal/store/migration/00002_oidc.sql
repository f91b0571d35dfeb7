-- +goose Up
-- What one authorization gave one tool, for one person, session and access.
-- The code is kept as its hash. Everything a tool holds dies with its grant.
CREATE TABLE oauth_grant (
  id               TEXT PRIMARY KEY,
  client_id        TEXT NOT NULL,
  account_id       TEXT NOT NULL,
  session_id       TEXT NOT NULL,
  membership_id    TEXT NOT NULL,
  code_hash        BYTEA UNIQUE,
  code_expires_at  BIGINT NOT NULL,
  code_redeemed_at BIGINT NOT NULL DEFAULT 0,
  revoked_at       BIGINT NOT NULL DEFAULT 0,
  engine           TEXT NOT NULL,
  created_at       BIGINT NOT NULL
);
CREATE INDEX oauth_grant_session ON oauth_grant (session_id, client_id);
CREATE INDEX oauth_grant_created ON oauth_grant (created_at);

-- Access tokens, by hash.
CREATE TABLE access_token (
  hash       BYTEA PRIMARY KEY,
  grant_id   TEXT NOT NULL REFERENCES oauth_grant (id) ON DELETE CASCADE,
  engine     TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX access_token_grant ON access_token (grant_id);

-- Private keys, sealed with the master key.
CREATE TABLE signing_key (
  kid        TEXT PRIMARY KEY,
  alg        TEXT NOT NULL,
  sealed     BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  retired_at BIGINT NOT NULL DEFAULT 0
);
-- One key signs per algorithm, whichever node made it first.
CREATE UNIQUE INDEX signing_key_one ON signing_key (alg) WHERE retired_at = 0;

-- +goose Down
DROP TABLE signing_key;
DROP TABLE access_token;
DROP TABLE oauth_grant;
