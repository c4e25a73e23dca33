//! How much work the patterns of one schema may make together.

/// About two seconds.
const STEPS: usize = 2_000_000;

/// Steps that are left.
#[derive(Debug)]
pub(in crate::schema) struct Budget {
    left: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: STEPS }
    }
}

impl Budget {
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Takes steps. Returns `None`, and leaves nothing, if there are fewer.
    pub(super) fn spend(&mut self, steps: usize) -> Option<()> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Some(())
            }
            None => {
                self.left = 0;
                None
            }
        }
    }
}
