//! Applies the states of jobs that the origin reports.

use cortex_api::{Applied, StateLine};
use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_guard::ledger::{Effect, LedgerEvent, Rejected, apply};
use worker::Result;

use super::requests::ReportStates;
use super::row::Row;
use super::table;
use crate::clock;
use crate::ledger::failures::Failures;
use crate::ledger::object::Ledger;
use crate::object::request::Answers;

impl Answers<ReportStates> for Ledger {
    async fn answer(&self, ReportStates(states): ReportStates) -> Result<Applied> {
        let now = clock::now();
        let (mut all, mut effects, mut failures) = (Applied::default(), Vec::new(), Failures::default());
        for line in &states {
            let report = self.report(line, now, &mut effects);
            match failures.note("apply a report", line.job, report) {
                Some(ReportLine::News) => all.applied += 1,
                Some(ReportLine::CancelledHere) => all.cancelled.push(line.job),
                Some(ReportLine::Old) | None => {}
            }
        }
        // An origin that reports is reachable.
        failures.note("wake waiting jobs", "", self.sql.run(table::wake(now)));
        for (job, effects) in &effects {
            self.perform(job, effects, now, &mut failures).await;
        }
        failures.note("set the alarm", "", self.set_alarm().await);
        failures.report()?;
        Ok(all)
    }
}

/// The kinds of lines in a report.
#[derive(PartialEq, Eq)]
enum ReportLine {
    News,
    Old,
    CancelledHere,
}

impl Ledger {
    /// Applies a line to the job, or to all jobs that the origin has under its id.
    fn report(
        &self,
        line: &StateLine,
        now: Timestamp,
        effects: &mut Vec<(JobId, Vec<Effect>)>,
    ) -> Result<ReportLine> {
        let rows: Vec<Row> = self.sql.rows(table::find_at_origin(&line.job))?;
        let mut report = ReportLine::Old;
        for row in rows {
            // A corrupt row must not prevent the other lines from being applied.
            let Ok(stored) = self.read(row) else { continue };
            let event = LedgerEvent::StateReported { version: line.version, state: line.state, at: line.at };
            match apply(&stored.job, event, now) {
                Ok(step) => {
                    self.sql.run(table::write(&step.job)?)?;
                    if step.job.version() > stored.job.version() {
                        report = ReportLine::News;
                    }
                    effects.push((step.job.id, step.effects));
                }
                Err(Rejected::CancelledHere) if report == ReportLine::Old => {
                    report = ReportLine::CancelledHere
                }
                Err(_) => {}
            }
        }
        Ok(report)
    }
}
