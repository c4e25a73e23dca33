//! Commits jobs, and finds the job of an idempotency key.

use std::time::Duration;

use cortex_api::hops;
use cortex_domain::id::JobId;
use cortex_domain::job::Hop;
use cortex_domain::time::Timestamp;
use cortex_guard::keys::Caller;
use cortex_guard::ledger::{Effect, HeldBody, accept};
use worker::{Error, Result};

use super::entry::{Idempotency, NewJob};
use super::idempotency::{self, PriorUse};
use super::requests::{AcceptJob, Accepted, ClaimKey, Claimed};
use super::row::Stored;
use super::table;
use crate::clock;
use crate::envelope::Envelope;
use crate::ledger::dispatch::AnswersCaller;
use crate::ledger::failures::Failures;
use crate::ledger::object::Ledger;
use crate::limits::LedgerUsage;
use crate::object::sql::Statement;

/// How often old jobs are deleted.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

impl AnswersCaller<AcceptJob> for Ledger {
    async fn answer_caller(&self, AcceptJob(job): AcceptJob, by: &Caller) -> Result<Accepted> {
        let now = clock::now();
        if let Some(asked) = &job.idempotency {
            match idempotency::prior_use(&self.sql, asked)? {
                PriorUse::Unused => {}
                PriorUse::OtherRequest => return Ok(Accepted::Mismatch),
                PriorUse::SameRequest(known) => match self.load(&known)? {
                    Some(stored) => return Ok(Accepted::Known(Box::new(stored.entry()))),
                    None if known != job.id => return Ok(Accepted::Claimed(known)),
                    // The key was claimed by a caller who waited for the job.
                    None => {}
                },
            }
        }
        let held = match self.limits.with_job(self.held()?, job.facts.bytes) {
            Ok(held) => held,
            Err(full) => return Ok(Accepted::Full(full)),
        };
        let idempotency = job.idempotency.clone();
        let (stored, effects) = self.commit(job, by, now)?;
        if let Some(asked) = &idempotency {
            self.remember(asked, &stored.job.id, now)?;
        }
        self.held.set(Some(held));
        let mut failures = Failures::default();
        self.perform(&stored.job.id, &effects, now, &mut failures).await;
        failures.note("delete old entries", "", self.prune(now));
        failures.report()?;
        Ok(Accepted::New(Box::new(stored.entry())))
    }
}

impl AnswersCaller<ClaimKey> for Ledger {
    async fn answer_caller(&self, ClaimKey { idempotency, job }: ClaimKey, _: &Caller) -> Result<Claimed> {
        let now = clock::now();
        Ok(Claimed::Job(match idempotency::prior_use(&self.sql, &idempotency)? {
            PriorUse::OtherRequest => return Ok(Claimed::Mismatch),
            PriorUse::SameRequest(known) => {
                self.load(&known)?.and_then(|stored| stored.job.origin_id()).unwrap_or(known)
            }
            PriorUse::Unused => {
                self.remember(&idempotency, &job, now)?;
                self.prune(now)?;
                job
            }
        }))
    }
}

impl Ledger {
    /// Writes a job in the caller's name. The time of the commit becomes a hop of its envelope.
    fn commit(&self, job: NewJob, by: &Caller, now: Timestamp) -> Result<(Stored, Vec<Effect>)> {
        let (envelope, body) =
            Envelope::decode(&job.message).map_err(|malformed| Error::RustError(malformed.0))?;
        let mut envelope = envelope.by(by);
        envelope.add_hop(Hop { name: hops::LEDGER.to_owned(), at: now });
        let message = envelope.encode(body.unwrap_or_default())?;
        let body = HeldBody { bytes: job.facts.bytes, offloaded: envelope.offloaded };
        let step = accept(job.id, body, now);
        let stored = Stored { job: step.job, facts: job.facts, created: job.created, hops: envelope.hops };
        self.sql.run(table::insert(&stored, &message)?)?;
        Ok((stored, step.effects))
    }

    fn held(&self) -> Result<LedgerUsage> {
        match self.held.get() {
            Some(held) => Ok(held),
            None => Ok(self.sql.first(Statement::new(table::HELD, vec![]))?.unwrap_or_default()),
        }
    }

    /// Stores the job of an idempotency key, and deletes the oldest keys beyond the limit.
    fn remember(&self, asked: &Idempotency, job: &JobId, now: Timestamp) -> Result<()> {
        idempotency::remember(&self.sql, asked, job, now)?;
        let mut keys = match self.idempotency_keys.get() {
            Some(keys) => keys + 1,
            None => idempotency::count(&self.sql)?,
        };
        if self.limits.forgotten(keys) > 0 {
            // A key that already existed was counted twice.
            keys = idempotency::count(&self.sql)?;
            let forgotten = self.limits.forgotten(keys);
            idempotency::forget_oldest(&self.sql, forgotten, asked)?;
            keys -= forgotten;
        }
        self.idempotency_keys.set(Some(keys));
        Ok(())
    }

    /// Deletes old entries from time to time.
    fn prune(&self, now: Timestamp) -> Result<()> {
        if now.since(self.pruned.get()) > PRUNE_INTERVAL {
            self.pruned.set(now);
            for statement in table::prune(now) {
                self.sql.run(statement)?;
            }
            idempotency::prune(&self.sql, now)?;
            self.idempotency_keys.set(None);
        }
        Ok(())
    }
}
