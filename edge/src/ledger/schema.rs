//! The tables of a ledger.

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY,
    place TEXT NOT NULL,        -- waiting, sending: at the edge; origin, ended: no longer
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    facts TEXT NOT NULL,
    hops TEXT NOT NULL,
    message TEXT,               -- the envelope, while the job is at the edge
    sends INTEGER NOT NULL,     -- attempts that failed because the origin was unreachable
    due INTEGER,                -- when to send it (waiting), or when its sender's lease lapses (sending)
    origin_id TEXT NOT NULL,
    error TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS job_due ON job (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_ours ON job (id) WHERE place != 'origin';
CREATE INDEX IF NOT EXISTS job_origin ON job (origin_id);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, job TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_at ON idempotency (at);
CREATE TABLE IF NOT EXISTS key (id TEXT PRIMARY KEY, record TEXT NOT NULL, revoked INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS untold ( -- revoked keys that the origin does not know yet
    key TEXT PRIMARY KEY, since INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL
) WITHOUT ROWID;
";
