-- What was written at once is one row, and its version that of the last entry.
ALTER TABLE log RENAME COLUMN entry TO entries;
