-- What programs show instead of signing in. The token itself is kept nowhere: its SHA-256 names the row and opens nothing.
CREATE TABLE access_tokens (
    token_hash   TEXT PRIMARY KEY,
    account_id   TEXT NOT NULL REFERENCES accounts (account_id),
    -- What its owner calls it.
    name         TEXT NOT NULL,
    -- What it may be used for, in words with a space between them.
    scopes       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    -- To the hour; null until then.
    last_used_at BIGINT
);
CREATE INDEX access_tokens_by_account ON access_tokens (account_id, created_at);
