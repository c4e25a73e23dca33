//! The client of a tenant's ledger.

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
use super::keys::requests::{ListKeys, NoteRevocationDelivered, PutKey, RevokeKey};
use super::requests::{AsCaller, CallerReply, LedgerRequest, WhoCalls};
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

    /// Returns the caller with a key.
    pub(crate) async fn check(&self, by: &Presented) -> Result<Caller, ApiError> {
        self.ask_as(by, WhoCalls).await.map(|(caller, ())| caller)
    }

    /// Commits a job in the caller's name.
    pub(crate) async fn accept(&self, by: &Presented, job: NewJob) -> Result<(Caller, Accepted), ApiError> {
        self.ask_as(by, AcceptJob(job)).await
    }

    /// Returns the job of an idempotency key, which is `job` if the key was not used before.
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

    /// Returns the ledger's entry of a job. `None` does not mean that the origin does not have the
    /// job.
    pub(crate) async fn look(&self, by: &Presented, job: JobId) -> Result<(Caller, Option<Entry>), ApiError> {
        self.ask_as(by, LookAtJob(job)).await
    }

    /// Returns the newest jobs that the ledger holds or, with `all`, knows. Returns one more than
    /// the limit if there are more.
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

    /// Returns a job to deliver now, unless another sender has it.
    pub(crate) async fn take(&self, job: JobId) -> Result<Option<LeasedJob>, ApiError> {
        self.ask(&TakeJob(job)).await
    }

    /// Reports the result of an attempt.
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

    /// Stores a new key and sets its epoch.
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

    /// Records that the origin knows about a revoked key.
    pub(crate) async fn note_revocation_delivered(&self, id: &KeyId) -> Result<(), ApiError> {
        self.ask(&NoteRevocationDelivered(id.clone())).await
    }

    async fn ask<R: LedgerRequest>(&self, request: &R) -> Result<R::Reply, ApiError> {
        ask(&self.0, request).await
    }

    /// Sends a request in a caller's name. Every such request also checks the key.
    async fn ask_as<A: Request>(&self, by: &Presented, asked: A) -> Result<(Caller, A::Reply), ApiError> {
        let known = self.ask(&AsCaller(by.key.clone(), asked)).await?;
        key_checks::note(&by.key, known.is_some());
        let CallerReply(caller, reply) = known.ok_or_else(unauthenticated)?;
        Ok((caller, reply))
    }
}

/// Returns the problem of an idempotency key that belongs to a different request.
pub(crate) fn mismatch() -> Problem {
    let detail = "the idempotency key was used for a different request: choose a new key";
    Problem::new(ErrorCode::IdempotencyMismatch, detail)
}
