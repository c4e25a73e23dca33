ALTER TABLE jobs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0; -- of its rows, its input and its result
-- The earliest time at which the job may be deleted, because of an idempotency key.
ALTER TABLE jobs ADD COLUMN kept_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE idempotency ADD COLUMN at INTEGER NOT NULL DEFAULT 0; -- when it was claimed
UPDATE idempotency SET at = (SELECT created_at FROM jobs WHERE id = job);

CREATE INDEX keys_by_age ON idempotency (at);

-- What each tenant has: the sums over its rows in jobs and idempotency.
CREATE TABLE usage (
    tenant TEXT PRIMARY KEY,
    jobs INTEGER NOT NULL,
    open INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    keys INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Jobs whose payloads were put before they themselves were.
CREATE TABLE loose (
    job BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
