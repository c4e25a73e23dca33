//! What the Worker asks of a tenant's ledger.

use cortex_api::{Applied, JobView, ListJobs, Problem, StateLine};
use cortex_domain::ErrorCode;
use cortex_domain::id::{JobId, KeyId, Tenant};
use cortex_domain::time::Timestamp;
use cortex_guard::keys::{Caller, KeyRecord};
use worker::{Env, Stub};

use super::jobs::entry::{Entry, Idempotency, NewJob};
use super::jobs::requests::{
    self, AcceptJob, Accepted, BuryJob, CancelJob, Cancelled, ClaimKey, Claimed, LeasedJob, LookAtJob,
    ReportStates, SettleJob, TakeJob,
};
use super::keys::requests::{ListKeys, NoteRevocationHeard, PutKey, RevokeKey};
use super::requests::{AsCaller, Known, LedgerRequest, WhoCalls};
use crate::admit::{Presented, unauthenticated};
use crate::deliver::Delivery;
use crate::error::{ApiError, not_found};
use crate::key_checks;
use crate::object::request::{Request, ask};

/// A stub of one ledger object.
pub(crate) struct LedgerClient(Stub);

impl LedgerClient {
    /// Returns the ledger of a tenant.
    pub(crate) fn of(env: &Env, tenant: &Tenant) -> Result<Self, worker::Error> {
        Ok(Self(env.durable_object("LEDGER")?.get_by_name(&format!("tenant:{tenant}"))?))
    }

    /// Returns who calls.
    pub(crate) async fn check(&self, by: &Presented) -> Result<Caller, ApiError> {
        self.ask_as(by, WhoCalls).await.map(|(caller, ())| caller)
    }

    /// Commits a job in the caller's name.
    pub(crate) async fn accept(&self, by: &Presented, job: NewJob) -> Result<(Caller, Accepted), ApiError> {
        self.ask_as(by, AcceptJob(job)).await
    }

    /// Returns the job that an idempotency key stands for: `job`, if it was not used before.
    pub(crate) async fn claim(
        &self,
        by: &Presented,
        idempotency: Idempotency,
        job: JobId,
    ) -> Result<(Caller, JobId), ApiError> {
        match self.ask_as(by, ClaimKey { idempotency, job }).await? {
            (caller, Claimed::Job(job)) => Ok((caller, job)),
            (_, Claimed::Mismatch) => Err(mismatch().into()),
        }
    }

    /// Returns what the ledger knows of a job; `None` if nothing, which doesn't mean that it isn't at the origin.
    pub(crate) async fn look(&self, by: &Presented, job: JobId) -> Result<(Caller, Option<Entry>), ApiError> {
        self.ask_as(by, LookAtJob(job)).await
    }

    /// Returns the newest jobs that the ledger holds, or knows at all, and one more than asked for if there are more.
    pub(crate) async fn list(
        &self,
        by: &Presented,
        asked: &ListJobs,
        all: bool,
    ) -> Result<(Caller, Vec<JobView>), ApiError> {
        let asked = requests::ListJobs {
            state: asked.state.map(|state| state.to_string()),
            topic: asked.topic.as_ref().map(ToString::to_string),
            before: asked.before.map(|job| job.to_string()),
            limit: asked.limit + 1,
            all,
        };
        self.ask_as(by, asked).await
    }

    /// Cancels a job that waits in the ledger.
    pub(crate) async fn cancel(&self, by: &Presented, job: JobId) -> Result<(Caller, Cancelled), ApiError> {
        self.ask_as(by, CancelJob(job)).await
    }

    /// Returns a job that the caller is to deliver now, if it is to.
    pub(crate) async fn take(&self, job: JobId) -> Result<Option<LeasedJob>, ApiError> {
        self.ask(&TakeJob(job)).await
    }

    /// Reports what came of an attempt.
    pub(crate) async fn settle(
        &self,
        job: JobId,
        lease: Timestamp,
        delivery: Delivery,
    ) -> Result<(), ApiError> {
        self.ask(&SettleJob { job, lease, delivery }).await
    }

    /// Reports that the queue gave up on a job.
    pub(crate) async fn bury(&self, job: JobId) -> Result<(), ApiError> {
        self.ask(&BuryJob(job)).await
    }

    /// Passes on the states of jobs that the origin reports.
    pub(crate) async fn states(&self, states: Vec<StateLine>) -> Result<Applied, ApiError> {
        self.ask(&ReportStates(states)).await
    }

    /// Keeps a new key and sets the epoch it is made in.
    pub(crate) async fn put_key(&self, record: KeyRecord) -> Result<KeyRecord, ApiError> {
        Ok(self.ask(&PutKey(record)).await?.map_err(Problem::from)?)
    }

    /// Returns the tenant's keys, and whether each is revoked.
    pub(crate) async fn keys(&self) -> Result<Vec<(KeyRecord, bool)>, ApiError> {
        self.ask(&ListKeys).await
    }

    /// Revokes a key.
    pub(crate) async fn revoke(&self, id: &KeyId) -> Result<(), ApiError> {
        if self.ask(&RevokeKey(id.clone())).await? { Ok(()) } else { Err(not_found()) }
    }

    /// Notes that the origin heard of a revoked key.
    pub(crate) async fn note_revocation_heard(&self, id: &KeyId) -> Result<(), ApiError> {
        self.ask(&NoteRevocationHeard(id.clone())).await
    }

    async fn ask<R: LedgerRequest>(&self, request: &R) -> Result<R::Reply, ApiError> {
        ask(&self.0, request).await
    }

    /// Asks in a caller's name. Every such request asks whether the key holds.
    async fn ask_as<A: Request>(&self, by: &Presented, asked: A) -> Result<(Caller, A::Reply), ApiError> {
        let known = self.ask(&AsCaller(by.key.clone(), asked)).await?;
        key_checks::note(&by.key, known.is_some());
        let Known(caller, reply) = known.ok_or_else(unauthenticated)?;
        Ok((caller, reply))
    }
}

/// The refusal of an idempotency key that stands for another request.
pub(crate) fn mismatch() -> Problem {
    let detail = "this idempotency key was used for another request: take a new one";
    Problem::new(ErrorCode::IdempotencyMismatch, detail)
}
