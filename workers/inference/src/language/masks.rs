//! The thread that computes masks while the model computes logits.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use cortex_batch::SequenceId;
use cortex_grammar::{Constraint, ConstraintError, Mask};

/// An answer's grammar, and the tokens that it allows next.
#[derive(Debug)]
pub(super) struct ConstrainedAnswer {
    constraint: Constraint,
    mask: Mask,
}

/// A grammar that is sent to compute its mask, and its result.
type MaskJob = (SequenceId, ConstrainedAnswer);
type MaskResult = (SequenceId, Result<ConstrainedAnswer, ConstraintError>);

/// The engine's end of the thread.
#[derive(Debug)]
pub(super) struct MaskThread {
    jobs: SyncSender<Vec<MaskJob>>,
    done: Receiver<Vec<MaskResult>>,
}

impl ConstrainedAnswer {
    pub(super) fn new(constraint: Constraint) -> Self {
        Self { constraint, mask: Mask::new() }
    }

    /// Returns the allowed tokens. Bit `t % 32` of word `t / 32` is token `t`.
    pub(super) fn allowed(&self) -> &[u32] {
        self.mask.words()
    }

    /// Accepts a token. Returns whether the text is complete.
    pub(super) fn accept(&mut self, token: u32) -> Result<bool, ConstraintError> {
        self.constraint.accept(token)?;
        Ok(self.constraint.is_stopped())
    }

    fn compute(mut self) -> Result<Self, ConstraintError> {
        let computed = catch_unwind(AssertUnwindSafe(|| self.constraint.mask(&mut self.mask)));
        match computed {
            Ok(Ok(())) if self.mask.words().iter().all(|word| *word == 0) => Err(ConstraintError::DeadEnd),
            Ok(Ok(())) => Ok(self),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(ConstraintError::Failed { why: message(&*panic) }),
        }
    }
}

impl MaskThread {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, work) = sync_channel::<Vec<MaskJob>>(1);
        let (results, done) = sync_channel(1);
        thread::Builder::new().name("masks".into()).spawn(move || {
            for jobs in work {
                let done: Vec<MaskResult> = jobs.into_iter().map(|(id, job)| (id, job.compute())).collect();
                if results.send(done).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs, done })
    }

    /// Computes masks while `meanwhile` runs.
    pub(super) fn compute_during<T>(
        &self,
        jobs: Vec<MaskJob>,
        meanwhile: impl FnOnce() -> T,
    ) -> (Vec<MaskResult>, T) {
        if jobs.is_empty() {
            return (Vec::new(), meanwhile());
        }
        self.jobs.send(jobs).expect("the thread lives as long as this end");
        let value = meanwhile();
        (self.done.recv().expect("the thread answers every message"), value)
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked").into()
}
