//! Who waits now: for an answer or a job's end, for the store to take a job in, or for a look into it. Each tenant has its
//! share of each, so that none of them fills what all stand in line for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_api::Problem;
use cortex_domain::fair::{Gate, Sharing};
use cortex_domain::id::Tenant;
use cortex_domain::time::Uptime;
use cortex_platform::clock::Clock;

use crate::error;

/// Looks into the store, of all tenants; as long as its readers' line.
const MAX_READS: usize = 1024;

/// A clone counts in the same place.
#[derive(Clone, Debug)]
pub(crate) struct ConcurrencyLimit {
    /// What waits, in words for who has too many of them.
    what: &'static str,
    gate: Arc<Mutex<Gate>>,
    clock: Clock,
}

/// One that waits, until it is dropped.
#[derive(Debug)]
pub(crate) struct ConcurrencyPermit {
    limit: ConcurrencyLimit,
    tenant: Tenant,
    since: Uptime,
    rejected: bool,
}

impl ConcurrencyLimit {
    /// Calls, and callers that wait for a job's end.
    pub(crate) fn calls(sharing: &Sharing, clock: &Clock) -> Self {
        Self::new("calls and waits open", sharing.calls, sharing, clock)
    }

    /// Submissions that wait for the store.
    pub(crate) fn submissions(most: usize, sharing: &Sharing, clock: &Clock) -> Self {
        Self::new("submissions under way", most, sharing, clock)
    }

    pub(crate) fn reads(sharing: &Sharing, clock: &Clock) -> Self {
        Self::new("reads of jobs under way", MAX_READS, sharing, clock)
    }

    fn new(what: &'static str, most: usize, sharing: &Sharing, clock: &Clock) -> Self {
        let gate = Gate::new(most, sharing.weights.clone());
        Self { what, gate: Arc::new(Mutex::new(gate)), clock: clock.clone() }
    }

    /// # Errors
    /// If the tenant has as many as it may.
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
    /// Notes that it was refused further on, and returns when one of its tenant's is likely to have ended.
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
    fn a_tenant_with_its_share_of_waits_is_told_its_limit_and_when_to_come_back_and_another_is_let_in() {
        let (hog, other): (Tenant, Tenant) = ("hog".parse().unwrap(), "other".parse().unwrap());
        let (clock, hands) = Clock::manual(Timestamp::from_millis(1));
        let limits = ConcurrencyLimit::calls(&Sharing { calls: 6, ..Sharing::default() }, &clock);
        let mut open: Vec<ConcurrencyPermit> = (0..3).map(|_| limits.acquire(&hog).unwrap()).collect();
        hands.advance(Duration::from_secs(30));
        open.pop();
        open.push(limits.acquire(&hog).unwrap());

        let refused = limits.acquire(&hog).unwrap_err().render(Shape::Problem);
        let body: serde_json::Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!((refused.status, refused.retry_after, &body["limit"]), (429, Some(10), &3.into()));
        assert!(
            body["detail"].as_str().unwrap().contains("this tenant has 3 calls and waits open"),
            "{body}"
        );
        assert!(limits.acquire(&other).is_ok());

        let again = [open[0].reject(), open[1].reject()];
        assert_eq!(again, [Duration::from_secs(10); 2], "what the scheduler refused says the same");
        drop(open);
        assert_eq!(limits.gate().open(), 0);
    }
}
