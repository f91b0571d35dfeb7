-- +goose Up
-- The sign-in host keeps authorization requests as it read them: what an engine kept beside them goes. What waits for a
-- person lives an hour and an unspent code a minute: both begin again.
DELETE FROM pending_authorization;
ALTER TABLE pending_authorization DROP COLUMN engine;
ALTER TABLE pending_authorization ADD COLUMN request TEXT NOT NULL DEFAULT '';

UPDATE oauth_grant SET code_hash = NULL;
ALTER TABLE oauth_grant DROP COLUMN engine;
-- Thumbprint of the key that everything of this grant is bound to (RFC 9449), or ''.
ALTER TABLE oauth_grant ADD COLUMN dpop_key TEXT NOT NULL DEFAULT '';
-- What a refresh narrowed the access to, '' for all that the grant has.
ALTER TABLE access_token ADD COLUMN scope TEXT NOT NULL DEFAULT '';

-- Refresh tokens, by hash. A used one stays while its grant does, so that a second use is noticed; its successor is kept
-- sealed for a client that lost the answer.
CREATE TABLE refresh_token (
  hash       BYTEA PRIMARY KEY,
  grant_id   TEXT NOT NULL REFERENCES oauth_grant (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL DEFAULT 0,
  successor  BYTEA
);
CREATE INDEX refresh_token_grant ON refresh_token (grant_id);

-- Authorization requests sent ahead (RFC 9126), by the hash of their address.
CREATE TABLE pushed_request (
  hash       BYTEA PRIMARY KEY,
  client_id  TEXT NOT NULL,
  parameters TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX pushed_request_expires ON pushed_request (expires_at);

-- Proofs seen once (jti of client assertions and DPoP proofs), until they are too old to be taken anyway.
CREATE TABLE proof_seen (
  hash       BYTEA PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX proof_seen_expires ON proof_seen (expires_at);

-- A key signs from one moment to another, both known ahead: tools see it before it signs.
ALTER TABLE signing_key ADD COLUMN signs_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_key ADD COLUMN revoked_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE signing_key DROP COLUMN revoked_at;
ALTER TABLE signing_key DROP COLUMN signs_at;
DROP TABLE proof_seen;
DROP TABLE pushed_request;
DROP TABLE refresh_token;
ALTER TABLE access_token DROP COLUMN scope;
ALTER TABLE oauth_grant DROP COLUMN dpop_key;
ALTER TABLE oauth_grant ADD COLUMN engine TEXT NOT NULL DEFAULT '';
UPDATE oauth_grant SET code_hash = NULL;
DELETE FROM pending_authorization;
ALTER TABLE pending_authorization DROP COLUMN request;
ALTER TABLE pending_authorization ADD COLUMN engine TEXT NOT NULL DEFAULT '';
