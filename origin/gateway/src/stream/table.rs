//! The streams that are open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cortex_domain::id::{JobId, Tenant};

use super::tape::Tape;

/// Streams open at once; each keeps up to a mebibyte.
const MOST: usize = 1024;

/// A clone is the same table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(Arc<Mutex<HashMap<JobId, (Tenant, Tape)>>>);

/// A stream's place in the table, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    streams: Streams,
    job: JobId,
}

impl Streams {
    /// Enters a stream; `None` if there is no room.
    pub(super) fn enter(&self, job: JobId, tenant: Tenant, tape: Tape) -> Option<Place> {
        let mut table = self.lock();
        if table.len() >= MOST || table.contains_key(&job) {
            return None;
        }
        table.insert(job, (tenant, tape));
        Some(Place { streams: self.clone(), job })
    }

    /// A tenant's own stream.
    pub(super) fn find(&self, job: JobId, tenant: &Tenant) -> Option<Tape> {
        let table = self.lock();
        table.get(&job).filter(|(owner, _)| owner == tenant).map(|(_, tape)| tape.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, (Tenant, Tape)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.lock().remove(&self.job);
    }
}
