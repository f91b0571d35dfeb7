-- +goose Up
-- What a tool that asks first would be told, and when the person agreed.
ALTER TABLE pending_authorization ADD COLUMN told TEXT NOT NULL DEFAULT '[]';
ALTER TABLE pending_authorization ADD COLUMN consented_at BIGINT NOT NULL DEFAULT 0;

-- What a person agreed that a tool is told.
CREATE TABLE consent (
  account_id TEXT NOT NULL REFERENCES account (id),
  client_id  TEXT NOT NULL,
  told       TEXT NOT NULL,
  given_at   BIGINT NOT NULL,
  PRIMARY KEY (account_id, client_id)
);

-- +goose Down
DROP TABLE consent;
ALTER TABLE pending_authorization DROP COLUMN consented_at;
ALTER TABLE pending_authorization DROP COLUMN told;
