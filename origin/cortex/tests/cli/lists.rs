use std::path::Path;

use serde_json::Value;

use super::{cortex, run, server, stdout};

/// Every command that is named `list`, found by the snapshots of the help, which are complete.
fn list_commands() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| Some(name.strip_suffix("-list.txt")?.replace('-', " ") + " list")).collect()
}

#[test]
fn every_list_prints_one_json_document() {
    let home = tempfile::tempdir().unwrap();
    server::start(home.path());
    let commands = list_commands();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let key =
            if command.starts_with("jobs") { format!(" --key @{}", key(home.path())) } else { String::new() };
        let output = run(home.path(), &format!("{command} --json{key}"));
        assert!(output.status.success(), "{command}: {output:?}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let lists = document.as_object().unwrap().values().filter(|value| value.is_array()).count();
        assert_eq!(lists, 1, "{command}: {document}");
        assert!(output.stderr.is_empty(), "{command}: {output:?}");
        let mut wide = cortex(home.path());
        wide.env("COLUMNS", "300").args(format!("{command}{key}").split_whitespace());
        let text = stdout(&wide.output().unwrap());
        assert!(
            text.lines().next().is_some_and(|header| header == header.to_uppercase()),
            "{command}: {text}"
        );
    }
}

/// Writes a file with an API key and returns its path.
pub(crate) fn key(home: &Path) -> String {
    let file = home.join("run/key");
    std::fs::write(&file, "ctx_abcdefghijkl_secret").unwrap();
    file.display().to_string()
}
