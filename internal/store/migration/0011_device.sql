-- +goose Up
-- Whether a tool may be entered from a device without a browser (RFC 8628).
ALTER TABLE tool ADD COLUMN device BOOLEAN NOT NULL DEFAULT FALSE;

-- What a device asked for, by the hash of the code that it polls with and of the one that its person types.
CREATE TABLE device_request (
  hash         BYTEA PRIMARY KEY,
  user_hash    BYTEA NOT NULL UNIQUE,
  client_id    TEXT NOT NULL,
  request      TEXT NOT NULL,
  company_hint TEXT NOT NULL,
  source       TEXT NOT NULL,
  wait         BIGINT NOT NULL,
  polled_at    BIGINT NOT NULL DEFAULT 0,
  grant_id     TEXT NOT NULL DEFAULT '',
  refused_at   BIGINT NOT NULL DEFAULT 0,
  redeemed_at  BIGINT NOT NULL DEFAULT 0,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL
);
CREATE INDEX device_request_expires ON device_request (expires_at);

-- The device that an authorization is for, NULL for a browser's own.
ALTER TABLE pending_authorization ADD COLUMN device BYTEA;
CREATE INDEX pending_authorization_device ON pending_authorization (device) WHERE device IS NOT NULL;

-- +goose Down
DROP INDEX pending_authorization_device;
ALTER TABLE pending_authorization DROP COLUMN device;
DROP TABLE device_request;
ALTER TABLE tool DROP COLUMN device;
