-- The audit log. Entries that were committed together are one row. Their numbers have no gaps.
CREATE TABLE audit (
    first INTEGER PRIMARY KEY, -- the number of the first entry
    count INTEGER NOT NULL,
    at INTEGER NOT NULL, -- the time of the last entry
    entries BLOB NOT NULL
) STRICT;
