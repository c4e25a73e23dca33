//! The free space of the home folder's disk, and how fast it flushes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::statvfs;

use super::check::Check;
use cortex_node::Home;

const GIB: u64 = 1024 * 1024 * 1024;
/// The space for the store and one model.
const MIN_FREE: u64 = GIB;
const RECOMMENDED_FREE: u64 = 5 * GIB;
const FLUSH_COUNT: u32 = 20;
/// A rotating disk flushes about a hundred times a second.
const SLOW_FLUSH: Duration = Duration::from_millis(20);

pub(super) fn checks(home: &Home) -> Vec<Check> {
    vec![space(home.path()), flushing(&home.run())]
}

fn space(path: &Path) -> Check {
    match statvfs(path) {
        Ok(disk) => judge_space(disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(error) => {
            Check::warn("disk space", format!("unknown: {error}"), "check the free space with `df`")
        }
    }
}

fn judge_space(free: u64) -> Check {
    let found = format!("{:.1} GiB free", free as f64 / GIB as f64);
    let hint = "free disk space, or set CORTEX_HOME to a folder on another disk";
    if free < MIN_FREE {
        Check::fail("disk space", found, hint)
    } else if free < RECOMMENDED_FREE {
        Check::warn("disk space", found, hint)
    } else {
        Check::ok("disk space", found)
    }
}

fn flushing(folder: &Path) -> Check {
    match probe(folder) {
        Ok(took) => judge_flushing(took),
        Err(error) => {
            let hint = "the store can't flush to this disk: set CORTEX_HOME to a folder on another disk";
            Check::fail("disk flushes", format!("{}: {error}", folder.display()), hint)
        }
    }
}

fn judge_flushing(took: Duration) -> Check {
    let one = took / FLUSH_COUNT;
    let rate = f64::from(FLUSH_COUNT) / took.as_secs_f64().max(1e-6);
    let found = format!("{rate:.0} per second, {:.2} ms each", one.as_secs_f64() * 1000.0);
    if one > SLOW_FLUSH {
        Check::warn(
            "disk flushes",
            found,
            "each accepted job waits for a flush: set CORTEX_HOME to a folder on a faster disk",
        )
    } else {
        Check::ok("disk flushes", found)
    }
}

/// Measures how long it takes to write and flush [`FLUSH_COUNT`] pages.
fn probe(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!("flush-probe.{}", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    let took = flush(file);
    std::fs::remove_file(&path)?;
    took
}

fn flush(mut file: File) -> io::Result<Duration> {
    let page = [0; 4096];
    let started = Instant::now();
    for _ in 0..FLUSH_COUNT {
        file.write_all(&page)?;
        file.sync_data()?;
    }
    Ok(started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    #[test]
    fn space_is_compared_with_the_minimum() {
        assert_eq!(judge_space(0).outcome, Outcome::Fail);
        assert_eq!(judge_space(GIB).outcome, Outcome::Warn);
        assert_eq!(judge_space(5 * GIB), Check::ok("disk space", "5.0 GiB free"));
    }

    #[test]
    fn flushes_are_counted_per_second() {
        assert_eq!(
            judge_flushing(Duration::from_millis(20)),
            Check::ok("disk flushes", "1000 per second, 1.00 ms each")
        );
        assert_eq!(judge_flushing(Duration::from_secs(1)).outcome, Outcome::Warn);
    }

    #[test]
    fn the_probe_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        probe(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(flushing(&folder.path().join("none")).outcome, Outcome::Fail);
    }
}
