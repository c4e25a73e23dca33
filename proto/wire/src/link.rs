//! The frames of the stream between the origin and a worker without a broker.
//!
//! The worker sends [`UpFrame`] and receives [`DownFrame`]. The origin builds its frames from
//! packets of the bus, so the link can't send a worker anything that was not published to it.

use std::time::Duration;

use bytes::Bytes;
use cortex_domain::flow::Outcome;
use cortex_domain::pointer::{Pointer, Space};
use cortex_domain::task::{Cancel, Progress, Task};
use cortex_domain::worker::Heartbeat;

use crate::error::{DecodeError, MessageName};
use crate::v1;
use v1::down as down_frames;

const UP: MessageName = MessageName("Up");
const REPORT: MessageName = MessageName("Report");
const DOWN: MessageName = MessageName("Down");
const JOB_REQUEST: MessageName = MessageName("JobRequest");

/// A frame from a worker.
#[derive(Clone, PartialEq, Debug)]
pub enum UpFrame {
    /// The first frame.
    Hello {
        token: String,
        worker: Heartbeat,
    },
    Heartbeat(Heartbeat),
    Progress(Progress),
    /// How a dispatch ended, with its answer if it succeeded.
    Report {
        outcome: Outcome,
        draft: Option<(Pointer, Bytes)>,
    },
}

/// A frame from the origin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DownFrame {
    /// The first frame.
    Welcome {
        heartbeat: Duration,
    },
    Job {
        task: Box<Task>,
        context: Bytes,
    },
    Cancel(Cancel),
}

/// Returns the origin's first frame, with the interval of heartbeats.
#[must_use]
pub fn welcome(heartbeat: Duration) -> v1::Down {
    let heartbeat_ms = u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX);
    down(down_frames::Frame::Welcome(down_frames::Welcome { heartbeat_ms }))
}

/// Returns the frame for a job's packet from the bus, with its input.
///
/// # Errors
/// Returns an error if the packet is not a valid job.
pub fn job(packet: &[u8], context: Bytes) -> Result<v1::Down, DecodeError> {
    let request = Some(JOB_REQUEST.parse(packet)?);
    Ok(down(down_frames::Frame::Job(down_frames::Job { request, context })))
}

/// Returns the frame that stops a dispatch.
#[must_use]
pub fn cancel(cancel: &Cancel) -> v1::Down {
    down(down_frames::Frame::Cancel(cancel.into()))
}

fn down(frame: down_frames::Frame) -> v1::Down {
    v1::Down { frame: Some(frame) }
}

impl From<UpFrame> for v1::Up {
    fn from(up: UpFrame) -> Self {
        use v1::up::Frame;
        let frame = match up {
            UpFrame::Hello { token, worker } => {
                Frame::Hello(v1::Hello { token, worker: Some((&worker).into()) })
            }
            UpFrame::Heartbeat(heartbeat) => Frame::Heartbeat((&heartbeat).into()),
            UpFrame::Progress(progress) => Frame::Progress((&progress).into()),
            UpFrame::Report { outcome, draft } => Frame::Report(v1::Report {
                result: Some((&outcome).into()),
                draft: draft.map(|(pointer, payload)| v1::Put { pointer: pointer.to_string(), payload }),
            }),
        };
        Self { frame: Some(frame) }
    }
}

impl TryFrom<v1::Up> for UpFrame {
    type Error = DecodeError;

    fn try_from(up: v1::Up) -> Result<Self, DecodeError> {
        use v1::up::Frame;
        Ok(match UP.required("frame", up.frame)? {
            Frame::Hello(hello) => {
                Self::Hello { token: hello.token, worker: UP.nested("hello.worker", hello.worker)? }
            }
            Frame::Heartbeat(heartbeat) => Self::Heartbeat(heartbeat.try_into()?),
            Frame::Progress(progress) => Self::Progress(progress.try_into()?),
            Frame::Report(report) => {
                let outcome: Outcome = REPORT.nested("result", report.result)?;
                let draft = report.draft.map(|put| read_draft(put, &outcome)).transpose()?;
                Self::Report { outcome, draft }
            }
        })
    }
}

/// Reads the draft of the reported dispatch. A worker may write no other draft.
fn read_draft(put: v1::Put, outcome: &Outcome) -> Result<(Pointer, Bytes), DecodeError> {
    let pointer: Pointer = REPORT.text("draft.pointer", &put.pointer)?;
    let own = Space::Draft(outcome.job, outcome.lease.dispatch);
    REPORT.ensure("draft.pointer", pointer.space == own, "must belong to the dispatch")?;
    Ok((pointer, put.payload))
}

impl TryFrom<v1::Down> for DownFrame {
    type Error = DecodeError;

    fn try_from(down: v1::Down) -> Result<Self, DecodeError> {
        Ok(match DOWN.required("frame", down.frame)? {
            down_frames::Frame::Welcome(welcome) => {
                Self::Welcome { heartbeat: Duration::from_millis(welcome.heartbeat_ms) }
            }
            down_frames::Frame::Job(job) => {
                Self::Job { task: Box::new(DOWN.nested("job.request", job.request)?), context: job.context }
            }
            down_frames::Frame::Cancel(cancel) => Self::Cancel(cancel.try_into()?),
        })
    }
}
