use std::io::Read;
use std::path::Path;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::lists::key;
use super::run;
use super::server::{self, ID};

/// Runs `cortex` in a terminal of `cols` columns and returns what it shows.
fn in_terminal(home: &Path, cols: u16, line: &str, env: &[(&str, &str)]) -> String {
    let pty = native_pty_system().openpty(PtySize { cols, rows: 24, ..PtySize::default() }).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_cortex"));
    command.args(line.split_whitespace());
    command.env_clear();
    for (name, value) in [("CORTEX_HOME", home.to_str().unwrap()), ("TERM", "xterm")].iter().chain(env) {
        command.env(name, value);
    }
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut shown = Vec::new();
    // Linux reports the end of a terminal as an error.
    let _ = reader.read_to_end(&mut shown);
    child.wait().unwrap();
    String::from_utf8(shown).unwrap().replace("\r\n", "\n")
}

#[test]
fn tables_fit_a_terminal_of_80_and_of_40_columns() {
    let home = tempfile::tempdir().unwrap();
    server::start(home.path());
    let key = format!(" --key @{}", key(home.path()));
    for cols in [80, 40] {
        for command in [
            format!("jobs list{key}"),
            format!("jobs get {ID}{key}"),
            format!("jobs events {ID}{key}"),
            "status".to_owned(),
            "health".to_owned(),
            "workers list".to_owned(),
            "models list".to_owned(),
            "keys list".to_owned(),
            "workers token list".to_owned(),
        ] {
            let shown = in_terminal(home.path(), cols, &command, &[]);
            // A word that is wider than the terminal begins its line; the JSON of a result is shown
            // unchanged.
            let fits = |line: &str| {
                line.len() <= usize::from(cols) || line.starts_with('{') || !line.trim().contains(' ')
            };
            assert!(shown.lines().all(fits), "{command} in {cols} columns:\n{shown}");
            assert!(!command.contains("jobs list") || shown.contains(ID), "{shown}");
        }
    }
}

#[test]
fn help_and_the_first_page_fit_a_terminal_of_40_columns() {
    let home = tempfile::tempdir().unwrap();
    for command in ["", "--help", "up --help", "submit --help", "workers token create --help"] {
        let shown = in_terminal(home.path(), 40, command, &[("NO_COLOR", "1")]);
        assert!(shown.lines().count() > 3, "{shown}");
        // The usage, an example and a suggested command are one line each, so that they can be copied.
        let examples = shown.find("Examples:").unwrap_or(shown.len());
        let one_line =
            |line: &str| line.starts_with("Usage:") || line.starts_with(env!("CARGO_BIN_EXE_cortex"));
        let fits = |line: &str| line.chars().count() <= 40 || !line.trim().contains(' ') || one_line(line);
        assert!(shown[..examples].lines().all(fits), "cortex {command}:\n{shown}");
    }
}

#[test]
fn the_list_of_jobs_drops_columns_and_then_stacks_them() {
    let home = tempfile::tempdir().unwrap();
    server::start(home.path());
    let command = format!("jobs list --key @{}", key(home.path()));
    let wide = in_terminal(home.path(), 80, &command, &[]);
    let mut lines = wide.lines();
    assert_eq!(lines.next(), Some("ID                                    TOPIC      STATE   CREATED"));
    assert_eq!(lines.next(), Some(format!("{ID}  job.embed  FAILED  2026-11-20T23:36:30Z").as_str()));
    let narrow = in_terminal(home.path(), 40, &command, &[]);
    let expected = format!(
        "{ID}\n  TOPIC    job.embed\n  STATE    FAILED\n  ATTEMPT  1/3\n  CREATED  2026-11-20T23:36:30Z\n  \
         UPDATED  2026-11-20T23:36:31Z\n{ID}\n"
    );
    assert!(narrow.starts_with(&expected), "{narrow}");
}

#[test]
fn without_a_terminal_a_table_has_80_columns_or_those_of_the_environment() {
    let home = tempfile::tempdir().unwrap();
    server::start(home.path());
    let key = key(home.path());
    let piped = |columns: Option<&str>| {
        let mut command = super::cortex(home.path());
        command.args(["jobs", "list", "--key", &format!("@{key}")]);
        command.envs(columns.map(|columns| ("COLUMNS", columns)));
        let text = super::stdout(&command.output().unwrap());
        text.lines().next().unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(piped(None), ["ID", "TOPIC", "STATE", "CREATED"]);
    assert_eq!(piped(Some("200")), ["ID", "TOPIC", "STATE", "ATTEMPT", "CREATED", "UPDATED"]);
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let home = tempfile::tempdir().unwrap();
    let coloured =
        |line: &str, env: &[(&str, &str)]| in_terminal(home.path(), 80, line, env).contains("\x1b[");
    // Help, a mistake on the command line, and an error of a command.
    for line in ["--help", "nonsense", "jobs list"] {
        assert!(coloured(line, &[]), "{line}");
        assert!(!coloured(line, &[("NO_COLOR", "1")]), "{line}");
        assert!(!coloured(line, &[("TERM", "dumb")]), "{line}");
        assert!(!coloured(&format!("--color never {line}"), &[]), "{line}");
        assert!(coloured(&format!("--color always {line}"), &[("NO_COLOR", "1")]), "{line}");
        let piped = run(home.path(), line);
        assert!(!piped.stdout.contains(&0x1b) && !piped.stderr.contains(&0x1b), "{line}");
        let forced = run(home.path(), &format!("--color always {line}"));
        assert!(forced.stdout.contains(&0x1b) || forced.stderr.contains(&0x1b), "{line}");
        let forced =
            super::cortex(home.path()).env("CLICOLOR_FORCE", "1").args(line.split(' ')).output().unwrap();
        assert!(forced.stdout.contains(&0x1b) || forced.stderr.contains(&0x1b), "{line}");
    }
}
