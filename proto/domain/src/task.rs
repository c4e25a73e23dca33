//! A dispatch as the worker sees it: what to run, under which lease, and what it says on the way.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::id::{JobId, WorkerId};
use crate::job::{InputFormat, Limits, Owner};
use crate::pointer::Pointer;
use crate::state::Lease;
use crate::topic::Topic;

/// What a worker is to run: an [`Assignment`](crate::flow::Assignment) as it arrives. Reading one gives no
/// power to send it on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    pub job: JobId,
    pub lease: Lease,
    pub owner: Owner,
    pub topic: Topic,
    pub limits: Limits,
    pub labels: BTreeMap<String, String>,
    pub input: InputFormat,
    /// Where the input lies.
    pub context: Pointer,
    /// Where the answer goes.
    pub draft: Pointer,
    /// W3C `traceparent` of the request that made the job.
    pub traceparent: Option<String>,
}

/// A worker's reply to a job that it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskReply {
    /// It takes the job.
    Accepted,
    /// It takes the job, and the run has begun.
    Started,
    /// It has no room for the job, or is about to leave, and will not run it.
    Busy,
}

/// Word from a worker about a dispatch that has not ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    pub job: JobId,
    pub lease: Lease,
    pub worker: WorkerId,
    /// Counts what was sent under this lease, from 0.
    pub seq: u64,
    pub what: ProgressKind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProgressKind {
    /// The run has begun.
    Started,
    /// A piece of the answer, at most [`Progress::MAX_FRAME`] bytes.
    Frame(Bytes),
}

impl Progress {
    /// The longest frame, in bytes.
    pub const MAX_FRAME: usize = 16 * 1024;
}

/// A worker is to stop a dispatch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cancel {
    pub job: JobId,
    pub lease: Lease,
    pub worker: WorkerId,
}
