use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use cortex_domain::state::Lease;
use cortex_domain::task::{Progress, ProgressKind};

use super::{END_MARK, MAX_LINE};

/// How many frames to buffer while an earlier one is missing.
const MAX_EARLY: usize = 64;

/// How a reader handles missing frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gaps {
    /// The reader fails, because each line must be delivered in order.
    Refused,
    /// The reader skips lines of which a part is or may be missing. It starts where it joins, and
    /// after a gap, at the end of the first line.
    Skipped,
}

/// Assembles lines from the frames of one dispatch, in order and without duplicates.
///
/// Its memory is bounded by one line and 64 buffered frames.
#[derive(Debug)]
pub struct Assembler {
    gaps: Gaps,
    max_line: usize,
    run: Option<Run>,
}

/// The state of the frames under one lease.
#[derive(Debug)]
struct Run {
    lease: Lease,
    next: u64,
    early: BTreeMap<u64, ProgressKind>,
    rest: BytesMut,
    /// Whether `rest` starts in the middle of a line.
    cut: bool,
    delivered: bool,
    done: bool,
    max_line: usize,
}

/// Why no more lines can be assembled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    #[error("a frame is missing")]
    Lost,
    #[error("the run restarted after some of its lines were delivered")]
    Restarted,
    #[error("the frames do not end in complete lines")]
    Malformed,
}

impl Assembler {
    /// Creates an assembler for lines of at most [`MAX_LINE`] bytes.
    #[must_use]
    pub fn new(gaps: Gaps) -> Self {
        Self::with_max_line(gaps, MAX_LINE)
    }

    /// Creates an assembler for lines of at most `max_line` bytes. It never buffers more of a line.
    #[must_use]
    pub fn with_max_line(gaps: Gaps, max_line: usize) -> Self {
        Self { gaps, max_line, run: None }
    }

    /// Takes a worker's progress and returns the lines that it completes. A duplicate frame, or a
    /// frame of an earlier attempt, completes none.
    ///
    /// # Errors
    /// Returns why the stream can't continue. A reader that skips gaps gets no errors.
    pub fn take(&mut self, progress: Progress) -> Result<Vec<Bytes>, Broken> {
        let gaps = self.gaps;
        let Some(run) = self.current(progress.lease, progress.seq)? else { return Ok(vec![]) };
        if progress.seq < run.next {
            return Ok(vec![]);
        }
        if progress.seq > run.next {
            match gaps {
                Gaps::Refused => return run.buffer(progress),
                Gaps::Skipped => run.skip_to(progress.seq),
            }
        }
        let mut lines = Vec::new();
        let mut said = Some(progress.what);
        while let Some(what) = said {
            // No number follows the largest one. A worker that uses it has finished, or its stream
            // is malformed.
            let Some(next) = run.next.checked_add(1) else { return run.end_of_numbers(gaps) };
            run.next = next;
            if let ProgressKind::Frame(frame) = what {
                run.add(&frame, gaps, &mut lines)?;
            }
            said = run.early.remove(&run.next);
        }
        run.delivered |= !lines.is_empty();
        Ok(lines)
    }

    /// Returns whether the end mark has arrived.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.done)
    }

    /// Returns how many bytes of an unfinished line are buffered.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.run.as_ref().map_or(0, |run| run.rest.len())
    }

    /// Returns the run of a lease, and starts a new one for a later attempt.
    fn current(&mut self, lease: Lease, seq: u64) -> Result<Option<&mut Run>, Broken> {
        match &self.run {
            Some(run) if run.lease == lease => {}
            Some(run) if lease.attempt <= run.lease.attempt => return Ok(None),
            Some(run) if run.delivered && self.gaps == Gaps::Refused => return Err(Broken::Restarted),
            _ => {
                let mut run = Run::new(lease, self.max_line);
                if self.gaps == Gaps::Skipped && seq > 0 {
                    run.skip_to(seq);
                    // The first frame after `Started` starts a line.
                    run.cut = seq > 1;
                }
                self.run = Some(run);
            }
        }
        Ok(self.run.as_mut())
    }
}

impl Run {
    fn new(lease: Lease, max_line: usize) -> Self {
        Self {
            lease,
            next: 0,
            early: BTreeMap::new(),
            rest: BytesMut::new(),
            cut: false,
            delivered: false,
            done: false,
            max_line,
        }
    }

    /// Handles a frame with the largest number. No answer is that long, and no frame could follow.
    fn end_of_numbers(&self, gaps: Gaps) -> Result<Vec<Bytes>, Broken> {
        match gaps {
            Gaps::Refused => Err(Broken::Malformed),
            Gaps::Skipped => Ok(vec![]),
        }
    }

    fn buffer(&mut self, progress: Progress) -> Result<Vec<Bytes>, Broken> {
        self.early.insert(progress.seq, progress.what);
        if self.early.len() > MAX_EARLY { Err(Broken::Lost) } else { Ok(vec![]) }
    }

    fn skip_to(&mut self, seq: u64) {
        // The missing frame contains the end of the current line, and possibly the start of the
        // next one.
        self.cut = true;
        self.rest.clear();
        self.next = seq;
    }

    fn add(&mut self, frame: &[u8], gaps: Gaps, lines: &mut Vec<Bytes>) -> Result<(), Broken> {
        let looked_at = self.rest.len();
        self.rest.extend_from_slice(frame);
        let mut from = looked_at;
        while let Some(end) = self.rest[from..].iter().position(|byte| *byte == b'\n').map(|at| from + at) {
            let line = self.rest.split_to(end + 1).freeze().slice(..end);
            from = 0;
            let cut = std::mem::take(&mut self.cut);
            let malformed =
                self.done || line.is_empty() || line.len() > self.max_line || line.contains(&b'\r');
            match gaps {
                Gaps::Refused if malformed => return Err(Broken::Malformed),
                Gaps::Skipped if malformed || cut => {}
                _ if line == END_MARK => self.done = true,
                _ => lines.push(line),
            }
        }
        match gaps {
            _ if self.rest.len() <= self.max_line => Ok(()),
            Gaps::Refused => Err(Broken::Malformed),
            Gaps::Skipped => {
                self.rest.clear();
                self.cut = true;
                Ok(())
            }
        }
    }
}
