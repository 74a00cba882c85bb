-- Objects that a draft gave up for another because their file changed or was interrupted. A row goes with its transfer;
-- until then it answers repeated requests, and keeps the id from being used again.
CREATE TABLE replaced_objects (
    object_id      TEXT PRIMARY KEY,
    transfer_id    TEXT NOT NULL REFERENCES transfers (transfer_id),
    replacement_id TEXT NOT NULL,
    -- Of the replacement.
    object_len     BIGINT NOT NULL,
    -- Null while its bytes may still be there.
    purged_at      BIGINT
);
CREATE INDEX replaced_objects_by_transfer ON replaced_objects (transfer_id);
CREATE INDEX replaced_objects_to_purge ON replaced_objects (purged_at);
