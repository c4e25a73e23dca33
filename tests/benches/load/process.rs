//! The processor time and memory of a process.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

use crate::Outcome;

/// Returns the time in user and system mode of all threads, including those that have ended.
pub(crate) fn cpu(pid: u32) -> Outcome<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<_, _>>()?;
    Ok(Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second())?)
}

/// Returns the resident memory in bytes.
pub(crate) fn resident(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    kib(line)
}

/// How many bytes of a file a process has mapped, and how many of those are resident.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    pub(crate) size: u64,
    pub(crate) resident: u64,
}

pub(crate) fn mapped(pid: u32, file: &Path) -> Outcome<Mapped> {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps"))?;
    let file = file.to_str().ok_or("a path that is no text")?;
    let (mut total, mut inside) = (Mapped::default(), false);
    for line in smaps.lines() {
        match line.split_once(':') {
            Some(("Size", size)) if inside => total.size += kib(size)?,
            Some(("Rss", resident)) if inside => total.resident += kib(resident)?,
            // The first line of a mapping begins with its addresses.
            _ if line.split_once(' ').is_some_and(|(first, _)| first.contains('-')) => {
                inside = line.ends_with(file)
            }
            _ => {}
        }
    }
    Ok(total)
}

fn kib(text: &str) -> Outcome<u64> {
    let kib: u64 = text.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}
