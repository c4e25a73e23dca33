//! Checks that guides to the source name existing files, functions and types.

use std::collections::BTreeSet;

use crate::generated::{files, read};
use crate::markdown::lines;

/// Pages that name source.
const GUIDES: [&str; 3] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/development.md"];

/// The kind of a word in backticks.
#[derive(Debug, PartialEq, Eq)]
enum Named<'a> {
    /// A file or folder, from the root of the repository.
    Path(&'a str),
    /// A file whose folder the text names.
    File(&'a str),
    /// A function, `name()` or `Type::name`, a type, or a constant.
    Item(&'a str),
}

fn named(code: &str) -> Option<Named<'_>> {
    let is_identifier = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    const TOP: [&str; 8] = ["proto", "edge", "origin", "workers", "tests", "docs", "deploy", "scripts"];
    // A word in capitals inside a path is a placeholder.
    let placeholder = code.contains(['/', '.'])
        && code
            .split(['/', '-', '.'])
            .any(|part| part.len() > 3 && part.chars().all(|c| c.is_ascii_uppercase()));
    if code.contains(['<', '*', ' ', '{', '$'])
        || placeholder && !code.ends_with(".md") && code != "ARCHITECTURE.md"
        || code.starts_with("docs/adr/NNNN")
    {
        return None;
    }
    if code.split_once('/').is_some_and(|(top, _)| TOP.contains(&top)) {
        return Some(Named::Path(code));
    }
    if !code.contains('/') && code.strip_suffix(".rs").is_some_and(is_identifier) {
        return Some(Named::File(code));
    }
    let plain = code.strip_suffix("()").unwrap_or(code);
    let parts: Vec<_> = plain.split("::").collect();
    if !parts.iter().all(|part| is_identifier(part)) {
        return None;
    }
    let last = parts[parts.len() - 1];
    let is_type =
        last.starts_with(|c: char| c.is_ascii_uppercase()) && last.contains(|c: char| c.is_ascii_lowercase());
    let is_constant = last.len() > 2 && last.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    (parts.len() > 1 || plain != code || is_type || is_constant).then_some(Named::Item(last))
}

/// Returns the words in backticks of a page outside its blocks of code. A word may go on in the
/// next line.
fn words(text: &str) -> Vec<(usize, String)> {
    let prose: Vec<_> =
        lines(text).into_iter().map(|line| if line.in_code { "" } else { line.text }).collect();
    let mut number = 1;
    let mut words = Vec::new();
    for (at, part) in prose.join("\n").split('`').enumerate() {
        if at % 2 == 1 {
            words.push((number, part.replace('\n', " ")));
        }
        number += part.matches('\n').count();
    }
    words
}

/// Returns all names that the Rust sources define.
fn defined(files: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        for line in read(file).lines() {
            let mut before = "";
            for word in
                line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
            {
                let variant = line.trim_start().starts_with(word) && line.starts_with("    ");
                if ["fn", "struct", "enum", "trait", "const", "static", "type", "mod", "macro_rules"]
                    .contains(&before)
                    || variant
                {
                    names.insert(word.to_owned());
                }
                before = word;
            }
        }
    }
    names
}

#[test]
fn every_name_in_a_guide_exists() {
    let files = files();
    let defined = defined(&files);
    // Names of other projects, and names that Rust sources don't define.
    const FOREIGN: [&str; 16] = [
        "COMMIT",
        "CORTEX_TEST_MODELS",
        "CORTEX_TOPICS",
        "Cause",
        "Consequences",
        "Context",
        "CheckRequest",
        "Queue",
        "Prefer",
        "Host",
        "Origin",
        "SqliteStore",
        "Idempotency-Key",
        "Router",
        "Worker",
        "JsonSchema",
    ];
    let mut faults = Vec::new();
    for page in GUIDES {
        for (line, word) in words(&read(page)) {
            match named(&word) {
                Some(Named::File(name)) if !files.iter().any(|file| file.ends_with(&format!("/{name}"))) => {
                    faults.push(format!("{page}:{line}: there is no {name}"));
                }
                Some(Named::Path(path)) => {
                    let path = path.trim_end_matches('/');
                    let folder = format!("{path}/");
                    if !files.iter().any(|file| file == path || file.starts_with(&folder)) {
                        faults.push(format!("{page}:{line}: there is no {path}"));
                    }
                }
                Some(Named::Item(name)) if !defined.contains(name) && !FOREIGN.contains(&name) => {
                    faults.push(format!("{page}:{line}: no source defines {name}"));
                }
                _ => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn paths_functions_and_types_are_distinguished() {
    assert_eq!(named("proto/domain/src/flow.rs"), Some(Named::Path("proto/domain/src/flow.rs")));
    assert_eq!(named("flow.rs"), Some(Named::File("flow.rs")));
    assert_eq!(named("AuditLog::append"), Some(Named::Item("append")));
    assert_eq!(named("run_reporter()"), Some(Named::Item("run_reporter")));
    assert_eq!(named("JobStore"), Some(Named::Item("JobStore")));
    assert_eq!(named("MAX_LABELS"), Some(Named::Item("MAX_LABELS")));
    for other in ["lease", "sys.job.submit", "res/<job>", "make lint", "/api/v1/jobs", "202"] {
        assert_eq!(named(other), None, "{other}");
    }
}
