//! The progress of running jobs, as their workers report it.

use std::fmt;
use std::sync::Arc;

use cortex_api::Problem;
use cortex_domain::id::JobId;
use cortex_domain::ports::{Bus, Event, Subscription};
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task;
use cortex_wire::stream::{Assembler, Gaps};
use futures::stream::{self, Stream};
use tokio_util::sync::CancellationToken;

use super::line_buffer::{LineWriter, line_buffer};
use crate::background_tasks::BackgroundTasks;
use crate::error;

/// Maximum length of a line in bytes. Longer lines are skipped.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Subscribes to the progress of jobs. Clones share the bus.
#[derive(Clone)]
pub(crate) struct Progress {
    bus: Arc<dyn Bus>,
    background: BackgroundTasks,
}

impl Progress {
    pub(crate) fn new(bus: Arc<dyn Bus>, background: BackgroundTasks) -> Self {
        Self { bus, background }
    }

    /// Subscribes to the progress of a job from now on. Each line is one JSON document. A slow
    /// reader misses some lines.
    ///
    /// # Errors
    /// Returns an error if the bus is unreachable.
    pub(crate) async fn subscribe(
        &self,
        job: JobId,
    ) -> Result<impl Stream<Item = String> + Send + use<>, Problem> {
        let frames = self.bus.subscribe(Filter::only(&Subject::progress(job))).await;
        let frames = frames.map_err(|error| error::from_bus(&error))?;
        let (writer, reader) = line_buffer();
        let dropped = CancellationToken::new();
        let reading = (reader, dropped.clone().drop_guard());
        let (bus, stop) = (self.bus.clone(), self.background.stopping());
        self.background.spawn(async move {
            tokio::select! {
                () = follow(bus.as_ref(), frames, &writer) => {}
                () = dropped.cancelled() => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(stream::unfold(reading, |mut reading| async move { Some((reading.0.next().await?, reading)) }))
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

/// Takes every frame at once, however slowly the lines are read. The bus skips a listener that is
/// full, which until then buffers what is not read.
async fn follow(bus: &dyn Bus, mut frames: Box<dyn Subscription<Event>>, writer: &LineWriter) {
    let mut assembler = assembler();
    while let Some(progress) = next(bus, &mut *frames).await {
        writer.write(documents(&mut assembler, progress));
    }
}

fn assembler() -> Assembler {
    Assembler::with_max_line(Gaps::Skipped, MAX_LINE_BYTES)
}

async fn next(bus: &dyn Bus, frames: &mut dyn Subscription<Event>) -> Option<task::Progress> {
    loop {
        let event = frames.next().await?;
        match cortex_wire::receive_progress(&event) {
            Ok(progress) => return Some(progress),
            Err(error) => bus.reject(event.subject.family(), error.rejection(), &error),
        }
    }
}

/// Returns the lines that a frame completes. An assembler that skips gaps returns no errors.
fn documents(assembler: &mut Assembler, progress: task::Progress) -> Vec<String> {
    let lines = assembler.take(progress).unwrap_or_default();
    lines.iter().filter_map(|line| document(line)).collect()
}

/// Returns a line if it is one JSON document.
fn document(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    is_json.then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cortex_domain::id::DispatchId;
    use cortex_domain::state::{Attempt, Lease};
    use cortex_domain::task::ProgressKind;
    use cortex_domain::time::Timestamp;

    use super::*;

    fn progress(attempt: u32, seq: u64, frame: &str) -> task::Progress {
        task::Progress {
            job: JobId::mint(Timestamp::from_millis(1), [1; 10]),
            lease: Lease { attempt: Attempt(attempt), dispatch: DispatchId::new([attempt as u8; 16]) },
            worker: "w".parse().unwrap(),
            seq,
            what: if seq == 0 {
                ProgressKind::Started
            } else {
                ProgressKind::Frame(Bytes::copy_from_slice(frame.as_bytes()))
            },
        }
    }

    fn read(frames: &[(u32, u64, &str)]) -> Vec<String> {
        let mut assembler = assembler();
        let progress = frames.iter().map(|(attempt, seq, frame)| progress(*attempt, *seq, frame));
        progress.flat_map(|progress| documents(&mut assembler, progress)).collect()
    }

    #[test]
    fn a_line_that_began_before_the_subscription_is_skipped() {
        assert_eq!(read(&[(1, 7, "\":1}\n{}\n"), (1, 8, "4\n")]), ["{}", "4"]);
        // The rest of 123 would be a document of its own.
        assert_eq!(read(&[(1, 7, "3\n{}\n")]), ["{}"]);
    }

    #[test]
    fn lines_that_are_not_json_or_too_long_are_skipped() {
        assert_eq!(read(&[(1, 1, "x\n\n{}\n[DONE]\n")]), ["{}"]);
        let long = format!("\"{}\"\n1\n", "x".repeat(MAX_LINE_BYTES));
        assert_eq!(read(&[(1, 1, &long)]), ["1"]);
    }
}
