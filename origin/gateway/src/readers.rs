//! Counts the clients that stream events, per job, per tenant and in total.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::id::{JobId, Tenant};

use crate::error;
use crate::limits::{Limits, SharedLimit};

/// The open event streams. Clones share the counts.
#[derive(Clone, Debug)]
pub(crate) struct Readers {
    all: SharedLimit,
    of_job: usize,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    tenants: HashMap<Tenant, usize>,
    jobs: HashMap<JobId, usize>,
}

/// One client's slot, which is freed on drop.
#[derive(Debug)]
pub(crate) struct ReaderSlot {
    readers: Readers,
    tenant: Tenant,
    job: JobId,
}

impl Readers {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { all: limits.readers, of_job: limits.readers_of_job, counts: Arc::default() }
    }

    /// Takes a slot.
    ///
    /// # Errors
    /// Returns an error if the job, its tenant or all tenants together have reached their limit.
    pub(crate) fn register(&self, tenant: &Tenant, job: JobId) -> Result<ReaderSlot, Problem> {
        let mut counts = self.counts();
        let Counts { all, tenants, jobs } = &*counts;
        let of_tenant = tenants.get(tenant).copied().unwrap_or_default();
        let of_job = jobs.get(&job).copied().unwrap_or_default();
        if of_job >= self.of_job {
            return Err(too_many_readers("the job", self.of_job));
        }
        if of_tenant >= self.all.of_tenant {
            return Err(too_many_readers("the tenant", self.all.of_tenant));
        }
        if *all >= self.all.all {
            return Err(error::overloaded());
        }
        counts.all += 1;
        *counts.tenants.entry(tenant.clone()).or_default() += 1;
        *counts.jobs.entry(job).or_default() += 1;
        drop(counts);
        Ok(ReaderSlot { readers: self.clone(), tenant: tenant.clone(), job })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ReaderSlot {
    fn drop(&mut self) {
        let mut counts = self.readers.counts();
        counts.all = counts.all.saturating_sub(1);
        decrement(&mut counts.tenants, self.tenant.clone());
        decrement(&mut counts.jobs, self.job);
    }
}

fn decrement<K: Eq + Hash>(counts: &mut HashMap<K, usize>, of: K) {
    if let Entry::Occupied(mut count) = counts.entry(of) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

fn too_many_readers(owner: &str, most: usize) -> Problem {
    let detail =
        format!("{owner} has {most} open event streams, which is the limit: close one, then try again");
    Problem::new(ErrorCode::Overloaded, detail).with("limit", most).retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use cortex_domain::time::Timestamp;

    use super::*;

    fn readers() -> Readers {
        let readers = SharedLimit { all: 6, of_tenant: 4 };
        Readers::new(&Limits { readers, readers_of_job: 2, ..Limits::default() })
    }

    fn job(n: u8) -> JobId {
        JobId::mint(Timestamp::from_millis(1), [n; 10])
    }

    fn tenant(name: &str) -> Tenant {
        name.parse().unwrap()
    }

    #[test]
    fn the_readers_of_a_job_of_a_tenant_and_of_all_are_limited() {
        let readers = readers();
        let enter = |name, n| readers.register(&tenant(name), job(n));
        let mut slots: Vec<_> = [1, 1, 2].map(|n| enter("a", n).unwrap()).into();
        let refused = enter("a", 1).unwrap_err();
        assert_eq!((refused.kind, &refused.extensions["limit"]), (ErrorCode::Overloaded, &2.into()));
        slots.push(enter("a", 3).unwrap());
        assert_eq!(enter("a", 4).unwrap_err().extensions["limit"], 4);
        slots.extend([5, 6].map(|n| enter("b", n).unwrap()));
        assert_eq!(enter("c", 7).unwrap_err().kind, ErrorCode::Overloaded);
        slots.remove(0);
        slots.push(enter("a", 1).unwrap());
        drop(slots);
        let counts = readers.counts();
        assert!(counts.all == 0 && counts.tenants.is_empty() && counts.jobs.is_empty());
    }
}
