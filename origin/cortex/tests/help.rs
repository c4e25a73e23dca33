//! The help of every command, byte for byte: what people read and scripts call stays as it is.
//!
//! `CORTEX_WRITE_HELP=1` writes the files after a change that is meant.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Every command, as it is called.
const COMMANDS: [&str; 31] = [
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
    "workers token",
    "workers token create",
    "workers token list",
    "workers token revoke",
    "bench",
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
fn the_help_of_every_command_stays_as_it_is() {
    for command in COMMANDS {
        let help = help(command);
        if std::env::var_os("CORTEX_WRITE_HELP").is_some() {
            std::fs::write(file(command), &help).unwrap();
        }
        let expected = std::fs::read_to_string(file(command)).unwrap();
        assert_eq!(help, expected, "cortex {command} --help");
    }
}

#[test]
fn no_command_is_left_out() {
    for command in COMMANDS {
        let help = help(command);
        let Some((_, rest)) = help.split_once("Commands:\n") else { continue };
        let lines = rest.lines().take_while(|line| !line.is_empty());
        for name in lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
            let whole = format!("{command} {name}");
            assert!(COMMANDS.contains(&whole.trim()), "`cortex {}` has no help file", whole.trim());
        }
    }
}
