//! Sends jobs to the origin. A sender takes a job, tries to deliver it, and settles it. The queue's
//! consumer does so through requests, and the ledger's alarm directly.

use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_guard::ledger::{LedgerEvent, LedgerPlace, apply};
use futures::future::join_all;
use serde::Deserialize;
use worker::Result;

use super::requests::{BuryJob, LeasedJob, SettleJob, TakeJob};
use super::table;
use super::transition::Outcome;
use crate::deliver::{Delivery, deliver};
use crate::envelope::Envelope;
use crate::ledger::failures::Failures;
use crate::ledger::object::Ledger;
use crate::object::request::Answers;
use crate::{clock, log, random};

/// Maximum number of jobs that are sent at the same time, and of rounds per alarm.
const MAX_CONCURRENT: u64 = 8;
const MAX_ROUNDS: usize = 32;

impl Answers<TakeJob> for Ledger {
    async fn answer(&self, TakeJob(job): TakeJob) -> Result<Option<LeasedJob>> {
        let taken = self.take(&job, clock::now())?;
        if let Some(LeasedJob { lease, .. }) = &taken {
            self.set_alarm_by(*lease).await?;
        }
        Ok(taken)
    }
}

impl Answers<SettleJob> for Ledger {
    async fn answer(&self, SettleJob { job, lease, delivery }: SettleJob) -> Result<()> {
        let mut failures = Failures::default();
        self.settle(&job, lease, delivery, &mut failures).await;
        failures.report()
    }
}

impl Answers<BuryJob> for Ledger {
    /// The ledger still holds the job, and its alarm sends it.
    async fn answer(&self, BuryJob(job): BuryJob) -> Result<()> {
        log::error("ledger.dead_letter", &[("job", &job.to_string())]);
        self.set_alarm().await
    }
}

impl Ledger {
    /// Sends the due jobs. The first job of a round is sent alone. If the origin is unreachable,
    /// one request detects it, and the others wait without an attempt.
    pub(in crate::ledger) async fn send_due(&self) -> Result<()> {
        let mut failures = Failures::default();
        for _ in 0..MAX_ROUNDS {
            let due = failures.note("read due jobs", "", self.take_due(clock::now()));
            let mut round = due.unwrap_or_default().into_iter();
            let Some((first, taken)) = round.next() else { break };
            if let Some(until) = self.send(first, taken, &mut failures).await {
                for (job, LeasedJob { lease, .. }) in round {
                    let event = LedgerEvent::GivenBack { lease, until };
                    failures.note("give back", job, self.apply(&job, event, clock::now()));
                }
                failures.note("delay", "", self.sql.run(table::delay(clock::now(), until)));
                break;
            }
            let sent = join_all(round.map(async |(job, taken)| {
                let mut failures = Failures::default();
                self.send(job, taken, &mut failures).await;
                failures
            }));
            sent.await.into_iter().for_each(|others| failures.append(others));
        }
        failures.report()
    }

    /// Takes up to one round of due jobs. A corrupt job does not delay the others.
    fn take_due(&self, now: Timestamp) -> Result<Vec<(JobId, LeasedJob)>> {
        #[derive(Deserialize)]
        struct DueRow {
            id: String,
        }
        let mut round = Vec::new();
        for DueRow { id } in self.sql.rows(table::due(now, MAX_CONCURRENT))? {
            match id.parse() {
                Ok(job) => match self.take(&job, now) {
                    Ok(taken) => round.extend(taken.map(|taken| (job, taken))),
                    Err(error) => log::error("ledger.take", &[("job", &id), ("cause", &error.to_string())]),
                },
                Err(_) => self.set_aside(&id),
            }
        }
        Ok(round)
    }

    /// Gives a job to one sender, unless another sender has it or the ledger no longer holds it.
    fn take(&self, id: &JobId, now: Timestamp) -> Result<Option<LeasedJob>> {
        #[derive(Deserialize)]
        struct MessageRow {
            message: String,
        }
        let Some(stored) = self.load(id)? else { return Ok(None) };
        let Ok(step) = apply(&stored.job, LedgerEvent::Taken, now) else { return Ok(None) };
        let LedgerPlace::Sending { lease, .. } = step.job.place else { return Ok(None) };
        let Some(MessageRow { message }) = self.sql.first(table::write_for_sender(&step.job)?)? else {
            return Ok(None);
        };
        if let Err(malformed) = Envelope::decode(&message) {
            log::error("ledger.corrupt_job", &[("job", &id.to_string()), ("cause", &malformed.0)]);
            self.set_aside(&id.to_string());
            return Ok(None);
        }
        Ok(Some(LeasedJob { lease, message }))
    }

    /// Sends a job and settles it. If the origin is unreachable, returns when the next attempt may
    /// start.
    async fn send(
        &self,
        job: JobId,
        LeasedJob { lease, message }: LeasedJob,
        failures: &mut Failures,
    ) -> Option<Timestamp> {
        let delivery = match Envelope::decode(&message) {
            Ok((envelope, body)) => deliver(envelope, body, &self.env, &self.state).await,
            // The envelope was decoded when the job was taken.
            Err(_) => return None,
        };
        self.settle(&job, lease, delivery, failures).await
    }

    /// Records the result of an attempt. If the origin is unreachable, returns when the next
    /// attempt may start.
    async fn settle(
        &self,
        job: &JobId,
        lease: Timestamp,
        delivery: Delivery,
        failures: &mut Failures,
    ) -> Option<Timestamp> {
        let (now, away) = (clock::now(), delivery == Delivery::Away);
        let event = match delivery {
            Delivery::Accepted { id } => LedgerEvent::Accepted { origin_id: id },
            Delivery::Refused { error, denied } => LedgerEvent::Refused { lease, error, denied },
            Delivery::Away => {
                // Without randomness all ledgers retry at the same time, but they must retry in any
                // case.
                let [random] = random::bytes().unwrap_or_default();
                LedgerEvent::OriginAway { lease, random }
            }
        };
        let until = match failures.note("settle", job, self.apply(job, event, now)) {
            Some(Outcome::Changed(stored, effects)) => {
                self.perform(job, &effects, now, failures).await;
                stored.job.held_until()
            }
            Some(Outcome::Rejected(_, why)) => {
                log::info("ledger.not_settled", &[("job", &job.to_string()), ("cause", &why.to_string())]);
                None
            }
            Some(Outcome::Unknown) | None => None,
        };
        away.then(|| until.unwrap_or(now))
    }
}
