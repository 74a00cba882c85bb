-- When an object's second copy was whole. Null before that, and where no second store is configured.
ALTER TABLE objects ADD COLUMN copied_at BIGINT;
-- Who writes an object's bytes into a store just now (a random name), and until when that is believed: a copy, a repair. The
-- object's purge waits for it, so that nothing comes back afterwards.
ALTER TABLE objects ADD COLUMN leased_by TEXT;
ALTER TABLE objects ADD COLUMN leased_until BIGINT;
-- What waits for its copy is rare among much that has one.
CREATE INDEX objects_to_copy ON objects (copied_at, transfer_id, object_id) WHERE copied_at IS NULL;
