-- +goose Up
-- What people who read English are shown of a tool, '' for the same as the others.
ALTER TABLE tool ADD COLUMN name_en TEXT NOT NULL DEFAULT '';
ALTER TABLE tool ADD COLUMN description_en TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE tool DROP COLUMN description_en;
ALTER TABLE tool DROP COLUMN name_en;
