//! How much memory the process holds, and how much it can still get. Where the system has no `/proc`, it is not known.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Where the unified hierarchy of control groups is mounted.
const GROUPS: &str = "/sys/fs/cgroup";

/// Resident memory in bytes; 0 where it is not known.
pub(crate) fn resident() -> u64 {
    kibibytes("/proc/self/status", "VmRSS:").unwrap_or(0)
}

/// What the machine can still give without swapping, within the limits of the process's control groups, in bytes; 0
/// where it is not known.
pub(crate) fn free() -> u64 {
    let Some(machine) = kibibytes("/proc/meminfo", "MemAvailable:") else { return 0 };
    let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
    folders(&groups).iter().filter_map(|folder| left(folder)).fold(machine, u64::min)
}

fn kibibytes(file: &str, name: &str) -> Option<u64> {
    amount(&read_to_string(file).ok()?, name)
}

/// Bytes, of a line such as `VmRSS:  5120 kB`.
fn amount(lines: &str, name: &str) -> Option<u64> {
    let line = lines.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The folders of the process's group in the unified hierarchy, and of those that it lies in.
fn folders(groups: &str) -> Vec<PathBuf> {
    let Some(own) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    let all = Path::new(GROUPS);
    all.join(own).ancestors().take_while(|folder| folder.starts_with(all)).map(Path::to_owned).collect()
}

/// What a group may still take; `None` if it has no limit.
fn left(folder: &Path) -> Option<u64> {
    let text = |name| read_to_string(folder.join(name)).ok();
    let limit = text("memory.max")?.trim().parse::<u64>().ok()?;
    let taken = text("memory.current")?.trim().parse::<u64>().ok()?;
    Some(room(limit, taken, &text("memory.stat").unwrap_or_default()))
}

/// Pages of files that nobody has used for a while count as taken, and are given up first.
fn room(limit: u64, taken: u64, stat: &str) -> u64 {
    let idle = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
    let idle = idle.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0);
    limit.saturating_sub(taken.saturating_sub(idle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_from_its_line() {
        assert_eq!(amount("Name:\tx\nVmRSS:\t    5120 kB\nThreads: 1\n", "VmRSS:"), Some(5120 * 1024));
        assert_eq!(amount("", "VmRSS:"), None);
    }

    #[test]
    fn the_groups_around_the_own_one_limit_it_too() {
        let wanted = ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"].map(PathBuf::from);
        assert_eq!(folders("4:memory:/x\n0::/a/b\n"), wanted);
        assert_eq!(folders("4:memory:/x\n"), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_group_gives_what_it_has_not_taken_and_what_lies_idle() {
        assert_eq!(room(100, 70, "anon 30\ninactive_file 25\n"), 55);
        assert_eq!(room(100, 110, ""), 0);
        assert_eq!(room(100, 20, "inactive_file 30\n"), 100);
    }

    #[test]
    fn linux_tells_both() {
        assert!(!cfg!(target_os = "linux") || (resident() > 0 && free() > 0));
    }
}
