//! The system calls of a process, as strace prints them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::child::ACKNOWLEDGED;

/// Returns the write and flush calls of a command, one line each, in the order in which they
/// started or resumed.
pub(crate) fn calls(command: Command, into: &Path) -> Vec<String> {
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-s", "64", "-e", "trace=fdatasync,fsync,write,pwrite64,writev", "-o"])
        .arg(into);
    strace.arg(command.get_program()).args(command.get_args());
    strace.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let status = strace.stdout(Stdio::null()).status();
    let status = status.expect("strace runs; where it is missing, `apt-get install strace`");
    assert!(status.success(), "{status}");
    fs::read_to_string(into).unwrap().lines().map(str::to_owned).collect()
}

/// Returns the number of acknowledgements. Panics unless the log was written and then flushed
/// between each acknowledgement and the one before.
pub(crate) fn acknowledgements_after_their_flush(calls: &[String]) -> usize {
    let mut acknowledged = 0;
    let mut log = LogState::Untouched;
    let mut flushing = false;
    for call in calls {
        let flush = call.contains("sync(") || call.contains("sync resumed>");
        if flush {
            // A call that strace interrupted with another thread's call ends in its own line.
            flushing |= call.contains("-wal>");
            if flushing && call.ends_with("= 0") {
                log = if log == LogState::Written { LogState::Flushed } else { log };
                flushing = false;
            }
        } else if call.contains("-wal>") {
            log = LogState::Written;
        } else if call.contains(&format!("\"{ACKNOWLEDGED}")) {
            assert_eq!(log, LogState::Flushed, "before {call}");
            log = LogState::Untouched;
            acknowledged += 1;
        }
    }
    acknowledged
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LogState {
    Untouched,
    Written,
    Flushed,
}

#[test]
fn an_acknowledgement_before_its_flush_is_found() {
    let write = r#"7 pwrite64(9</x/jobs.db-wal>, "..", 4096, 0) = 4096"#;
    let flush = "7 fdatasync(9</x/jobs.db-wal>) = 0";
    let (begun, resumed) = ("7 fsync(9</x/jobs.db-wal> <unfinished ...>", "7 <... fsync resumed>) = 0");
    let said = r#"8 write(1</dev/null>, "accepted 0190\n", 14) = 14"#;
    let count = |calls: &[&str]| {
        let calls: Vec<_> = calls.iter().map(|call| (*call).to_owned()).collect();
        std::panic::catch_unwind(|| acknowledgements_after_their_flush(&calls)).ok()
    };
    assert_eq!(count(&[write, flush, said, write, begun, resumed, said]), Some(2));
    for early in [&[write, said, flush][..], &[said], &[write, begun, said, resumed], &[flush, write, said]] {
        assert_eq!(count(early), None, "{early:?}");
    }
}
