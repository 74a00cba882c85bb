-- What a department has waiting is summed up at each announcement of its senders: the sum needs nothing but these columns.
CREATE INDEX transfers_by_department_waiting ON transfers (department, purged_at, total_len) WHERE purged_at IS NULL AND department <> '';
