-- +goose Up
-- Tries that count against a budget: who or what is tried is known by a keyed
-- hash only. One row a try; deleted when it succeeded or its window has passed.
CREATE TABLE throttle_try (
  name TEXT NOT NULL,
  key  BYTEA NOT NULL,
  id   TEXT NOT NULL,
  at   BIGINT NOT NULL,
  PRIMARY KEY (name, key, id)
);
CREATE INDEX throttle_try_key ON throttle_try (name, key, at);
CREATE INDEX throttle_try_at ON throttle_try (at);

-- Browsers in which a person signed in before, by the hash of their cookie.
CREATE TABLE known_browser (
  account_id   TEXT NOT NULL REFERENCES account (id),
  browser_hash BYTEA NOT NULL,
  created_at   BIGINT NOT NULL,
  seen_at      BIGINT NOT NULL,
  PRIMARY KEY (account_id, browser_hash)
);

-- Forgotten passwords as they were asked for, whether the address is known or
-- not: the answer is prepared after the page was sent, so that it tells nothing.
CREATE TABLE reset_ask (
  id         TEXT PRIMARY KEY,
  email      TEXT NOT NULL,
  language   TEXT NOT NULL,
  source     TEXT NOT NULL,
  request_id TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

-- How the first administrator of a company is watched: the known contact is
-- told and may confirm or contest until the watch ends; contested, the operator
-- decides.
CREATE TABLE first_claim (
  siren         TEXT PRIMARY KEY REFERENCES company (siren),
  id            TEXT NOT NULL UNIQUE,
  account_id    TEXT NOT NULL REFERENCES account (id),
  membership_id TEXT NOT NULL REFERENCES membership (id),
  contact_email TEXT NOT NULL,
  token_hash    BYTEA NOT NULL UNIQUE,
  code_hash     BYTEA NOT NULL,
  tries         BIGINT NOT NULL DEFAULT 0,
  status        TEXT NOT NULL,
  created_at    BIGINT NOT NULL,
  watched_until BIGINT NOT NULL,
  answered_at   BIGINT NOT NULL DEFAULT 0,
  settled_at    BIGINT NOT NULL DEFAULT 0,
  reason        TEXT NOT NULL DEFAULT ''
);

-- A second proof asked of somebody who gave a SIREN and a member code. Rows are
-- written alike whether the member code was right (proved) or not.
CREATE TABLE step_up (
  id         TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES account (id),
  siren      TEXT NOT NULL,
  proved     BOOLEAN NOT NULL,
  code_hash  BYTEA NOT NULL,
  sealed     BYTEA,
  tries      BIGINT NOT NULL DEFAULT 0,
  status     TEXT NOT NULL,
  told       BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  decided_at BIGINT NOT NULL DEFAULT 0,
  reason     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX step_up_account ON step_up (account_id, id);
CREATE INDEX step_up_siren ON step_up (siren, id);
CREATE INDEX step_up_untold ON step_up (id) WHERE NOT told;

-- +goose Down
DROP TABLE step_up;
DROP TABLE first_claim;
DROP TABLE reset_ask;
DROP TABLE known_browser;
DROP TABLE throttle_try;
