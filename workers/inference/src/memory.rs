//! How much memory the machine has left.

use sysinfo::System;

/// Bytes that this process may still take: what the system can give without swapping, and no more than the process's
/// control group allows. Files that are only cached or mapped count as free.
#[must_use]
pub fn free() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    let allowed = system.cgroup_limits().map(|group| group.total_memory.saturating_sub(group.rss));
    system.available_memory().min(allowed.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_runs_tests_has_some_memory_left() {
        let mut system = System::new();
        system.refresh_memory();
        assert!((1..=system.total_memory()).contains(&free()), "{}", free());
    }
}
