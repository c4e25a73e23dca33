CREATE SCHEMA IF NOT EXISTS cortex;

-- What the store is, who may write to it, and the newest numbers. They rise in the order of
-- commits, and none is used twice.
CREATE TABLE cortex.meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    schema_version integer NOT NULL,
    installation text NOT NULL,
    epoch bigint NOT NULL DEFAULT 0, -- what every process must know to write
    shared boolean NOT NULL DEFAULT false, -- whether several processes may know it
    step bigint NOT NULL DEFAULT 0,
    message bigint NOT NULL DEFAULT 0,
    entry bigint NOT NULL DEFAULT 0,
    incomplete boolean NOT NULL DEFAULT false -- while a copy from another store is being written
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE cortex.jobs (
    id bytea PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    state integer NOT NULL,
    version bigint NOT NULL,
    open boolean NOT NULL, -- while a durable job has not ended
    dispatch bytea, -- the dispatch of the current lease
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    bytes bigint NOT NULL, -- the size of its rows, its input and its result
    kept_until bigint NOT NULL, -- an idempotency key names the job until then
    record bytea NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX jobs_by_tenant ON cortex.jobs (tenant, id);
CREATE INDEX jobs_by_state ON cortex.jobs (tenant, state, id);
CREATE INDEX jobs_by_topic ON cortex.jobs (tenant, topic, id);
CREATE INDEX open_jobs ON cortex.jobs (id) WHERE open;
CREATE INDEX ended_jobs ON cortex.jobs (tenant, id) WHERE NOT open;

-- Entries that are written together are one row, which has the version of the last entry.
CREATE TABLE cortex.log (
    job bytea NOT NULL,
    version bigint NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (job, version)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- The log entries of all durable jobs in the order of commits.
CREATE TABLE cortex.steps (
    seq bigint PRIMARY KEY,
    job bytea NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    attempt integer NOT NULL,
    state integer NOT NULL,
    at bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE TABLE cortex.cursors (
    name text COLLATE "C" PRIMARY KEY,
    seq bigint NOT NULL
) WITH (fillfactor = 50);

-- A queue: rows are inserted at one end and deleted soon after. Vacuum must keep up with it, or
-- each read walks over what was deleted.
CREATE TABLE cortex.outbox (
    seq bigint PRIMARY KEY,
    message bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE cortex.payloads (
    job bytea NOT NULL,
    space integer NOT NULL, -- 1 context, 2 result, 3 draft
    dispatch bytea NOT NULL, -- empty except for drafts
    body bytea NOT NULL,
    PRIMARY KEY (job, space, dispatch)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX drafts ON cortex.payloads (job, dispatch) WHERE space = 3;

CREATE TABLE cortex.idempotency (
    tenant text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    job bytea NOT NULL,
    at bigint NOT NULL, -- when the key was first used
    PRIMARY KEY (tenant, key)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX keys_by_age ON cortex.idempotency (at);
CREATE INDEX keys_by_tenant ON cortex.idempotency (tenant, at);

-- The usage of each tenant: the sums over its rows in jobs and idempotency.
CREATE TABLE cortex.usage (
    tenant text COLLATE "C" PRIMARY KEY,
    jobs bigint NOT NULL,
    open bigint NOT NULL,
    bytes bigint NOT NULL,
    keys bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- How many jobs of each tenant are in each state. A pair without jobs may have a row.
CREATE TABLE cortex.counts (
    tenant text COLLATE "C" NOT NULL,
    state integer NOT NULL,
    jobs bigint NOT NULL,
    PRIMARY KEY (tenant, state)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Jobs with a stored payload that are not stored themselves yet.
CREATE TABLE cortex.loose (
    job bytea PRIMARY KEY
);

-- The audit log. The entries of one tenant that were committed together are one row.
CREATE TABLE cortex.audit (
    first bigint PRIMARY KEY, -- the number of the first entry
    count bigint NOT NULL,
    at bigint NOT NULL, -- the time of the last entry
    tenant text COLLATE "C" NOT NULL,
    tenant_entries bigint NOT NULL, -- the number of the tenant's entries up to the end of this row
    tenant_bytes bigint NOT NULL, -- the bytes of those entries
    entries bytea NOT NULL
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE INDEX audit_by_tenant ON cortex.audit (tenant, first);
