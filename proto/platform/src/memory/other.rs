//! Memory on systems without `/proc`.

use sysinfo::System;

/// Returns 0, because the resident memory is unknown.
#[must_use]
pub fn resident() -> u64 {
    0
}

/// Returns the available memory in bytes, without swapping.
#[must_use]
pub fn free() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    system.available_memory()
}
