//! Limits of control groups, versions 1 and 2 (cgroups(7)).

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// The mount point of the groups.
const MOUNT_POINT: &str = "sys/fs/cgroup";

/// The file names of one version.
struct Version {
    limit: &'static str,
    taken: &'static str,
    /// In `memory.stat`: file pages that have not been used for a while. They count as used, and
    /// are reclaimed first.
    idle: &'static str,
}

const FIRST: Version =
    Version { limit: "memory.limit_in_bytes", taken: "memory.usage_in_bytes", idle: "total_inactive_file " };
const SECOND: Version = Version { limit: "memory.max", taken: "memory.current", idle: "inactive_file " };

/// Returns how much memory the process's groups and their parents leave, in bytes, or `None` if
/// none has a limit.
pub(super) fn left(root: &Path) -> Option<u64> {
    let groups = read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| {
        let (version, mounted, path) = own(root, line)?;
        // The search goes up to the mount point, because a process in a container sees its own
        // group mounted there.
        let around = mounted.join(path).ancestors().map(Path::to_owned).collect::<Vec<_>>();
        around
            .iter()
            .take_while(|folder| folder.starts_with(&mounted))
            .filter_map(|at| version.left(at))
            .min()
    });
    limits.min()
}

/// Returns the group in a line of `/proc/self/cgroup`, and the mount point of its version.
fn own<'a>(root: &Path, line: &'a str) -> Option<(Version, PathBuf, &'a str)> {
    let mut parts = line.splitn(3, ':');
    let (hierarchy, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let path = path.strip_prefix('/')?;
    if hierarchy == "0" && controllers.is_empty() {
        return Some((SECOND, root.join(MOUNT_POINT), path));
    }
    let limits_memory = controllers.split(',').any(|controller| controller == "memory");
    limits_memory.then(|| (FIRST, root.join(MOUNT_POINT).join("memory"), path))
}

impl Version {
    fn left(&self, folder: &Path) -> Option<u64> {
        let text = |name| read_to_string(folder.join(name)).ok();
        let number = |name| text(name)?.trim().parse::<u64>().ok();
        // `max` is not a number and means no limit.
        let (limit, taken) = (number(self.limit)?, number(self.taken)?);
        let stat = text("memory.stat").unwrap_or_default();
        let idle = stat.lines().find_map(|line| line.strip_prefix(self.idle));
        let idle = idle.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0);
        Some(limit.saturating_sub(taken.saturating_sub(idle)))
    }
}
