//! The owners of the shares. The file has one process, so their record is in its memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cortex_domain::ownership::{Standing, Turn};
use cortex_domain::ports::StoreError;
use cortex_domain::share::Term;

/// The record. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners(Arc<Mutex<Standing>>);

impl Owners {
    pub(super) fn turn(&self, turn: &Turn) -> Standing {
        let mut standing = self.standing();
        standing.apply(turn);
        standing.clone()
    }

    /// Checks that a scheduler's term is not over.
    pub(super) fn check(&self, term: Option<Term>) -> Result<(), StoreError> {
        let Some(Term { share, epoch }) = term else { return Ok(()) };
        let standing = self.standing();
        let holds = standing.shares.get(&share).is_some_and(|(now, owner)| *now == epoch && owner.is_some());
        if holds { Ok(()) } else { Err(StoreError::TermOver) }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
