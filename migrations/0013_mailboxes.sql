-- Whether whoever opens it must first type a code that is mailed to the recipient.
ALTER TABLE transfers ADD COLUMN mailbox_code BIGINT NOT NULL DEFAULT 0;
-- When the sender was last told of many wrong passcodes.
ALTER TABLE transfers ADD COLUMN alarmed_at BIGINT;
-- The recipient's address in lower case, ASCII letters only: one mailbox, one key. Engines differ in what they do to other
-- letters, so addresses with any from before this column get none, and are not on their recipient's own page.
ALTER TABLE transfers ADD COLUMN recipient_key TEXT NOT NULL DEFAULT '';
UPDATE transfers SET recipient_key = LOWER(recipient_email) WHERE LENGTH(recipient_email) = OCTET_LENGTH(recipient_email);
CREATE INDEX transfers_by_recipient ON transfers (recipient_key, ready_at, transfer_id) WHERE state = 'ready';

-- Browsers that proved a recipient's mailbox by a mailed code. The codes wait in sign_in_codes, like those to sign in.
CREATE TABLE mailbox_sessions (
    session_hash TEXT PRIMARY KEY,
    email_key    TEXT NOT NULL,
    -- The one transfer that it was proved for; null for all that were sent to the address.
    transfer_id  TEXT REFERENCES transfers (transfer_id),
    expires_at   BIGINT NOT NULL
);
CREATE INDEX mailbox_sessions_by_transfer ON mailbox_sessions (transfer_id);
CREATE INDEX mailbox_sessions_by_age ON mailbox_sessions (expires_at);
