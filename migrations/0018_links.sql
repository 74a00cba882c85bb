-- A link is looked up by its token, so that a wrong one finds nothing in the same time, whether or not there is such a transfer.
CREATE UNIQUE INDEX transfers_by_link ON transfers (token_hash);
