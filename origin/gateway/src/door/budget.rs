//! A bound on the bytes of bodies that are being read: a sender that is slow keeps its part in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cortex_guard::{Kind, Problem};

/// What bodies may take together while they arrive, over all connections.
pub(crate) const BEING_READ: usize = 64 * 1024 * 1024;

/// A number of bytes that many readers share. A clone is the same budget.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    taken: AtomicUsize,
}

/// What one reader has taken; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Shared { limit, taken: AtomicUsize::new(0) }))
    }

    /// A share that holds nothing yet.
    pub(crate) fn open(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Takes more, for bytes that have arrived. Announced ones take nothing, so that an announcement shuts nobody out.
    ///
    /// # Errors
    /// If all shares together would hold more than the limit.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let Shared { limit, taken } = &*self.budget.0;
        let grown = |now: usize| now.checked_add(bytes).filter(|after| after <= limit);
        match taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, grown) {
            Ok(_) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(_) => {
                let detail = "too many bodies are being read; try again in a moment";
                Err(Problem::new(Kind::Overloaded, detail).retry_after(Duration::from_secs(1)))
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.taken.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_stay_within_the_limit_and_give_back_what_they_took() {
        let budget = Budget::new(10);
        let (mut one, mut other) = (budget.open(), budget.open());
        assert!(one.grow(6).is_ok() && other.grow(4).is_ok());
        assert_eq!(other.grow(1).unwrap_err().kind, Kind::Overloaded);
        drop(one);
        assert!(other.grow(6).is_ok());
        assert!(other.grow(1).is_err());
        drop(other);
        assert!(budget.open().grow(10).is_ok());
    }

    #[test]
    fn a_number_too_large_for_a_machine_word_is_refused() {
        let mut share = Budget::new(usize::MAX).open();
        assert!(share.grow(usize::MAX).is_ok());
        assert!(share.grow(1).is_err());
    }
}
