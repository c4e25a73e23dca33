//! What a job's worker says while it runs.

use cortex_api::Problem;
use cortex_domain::id::JobId;
use cortex_domain::ports::Subscription;
use cortex_domain::state::Lease;
use cortex_domain::subject::{Filter, Subject};
use cortex_domain::task::{Progress, Said};
use futures::stream::{self, Stream};
use tokio_util::sync::CancellationToken;

use super::recent::{Writer, recent};
use crate::gateway::Inner;
use crate::refuse;

/// The longest line, in bytes; one that is longer is left out.
const MOST_LINE: usize = 64 * 1024;

/// Listens from now on: what was said before is gone. A line is one JSON document; one who reads slowly misses some.
///
/// # Errors
/// If the bus can't be reached.
pub(super) async fn progress(
    inner: &Inner,
    job: JobId,
) -> Result<impl Stream<Item = String> + Send + use<>, Problem> {
    let frames = inner.bus.subscribe(Filter::only(&Subject::progress(job)), None).await;
    let frames = frames.map_err(|error| refuse::bus(&error))?;
    let (writer, reader) = recent();
    let gone = CancellationToken::new();
    let reading = (reader, gone.clone().drop_guard());
    let stop = inner.stop.clone();
    inner.spawn(async move {
        tokio::select! {
            () = follow(frames, &writer) => {}
            () = gone.cancelled() => {}
            () = stop.cancelled() => {}
        }
    });
    Ok(stream::unfold(reading, |mut reading| async move { Some((reading.0.next().await?, reading)) }))
}

/// Takes every frame as it comes, however slowly the lines are read: a listener that is full is passed over, and until
/// then holds what nobody reads.
async fn follow(mut frames: Box<dyn Subscription>, writer: &Writer) {
    let mut lines = Lines::default();
    while let Some(progress) = next(&mut *frames).await {
        writer.write(lines.take(progress));
    }
}

async fn next(frames: &mut dyn Subscription) -> Option<Progress> {
    loop {
        match cortex_wire::decode_progress(&frames.next().await?.body) {
            Ok(progress) => return Some(progress),
            Err(error) => tracing::warn!(%error, "a frame could not be read"),
        }
    }
}

/// Puts lines together out of the latest run's frames. Whatever frames of it lack is left out.
#[derive(Debug, Default)]
struct Lines {
    lease: Option<Lease>,
    next: u64,
    rest: Vec<u8>,
}

impl Lines {
    fn take(&mut self, progress: Progress) -> Vec<String> {
        if let Some(held) = self.lease.filter(|held| *held != progress.lease) {
            if progress.lease.attempt <= held.attempt {
                return vec![];
            }
            *self = Self::default();
        }
        if progress.seq < self.next {
            return vec![];
        }
        if progress.seq > self.next {
            self.rest.clear();
        }
        (self.lease, self.next) = (Some(progress.lease), progress.seq + 1);
        let Said::Frame(frame) = progress.what else { return vec![] };
        let mut lines = Vec::new();
        for piece in frame.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                lines.extend(document(&std::mem::take(&mut self.rest)));
            }
        }
        if self.rest.len() > MOST_LINE {
            self.rest.clear();
        }
        lines
    }
}

/// A line, if it is one JSON document: half a line that was begun before we listened is none.
fn document(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let whole = line.len() <= MOST_LINE && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    whole.then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cortex_domain::id::DispatchId;
    use cortex_domain::state::Attempt;
    use cortex_domain::time::Timestamp;

    use super::*;

    fn said(attempt: u32, seq: u64, frame: &str) -> Progress {
        Progress {
            job: JobId::mint(Timestamp::from_millis(1), [1; 10]),
            lease: Lease { attempt: Attempt(attempt), dispatch: DispatchId::new([attempt as u8; 16]) },
            worker: "w".parse().unwrap(),
            seq,
            what: if seq == 0 {
                Said::Started
            } else {
                Said::Frame(Bytes::copy_from_slice(frame.as_bytes()))
            },
        }
    }

    fn told(frames: &[(u32, u64, &str)]) -> Vec<String> {
        let mut lines = Lines::default();
        frames.iter().flat_map(|(attempt, seq, frame)| lines.take(said(*attempt, *seq, frame))).collect()
    }

    #[test]
    fn lines_are_put_together_from_wherever_the_listening_began() {
        assert_eq!(
            told(&[(1, 0, ""), (1, 1, "{\"a\""), (1, 2, ":1}\n2\n3"), (1, 3, "\n")]),
            ["{\"a\":1}", "2", "3"]
        );
        assert_eq!(told(&[(1, 7, "\":1}\n{}\n"), (1, 8, "4\n")]), ["{}", "4"]);
    }

    #[test]
    fn what_comes_again_lacks_or_is_of_an_earlier_run_brings_nothing() {
        assert_eq!(told(&[(1, 1, "1\n"), (1, 1, "1\n"), (1, 2, "2\n"), (1, 1, "1\n")]), ["1", "2"]);
        assert_eq!(told(&[(1, 1, "{\"a\":"), (1, 3, "3\n4\n")]), ["3", "4"], "half a line is none");
        assert_eq!(told(&[(2, 1, "1\n"), (1, 1, "no\n"), (3, 1, "2\n"), (2, 2, "no\n")]), ["1", "2"]);
    }

    #[test]
    fn what_is_no_document_or_too_long_is_left_out() {
        assert_eq!(told(&[(1, 1, "[DONE]\nx\n\n{}\n")]), ["{}"]);
        let long = format!("\"{}\"\n1\n", "x".repeat(MOST_LINE));
        assert_eq!(told(&[(1, 1, &long)]), ["1"]);
    }
}
