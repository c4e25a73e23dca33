//! Runs one dispatch from start to end.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::event::Timings;
use cortex_domain::flow::End;
use cortex_domain::state::{Failure, FailureKind};
use cortex_domain::task::Task;
use futures::FutureExt;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::engine::{Context, Engine};
use crate::progress::ProgressSender;

/// Runs shorter than this are not announced: their report implies the start, which halves the
/// messages.
const UNANNOUNCED_RUN: Duration = Duration::from_millis(2);

/// A job that was accepted.
pub(crate) struct Dispatch {
    pub(crate) task: Box<Task>,
    pub(crate) input: Bytes,
    pub(crate) taken: Instant,
    /// The origin wants it stopped, without a report.
    pub(crate) stop: CancellationToken,
    /// The worker will not wait for it any longer.
    pub(crate) abandon: CancellationToken,
    /// The maximum length of an answer, in bytes.
    pub(crate) max_answer: usize,
}

/// How a dispatch ended on this worker.
#[derive(Debug)]
pub(crate) enum DispatchEnd {
    Reported { end: End, answer: Option<Bytes>, run: Duration },
    Stopped,
}

impl Dispatch {
    pub(crate) async fn run(self, engine: &dyn Engine, progress: &Arc<ProgressSender>) -> DispatchEnd {
        let began = Instant::now();
        let limit = self.task.limits.run;
        let deadline = began + limit;
        let context =
            Context { input: self.input, stop: self.stop.child_token(), deadline, frames: progress.frames() };
        let stopped = context.stop.clone();
        let _stop = stopped.clone().drop_guard();
        let (job, task) = (self.task.job, self.task);
        let run = AssertUnwindSafe(async { engine.run(task, context).await }).catch_unwind();
        let announce = async {
            sleep_until(began + UNANNOUNCED_RUN).await;
            progress.announce_start().await;
            pending::<()>().await;
        };

        let ended = tokio::select! {
            biased;
            ended = run => ended,
            () = stopped.cancelled() => return DispatchEnd::Stopped,
            () = self.abandon.cancelled() => {
                let end = if progress.has_started() {
                    failed(FailureKind::Broken, "the worker stopped before the run finished")
                } else {
                    End::Returned
                };
                return DispatchEnd::Reported { end, answer: None, run: began.elapsed() };
            }
            () = sleep_until(deadline) => {
                let detail = format!("the run exceeded its limit of {} ms", limit.as_millis());
                return DispatchEnd::Reported {
                    end: failed(FailureKind::Overran, &detail),
                    answer: None,
                    run: began.elapsed(),
                };
            }
            () = announce => unreachable!("it never ends"),
        };

        let run = began.elapsed();
        let (end, answer) = match ended {
            Ok(Ok(answer)) if answer.len() > self.max_answer => {
                let detail = format!(
                    "the result has {} bytes, more than the limit of {}",
                    answer.len(),
                    self.max_answer
                );
                (failed(FailureKind::Broken, &detail), None)
            }
            Ok(Ok(answer)) => {
                let timings = Timings { wait_ms: millis(began - self.taken), run_ms: millis(run) };
                (End::Succeeded { timings }, Some(answer))
            }
            Ok(Err(failure)) => (End::Failed { failure }, None),
            Err(_) => {
                tracing::error!(%job, "the engine panicked");
                (failed(FailureKind::Broken, "the worker failed while running the job"), None)
            }
        };
        DispatchEnd::Reported { end, answer, run }
    }
}

fn failed(kind: FailureKind, detail: &str) -> End {
    End::Failed { failure: Failure::new(kind, detail) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
