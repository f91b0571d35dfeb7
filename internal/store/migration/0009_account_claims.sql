-- +goose Up
-- What more a tool may be told of a person (OpenID Connect Core 5.1), one JSON object: what the account itself does not say.
CREATE TABLE account_claims (
  account_id TEXT PRIMARY KEY REFERENCES account (id),
  claims     TEXT NOT NULL
);

-- +goose Down
DROP TABLE account_claims;
