-- What a person shows besides the mailed code. A passkey's public key and an authenticator app's secret are sealed under the
-- server key: whoever can write to the database can plant none.
CREATE TABLE factors (
    factor_id     TEXT PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (account_id),
    kind          TEXT NOT NULL,
    -- What its owner calls it.
    name          TEXT NOT NULL,
    sealed        TEXT NOT NULL,
    -- A passkey's name in its authenticator; null for an authenticator app. One account each.
    credential_id TEXT UNIQUE,
    -- What must rise with every use: the app's time step, the passkey's signature counter (0 if it has none).
    counter       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT
);
CREATE INDEX factors_by_account ON factors (account_id, created_at);

-- Each works once, for who lost the factor. The code itself is kept nowhere.
CREATE TABLE recovery_codes (
    code_mac   TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (account_id)
);
CREATE INDEX recovery_codes_by_account ON recovery_codes (account_id);

-- What the server must remember between its question and the browser's answer: one of each kind a session, for minutes.
CREATE TABLE ceremonies (
    session_hash TEXT NOT NULL,
    kind         TEXT NOT NULL,
    sealed       TEXT NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (session_hash, kind)
);

-- Browsers that signed in to an account before: the next time is no news.
CREATE TABLE known_browsers (
    browser_hash TEXT NOT NULL,
    account_id   TEXT NOT NULL REFERENCES accounts (account_id),
    seen_at      BIGINT NOT NULL,
    PRIMARY KEY (browser_hash, account_id)
);

-- When the second step was shown last; null while it was not.
ALTER TABLE sessions ADD COLUMN second_step_at BIGINT;
-- Where it began, without the house number, for its owner's list.
ALTER TABLE sessions ADD COLUMN network TEXT NOT NULL DEFAULT '';
