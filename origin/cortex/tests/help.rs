//! Snapshots of the help of every command.
//!
//! `CORTEX_WRITE_HELP=1` writes the files after an intended change.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Every command by its path.
const COMMANDS: [&str; 34] = [
    "",
    "up",
    "demo",
    "serve",
    "safety",
    "submit",
    "chat",
    "jobs",
    "jobs list",
    "jobs get",
    "jobs cancel",
    "jobs events",
    "status",
    "health",
    "doctor",
    "keys",
    "keys create",
    "keys list",
    "keys revoke",
    "models",
    "models pull",
    "models list",
    "models load",
    "models unload",
    "models verify",
    "workers",
    "workers list",
    "workers token",
    "workers token create",
    "workers token list",
    "workers token revoke",
    "bench",
    "completions",
    "man",
];

fn file(command: &str) -> PathBuf {
    let name = if command.is_empty() { "cortex".to_owned() } else { command.replace(' ', "-") };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help").join(format!("{name}.txt"))
}

fn help(command: &str) -> String {
    let mut cortex = Command::new(env!("CARGO_BIN_EXE_cortex"));
    cortex.env_clear().args(command.split(' ').filter(|word| !word.is_empty())).arg("--help");
    let output = cortex.output().unwrap();
    assert!(output.status.success(), "`cortex {command} --help` ended with {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_help_of_every_command_matches_its_snapshot() {
    for command in COMMANDS {
        let help = help(command);
        if std::env::var_os("CORTEX_WRITE_HELP").is_some() {
            std::fs::write(file(command), &help).unwrap();
        }
        let expected = std::fs::read_to_string(file(command)).unwrap();
        assert_eq!(help, expected, "cortex {command} --help");
    }
}

/// The commands that a help lists: below `Commands:`, or in the groups of the first page.
fn listed(help: &str) -> Vec<&str> {
    let headings = ["Commands:", "Run:", "Use:", "Operate:", "Shell:"];
    let blocks = help.split("\n\n").filter(|block| headings.iter().any(|heading| block.starts_with(heading)));
    let lines = blocks.flat_map(|block| block.lines().skip(1));
    lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect()
}

#[test]
fn every_command_has_a_help_file() {
    let mut found = 1;
    for command in COMMANDS {
        for name in listed(&help(command)) {
            let path = format!("{command} {name}");
            assert!(COMMANDS.contains(&path.trim()), "`cortex {}` has no help file", path.trim());
            found += 1;
        }
    }
    assert_eq!(found, COMMANDS.len());
}
