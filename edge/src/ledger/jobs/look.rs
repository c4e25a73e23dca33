//! Shows jobs, and cancels those that wait in the ledger.

use std::time::Duration;

use cortex_api::JobView;
use cortex_domain::time::Timestamp;
use cortex_guard::keys::Caller;
use cortex_guard::ledger::{LedgerEvent, Rejected};
use worker::Result;

use super::entry::Entry;
use super::requests::{CancelJob, Cancelled, ListJobs, LookAtJob};
use super::row::Row;
use super::table;
use super::transition::Outcome;
use crate::clock;
use crate::ledger::dispatch::AnswersCaller;
use crate::ledger::failures::Failures;
use crate::ledger::object::Ledger;

/// How often callers who look at jobs may make the ledger try an unreachable origin.
const WAKE_INTERVAL: Duration = Duration::from_secs(1);

impl AnswersCaller<LookAtJob> for Ledger {
    async fn answer_caller(&self, LookAtJob(job): LookAtJob, _: &Caller) -> Result<Option<Entry>> {
        let Some(stored) = self.load(&job)? else { return Ok(None) };
        self.wake_for_caller(stored.job.held_until().is_some(), clock::now()).await?;
        Ok(Some(stored.entry()))
    }
}

impl AnswersCaller<ListJobs> for Ledger {
    async fn answer_caller(&self, asked: ListJobs, _: &Caller) -> Result<Vec<JobView>> {
        let rows: Vec<Row> = self.sql.rows(table::list(&asked))?;
        // A corrupt row hides only its own job.
        let jobs: Vec<_> = rows.into_iter().filter_map(|row| Some(self.read(row).ok()?.view())).collect();
        self.wake_for_caller(jobs.iter().any(|job| job.hold.is_some()), clock::now()).await?;
        Ok(jobs)
    }
}

impl AnswersCaller<CancelJob> for Ledger {
    async fn answer_caller(&self, CancelJob(job): CancelJob, _: &Caller) -> Result<Cancelled> {
        let now = clock::now();
        match self.apply(&job, LedgerEvent::Cancelled, now)? {
            Outcome::Changed(stored, effects) => {
                let mut failures = Failures::default();
                self.perform(&job, &effects, now, &mut failures).await;
                failures.report()?;
                Ok(Cancelled::Done(Box::new(stored.entry())))
            }
            Outcome::Rejected(_, Rejected::BeingSent) => Ok(Cancelled::BeingSent),
            Outcome::Rejected(stored, _) => {
                Ok(stored.job.origin_id().map_or(Cancelled::Ended, Cancelled::AtOrigin))
            }
            Outcome::Unknown => Ok(Cancelled::AtOrigin(job)),
        }
    }
}

impl Ledger {
    /// Tries an unreachable origin again, because a caller waits for a job that is held.
    async fn wake_for_caller(&self, held: bool, now: Timestamp) -> Result<()> {
        if held && now >= self.woken.get().after(WAKE_INTERVAL) {
            self.woken.set(now);
            self.sql.run(table::wake(now))?;
            self.set_alarm_by(now).await?;
        }
        Ok(())
    }
}
