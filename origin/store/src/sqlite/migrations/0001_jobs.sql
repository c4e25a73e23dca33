CREATE TABLE jobs (
    id BLOB PRIMARY KEY,
    tenant TEXT NOT NULL,
    topic TEXT NOT NULL,
    state INTEGER NOT NULL,
    version INTEGER NOT NULL,
    open INTEGER NOT NULL, -- 1 while a durable job has not ended
    dispatch BLOB, -- the dispatch of the current lease
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    record BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_by_tenant ON jobs (tenant, id);
CREATE INDEX jobs_by_state ON jobs (tenant, state, id);
CREATE INDEX open_jobs ON jobs (id) WHERE open = 1;

CREATE TABLE log (
    job BLOB NOT NULL,
    version INTEGER NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (job, version)
) STRICT, WITHOUT ROWID;

-- The log entries of all durable jobs in the order of writing. A number is never used twice.
CREATE TABLE steps (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job BLOB NOT NULL,
    tenant TEXT NOT NULL,
    version INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message BLOB NOT NULL
) STRICT;

CREATE TABLE payloads (
    job BLOB NOT NULL,
    space INTEGER NOT NULL, -- 1 context, 2 result, 3 draft
    dispatch BLOB NOT NULL, -- empty except for drafts
    body BLOB NOT NULL,
    PRIMARY KEY (job, space, dispatch)
) STRICT;

CREATE INDEX drafts ON payloads (job, dispatch) WHERE space = 3;

CREATE TABLE idempotency (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    job BLOB NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
