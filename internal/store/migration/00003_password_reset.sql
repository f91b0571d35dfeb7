-- +goose Up
-- A forgotten password: a link to the address, once. Which account it concerns
-- is decided when it is used, by the address.
CREATE TABLE password_reset (
  id         TEXT PRIMARY KEY,
  email      TEXT NOT NULL,
  token_hash BYTEA NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX password_reset_email ON password_reset (email);

-- +goose Down
DROP TABLE password_reset;
