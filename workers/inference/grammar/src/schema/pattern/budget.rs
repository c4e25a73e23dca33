//! How much work the patterns of one schema may make together.

use crate::schema::Halt;

/// Enough for some hundreds of patterns with look-around. The deadline of a compilation bounds its time as well.
const STEPS: usize = 2_000_000;
/// Steps between looks at the clock.
const SPELL: usize = 4096;

/// Steps that are left.
#[derive(Debug)]
pub(in crate::schema) struct Budget {
    left: usize,
    until_look: usize,
    halt: Halt,
}

impl Budget {
    pub(in crate::schema) fn new(halt: Halt) -> Self {
        Self { left: STEPS, until_look: SPELL, halt }
    }

    /// A budget for what only has to be looked up.
    pub(in crate::schema) fn small() -> Self {
        Self { left: STEPS / 100, until_look: SPELL, halt: Halt::default() }
    }

    /// Takes steps. Returns `None`, and leaves nothing, if there are fewer or it is time to halt.
    pub(super) fn spend(&mut self, steps: usize) -> Option<()> {
        let left = self.left.checked_sub(steps);
        let is_over = match self.until_look.checked_sub(steps) {
            Some(until_look) => {
                self.until_look = until_look;
                false
            }
            None => {
                self.until_look = SPELL;
                self.halt.check().is_err()
            }
        };
        self.left = left.filter(|_| !is_over).unwrap_or_default();
        left.filter(|_| !is_over).map(drop)
    }
}
