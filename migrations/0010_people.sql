-- What a person may do, and when. Accounts are never deleted: transfers and the audit name them.
ALTER TABLE accounts ADD COLUMN sender BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN auditor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN administrator BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN department_head BIGINT NOT NULL DEFAULT 0;
-- Empty: none.
ALTER TABLE accounts ADD COLUMN department TEXT NOT NULL DEFAULT '';
-- From the first of these seconds to before the second; null: no such bound.
ALTER TABLE accounts ADD COLUMN valid_from BIGINT;
ALTER TABLE accounts ADD COLUMN valid_until BIGINT;
ALTER TABLE accounts ADD COLUMN disabled_at BIGINT;
-- Null: let in by the configuration's list, and only as long as that does.
ALTER TABLE accounts ADD COLUMN invited_at BIGINT;
-- The last time.
ALTER TABLE accounts ADD COLUMN signed_in_at BIGINT;
-- Until now there were senders only, and an account came to be when its person signed in first.
UPDATE accounts SET sender = 1, signed_in_at = created_at;
CREATE INDEX accounts_by_administrator ON accounts (administrator) WHERE administrator = 1;
CREATE INDEX sessions_by_account ON sessions (account_id);

-- The department that a transfer was made in: it stays there when its sender moves.
ALTER TABLE transfers ADD COLUMN department TEXT NOT NULL DEFAULT '';
CREATE INDEX transfers_by_department ON transfers (department, created_at, transfer_id) WHERE department <> '';
-- The list of all that is under way, newest first.
CREATE INDEX transfers_under_way ON transfers (created_at, transfer_id) WHERE state IN ('draft', 'ready');

-- What makes the first administrator: printed on the console, kept as a hash, gone once there is one.
CREATE TABLE admin_links (
    link_hash  TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
