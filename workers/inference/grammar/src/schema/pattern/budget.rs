//! Limits the work on all patterns of one schema together.

use crate::schema::Halt;

/// Enough for a few hundred patterns with look-around. The deadline of a compilation limits the
/// time as well.
const STEPS: usize = 2_000_000;
/// How many steps pass between checks of the clock.
const CHECK_INTERVAL: usize = 4096;

/// The remaining steps.
#[derive(Debug)]
pub(in crate::schema) struct Budget {
    left: usize,
    until_check: usize,
    halt: Halt,
}

impl Budget {
    pub(in crate::schema) fn new(halt: Halt) -> Self {
        Self { left: STEPS, until_check: CHECK_INTERVAL, halt }
    }

    /// A budget for lookups only.
    pub(in crate::schema) fn small() -> Self {
        Self { left: STEPS / 100, until_check: CHECK_INTERVAL, halt: Halt::default() }
    }

    /// Spends steps. Returns `None`, and leaves none, if there are fewer or it is time to halt.
    pub(super) fn spend(&mut self, steps: usize) -> Option<()> {
        let left = self.left.checked_sub(steps);
        let is_over = match self.until_check.checked_sub(steps) {
            Some(until_check) => {
                self.until_check = until_check;
                false
            }
            None => {
                self.until_check = CHECK_INTERVAL;
                self.halt.check().is_err()
            }
        };
        self.left = left.filter(|_| !is_over).unwrap_or_default();
        left.filter(|_| !is_over).map(drop)
    }
}
