//! Moves a call's frames from the bus to its replay buffer until the call has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::job::Request;
use cortex_domain::ports::{Bus, Event, Subscription};
use cortex_wire::stream::{Assembler, Broken, Gaps};
use tokio_util::sync::CancellationToken;

use super::replay_buffer::{ReplayBuffer, StreamEnd};
use super::table::StreamSlot;
use crate::calls::{self, CallResult, Calls, OnTimeout};
use crate::limits::DRAIN_TIMEOUT;
use crate::revocations::{self, KeyUse};

/// How long the last frames may take after the result of the call.
const LAST_FRAMES_TIMEOUT: Duration = Duration::from_secs(2);

/// A call with a streamed response.
pub(super) struct Pump {
    pub(super) calls: Calls,
    pub(super) bus: Arc<dyn Bus>,
    /// Cancelled once the gateway stops.
    pub(super) stop: CancellationToken,
    pub(super) frames: Box<dyn Subscription<Event>>,
    pub(super) buffer: ReplayBuffer,
    /// How long the stream continues without a reader.
    pub(super) linger: Duration,
    pub(super) slot: StreamSlot,
    /// When the request came. `None` after the first event.
    pub(super) awaiting_first_event: Option<Instant>,
    /// The use of the caller's key.
    pub(super) key_use: KeyUse,
}

impl Pump {
    /// Runs the call. It is abandoned when it has no reader any more.
    pub(super) async fn run(mut self, request: Request, body: Bytes, timeout: Duration) {
        let calls = self.calls.clone();
        let (operation, model) = (calls::operation(&request.topic), request.model.clone());
        let mut call = Box::pin(calls.run(request, body, OnTimeout::Abandon(timeout)));
        let mut assembler = Assembler::new(Gaps::Refused);
        let buffer = self.buffer.clone();
        let abandoned = buffer.abandoned(self.linger);
        let stopped = stopped(self.stop.clone());
        tokio::pin!(abandoned, stopped);
        let end = loop {
            tokio::select! {
                biased;
                event = self.frames.next() => {
                    if let Err(problem) = self.handle(&mut assembler, event) {
                        break StreamEnd::Failed(problem);
                    }
                    if let (true, Some(model), Some(began)) = (buffer.bytes() > 0, &model, self.awaiting_first_event) {
                        self.awaiting_first_event = None;
                        calls.metrics().first_token(operation, model.as_str(), began.elapsed());
                    }
                }
                answered = &mut call => {
                    break match answered.and_then(CallResult::into_answer) {
                        Ok(_) => self.drain(&mut assembler).await,
                        Err(problem) => StreamEnd::Failed(problem),
                    };
                }
                () = &mut abandoned => {
                    break StreamEnd::Failed(Problem::new(ErrorCode::StreamGone, "the client \
                        disconnected"));
                }
                () = self.key_use.revoked() => break StreamEnd::Failed(revocations::revoked_error()),
                () = &mut stopped => {
                    break StreamEnd::Failed(Problem::new(ErrorCode::Unavailable, "the origin is \
                        shutting down"));
                }
            }
        };
        // This abandons the call, unless it has ended.
        drop(call);
        buffer.end(end);
        // A client that lost the connection at the end may still resume.
        self.slot.end(self.linger);
    }

    /// Reads the frames that remain after the result of the call, up to the last line.
    async fn drain(&mut self, assembler: &mut Assembler) -> StreamEnd {
        let reading = async {
            while !assembler.is_done() {
                let event = self.frames.next().await;
                self.handle(assembler, event)?;
            }
            Ok(())
        };
        match tokio::time::timeout(LAST_FRAMES_TIMEOUT, reading).await {
            Ok(Ok(())) => StreamEnd::Done,
            Ok(Err(problem)) => StreamEnd::Failed(problem),
            Err(_) => StreamEnd::Failed(stream_problem(Broken::Lost)),
        }
    }

    fn handle(&self, assembler: &mut Assembler, event: Option<Event>) -> Result<(), Problem> {
        let Some(event) = event else {
            return Err(Problem::new(ErrorCode::Unavailable, "the origin is shutting down"));
        };
        let progress = match cortex_wire::receive_progress(&event) {
            Ok(progress) => progress,
            Err(error) => {
                self.bus.reject(event.subject.family(), error.rejection(), &error);
                return Ok(());
            }
        };
        let lines = assembler.take(progress).map_err(stream_problem)?;
        if !lines.is_empty() && !self.buffer.write(lines) {
            return Err(Problem::new(
                ErrorCode::SlowReader,
                "the client reads too slowly: the stream was ended",
            ));
        }
        Ok(())
    }
}

fn stream_problem(broken: Broken) -> Problem {
    let detail = match broken {
        Broken::Lost => "a part of the response was lost in transit",
        Broken::Restarted => "the worker was lost in the middle of the response",
        Broken::Malformed => "the worker's response is invalid",
    };
    Problem::new(ErrorCode::WorkerFailed, detail)
}

/// Resolves when the streams must end. After the shutdown begins, they have the same time as other
/// open requests.
async fn stopped(stop: CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DRAIN_TIMEOUT).await;
}
