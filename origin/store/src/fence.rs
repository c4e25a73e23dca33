//! Whether another process has opened the store of this one.

use std::sync::atomic::{AtomicBool, Ordering};

use cortex_domain::ports::StoreError;

/// Set once a write was refused because of its epoch. From then on reads fail too, so that the
/// process is not ready and decides nothing by what it reads.
#[derive(Debug, Default)]
pub(crate) struct Fence(AtomicBool);

impl Fence {
    /// Records that another process has the store, and returns the error of the write.
    pub(crate) fn close(&self) -> StoreError {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "another process has opened the store, so this one can no longer use it: stop it"
            );
        }
        StoreError::Broken("another process has opened this store".into())
    }

    /// # Errors
    /// Returns an error once another process has the store.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.0.load(Ordering::Relaxed) { Err(self.close()) } else { Ok(()) }
    }
}
