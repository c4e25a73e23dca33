//! A dispatch as the worker sees it: the task, its lease, and the progress that the worker reports.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::id::{JobId, WorkerId};
use crate::job::{InputFormat, Limits, Owner};
use crate::pointer::Pointer;
use crate::state::Lease;
use crate::topic::Topic;

/// A task for a worker: an [`Assignment`](crate::flow::Assignment) as it arrives. A task can't be
/// sent on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    pub job: JobId,
    pub lease: Lease,
    pub owner: Owner,
    pub topic: Topic,
    pub limits: Limits,
    pub labels: BTreeMap<String, String>,
    pub input: InputFormat,
    /// The pointer to the input.
    pub context: Pointer,
    /// The pointer to which the worker writes its answer.
    pub draft: Pointer,
    /// W3C `traceparent` of the request that created the job.
    pub traceparent: Option<String>,
}

/// A worker's reply to an assignment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskReply {
    /// The worker accepts the job.
    Accepted,
    /// The worker accepts the job and has started it.
    Started,
    /// The worker is full or shutting down, and will not run the job.
    Busy,
}

/// The progress of a running dispatch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    pub job: JobId,
    pub lease: Lease,
    pub worker: WorkerId,
    /// Counts the messages under this lease, from 0.
    pub seq: u64,
    pub what: ProgressKind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProgressKind {
    /// The run has started.
    Started,
    /// A piece of the answer, at most [`Progress::MAX_FRAME`] bytes.
    Frame(Bytes),
}

impl Progress {
    /// The longest frame, in bytes.
    pub const MAX_FRAME: usize = 16 * 1024;
}

/// Stops a dispatch on a worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cancel {
    pub job: JobId,
    pub lease: Lease,
    pub worker: WorkerId,
}
