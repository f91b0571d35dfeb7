-- +goose Up
-- What a tool may be told and asked, and how it proves who it is.
ALTER TABLE tool ADD COLUMN backchannel_logout_uri TEXT NOT NULL DEFAULT '';
-- Its public keys (RFC 7517): as registered, or as last fetched from jwks_uri.
ALTER TABLE tool ADD COLUMN jwks TEXT NOT NULL DEFAULT '';
ALTER TABLE tool ADD COLUMN jwks_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE tool ADD COLUMN min_acr TEXT NOT NULL DEFAULT '';
ALTER TABLE tool ADD COLUMN consent BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE tool ADD COLUMN pairwise BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE tool ADD COLUMN userinfo_signed BOOLEAN NOT NULL DEFAULT FALSE;
-- The claims it may have, a JSON list; empty for all that its scopes release.
ALTER TABLE tool ADD COLUMN claims TEXT NOT NULL DEFAULT '[]';

-- +goose Down
ALTER TABLE tool DROP COLUMN claims;
ALTER TABLE tool DROP COLUMN userinfo_signed;
ALTER TABLE tool DROP COLUMN pairwise;
ALTER TABLE tool DROP COLUMN consent;
ALTER TABLE tool DROP COLUMN min_acr;
ALTER TABLE tool DROP COLUMN jwks_uri;
ALTER TABLE tool DROP COLUMN jwks;
ALTER TABLE tool DROP COLUMN backchannel_logout_uri;
