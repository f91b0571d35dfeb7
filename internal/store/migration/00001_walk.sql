-- +goose Up
-- Times are milliseconds since 1970 in UTC, 0 when absent. Ids are UUIDv7 text.

CREATE TABLE setting (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE account (
  id                 TEXT PRIMARY KEY,
  email              TEXT NOT NULL UNIQUE,
  password_hash      TEXT NOT NULL,
  first_name         TEXT NOT NULL,
  last_name          TEXT NOT NULL,
  contributions_only BOOLEAN NOT NULL,
  language           TEXT NOT NULL,
  status             TEXT NOT NULL,
  created_at         BIGINT NOT NULL,
  last_sign_in_at    BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE sign_up (
  id                 TEXT PRIMARY KEY,
  email              TEXT NOT NULL,
  password_hash      TEXT NOT NULL,
  first_name         TEXT NOT NULL,
  last_name          TEXT NOT NULL,
  contributions_only BOOLEAN NOT NULL,
  language           TEXT NOT NULL,
  taken              BOOLEAN NOT NULL,
  browser_hash       BYTEA NOT NULL,
  link_hash          BYTEA NOT NULL UNIQUE,
  link_expires_at    BIGINT NOT NULL,
  code_hash          BYTEA NOT NULL,
  code_expires_at    BIGINT NOT NULL,
  code_tries         BIGINT NOT NULL DEFAULT 0,
  tries              BIGINT NOT NULL DEFAULT 0,
  disown_hash        BYTEA NOT NULL,
  disown_tries       BIGINT NOT NULL DEFAULT 0,
  created_at         BIGINT NOT NULL,
  ended_at           BIGINT NOT NULL DEFAULT 0,
  account_id         TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sign_up_email ON sign_up (email, id);

-- One table for the sessions of both doors: a portal session points at the
-- auth session it lives under and dies with it.
CREATE TABLE session (
  id           TEXT PRIMARY KEY,
  door         TEXT NOT NULL,
  account_id   TEXT NOT NULL REFERENCES account (id),
  parent_id    TEXT NOT NULL DEFAULT '',
  secret_hash  BYTEA NOT NULL,
  id_token     TEXT NOT NULL DEFAULT '',
  user_agent   TEXT NOT NULL DEFAULT '',
  created_at   BIGINT NOT NULL,
  seen_at      BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  ended_at     BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_parent ON session (parent_id) WHERE parent_id <> '';

-- An authorization request that waits for a person: sign-in, choice of company.
CREATE TABLE pending_authorization (
  id            TEXT PRIMARY KEY,
  client_id     TEXT NOT NULL,
  browser_hash  BYTEA NOT NULL,
  redirect_uri  TEXT NOT NULL,
  email_hint    TEXT NOT NULL DEFAULT '',
  company_hint  TEXT NOT NULL DEFAULT '',
  session_id    TEXT NOT NULL DEFAULT '',
  membership_id TEXT NOT NULL DEFAULT '',
  engine        TEXT NOT NULL,
  created_at    BIGINT NOT NULL,
  expires_at    BIGINT NOT NULL,
  finished_at   BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE company (
  siren         TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  status        TEXT NOT NULL,
  code_hash     BYTEA NOT NULL,
  contact_email TEXT NOT NULL DEFAULT '',
  street        TEXT NOT NULL DEFAULT '',
  postcode      TEXT NOT NULL DEFAULT '',
  city          TEXT NOT NULL DEFAULT '',
  sector        TEXT NOT NULL DEFAULT '',
  successor     TEXT NOT NULL DEFAULT '',
  imported_at   BIGINT NOT NULL
);

-- Never deleted: decides who is the first administrator and answers "has this
-- company ever had one".
CREATE TABLE first_administrator (
  siren      TEXT PRIMARY KEY REFERENCES company (siren),
  account_id TEXT NOT NULL REFERENCES account (id),
  at         BIGINT NOT NULL
);

CREATE TABLE membership (
  id         TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES account (id),
  siren      TEXT NOT NULL REFERENCES company (siren),
  role       TEXT NOT NULL,
  status     TEXT NOT NULL,
  rights     TEXT NOT NULL,
  since      BIGINT NOT NULL,
  until      BIGINT NOT NULL DEFAULT 0,
  ended_at   BIGINT NOT NULL DEFAULT 0
);
-- One living access per person and company.
CREATE UNIQUE INDEX membership_one ON membership (account_id, siren) WHERE status <> 'ended';
CREATE INDEX membership_siren ON membership (siren, id);

CREATE TABLE access_request (
  id           TEXT PRIMARY KEY,
  account_id   TEXT NOT NULL REFERENCES account (id),
  siren        TEXT NOT NULL REFERENCES company (siren),
  status       TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  sent_to      BIGINT NOT NULL,
  reminded_at  BIGINT NOT NULL DEFAULT 0,
  reminders    BIGINT NOT NULL DEFAULT 0,
  auto_at      BIGINT NOT NULL DEFAULT 0,
  escalated_at BIGINT NOT NULL DEFAULT 0,
  next_tick_at BIGINT NOT NULL,
  decided_at   BIGINT NOT NULL DEFAULT 0,
  decided_by   TEXT NOT NULL DEFAULT '',
  reason       TEXT NOT NULL DEFAULT ''
);
-- One pending request per person and company.
CREATE UNIQUE INDEX access_request_one ON access_request (account_id, siren) WHERE status = 'pending';
CREATE INDEX access_request_siren ON access_request (siren, id);
CREATE INDEX access_request_tick ON access_request (next_tick_at) WHERE status = 'pending';

CREATE TABLE tool (
  id               TEXT PRIMARY KEY,
  name             TEXT NOT NULL,
  description      TEXT NOT NULL DEFAULT '',
  url              TEXT NOT NULL,
  redirect_uris    TEXT NOT NULL,
  post_logout_uris TEXT NOT NULL,
  audience         TEXT NOT NULL,
  auth_method      TEXT NOT NULL,
  secret_hash      BYTEA NOT NULL,
  pkce_optional    BOOLEAN NOT NULL,
  algorithm        TEXT NOT NULL,
  created_at       BIGINT NOT NULL,
  disabled_at      BIGINT NOT NULL DEFAULT 0
);

-- The outbox: what must leave the process is a row of the transaction that
-- promises it.
CREATE TABLE letter (
  id           TEXT PRIMARY KEY,
  message_id   TEXT NOT NULL,
  recipient    TEXT NOT NULL,
  name         TEXT NOT NULL,
  language     TEXT NOT NULL,
  kind         TEXT NOT NULL,
  about        TEXT NOT NULL DEFAULT '',
  data         TEXT NOT NULL,
  sealed       BYTEA,
  status       TEXT NOT NULL,
  attempts     BIGINT NOT NULL DEFAULT 0,
  last_error   TEXT NOT NULL DEFAULT '',
  run_at       BIGINT NOT NULL,
  locked_until BIGINT NOT NULL DEFAULT 0,
  created_at   BIGINT NOT NULL,
  sent_at      BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX letter_due ON letter (run_at, id) WHERE status = 'queued';
CREATE INDEX letter_recipient ON letter (recipient, id);
CREATE INDEX letter_about ON letter (about, id) WHERE about <> '';

-- The journal.
CREATE TABLE event (
  id         TEXT PRIMARY KEY,
  at         BIGINT NOT NULL,
  action     TEXT NOT NULL,
  actor      TEXT NOT NULL,
  door       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  siren      TEXT NOT NULL,
  reason     TEXT NOT NULL,
  source     TEXT NOT NULL,
  request_id TEXT NOT NULL
);
CREATE INDEX event_subject ON event (subject, id);
CREATE INDEX event_siren ON event (siren, id) WHERE siren <> '';

-- +goose Down
DROP TABLE event;
DROP TABLE letter;
DROP TABLE tool;
DROP TABLE access_request;
DROP TABLE membership;
DROP TABLE first_administrator;
DROP TABLE company;
DROP TABLE pending_authorization;
DROP TABLE session;
DROP TABLE sign_up;
DROP TABLE account;
DROP TABLE setting;
