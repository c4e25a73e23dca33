//! Snapshots of the help of every command.
//!
//! `CORTEX_BLESS=1` writes the files after an intended change.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Returns every command by its path: each help lists the commands below it.
fn commands() -> Vec<String> {
    let mut found = vec![String::new()];
    for at in 0.. {
        let Some(command) = found.get(at).cloned() else { break };
        let help = help(&command);
        found.extend(listed(&help).into_iter().map(|name| format!("{command} {name}").trim().to_owned()));
    }
    found
}

/// The commands that a help lists: below `Commands:`, or in the groups of the first page.
fn listed(help: &str) -> Vec<&str> {
    let headings = ["Commands:", "Run:", "Use:", "Operate:", "Shell:"];
    let blocks = help.split("\n\n").filter(|block| headings.iter().any(|heading| block.starts_with(heading)));
    let lines = blocks.flat_map(|block| block.lines().skip(1));
    lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect()
}

#[test]
fn the_help_of_every_command_matches_its_snapshot() {
    for command in commands() {
        let (help, file) = (help(&command), file(&command));
        if std::env::var("CORTEX_BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::write(&file, &help).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(help, expected, "run CORTEX_BLESS=1 cargo test -p cortex --test help");
    }
}

#[test]
fn every_help_file_belongs_to_a_command() {
    let files: BTreeSet<_> = commands().iter().map(|command| file(command)).collect();
    for entry in std::fs::read_dir(file("").parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert!(files.contains(&path), "{} is the help of no command", path.display());
    }
}
