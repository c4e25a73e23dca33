//! Payloads of open calls. They are not durable and are lost with the process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cortex_domain::fair::{Shares, Weights};
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::pointer::Space;
use cortex_domain::ports::StoreError;

/// Payloads in memory for jobs that were opened here, up to a number of bytes that the tenants
/// share.
#[derive(Debug)]
pub struct CallPayloads {
    held: Mutex<CallTable>,
}

#[derive(Debug)]
struct CallTable {
    bytes: Shares,
    jobs: HashMap<JobId, Call>,
}

#[derive(Debug)]
struct Call {
    tenant: Tenant,
    payloads: Vec<(Space, Bytes)>,
    /// Whether new payloads go elsewhere. The existing ones can still be read.
    leaving: bool,
}

/// The job was not opened here, is moving to the store, or was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotHeld;

impl CallPayloads {
    /// Limits the payloads of all tenants together to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let bytes = Shares::new(limit, Weights::default());
        Self { held: Mutex::new(CallTable { bytes, jobs: HashMap::new() }) }
    }

    /// Starts to hold the job's payloads.
    pub(super) fn open(&self, job: JobId, tenant: &Tenant) {
        let call = || Call { tenant: tenant.clone(), payloads: Vec::new(), leaving: false };
        self.held().jobs.entry(job).or_insert_with(call);
    }

    /// Stops accepting payloads for the job. Returns the existing ones, which can be read until the
    /// job is closed.
    pub(super) fn leave(&self, job: JobId) -> Vec<(Space, Bytes)> {
        self.held().jobs.get_mut(&job).map_or_else(Vec::new, |call| {
            call.leaving = true;
            call.payloads.clone()
        })
    }

    /// Deletes the job's payloads.
    pub(super) fn close(&self, job: JobId) {
        let mut held = self.held();
        if let Some(call) = held.jobs.remove(&job) {
            let bytes = call.payloads.iter().map(|(_, payload)| payload.len()).sum::<usize>();
            held.bytes.give(&call.tenant, bytes);
        }
    }

    pub(super) fn get(&self, space: Space) -> Result<Option<Bytes>, NotHeld> {
        let held = self.held();
        let call = held.jobs.get(&space.job()).ok_or(NotHeld)?;
        match call.payloads.iter().find(|(at, _)| *at == space) {
            Some((_, payload)) => Ok(Some(payload.clone())),
            None if call.leaving => Err(NotHeld),
            None => Ok(None),
        }
    }

    pub(super) fn put(&self, space: Space, payload: Bytes) -> Result<Result<(), StoreError>, NotHeld> {
        let held = &mut *self.held();
        let call = held.jobs.get_mut(&space.job()).filter(|call| !call.leaving).ok_or(NotHeld)?;
        let payloads = &mut call.payloads;
        let place = payloads.iter().position(|(at, _)| *at == space);
        let replaced = place.map_or(0, |place| payloads[place].1.len());
        held.bytes.give(&call.tenant, replaced);
        if held.bytes.take(&call.tenant, payload.len()).is_err() {
            held.bytes.force(&call.tenant, replaced);
            return Ok(Err(StoreError::Overloaded));
        }
        match place {
            Some(place) => payloads[place].1 = payload,
            None => payloads.push((space, payload)),
        }
        Ok(Ok(()))
    }

    /// Returns the number of held bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held().bytes.all()
    }

    fn held(&self) -> MutexGuard<'_, CallTable> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use cortex_domain::time::Timestamp;

    use super::*;

    fn job(n: u8) -> JobId {
        JobId::mint(Timestamp::from_millis(1), [n; 10])
    }

    fn tenant(name: &str) -> Tenant {
        name.parse().unwrap()
    }

    fn put(memory: &CallPayloads, n: u8, bytes: usize) -> bool {
        memory.put(Space::Context(job(n)), vec![n; bytes].into()).unwrap().is_ok()
    }

    #[test]
    fn payloads_over_the_limit_are_refused_until_there_is_room() {
        let memory = CallPayloads::new(20);
        memory.open(job(1), &tenant("a"));
        memory.open(job(2), &tenant("a"));
        assert!(put(&memory, 1, 6) && !put(&memory, 2, 5));
        memory.close(job(1));
        assert!(put(&memory, 2, 5));
        assert_eq!(memory.bytes(), 5);
    }

    #[test]
    fn a_tenant_that_fills_the_memory_leaves_room_for_another() {
        let memory = CallPayloads::new(20);
        for n in 1..=3 {
            memory.open(job(n), &tenant("hog"));
        }
        memory.open(job(4), &tenant("other"));
        assert!(put(&memory, 1, 5) && put(&memory, 2, 5) && !put(&memory, 3, 1));
        assert!(put(&memory, 4, 5) && !put(&memory, 4, 6), "what is not replaced is kept");
        assert_eq!(memory.bytes(), 15);
    }

    #[test]
    fn a_payload_is_replaced_and_counted_once() {
        let memory = CallPayloads::new(20);
        memory.open(job(1), &tenant("a"));
        assert!(put(&memory, 1, 10) && put(&memory, 1, 8));
        assert_eq!(memory.bytes(), 8);
        assert_eq!(memory.get(Space::Context(job(1))), Ok(Some(vec![1; 8].into())));
        assert_eq!(memory.get(Space::Result(job(1))), Ok(None));
    }

    #[test]
    fn a_closed_job_is_not_held() {
        let memory = CallPayloads::new(10);
        memory.open(job(1), &tenant("a"));
        memory.close(job(1));
        memory.close(job(1));
        assert_eq!(memory.get(Space::Context(job(1))), Err(NotHeld));
    }
}
