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
const READS: usize = 1024;

/// A clone counts in the same place.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    /// What waits, in words for who has too many of them.
    what: &'static str,
    gate: Arc<Mutex<Gate>>,
    clock: Clock,
}

/// One that waits, until it is dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    waits: Waits,
    tenant: Tenant,
    since: Uptime,
    turned_away: bool,
}

impl Waits {
    /// Calls, and callers that wait for a job's end.
    pub(crate) fn calls(sharing: &Sharing, clock: &Clock) -> Self {
        Self::new("calls and waits open", sharing.calls, sharing, clock)
    }

    /// Submissions that wait for the store.
    pub(crate) fn submissions(most: usize, sharing: &Sharing, clock: &Clock) -> Self {
        Self::new("submissions under way", most, sharing, clock)
    }

    pub(crate) fn reads(sharing: &Sharing, clock: &Clock) -> Self {
        Self::new("reads of jobs under way", READS, sharing, clock)
    }

    fn new(what: &'static str, most: usize, sharing: &Sharing, clock: &Clock) -> Self {
        let gate = Gate::new(most, sharing.weights.clone());
        Self { what, gate: Arc::new(Mutex::new(gate)), clock: clock.clone() }
    }

    /// # Errors
    /// If the tenant has as many as it may.
    pub(crate) fn enter(&self, tenant: &Tenant) -> Result<Wait, Problem> {
        self.gate().enter(tenant).map_err(|crowded| error::too_many(self.what, crowded))?;
        Ok(Wait {
            waits: self.clone(),
            tenant: tenant.clone(),
            since: self.clock.uptime(),
            turned_away: false,
        })
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait {
    /// Notes that it was refused further on, and returns when one of its tenant's is likely to have ended.
    pub(crate) fn turn_away(&mut self) -> Duration {
        self.turned_away = true;
        self.waits.gate().again(&self.tenant)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let took = self.waits.clock.uptime().since(self.since);
        let mut gate = self.waits.gate();
        if self.turned_away { gate.turn_away(&self.tenant) } else { gate.leave(&self.tenant, took) }
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
        let waits = Waits::calls(&Sharing { calls: 6, ..Sharing::default() }, &clock);
        let mut open: Vec<Wait> = (0..3).map(|_| waits.enter(&hog).unwrap()).collect();
        hands.advance(Duration::from_secs(30));
        open.pop();
        open.push(waits.enter(&hog).unwrap());

        let refused = waits.enter(&hog).unwrap_err().render(Shape::Problem);
        let body: serde_json::Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!((refused.status, refused.retry_after, &body["limit"]), (429, Some(10), &3.into()));
        assert!(
            body["detail"].as_str().unwrap().contains("this tenant has 3 calls and waits open"),
            "{body}"
        );
        assert!(waits.enter(&other).is_ok());

        let again = [open[0].turn_away(), open[1].turn_away()];
        assert_eq!(again, [Duration::from_secs(10); 2], "what the scheduler refused says the same");
        drop(open);
        assert_eq!(waits.gate().open(), 0);
    }
}
