//! The requests about jobs. A request with one field is a tuple struct, because every struct with
//! named fields makes the Worker larger.

use cortex_api::{Applied, JobView, StateLine};
use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Idempotency, NewJob};
use crate::deliver::Delivery;
use crate::ledger::requests::ledger_requests;
use crate::limits::Full;
use crate::object::request::Request;

/// Commits a job in the caller's name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AcceptJob(pub(crate) NewJob);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Accepted {
    /// The job was committed.
    New(Box<Entry>),
    /// The same request was committed before under the idempotency key.
    Known(Box<Entry>),
    /// The idempotency key belongs to another job, which the ledger does not hold.
    Claimed(#[serde(with = "cortex_api::text")] JobId),
    /// The idempotency key belongs to a different request.
    Mismatch,
    /// The ledger has reached a limit.
    Full(Full),
}

/// Asks for the job of an idempotency key, which is `job` if the key was not used before.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClaimKey {
    pub(crate) idempotency: Idempotency,
    #[serde(with = "cortex_api::text")]
    pub(crate) job: JobId,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Claimed {
    /// The key belongs to this job, under its id at the origin.
    Job(#[serde(with = "cortex_api::text")] JobId),
    /// The key belongs to a different request.
    Mismatch,
}

/// Asks for the ledger's entry of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LookAtJob(#[serde(with = "cortex_api::text")] pub(crate) JobId);

/// Lists jobs, newest first. See [`cortex_api::ListJobs`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ListJobs {
    pub(crate) state: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) limit: usize,
    /// Includes jobs that are at the origin.
    pub(crate) all: bool,
}

/// Cancels a job that waits in the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CancelJob(#[serde(with = "cortex_api::text")] pub(crate) JobId);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Cancelled {
    /// The job was cancelled.
    Done(Box<Entry>),
    /// The job had already ended before it left the ledger.
    Ended,
    /// The job is being sent to the origin.
    BeingSent,
    /// The origin has the job under this id. A job that is unknown to the ledger can only be there.
    AtOrigin(#[serde(with = "cortex_api::text")] JobId),
}

/// Takes a job to deliver it now.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TakeJob(#[serde(with = "cortex_api::text")] pub(crate) JobId);

/// A job to deliver and to settle under its lease.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LeasedJob {
    #[serde(with = "cortex_api::rfc3339")]
    pub(crate) lease: Timestamp,
    /// The stored envelope.
    pub(crate) message: String,
}

/// Reports the result of an attempt.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SettleJob {
    #[serde(with = "cortex_api::text")]
    pub(crate) job: JobId,
    #[serde(with = "cortex_api::rfc3339")]
    pub(crate) lease: Timestamp,
    pub(crate) delivery: Delivery,
}

/// Reports that the queue gave up on a job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BuryJob(#[serde(with = "cortex_api::text")] pub(crate) JobId);

/// Passes on the states of jobs that the origin reports.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReportStates(pub(crate) Vec<StateLine>);

/// Declares the requests of callers: the path and the reply.
macro_rules! caller_requests {
    ($($request:ty, $path:literal, $reply:ty;)*) => {$(
        impl Request for $request {
            const PATH: &'static str = $path;
            type Reply = $reply;
        }
    )*};
}

caller_requests! {
    AcceptJob, "/accept-job", Accepted;
    ClaimKey, "/claim-key", Claimed;
    LookAtJob, "/look-at-job", Option<Entry>;
    ListJobs, "/list-jobs", Vec<JobView>;
    CancelJob, "/cancel-job", Cancelled;
}

ledger_requests! {
    TakeJob, "/take-job", Option<LeasedJob>, Some(None);
    SettleJob, "/settle-job", (), Some(());
    BuryJob, "/bury-job", (), Some(());
    ReportStates, "/report-states", Applied, Some(Applied::default());
}
