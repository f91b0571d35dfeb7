-- +goose Up
-- A person's accesses, those that ended included: what became of them is told for thirty days.
CREATE INDEX membership_account ON membership (account_id, id);

-- +goose Down
DROP INDEX membership_account;
