-- What a sender has waiting is summed up at each announcement: without its own index that read every transfer that the
-- sender ever made. The sum needs nothing but these columns.
CREATE INDEX transfers_waiting ON transfers (account_id, purged_at, total_len) WHERE purged_at IS NULL;
