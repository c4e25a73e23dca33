-- The audit log. Entries that were committed at once are one row; their numbers have no gaps.
CREATE TABLE audit (
    first INTEGER PRIMARY KEY, -- the number of the first entry
    count INTEGER NOT NULL,
    at INTEGER NOT NULL, -- of the last entry
    entries BLOB NOT NULL
) STRICT;
