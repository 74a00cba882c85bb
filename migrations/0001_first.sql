-- Everything that the server knows. The same text runs on SQLite and PostgreSQL: ids, hashes and ciphertext are
-- base64url text, times are whole seconds since 1970, truth is 0 or 1.

CREATE TABLE accounts (
    account_id   TEXT PRIMARY KEY,
    -- The address in lower case: one mailbox, one account.
    email_key    TEXT NOT NULL UNIQUE,
    email        TEXT NOT NULL,
    -- Empty until the sender gave it.
    name         TEXT NOT NULL,
    organisation TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);

-- One waiting code a browser. The code itself is kept nowhere.
CREATE TABLE sign_in_codes (
    browser_hash TEXT PRIMARY KEY,
    email_key    TEXT NOT NULL,
    code_mac     TEXT NOT NULL,
    tries        BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);

CREATE TABLE sessions (
    session_hash TEXT PRIMARY KEY,
    account_id   TEXT NOT NULL REFERENCES accounts (account_id),
    created_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL
);
CREATE INDEX sessions_by_age ON sessions (seen_at);

-- A row stays when its bytes are gone: it is the sender's list, and no id is ever used twice.
CREATE TABLE transfers (
    transfer_id      TEXT PRIMARY KEY,
    account_id       TEXT NOT NULL REFERENCES accounts (account_id),
    -- SHA-256 of the request that made it, to tell a repeated request from another one.
    request_hash     TEXT NOT NULL,
    recipient_email  TEXT NOT NULL,
    recipient_kind   TEXT NOT NULL,
    state            TEXT NOT NULL,
    files            BIGINT NOT NULL,
    total_len        BIGINT NOT NULL,
    max_openings     BIGINT NOT NULL,
    openings         BIGINT NOT NULL,
    refused_attempts BIGINT NOT NULL,
    notify_opened    BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    -- The draft's last sign of life.
    touched_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    ready_at         BIGINT,
    last_opened_at   BIGINT,
    ended_at         BIGINT,
    purged_at        BIGINT,
    -- Set when the sender was told that it expires soon.
    warned_at        BIGINT,
    token_hash       TEXT,
    verifier         TEXT,
    -- The mail with the current link; an older one no longer counts.
    mail_id          TEXT,
    mail_state       TEXT,
    mail_reason      TEXT
);
CREATE INDEX transfers_by_sender ON transfers (account_id, created_at, transfer_id);
CREATE INDEX transfers_by_state ON transfers (state, expires_at);
CREATE INDEX transfers_to_purge ON transfers (purged_at, ended_at);

CREATE TABLE objects (
    object_id   TEXT PRIMARY KEY,
    transfer_id TEXT NOT NULL REFERENCES transfers (transfer_id),
    position    BIGINT NOT NULL,
    object_len  BIGINT NOT NULL
);
CREATE INDEX objects_by_transfer ON objects (transfer_id, position);

CREATE TABLE parts (
    object_id TEXT NOT NULL REFERENCES objects (object_id),
    n         BIGINT NOT NULL,
    sha256    TEXT NOT NULL,
    PRIMARY KEY (object_id, n)
);

-- What unlocking hands out. The capsule is wrapped under the key in transfer_keys.
CREATE TABLE sealed (
    transfer_id  TEXT PRIMARY KEY REFERENCES transfers (transfer_id),
    capsule      TEXT NOT NULL,
    manifest     TEXT NOT NULL,
    -- The link's token for a repeated seal request, under a key that only the proof gives; gone after a resend.
    repeat_token TEXT
);

-- One key a transfer, itself under the server key. Kept apart so that backups can leave it out; without its row a
-- transfer is shredded, wherever copies of it are.
CREATE TABLE transfer_keys (
    transfer_id TEXT PRIMARY KEY REFERENCES transfers (transfer_id),
    wrapped_key TEXT NOT NULL
);

CREATE TABLE tickets (
    ticket_hash TEXT PRIMARY KEY,
    transfer_id TEXT NOT NULL REFERENCES transfers (transfer_id),
    expires_at  BIGINT NOT NULL
);
CREATE INDEX tickets_by_transfer ON tickets (transfer_id, expires_at);

-- Mail that is true but not yet handed over. Words are made when it leaves; only the secret (a link's token, a
-- sign-in code) is kept, sealed under the server key, until the row goes.
CREATE TABLE outbox (
    mail_id      TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,
    recipient    TEXT NOT NULL,
    transfer_id  TEXT REFERENCES transfers (transfer_id),
    secret       TEXT,
    reason       TEXT,
    created_at   BIGINT NOT NULL,
    give_up_at   BIGINT NOT NULL,
    next_try_at  BIGINT NOT NULL,
    tries        BIGINT NOT NULL
);
CREATE INDEX outbox_by_turn ON outbox (next_try_at);

-- Wrong passcodes, by transfer and by client network.
CREATE TABLE passcode_failures (
    scope        TEXT PRIMARY KEY,
    failures     BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    paused_until BIGINT NOT NULL
);

-- Requests counted in fixed windows.
CREATE TABLE rate_windows (
    scope     TEXT PRIMARY KEY,
    starts_at BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    hits      BIGINT NOT NULL
);

-- Who did what, when, from where. Only ever appended to.
CREATE TABLE audit (
    seq         BIGINT PRIMARY KEY,
    at          BIGINT NOT NULL,
    event       TEXT NOT NULL,
    actor       TEXT NOT NULL,
    transfer_id TEXT,
    address     TEXT,
    detail      TEXT NOT NULL
);
CREATE INDEX audit_by_transfer ON audit (transfer_id, seq);
