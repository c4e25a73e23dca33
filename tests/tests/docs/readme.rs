//! Checks that README is short and that its requests go to existing routes.

use serde_json::Value;

use crate::generated::read;

const MAX_LINES: usize = 120;

/// Pages whose requests are checked.
const PAGES: [&str; 2] = ["README.md", "docs/quickstart.md"];

#[test]
fn the_readme_is_short_and_names_both_commands() {
    let text = read("README.md");
    let lines = text.lines().count();
    assert!(
        lines <= MAX_LINES,
        "README.md has {lines} lines, more than {MAX_LINES}: details belong to docs/"
    );
    let makefile = read("Makefile");
    for command in ["demo", "up"] {
        assert!(text.contains(&format!("make {command}")), "README.md names `make {command}`");
        assert!(makefile.contains(&format!("\n{command}:")), "the Makefile has `{command}`");
    }
}

#[test]
fn every_request_of_a_first_page_goes_to_a_route() {
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    for page in PAGES {
        let text = read(page);
        let requests: Vec<_> = text.split("$URL/").skip(1).collect();
        assert!(!requests.is_empty(), "{page} shows a request");
        for request in requests {
            let path = request.split([' ', '"', '\'', '?', '\n', '\\']).next().unwrap();
            let path = format!("/{}", path.replace("$ID", "{id}"));
            assert!(
                paths.iter().any(|known| **known == path),
                "{page} sends a request to {path}, which is no route"
            );
        }
    }
}
