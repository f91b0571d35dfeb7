-- +goose Up
-- Who ended an access; '' for nobody's hand, or the operator's. What became of an access is told to its person for thirty days.
ALTER TABLE membership ADD COLUMN ended_by TEXT NOT NULL DEFAULT '';
CREATE INDEX membership_account ON membership (account_id, id);

-- +goose Down
DROP INDEX membership_account;
ALTER TABLE membership DROP COLUMN ended_by;
