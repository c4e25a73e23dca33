//! Ended streams that are kept for clients that lost their connection and may resume.

use std::collections::{HashMap, VecDeque};

use cortex_domain::id::{JobId, Tenant};
use tokio::time::Instant;

use super::replay_buffer::ReplayBuffer;
use crate::limits::SharedLimit;

/// The minimum that a stream counts, in bytes, because it uses memory besides its events.
const MIN_COUNTED_BYTES: usize = 4096;

/// The ended streams, within a limit on their bytes for each tenant and for all.
#[derive(Debug)]
pub(super) struct EndedStreams {
    limit: SharedLimit,
    streams: HashMap<JobId, EndedStream>,
    tenants: HashMap<Tenant, TenantStreams>,
    bytes: usize,
}

#[derive(Debug)]
struct EndedStream {
    stream: (Tenant, ReplayBuffer),
    bytes: usize,
    until: Instant,
}

/// The ended streams of one tenant.
#[derive(Debug, Default)]
struct TenantStreams {
    bytes: usize,
    /// The oldest one comes first.
    jobs: VecDeque<JobId>,
}

impl EndedStreams {
    pub(super) fn new(limit: SharedLimit) -> Self {
        Self { limit, streams: HashMap::new(), tenants: HashMap::new(), bytes: 0 }
    }

    /// Keeps a stream until a time, or until newer ones need its memory. The tenant's own oldest
    /// streams are dropped first, then those of the tenant with the most bytes.
    pub(super) fn keep(&mut self, job: JobId, tenant: Tenant, buffer: ReplayBuffer, until: Instant) {
        let bytes = buffer.bytes().max(MIN_COUNTED_BYTES);
        let own = self.tenants.entry(tenant.clone()).or_default();
        own.jobs.push_back(job);
        own.bytes += bytes;
        self.bytes += bytes;
        self.streams.insert(job, EndedStream { stream: (tenant.clone(), buffer), bytes, until });
        while self.tenants.get(&tenant).is_some_and(|own| own.bytes > self.limit.of_tenant) {
            self.forget_oldest(&tenant);
        }
        while self.bytes > self.limit.all
            && let Some(most) = self.tenants.iter().max_by_key(|(_, own)| own.bytes)
        {
            let tenant = most.0.clone();
            self.forget_oldest(&tenant);
        }
    }

    /// Returns the stream if it is still kept.
    pub(super) fn find(&self, job: JobId, now: Instant) -> Option<&(Tenant, ReplayBuffer)> {
        self.streams.get(&job).filter(|stream| now < stream.until).map(|stream| &stream.stream)
    }

    /// Drops the expired streams.
    pub(super) fn expire(&mut self, now: Instant) {
        let expired = self.streams.iter().filter(|(_, stream)| stream.until <= now);
        for job in expired.map(|(job, _)| *job).collect::<Vec<_>>() {
            self.forget(job);
        }
        for own in self.tenants.values_mut() {
            own.jobs.retain(|job| self.streams.contains_key(job));
        }
        self.tenants.retain(|_, own| !own.jobs.is_empty());
    }

    fn forget_oldest(&mut self, tenant: &Tenant) {
        match self.tenants.get_mut(tenant).and_then(|own| own.jobs.pop_front()) {
            Some(job) => self.forget(job),
            None => drop(self.tenants.remove(tenant)),
        }
    }

    fn forget(&mut self, job: JobId) {
        let Some(EndedStream { stream: (tenant, _), bytes, .. }) = self.streams.remove(&job) else { return };
        self.bytes -= bytes;
        if let Some(own) = self.tenants.get_mut(&tenant) {
            own.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use cortex_domain::time::Timestamp;

    use super::*;

    fn job(n: u8) -> JobId {
        JobId::mint(Timestamp::from_millis(1), [n; 10])
    }

    fn ended() -> EndedStreams {
        EndedStreams::new(SharedLimit { all: 8 * MIN_COUNTED_BYTES, of_tenant: 5 * MIN_COUNTED_BYTES })
    }

    fn keep(ended: &mut EndedStreams, tenant: &str, n: u8, bytes: usize, seconds: u64) {
        let buffer = ReplayBuffer::new();
        buffer.write(vec![Bytes::from(vec![0; bytes])]);
        let until = Instant::now() + Duration::from_secs(seconds);
        ended.keep(job(n), tenant.parse().unwrap(), buffer, until);
    }

    fn kept_jobs(ended: &EndedStreams) -> Vec<u8> {
        (0..=255).filter(|n| ended.find(job(*n), Instant::now()).is_some()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_streams_of_a_tenant_make_room_for_its_new_ones() {
        let mut ended = ended();
        keep(&mut ended, "b", 9, 1, 60);
        for n in 0..5 {
            keep(&mut ended, "a", n, 1, 60);
        }
        assert_eq!(kept_jobs(&ended), [0, 1, 2, 3, 4, 9]);
        keep(&mut ended, "a", 5, 2 * MIN_COUNTED_BYTES, 60);
        assert_eq!(kept_jobs(&ended), [2, 3, 4, 5, 9]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_tenant_with_the_most_bytes_makes_room_at_the_total_limit() {
        let mut ended = ended();
        for n in 0..5 {
            keep(&mut ended, "a", n, 1, 60);
        }
        for n in 10..14 {
            keep(&mut ended, "b", n, 1, 60);
        }
        assert_eq!(kept_jobs(&ended), [1, 2, 3, 4, 10, 11, 12, 13]);
    }

    #[tokio::test(start_paused = true)]
    async fn expired_streams_are_dropped_completely() {
        let mut ended = ended();
        keep(&mut ended, "a", 1, 1, 5);
        keep(&mut ended, "a", 2, 1, 60);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(kept_jobs(&ended), [2]);
        ended.expire(Instant::now());
        assert_eq!((ended.streams.len(), ended.bytes), (1, MIN_COUNTED_BYTES));
        tokio::time::advance(Duration::from_secs(60)).await;
        ended.expire(Instant::now());
        assert!(ended.streams.is_empty() && ended.tenants.is_empty() && ended.bytes == 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_larger_than_a_tenants_share_is_not_kept() {
        let mut ended = ended();
        keep(&mut ended, "a", 1, 6 * MIN_COUNTED_BYTES, 60);
        assert!(kept_jobs(&ended).is_empty());
        keep(&mut ended, "a", 2, 1, 60);
        assert_eq!(kept_jobs(&ended), [2]);
    }
}
