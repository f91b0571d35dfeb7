-- +goose Up
-- The request that led to a grant stands beside what the engine keeps: userinfo
-- reads it at each call, and nothing else. Codes and access tokens given out
-- before this opened nothing for longer than five minutes; they end with it.
ALTER TABLE oauth_grant ADD COLUMN request TEXT NOT NULL DEFAULT '';
UPDATE oauth_grant SET code_hash = NULL;
DELETE FROM access_token;
-- What the engine keeps of a token was never read again.
ALTER TABLE access_token DROP COLUMN engine;

-- +goose Down
DELETE FROM access_token;
ALTER TABLE access_token ADD COLUMN engine TEXT NOT NULL DEFAULT '';
UPDATE oauth_grant SET code_hash = NULL;
ALTER TABLE oauth_grant DROP COLUMN request;
