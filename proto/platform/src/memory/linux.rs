//! Memory on Linux, within the limits of the process's control groups.

use std::fs::read_to_string;
use std::path::Path;

use super::cgroup;

/// Returns the resident memory in bytes, or 0 if unknown.
#[must_use]
pub fn resident() -> u64 {
    kibibytes(Path::new("/proc/self/status"), "VmRSS:").unwrap_or(0)
}

/// Returns the available memory in bytes, without swapping and within the limits of the process's
/// control groups, or 0 if unknown. The page cache counts as free.
#[must_use]
pub fn free() -> u64 {
    free_below(Path::new("/"))
}

fn free_below(root: &Path) -> u64 {
    let Some(machine) = kibibytes(&root.join("proc/meminfo"), "MemAvailable:") else { return 0 };
    cgroup::left(root).map_or(machine, |left| left.min(machine))
}

fn kibibytes(file: &Path, name: &str) -> Option<u64> {
    amount(&read_to_string(file).ok()?, name)
}

/// Returns the bytes of a line such as `VmRSS:  5120 kB`.
fn amount(lines: &str, name: &str) -> Option<u64> {
    let line = lines.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a machine with 8 GiB of available memory, and these files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let meminfo = ("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n");
        for (path, text) in files.iter().chain([&meminfo]) {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn free_with(files: &[(&str, &str)]) -> u64 {
        free_below(machine(files).path())
    }

    const MACHINE: u64 = 8 << 30;

    #[test]
    fn an_amount_is_read_from_its_line() {
        assert_eq!(amount("Name:\tx\nVmRSS:\t    5120 kB\nThreads: 1\n", "VmRSS:"), Some(5120 * 1024));
        assert_eq!(amount("", "VmRSS:"), None);
    }

    #[test]
    fn without_a_control_group_the_machine_is_the_limit() {
        assert_eq!(free_with(&[]), MACHINE);
        assert_eq!(free_with(&[("proc/self/cgroup", "0::/\n")]), MACHINE);
        assert_eq!(free_below(Path::new("/nowhere")), 0);
    }

    #[test]
    fn the_second_version_limits_and_idle_files_are_given_up_first() {
        let files = [
            ("proc/self/cgroup", "0::/app\n"),
            ("sys/fs/cgroup/app/memory.max", "1000000\n"),
            ("sys/fs/cgroup/app/memory.current", "700000\n"),
            ("sys/fs/cgroup/app/memory.stat", "anon 300000\ninactive_file 250000\nactive_file 1\n"),
        ];
        assert_eq!(free_with(&files), 550_000);
    }

    #[test]
    fn max_is_no_limit() {
        let files = [
            ("proc/self/cgroup", "0::/app\n"),
            ("sys/fs/cgroup/app/memory.max", "max\n"),
            ("sys/fs/cgroup/app/memory.current", "700000\n"),
        ];
        assert_eq!(free_with(&files), MACHINE);
    }

    #[test]
    fn the_groups_around_the_own_one_limit_it_too() {
        let files = [
            ("proc/self/cgroup", "0::/slice/app\n"),
            ("sys/fs/cgroup/slice/app/memory.max", "900000\n"),
            ("sys/fs/cgroup/slice/app/memory.current", "100000\n"),
            ("sys/fs/cgroup/slice/memory.max", "500000\n"),
            ("sys/fs/cgroup/slice/memory.current", "400000\n"),
        ];
        assert_eq!(free_with(&files), 100_000);
    }

    #[test]
    fn the_first_version_limits_too() {
        let files = [
            ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:hugetlb,memory:/docker/abc\n1:name=systemd:/x\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "2000000\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "1500000\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.stat", "inactive_file 1\ntotal_inactive_file 300000\n"),
            // Version 1 writes no limit as the largest number of pages.
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "3000000\n"),
        ];
        assert_eq!(free_with(&files), 800_000);
    }

    #[test]
    fn in_a_container_the_mounted_group_is_its_own() {
        // The path is the host's and does not exist here.
        let files = [
            ("proc/self/cgroup", "4:memory:/docker/abc\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "500000\n"),
        ];
        assert_eq!(free_with(&files), 1_500_000);
    }

    #[test]
    fn a_group_over_its_limit_has_no_memory_left() {
        let files = [
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "100\n"),
            ("sys/fs/cgroup/memory.current", "110\n"),
        ];
        assert_eq!(free_with(&files), 0);
    }

    #[test]
    fn this_machine_tells_both() {
        assert!(resident() > 0 && free() > 0);
    }
}
