-- Each row of the audit carries a hash over its own fields and the hash of the row before it (docs/AUDIT.md). No SQL hashes
-- the same way on both engines, so the first start after this migration fills it in for the rows that are there.
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';

-- One row: where the chain ends, and where it begins. Whoever appends changes it first, and so waits for all who did before.
CREATE TABLE audit_head (
    head_id    BIGINT PRIMARY KEY,
    seq        BIGINT NOT NULL,
    hash       TEXT NOT NULL,
    -- The newest row that was removed because of its age: the chain is verified from here on. 0 while none was.
    cut_seq    BIGINT NOT NULL,
    cut_hash   TEXT NOT NULL,
    -- The day of the newest anchor, counted from 1970-01-01 in UTC.
    anchor_day BIGINT NOT NULL
);

-- Signed statements about the head, one line each, as they are mailed and written to a file as well.
CREATE TABLE audit_anchors (
    anchor_id BIGINT PRIMARY KEY,
    line      TEXT NOT NULL
);

-- What a rule found unusual, once each: the name is made of the rule, whom or what it is about, and when.
CREATE TABLE audit_flags (
    flag_id     TEXT PRIMARY KEY,
    at          BIGINT NOT NULL,
    rule        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    transfer_id TEXT,
    detail      TEXT NOT NULL
);
CREATE INDEX audit_flags_by_time ON audit_flags (at, flag_id);

-- An auditor's page is found by the index of what is filtered by, in the order in which it is shown; a second filter by
-- event is decided within the index.
CREATE INDEX audit_by_time ON audit (at, seq, event);
CREATE INDEX audit_by_event ON audit (event, at, seq);
CREATE INDEX audit_by_actor ON audit (actor, at, seq, event);
CREATE INDEX audit_by_address ON audit (address, at, seq, event);
-- Volume by day and by sender.
CREATE INDEX transfers_by_ready ON transfers (ready_at, account_id, total_len) WHERE ready_at IS NOT NULL;
