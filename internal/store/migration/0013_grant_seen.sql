-- +goose Up
-- When a grant that lives apart from its browser (a device's) was last used; 0 for others.
ALTER TABLE oauth_grant ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE oauth_grant DROP COLUMN seen_at;
