-- +goose Up
-- A tool is told that somebody left it (OpenID Connect Back-Channel Logout): one row for each session and tool, kept a
-- while once it is told.
CREATE TABLE logout_notice (
  id           TEXT PRIMARY KEY,
  client_id    TEXT NOT NULL,
  session_id   TEXT NOT NULL,
  account_id   TEXT NOT NULL,
  status       TEXT NOT NULL,
  attempts     BIGINT NOT NULL DEFAULT 0,
  last_error   TEXT NOT NULL DEFAULT '',
  run_at       BIGINT NOT NULL,
  locked_until BIGINT NOT NULL DEFAULT 0,
  created_at   BIGINT NOT NULL
);
CREATE INDEX logout_notice_due ON logout_notice (run_at) WHERE status = 'queued';
CREATE INDEX logout_notice_created ON logout_notice (created_at);
CREATE INDEX oauth_grant_membership ON oauth_grant (membership_id);
CREATE INDEX oauth_grant_account ON oauth_grant (account_id);

-- +goose Down
DROP INDEX oauth_grant_account;
DROP INDEX oauth_grant_membership;
DROP TABLE logout_notice;
