use serde_json::Value;

use super::lists::key;
use super::server::{self, ESCAPED, HOSTILE, ID};
use super::{run, stderr, stdout};

/// Panics if a terminal could obey a part of the text.
fn assert_harmless(text: &str, of: &str) {
    let bad = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(bad), "{of}: {text:?}");
}

#[test]
fn text_from_outside_is_escaped_wherever_it_is_printed() {
    let home = tempfile::tempdir().unwrap();
    server::start(home.path());
    let key = format!(" --key @{}", key(home.path()));
    let shown = ESCAPED;
    for (command, expected) in [
        (format!("jobs list{key}"), None),
        (format!("jobs get {ID}{key}"), Some(shown)),
        (format!("jobs events {ID}{key}"), Some(shown)),
        (format!("chat hi{key}"), Some(shown)),
        ("status".to_owned(), Some(shown)),
        ("health".to_owned(), Some(shown)),
        ("workers list".to_owned(), Some(shown)),
        (format!("jobs cancel {ID}{key}"), Some(shown)),
        ("models list".to_owned(), None),
        ("keys list".to_owned(), None),
    ] {
        let output = run(home.path(), &command);
        let (out, err) = (stdout(&output), stderr(&output));
        assert_harmless(&out, &command);
        assert_harmless(&err, &command);
        if let Some(expected) = expected {
            let words = format!("{out}{err}").replace(['\n', ' '], "");
            assert!(words.contains(&expected.replace(' ', "")), "{command}: {out}{err}");
        }
    }
}

#[test]
fn json_keeps_the_text_and_escapes_it() {
    let home = tempfile::tempdir().unwrap();
    server::start(home.path());
    let key = format!(" --key @{}", key(home.path()));
    let job = run(home.path(), &format!("jobs get {ID} --json{key}"));
    assert_harmless(&stdout(&job), "jobs get");
    let job: Value = serde_json::from_slice(&job.stdout).unwrap();
    assert_eq!((&job["labels"]["team"], &job["result"]["text"]), (&HOSTILE.into(), &HOSTILE.into()));
    for command in
        [format!("chat hi --json{key}"), format!("jobs events {ID} --json{key}"), "status --json".into()]
    {
        let output = run(home.path(), &command);
        assert_harmless(&stdout(&output), &command);
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{command}: {output:?}"));
    }
}

#[test]
fn a_streamed_answer_keeps_its_lines_and_tabs() {
    let home = tempfile::tempdir().unwrap();
    server::start(home.path());
    let output = run(home.path(), &format!("chat hi --key @{}", key(home.path())));
    assert_eq!(stdout(&output), format!("{ESCAPED}\n\tend\n"));
}
