//! Checks that the statements for many jobs do the same as the pure transition of each job.

use cortex_domain::time::Timestamp;
use cortex_guard::ledger::{LedgerEvent, LedgerJob, apply};
use proptest::prelude::*;

use super::database::Database;
use super::{jobs, time};
use crate::ledger::jobs::table;

/// Returns the job after an event, or unchanged if the event is rejected.
fn after(job: &LedgerJob, event: LedgerEvent, now: Timestamp) -> LedgerJob {
    apply(job, event, now).map_or_else(|_| job.clone(), |step| step.job)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn waking_all_jobs_is_waking_each(jobs in jobs(), now in time()) {
        let database = Database::with(&jobs);
        database.run(table::wake(now));
        for job in &jobs {
            prop_assert_eq!(database.find(job).unwrap().job, after(job, LedgerEvent::Woken, now));
        }
    }

    #[test]
    fn delaying_all_jobs_is_delaying_each(jobs in jobs(), now in time(), until in time()) {
        let database = Database::with(&jobs);
        database.run(table::delay(now, until));
        for job in &jobs {
            prop_assert_eq!(database.find(job).unwrap().job, after(job, LedgerEvent::Delayed { until }, now));
        }
    }
}
