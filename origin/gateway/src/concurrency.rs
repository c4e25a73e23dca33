//! Limits how much may be in progress at the same time: calls and waits, submissions, and reads of
//! jobs. Each tenant has a share of each limit, so that no tenant can fill a queue that all use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::fair::{Gate, Sharing};
use cortex_domain::id::Tenant;
use cortex_domain::time::Uptime;
use cortex_platform::clock::Clock;

use crate::error;

/// Maximum number of reads of jobs, of all tenants together. The queue of the store's readers is as
/// long.
const MAX_READS: usize = 1024;

/// A limit on concurrent work. Clones share the count.
#[derive(Clone, Debug)]
pub(crate) struct ConcurrencyLimit {
    /// What is counted, in the words of the error message.
    what: &'static str,
    gate: Arc<Mutex<Gate>>,
    clock: Clock,
}

/// One piece of counted work. It ends on drop.
#[derive(Debug)]
pub(crate) struct ConcurrencyPermit {
    limit: ConcurrencyLimit,
    tenant: Tenant,
    since: Uptime,
    rejected: bool,
}

impl ConcurrencyLimit {
    /// Limits calls, and callers that wait for the end of a job.
    pub(crate) fn calls(sharing: &Sharing, clock: &Clock) -> Self {
        Self::new("open calls and requests that wait for a result", sharing.calls, sharing, clock)
    }

    /// Limits submissions that wait for the store.
    pub(crate) fn submissions(most: usize, sharing: &Sharing, clock: &Clock) -> Self {
        Self::new("submissions in progress", most, sharing, clock)
    }

    pub(crate) fn reads(sharing: &Sharing, clock: &Clock) -> Self {
        Self::new("reads of jobs in progress", MAX_READS, sharing, clock)
    }

    fn new(what: &'static str, most: usize, sharing: &Sharing, clock: &Clock) -> Self {
        let gate = Gate::new(most, sharing.weights.clone());
        Self { what, gate: Arc::new(Mutex::new(gate)), clock: clock.clone() }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// Returns an error if the tenant has reached its limit.
    pub(crate) fn acquire(&self, tenant: &Tenant) -> Result<ConcurrencyPermit, Problem> {
        self.gate().enter(tenant).map_err(|crowded| error::too_many(self.what, crowded))?;
        Ok(ConcurrencyPermit {
            limit: self.clone(),
            tenant: tenant.clone(),
            since: self.clock.uptime(),
            rejected: false,
        })
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConcurrencyPermit {
    /// Records that the work was rejected later. Returns when other work of the tenant is likely to
    /// end.
    pub(crate) fn reject(&mut self) -> Duration {
        self.rejected = true;
        self.limit.gate().again(&self.tenant)
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        let took = self.limit.clock.uptime().since(self.since);
        let mut gate = self.limit.gate();
        if self.rejected { gate.turn_away(&self.tenant) } else { gate.leave(&self.tenant, took) }
    }
}

#[cfg(test)]
mod tests {
    use cortex_api::Shape;
    use cortex_domain::time::Timestamp;

    use super::*;

    #[test]
    fn a_tenant_at_its_limit_learns_the_limit_and_a_retry_time_and_another_is_admitted() {
        let (hog, other): (Tenant, Tenant) = ("hog".parse().unwrap(), "other".parse().unwrap());
        let (clock, manual_clock) = Clock::manual(Timestamp::from_millis(1));
        let limits = ConcurrencyLimit::calls(&Sharing { calls: 6, ..Sharing::default() }, &clock);
        let mut open: Vec<ConcurrencyPermit> = (0..3).map(|_| limits.acquire(&hog).unwrap()).collect();
        manual_clock.advance(Duration::from_secs(30));
        open.pop();
        open.push(limits.acquire(&hog).unwrap());

        let refused = limits.acquire(&hog).unwrap_err().render(Shape::Problem);
        let body: serde_json::Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!((refused.status, refused.retry_after, &body["limit"]), (429, Some(10), &3.into()));
        assert!(
            body["detail"]
                .as_str()
                .unwrap()
                .contains("the tenant has 3 open calls and requests that wait for a result"),
            "{body}"
        );
        assert!(limits.acquire(&other).is_ok());

        let again = [open[0].reject(), open[1].reject()];
        assert_eq!(again, [Duration::from_secs(10); 2], "a rejection gives the same time");
        drop(open);
        assert_eq!(limits.gate().open(), 0);
    }
}
