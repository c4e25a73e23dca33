//! How much memory the process holds.

/// Resident memory in bytes; 0 where the system has no cheap way to tell.
pub(crate) fn resident() -> u64 {
    #[cfg(target_os = "linux")]
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    let text = "";
    kibibytes(&text).unwrap_or(0) * 1024
}

fn kibibytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_read_from_the_status() {
        assert_eq!(kibibytes("Name:\tx\nVmRSS:\t    5120 kB\nThreads: 1\n"), Some(5120));
        assert_eq!(kibibytes(""), None);
    }
}
