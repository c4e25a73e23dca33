//! The keys of the store in Redis. Scripts under `scripts/` use the same names.
//!
//! | Key | Type | Meaning |
//! | --- | --- | --- |
//! | `job:<job>` | hash | the job: its encoded `record`, and the fields that indexes need |
//! | `log:<job>` | list | the job's log, one batch of entries for each change |
//! | `ctx:<job>` | string | the job's input: `redis://ctx/<job>` |
//! | `res:<job>` | string | the job's result: `redis://res/<job>` |
//! | `res:<job>:<dispatch>` | string | a draft: `redis://res/<job>/<dispatch>` |
//! | `drafts` | sorted set | `<job>:<dispatch>` of each draft that may exist |
//! | `jobs:recent` | sorted set | the newest 1000 jobs of all tenants |
//! | `jobs:open` | sorted set | durable jobs that have not ended |
//! | `jobs:state:<STATE>` | sorted set | the jobs in a state |
//! | `jobs:counts` | hash | how many jobs, by `<tenant>:<STATE>` |
//! | `tenants` | sorted set | the tenants that have anything |
//! | `tenant:<tenant>:jobs` | sorted set | a tenant's jobs |
//! | `tenant:<tenant>:jobs:<STATE>` | sorted set | a tenant's jobs in a state |
//! | `tenant:<tenant>:topic:<topic>` | sorted set | a tenant's jobs of a topic |
//! | `tenant:<tenant>:topic:<topic>:<STATE>` | sorted set | a tenant's jobs of a topic in a state |
//! | `tenant:<tenant>:ended` | sorted set | a tenant's ended jobs by the time of their end |
//! | `tenant:<tenant>:kept` | sorted set | ended jobs that a key keeps, by the time until then |
//! | `tenant:<tenant>:keys` | sorted set | a tenant's idempotency keys by age |
//! | `tenant:<tenant>:audit` | list | the numbers of a tenant's audit entries |
//! | `usage:<tenant>` | hash | what a tenant has: jobs, open jobs, bytes, keys, audit entries |
//! | `key:<tenant>:<key>` | hash | the job and the fingerprint of an idempotency key |
//! | `trace:<trace>` | set | the jobs of a trace |
//! | `steps`, `outbox`, `audit` | stream | the feed, the outbox and the audit log |
//! | `cursors` | hash | the positions of the feed's readers |
//! | `payloads:orphans` | sorted set | inputs whose job has not come, by the time of their id |
//! | `cortex:sequences` | hash | the last number of each stream |
//! | `cortex:meta` | hash | the installation, the schema, the epoch, and whether processes share the store |
//! | `cortex:schedulers` | hash | how many heartbeats each scheduler has sent |
//! | `cortex:shares` | hash | `<epoch>:<scheduler>` of each share; without an owner nothing follows the colon |
//!
//! A set of jobs has the score 0 and is read by the order of its members, because the text of a
//! UUIDv7 sorts by time to the last bit, and a page continues exactly after an id. A worker may read
//! `ctx:*` and write `res:*:*`, which matches drafts and never a result.

use cortex_domain::pointer::{Memory, Pointer, Space};
use cortex_domain::ports::{Query, StoreError};

/// The channel on which a process announces its commits.
pub(super) const CHANGED: &str = "cortex:changed";

pub(super) const OPEN_JOBS: &str = "jobs:open";

/// Returns the index that lists a query's jobs.
pub(super) fn index(query: &Query) -> String {
    let tenant = &query.tenant;
    match (&query.topic, query.state) {
        (None, None) => format!("tenant:{tenant}:jobs"),
        (None, Some(state)) => format!("tenant:{tenant}:jobs:{}", state.as_str()),
        (Some(topic), None) => format!("tenant:{tenant}:topic:{topic}"),
        (Some(topic), Some(state)) => format!("tenant:{tenant}:topic:{topic}:{}", state.as_str()),
    }
}

/// Returns the key of a payload.
pub(super) fn payload(pointer: Pointer) -> Result<String, StoreError> {
    if pointer.memory != Memory::Redis {
        return Err(StoreError::Broken(format!("{pointer} does not point into Redis")));
    }
    Ok(match pointer.space {
        Space::Context(job) => format!("ctx:{job}"),
        Space::Result(job) => format!("res:{job}"),
        Space::Draft(job, dispatch) => format!("res:{job}:{dispatch}"),
    })
}
