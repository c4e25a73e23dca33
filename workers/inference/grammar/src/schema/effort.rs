//! How much work one schema may make.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Steps between looks at the clock.
const SPELL: u64 = 256;

/// Ends a compilation early. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Halt {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Halt {
    /// A halt at a time.
    pub fn at(deadline: Instant) -> Self {
        Self { cancelled: Arc::default(), deadline: Some(deadline) }
    }

    /// Halts at the next step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Why to halt, if it is time to.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err("the request was cancelled");
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err("it takes too long to compile"),
            _ => Ok(()),
        }
    }
}

/// Steps that are left.
#[derive(Debug)]
pub(crate) struct Effort {
    left: u64,
    until_look: u64,
    halt: Halt,
}

impl Effort {
    pub(crate) fn new(steps: u64, halt: Halt) -> Self {
        Self { left: steps, until_look: SPELL, halt }
    }

    pub(crate) fn halt(&self) -> &Halt {
        &self.halt
    }

    /// Whether there are steps left, and time.
    pub(crate) fn is_left(&self) -> bool {
        self.left > 0 && self.halt.check().is_ok()
    }

    /// Takes steps; says why there are none left.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), &'static str> {
        let steps = steps as u64;
        self.left = self
            .left
            .checked_sub(steps)
            .ok_or("it expands to too much: fewer combinations can be compiled")?;
        match self.until_look.checked_sub(steps) {
            Some(left) => self.until_look = left,
            None => {
                self.until_look = SPELL;
                self.halt.check()?;
            }
        }
        Ok(())
    }
}
