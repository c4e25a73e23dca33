use serde_json::Value;

use super::{run, server, stdout};

#[test]
fn without_a_command_it_says_what_to_do_next() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let output = run(&home, "");
    let text = stdout(&output);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(text.starts_with("CortexOS puts the machines you own behind"), "{text}");
    assert!(
        text.contains("Nothing is running") && text.contains("doctor") && text.lines().count() < 12,
        "{text}"
    );
    assert!(!home.exists(), "it creates nothing");
}

#[test]
fn where_something_runs_it_says_where_and_what_to_call() {
    let home = tempfile::tempdir().unwrap();
    let url = server::start(home.path());
    let text = stdout(&run(home.path(), ""));
    for expected in [url.as_str(), "cortex chat", "cortex jobs list", "cortex status"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let document: Value = serde_json::from_slice(&run(home.path(), "--json").stdout).unwrap();
    assert_eq!((&document["running"], &document["url"]), (&true.into(), &url.into()));
}
