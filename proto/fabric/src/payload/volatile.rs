//! Payloads of calls that are under way. They were promised to nobody and go with the process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::pointer::Space;
use cortex_domain::ports::StoreError;

/// Payloads in memory, for jobs that were opened here, up to a number of bytes.
#[derive(Debug)]
pub struct Volatile {
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    jobs: HashMap<JobId, Call>,
}

#[derive(Debug, Default)]
struct Call {
    payloads: Vec<(Space, Bytes)>,
    /// What comes from now on goes elsewhere; what is here can be read on.
    leaving: bool,
}

/// The job was not opened here, is leaving, or has been closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Elsewhere;

impl Volatile {
    /// Holds `limit` bytes at most.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, held: Mutex::default() }
    }

    /// From now on the job's payloads are held here.
    pub(super) fn open(&self, job: JobId) {
        self.held().jobs.entry(job).or_default();
    }

    /// Takes nothing more for the job; gives what is held, which can be read until the job is closed.
    pub(super) fn leave(&self, job: JobId) -> Vec<(Space, Bytes)> {
        self.held().jobs.get_mut(&job).map_or_else(Vec::new, |call| {
            call.leaving = true;
            call.payloads.clone()
        })
    }

    /// Forgets the job's payloads.
    pub(super) fn close(&self, job: JobId) {
        let mut held = self.held();
        let call = held.jobs.remove(&job).unwrap_or_default();
        held.bytes -= call.payloads.iter().map(|(_, payload)| payload.len()).sum::<usize>();
    }

    pub(super) fn get(&self, space: Space) -> Result<Option<Bytes>, Elsewhere> {
        let held = self.held();
        let call = held.jobs.get(&space.job()).ok_or(Elsewhere)?;
        match call.payloads.iter().find(|(at, _)| *at == space) {
            Some((_, payload)) => Ok(Some(payload.clone())),
            None if call.leaving => Err(Elsewhere),
            None => Ok(None),
        }
    }

    pub(super) fn put(&self, space: Space, payload: Bytes) -> Result<Result<(), StoreError>, Elsewhere> {
        let mut held = self.held();
        let before = held.bytes;
        let call = held.jobs.get_mut(&space.job()).filter(|call| !call.leaving).ok_or(Elsewhere)?;
        let payloads = &mut call.payloads;
        let place = payloads.iter().position(|(at, _)| *at == space);
        let replaced = place.map_or(0, |place| payloads[place].1.len());
        let after = before - replaced + payload.len();
        if after > self.limit {
            return Ok(Err(StoreError::Overloaded));
        }
        match place {
            Some(place) => payloads[place].1 = payload,
            None => payloads.push((space, payload)),
        }
        held.bytes = after;
        Ok(Ok(()))
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held().bytes
    }

    fn held(&self) -> MutexGuard<'_, Held> {
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

    fn put(memory: &Volatile, n: u8, bytes: usize) -> bool {
        memory.put(Space::Context(job(n)), vec![n; bytes].into()).unwrap().is_ok()
    }

    #[test]
    fn what_would_go_over_the_limit_is_refused_until_there_is_room() {
        let memory = Volatile::new(10);
        memory.open(job(1));
        memory.open(job(2));
        assert!(put(&memory, 1, 6) && !put(&memory, 2, 5));
        memory.close(job(1));
        assert!(put(&memory, 2, 5));
        assert_eq!(memory.bytes(), 5);
    }

    #[test]
    fn a_payload_is_replaced_and_counted_once() {
        let memory = Volatile::new(10);
        memory.open(job(1));
        assert!(put(&memory, 1, 10) && put(&memory, 1, 8));
        assert_eq!(memory.bytes(), 8);
        assert_eq!(memory.get(Space::Context(job(1))), Ok(Some(vec![1; 8].into())));
        assert_eq!(memory.get(Space::Result(job(1))), Ok(None));
    }

    #[test]
    fn a_closed_job_is_elsewhere() {
        let memory = Volatile::new(10);
        memory.open(job(1));
        memory.close(job(1));
        memory.close(job(1));
        assert_eq!(memory.get(Space::Context(job(1))), Err(Elsewhere));
    }
}
