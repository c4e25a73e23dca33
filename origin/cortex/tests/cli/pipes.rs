use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use super::lists::key;
use super::{cortex, server};

/// Runs a command line in bash with `cortex` in `$CORTEX`, and returns the exit code of `cortex`
/// and all messages.
fn in_shell(home: &std::path::Path, line: &str) -> (i32, String) {
    let mut shell = Command::new("bash");
    shell.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("CORTEX_HOME", home);
    shell.env("CORTEX", env!("CARGO_BIN_EXE_cortex"));
    let output = shell.args(["-c", &format!("{line}; exit ${{PIPESTATUS[0]}}")]).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let home = tempfile::tempdir().unwrap();
    server::start(home.path());
    let key = key(home.path());
    for line in [
        format!("$CORTEX jobs list --key @{key} | head -1 >/dev/null"),
        format!("$CORTEX jobs list --json --key @{key} | head -1 >/dev/null"),
        format!("$CORTEX chat long --key @{key} | true"),
        format!("$CORTEX chat long --key @{key} | head -c 10 >/dev/null"),
        "$CORTEX models list | true".to_owned(),
        "$CORTEX | true".to_owned(),
        "$CORTEX --help | true".to_owned(),
        "$CORTEX completions bash | true".to_owned(),
        "$CORTEX man | true".to_owned(),
    ] {
        assert_eq!(in_shell(home.path(), &line), (0, String::new()), "{line}");
    }
}

#[test]
fn an_error_without_a_reader_keeps_its_exit_code() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(in_shell(home.path(), "$CORTEX jobs list 2>&1 | true"), (69, String::new()));
    assert_eq!(in_shell(home.path(), "$CORTEX nonsense 2>&1 | true"), (2, String::new()));
}

#[test]
fn a_full_disk_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    server::start(home.path());
    let key = format!("--key=@{}", key(home.path()));
    for arguments in [
        vec!["jobs", "list", &key],
        vec!["jobs", "list", "--json", &key],
        vec!["chat", "hi", &key],
        vec!["models", "list"],
        vec!["status", "--json"],
        vec!["--help"],
        vec!["--version"],
        vec!["completions", "zsh"],
        vec!["man"],
        vec![],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut child =
            cortex(home.path()).args(&arguments).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let mut message = String::new();
        child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(69), "{arguments:?}: {message}");
        assert!(message.contains("No space left on device") && message.contains("help: "), "{message}");
    }
}
