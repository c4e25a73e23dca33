ALTER TABLE jobs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0; -- the size of its rows, its input and its result
-- The job may not be deleted before this time, because an idempotency key names it.
ALTER TABLE jobs ADD COLUMN kept_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE idempotency ADD COLUMN at INTEGER NOT NULL DEFAULT 0; -- when the key was first used
UPDATE idempotency SET at = (SELECT created_at FROM jobs WHERE id = job);

CREATE INDEX keys_by_age ON idempotency (at);

-- The usage of each tenant: the sums over its rows in jobs and idempotency.
CREATE TABLE usage (
    tenant TEXT PRIMARY KEY,
    jobs INTEGER NOT NULL,
    open INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    keys INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Jobs with a stored payload that are not stored themselves yet.
CREATE TABLE loose (
    job BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
