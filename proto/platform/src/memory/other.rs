//! Memory where there is no `/proc`.

use sysinfo::System;

/// Returns the resident memory in bytes; 0, since it is not known.
#[must_use]
pub fn resident() -> u64 {
    0
}

/// Returns what the machine can still give without swapping, in bytes.
#[must_use]
pub fn free() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    system.available_memory()
}
