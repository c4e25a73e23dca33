//! The open streams, and the ended ones that clients may resume.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::id::{JobId, Tenant};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ended::EndedStreams;
use super::replay_buffer::ReplayBuffer;
use crate::error;
use crate::limits::{Limits, SharedLimit};

/// How often expired streams are dropped.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The streams. Clones share the table.
#[derive(Clone, Debug)]
pub(super) struct StreamTable(Arc<Mutex<Table>>);

#[derive(Debug)]
struct Table {
    most: SharedLimit,
    open: HashMap<JobId, (Tenant, ReplayBuffer)>,
    /// The number of open streams of each tenant.
    counts: HashMap<Tenant, usize>,
    ended: EndedStreams,
}

/// The slot of an open stream. It is freed at the end of the stream, or on drop.
#[derive(Debug)]
pub(super) struct StreamSlot {
    streams: StreamTable,
    job: JobId,
}

impl StreamTable {
    pub(super) fn new(limits: &Limits) -> Self {
        let ended = EndedStreams::new(limits.ended_bytes);
        let (open, counts) = (HashMap::new(), HashMap::new());
        Self(Arc::new(Mutex::new(Table { most: limits.streams, open, counts, ended })))
    }

    /// Adds a stream.
    ///
    /// # Errors
    /// Returns an error if the tenant or all tenants together have reached their limit, or if the
    /// job already has a stream.
    pub(super) fn register(
        &self,
        job: JobId,
        tenant: Tenant,
        buffer: ReplayBuffer,
    ) -> Result<StreamSlot, Problem> {
        let mut table = self.lock();
        if table.open.contains_key(&job) || table.ended.find(job, Instant::now()).is_some() {
            return Err(Problem::new(
                ErrorCode::Conflict,
                "another request already opened a stream of this job",
            ));
        }
        let most = table.most;
        let of_tenant = table.counts.get(&tenant).copied().unwrap_or_default();
        if of_tenant >= most.of_tenant {
            let detail = format!(
                "the tenant has {of_tenant} open streams, which is the limit: wait until some have ended"
            );
            return Err(Problem::new(ErrorCode::Overloaded, detail)
                .with("limit", most.of_tenant)
                .retry_after(Duration::from_secs(1)));
        }
        if table.open.len() >= most.all {
            return Err(error::overloaded());
        }
        *table.counts.entry(tenant.clone()).or_default() += 1;
        table.open.insert(job, (tenant, buffer));
        Ok(StreamSlot { streams: self.clone(), job })
    }

    /// Returns a tenant's stream.
    pub(super) fn find(&self, job: JobId, tenant: &Tenant) -> Option<ReplayBuffer> {
        let table = self.lock();
        let found = table.open.get(&job).or_else(|| table.ended.find(job, Instant::now()));
        found.filter(|(owner, _)| owner == tenant).map(|(_, buffer)| buffer.clone())
    }

    /// Drops expired streams until `stop`.
    pub(super) async fn sweep(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(SWEEP_INTERVAL)).await.is_some() {
            self.lock().ended.expire(Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn leave(&mut self, job: JobId) -> Option<(Tenant, ReplayBuffer)> {
        let (tenant, buffer) = self.open.remove(&job)?;
        if let Some(count) = self.counts.get_mut(&tenant) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&tenant);
            }
        }
        Some((tenant, buffer))
    }
}

impl StreamSlot {
    /// Frees the slot of an ended stream, and keeps its events for `keep`.
    pub(super) fn end(self, keep: Duration) {
        let mut table = self.streams.lock();
        if let Some((tenant, buffer)) = table.leave(self.job)
            && !keep.is_zero()
        {
            table.ended.keep(self.job, tenant, buffer, Instant::now() + keep);
        }
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.streams.lock().leave(self.job);
    }
}

#[cfg(test)]
mod tests {
    use cortex_domain::time::Timestamp;

    use super::*;

    fn streams() -> StreamTable {
        let streams = SharedLimit { all: 5, of_tenant: 3 };
        let ended_bytes = SharedLimit { all: 1 << 20, of_tenant: 1 << 20 };
        StreamTable::new(&Limits { streams, ended_bytes, ..Limits::default() })
    }

    fn job(n: u8) -> JobId {
        JobId::mint(Timestamp::from_millis(1), [n; 10])
    }

    fn register(streams: &StreamTable, tenant: &str, n: u8) -> Result<StreamSlot, ErrorCode> {
        streams.register(job(n), tenant.parse().unwrap(), ReplayBuffer::new()).map_err(|problem| problem.kind)
    }

    #[tokio::test(start_paused = true)]
    async fn ended_streams_take_no_slots() {
        let streams = streams();
        for n in 0..100 {
            register(&streams, "a", n).unwrap().end(Duration::from_secs(60));
        }
        let _others: Vec<_> = (100..103).map(|n| register(&streams, "b", n).unwrap()).collect();
        let _own = register(&streams, "a", 103).unwrap();
        assert!(streams.find(job(7), &"a".parse().unwrap()).is_some());
        assert!(streams.find(job(7), &"b".parse().unwrap()).is_none());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(streams.find(job(7), &"a".parse().unwrap()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_at_its_limit_leaves_slots_to_others() {
        let streams = streams();
        let mut slots: Vec<_> = (0..3).map(|n| register(&streams, "a", n).unwrap()).collect();
        assert_eq!(register(&streams, "a", 3).unwrap_err(), ErrorCode::Overloaded);
        slots.extend([10, 11].map(|n| register(&streams, "b", n).unwrap()));
        assert_eq!(
            register(&streams, "c", 20).unwrap_err(),
            ErrorCode::Overloaded,
            "the total limit is reached"
        );
        slots.remove(0);
        slots.push(register(&streams, "a", 4).unwrap());
        assert_eq!(register(&streams, "a", 5).unwrap_err(), ErrorCode::Overloaded);
        drop(slots);
        let table = streams.lock();
        assert!(table.open.is_empty() && table.counts.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_has_at_most_one_stream() {
        let streams = streams();
        let slot = register(&streams, "a", 1).unwrap();
        assert_eq!(register(&streams, "a", 1).unwrap_err(), ErrorCode::Conflict);
        slot.end(Duration::from_secs(5));
        assert_eq!(register(&streams, "b", 1).unwrap_err(), ErrorCode::Conflict);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(register(&streams, "a", 1).is_ok());
    }
}
