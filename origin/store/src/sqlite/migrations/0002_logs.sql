-- Entries that are written together are one row, which has the version of the last entry.
ALTER TABLE log RENAME COLUMN entry TO entries;
