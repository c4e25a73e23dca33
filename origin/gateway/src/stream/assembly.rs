//! Puts a worker's frames together: in their order, each once, of one dispatch alone.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use cortex_domain::state::Lease;
use cortex_domain::task::{Progress, Said};

/// Frames that are kept while one before them lacks.
const MOST_EARLY: usize = 64;
/// The longest line, in bytes.
const MOST_LINE: usize = 1024 * 1024;
/// The line after which there are no more.
const LAST: &[u8] = b"[DONE]";

/// What came so far.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    lease: Option<Lease>,
    next: u64,
    early: BTreeMap<u64, Said>,
    rest: BytesMut,
    passed: bool,
    done: bool,
}

/// Why the frames can't be put together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// One of them did not arrive.
    Lost,
    /// The run was begun again, when some of what it said had been passed on already.
    Again,
    /// They are no lines.
    Malformed,
}

impl Assembly {
    /// Takes one word of the worker's; gives the lines that it completes. A frame that came before, or is of an
    /// earlier run, brings none.
    ///
    /// # Errors
    /// If no more can come of this.
    pub(super) fn take(&mut self, progress: Progress) -> Result<Vec<Bytes>, Broken> {
        if !self.is_of_this_run(progress.lease)? || progress.seq < self.next {
            return Ok(vec![]);
        }
        if progress.seq > self.next {
            self.early.insert(progress.seq, progress.what);
            return if self.early.len() > MOST_EARLY { Err(Broken::Lost) } else { Ok(vec![]) };
        }
        let mut lines = Vec::new();
        let mut said = Some(progress.what);
        while let Some(what) = said {
            self.next += 1;
            if let Said::Frame(frame) = what {
                self.add(&frame, &mut lines)?;
            }
            said = self.early.remove(&self.next);
        }
        self.passed |= !lines.is_empty();
        Ok(lines)
    }

    /// Whether the last line has come.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    fn is_of_this_run(&mut self, lease: Lease) -> Result<bool, Broken> {
        match self.lease {
            Some(held) if held == lease => Ok(true),
            Some(held) if lease.attempt <= held.attempt => Ok(false),
            Some(_) if self.passed => Err(Broken::Again),
            _ => {
                *self = Self { lease: Some(lease), ..Self::default() };
                Ok(true)
            }
        }
    }

    fn add(&mut self, frame: &[u8], lines: &mut Vec<Bytes>) -> Result<(), Broken> {
        self.rest.extend_from_slice(frame);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line = self.rest.split_to(end + 1).freeze().slice(..end);
            if self.done || line.is_empty() || line.contains(&b'\r') {
                return Err(Broken::Malformed);
            }
            if line == LAST {
                self.done = true;
            } else {
                lines.push(line);
            }
        }
        if self.rest.len() > MOST_LINE { Err(Broken::Malformed) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use cortex_domain::id::{DispatchId, JobId};
    use cortex_domain::state::Attempt;
    use cortex_domain::time::Timestamp;

    use super::*;

    fn said(attempt: u32, seq: u64, frame: &str) -> Progress {
        let what =
            if seq == 0 { Said::Started } else { Said::Frame(Bytes::copy_from_slice(frame.as_bytes())) };
        let attempt_byte = u8::try_from(attempt).unwrap();
        Progress {
            job: JobId::mint(Timestamp::from_millis(1), [1; 10]),
            lease: Lease { attempt: Attempt(attempt), dispatch: DispatchId::new([attempt_byte; 16]) },
            worker: "w".parse().unwrap(),
            seq,
            what,
        }
    }

    fn lines(assembly: &mut Assembly, frames: &[(u32, u64, &str)]) -> Result<Vec<String>, Broken> {
        let mut all = Vec::new();
        for (attempt, seq, frame) in frames {
            let lines = assembly.take(said(*attempt, *seq, frame))?;
            all.extend(lines.into_iter().map(|line| String::from_utf8(line.to_vec()).unwrap()));
        }
        Ok(all)
    }

    #[test]
    fn lines_come_in_order_and_once_however_frames_come() {
        let frames =
            [(1, 0, ""), (1, 1, "{\"a\""), (1, 2, ":1}\n{}"), (1, 3, "\n"), (1, 4, "x\ny\n[DONE]\n")];
        let expected = ["{\"a\":1}", "{}", "x", "y"];
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 0, 3, 2, 4], [2, 4, 0, 1, 3]] {
            let mut assembly = Assembly::default();
            let twice: Vec<_> = order.iter().flat_map(|at| [frames[*at], frames[*at]]).collect();
            assert_eq!(lines(&mut assembly, &twice).unwrap(), expected, "{order:?}");
            assert!(assembly.is_done());
        }
    }

    #[test]
    fn a_frame_that_never_comes_is_noticed() {
        let mut assembly = Assembly::default();
        let rest: Vec<_> = (2..200).map(|seq| (1, seq, "x\n")).collect();
        assert_eq!(lines(&mut assembly, &[(1, 0, ""), (1, 1, "a\n")]).unwrap(), ["a"]);
        assert_eq!(lines(&mut assembly, &rest[1..]), Err(Broken::Lost));
    }

    #[test]
    fn a_run_begun_again_starts_over_unless_something_was_passed_on() {
        let mut assembly = Assembly::default();
        let begun = [(1, 0, ""), (1, 1, "{\"cut"), (2, 0, ""), (2, 1, "a\n"), (1, 2, "late\n")];
        assert_eq!(lines(&mut assembly, &begun).unwrap(), ["a"]);
        assert_eq!(lines(&mut assembly, &[(3, 0, "")]), Err(Broken::Again));
    }

    #[test]
    fn what_is_no_line_is_malformed() {
        for frame in ["\n", "a\r\n", "[DONE]\nmore\n"] {
            let mut assembly = Assembly::default();
            assert_eq!(
                lines(&mut assembly, &[(1, 0, ""), (1, 1, frame)]),
                Err(Broken::Malformed),
                "{frame:?}"
            );
        }
        let endless = "x".repeat(MOST_LINE + 1);
        assert_eq!(lines(&mut Assembly::default(), &[(1, 0, ""), (1, 1, &endless)]), Err(Broken::Malformed));
    }
}
