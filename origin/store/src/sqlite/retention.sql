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
