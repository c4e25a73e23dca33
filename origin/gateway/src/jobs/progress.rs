//! What a job's worker says while it runs.

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

/// The longest line, in bytes; one that is longer is left out.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// What workers say of the jobs that they run. A clone is the same.
#[derive(Clone)]
pub(crate) struct Progress {
    bus: Arc<dyn Bus>,
    background: BackgroundTasks,
}

impl Progress {
    pub(crate) fn new(bus: Arc<dyn Bus>, background: BackgroundTasks) -> Self {
        Self { bus, background }
    }

    /// Listens to a job's worker from now on: what was progress before is dropped. A line is one JSON document; one who reads slowly
    /// misses some.
    ///
    /// # Errors
    /// If the bus can't be reached.
    pub(crate) async fn subscribe(
        &self,
        job: JobId,
    ) -> Result<impl Stream<Item = String> + Send + use<>, Problem> {
        let frames = self.bus.subscribe(Filter::only(&Subject::progress(job))).await;
        let frames = frames.map_err(|error| error::from_bus(&error))?;
        let (writer, reader) = line_buffer();
        let dropped = CancellationToken::new();
        let reading = (reader, dropped.clone().drop_guard());
        let stop = self.background.stopping();
        self.background.spawn(async move {
            tokio::select! {
                () = follow(frames, &writer) => {}
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

/// Takes every frame as it comes, however slowly the lines are read: a listener that is full is passed over, and until
/// then holds what nobody reads.
async fn follow(mut frames: Box<dyn Subscription<Event>>, writer: &LineWriter) {
    let mut assembler = assembler();
    while let Some(progress) = next(&mut *frames).await {
        writer.write(documents(&mut assembler, progress));
    }
}

fn assembler() -> Assembler {
    Assembler::with_max_line(Gaps::Skipped, MAX_LINE_BYTES)
}

async fn next(frames: &mut dyn Subscription<Event>) -> Option<task::Progress> {
    loop {
        match cortex_wire::decode_progress(&frames.next().await?.body) {
            Ok(progress) => return Some(progress),
            Err(error) => tracing::warn!(%error, "a frame could not be read"),
        }
    }
}

/// The lines that a frame completes. A reader that skips gaps gets no errors.
fn documents(assembler: &mut Assembler, progress: task::Progress) -> Vec<String> {
    let lines = assembler.take(progress).unwrap_or_default();
    lines.iter().filter_map(|line| document(line)).collect()
}

/// A line, if it is one JSON document.
fn document(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let whole = serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    whole.then(|| line.to_owned())
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
    fn half_a_line_from_before_the_listening_began_is_left_out() {
        assert_eq!(read(&[(1, 7, "\":1}\n{}\n"), (1, 8, "4\n")]), ["{}", "4"]);
        // The rest of 123 would be a document of its own.
        assert_eq!(read(&[(1, 7, "3\n{}\n")]), ["{}"]);
    }

    #[test]
    fn what_is_no_document_or_too_long_is_left_out() {
        assert_eq!(read(&[(1, 1, "x\n\n{}\n[DONE]\n")]), ["{}"]);
        let long = format!("\"{}\"\n1\n", "x".repeat(MAX_LINE_BYTES));
        assert_eq!(read(&[(1, 1, &long)]), ["1"]);
    }
}
