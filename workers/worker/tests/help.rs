//! The help of the worker, byte for byte. The reference of the commands is made from it.
//!
//! `CORTEX_BLESS=1` rewrites the files after a change that is meant.
#![allow(clippy::unwrap_used, reason = "a failing test says where")]

use std::path::Path;
use std::process::Command;

#[test]
fn the_help_of_the_worker_stays_as_it_is() {
    for (name, arguments) in [("cortex-worker", &[] as &[&str]), ("bench", &["bench"])] {
        let mut worker = Command::new(env!("CARGO_BIN_EXE_cortex-worker"));
        let output = worker.env_clear().args(arguments).arg("--help").output().unwrap();
        assert!(output.status.success(), "{name} ended with {}", output.status);
        let help = String::from_utf8(output.stdout).unwrap();
        let help: String = help.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help").join(format!("{name}.txt"));
        if std::env::var("CORTEX_BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::write(&file, &help).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(help, expected, "run CORTEX_BLESS=1 cargo test -p cortex-worker --test help");
    }
}
