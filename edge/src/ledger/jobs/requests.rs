//! What is asked of a ledger about jobs. A request with one part is that part alone, since every struct with named fields
//! makes the Worker larger.

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
    /// A job was committed before under the same idempotency key.
    Known(Box<Entry>),
    /// The idempotency key stands for another job, which the ledger doesn't hold.
    Claimed(#[serde(with = "cortex_api::text")] JobId),
    /// The idempotency key stands for another request.
    Mismatch,
    /// The ledger holds as much as it may.
    Full(Full),
}

/// Asks which job an idempotency key stands for: `job`, if it was not used before.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClaimKey {
    pub(crate) idempotency: Idempotency,
    #[serde(with = "cortex_api::text")]
    pub(crate) job: JobId,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Claimed {
    /// The key stands for this job, under the id by which the origin knows it.
    Job(#[serde(with = "cortex_api::text")] JobId),
    /// The key stands for another request.
    Mismatch,
}

/// Asks what the ledger knows of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LookAtJob(#[serde(with = "cortex_api::text")] pub(crate) JobId);

/// Lists jobs, the newest first; see [`cortex_api::ListJobs`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ListJobs {
    pub(crate) state: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) limit: usize,
    /// Also those that the origin has.
    pub(crate) all: bool,
}

/// Cancels a job that waits in the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CancelJob(#[serde(with = "cortex_api::text")] pub(crate) JobId);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Cancelled {
    /// It is cancelled.
    Done(Box<Entry>),
    /// It had ended already, before it left the ledger.
    Ended,
    /// It is on its way to the origin.
    BeingSent,
    /// The origin has it under this id. What the ledger doesn't know can only be there.
    AtOrigin(#[serde(with = "cortex_api::text")] JobId),
}

/// Asks for a job, to deliver it now.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TakeJob(#[serde(with = "cortex_api::text")] pub(crate) JobId);

/// A job that is to be delivered, and settled under the lease.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LeasedJob {
    #[serde(with = "cortex_api::rfc3339")]
    pub(crate) lease: Timestamp,
    /// The envelope, as the ledger holds it.
    pub(crate) message: String,
}

/// Reports what came of an attempt.
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

/// Declares what callers ask for: the path and the reply.
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
