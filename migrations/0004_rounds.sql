-- What each round of the jobs looks for is rare among many transfers that wait: found by an index of only that, not by reading
-- all that wait.
CREATE INDEX transfers_spent ON transfers (state, transfer_id) WHERE state = 'ready' AND openings >= max_openings;
CREATE INDEX transfers_over ON transfers (ended_at, transfer_id) WHERE purged_at IS NULL AND ended_at IS NOT NULL;
DROP INDEX transfers_to_purge;
-- Each transfer that ends takes its link's mail with it, however much mail waits for a mail server that is away.
CREATE INDEX outbox_by_transfer ON outbox (transfer_id);
