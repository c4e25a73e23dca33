//! Limits the work on one schema.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How many steps pass between checks of the clock.
const CHECK_INTERVAL: u64 = 256;

/// Cancels a compilation. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct Halt {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Halt {
    /// A halt at a deadline.
    pub fn at(deadline: Instant) -> Self {
        Self { cancelled: Arc::default(), deadline: Some(deadline) }
    }

    /// Halts at the next step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// The reason to halt, if there is one.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err("the request was cancelled");
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err("it took too long to compile"),
            _ => Ok(()),
        }
    }
}

/// The remaining steps.
#[derive(Debug)]
pub(crate) struct Effort {
    left: u64,
    until_check: u64,
    halt: Halt,
}

impl Effort {
    pub(crate) fn new(steps: u64, halt: Halt) -> Self {
        Self { left: steps, until_check: CHECK_INTERVAL, halt }
    }

    pub(crate) fn halt(&self) -> &Halt {
        &self.halt
    }

    /// Whether steps and time are left.
    pub(crate) fn is_left(&self) -> bool {
        self.left > 0 && self.halt.check().is_ok()
    }

    /// Spends steps; fails with the reason if none are left.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), &'static str> {
        let steps = steps as u64;
        self.left = self.left.checked_sub(steps).ok_or("it has too many combinations to compile")?;
        match self.until_check.checked_sub(steps) {
            Some(left) => self.until_check = left,
            None => {
                self.until_check = CHECK_INTERVAL;
                self.halt.check()?;
            }
        }
        Ok(())
    }
}
