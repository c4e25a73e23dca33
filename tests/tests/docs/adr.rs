//! `docs/adr/`: the decisions, numbered, one page each.

use std::collections::BTreeMap;

use crate::generated::{check, markdown_in, read};
use crate::page::Page;

const FOLDER: &str = "docs/adr";
const SECTIONS: [&str; 3] = ["\n## Context\n", "\n## Decision\n", "\n## Consequences\n"];

/// The names of the pages of decisions, in their order.
fn decisions() -> Vec<String> {
    markdown_in(FOLDER).into_iter().filter(|name| !name.ends_with("/README.md")).collect()
}

#[test]
fn decisions_are_numbered_without_gaps_and_say_why() {
    for (at, name) in decisions().iter().enumerate() {
        let number = at + 1;
        assert!(
            name.starts_with(&format!("{FOLDER}/{number:04}-")),
            "{name} should have the number {number:04}"
        );
        let text = read(name);
        assert!(text.starts_with(&format!("# {number}. ")), "{name} should begin with `# {number}. `");
        assert!(text.contains("\nDate: 20"), "{name} has no date");
        let mut rest = text.as_str();
        for section in SECTIONS {
            let (_, after) =
                rest.split_once(section).unwrap_or_else(|| panic!("{name} has no {section:?} in order"));
            rest = after;
            let body = rest.split("\n## ").next().unwrap();
            assert!(body.trim().len() > 20, "{name} says nothing under {section:?}");
        }
    }
}

#[test]
fn the_list_of_decisions_is_up_to_date() {
    let mut page = Page::generated("Decisions");
    page.paragraph(
        "Each page records one decision: the context, what was decided, and what follows from it. A decision that is replaced keeps \
         its page and names the one that replaces it. A new one takes the next number.",
    );
    let rows: Vec<_> = decisions()
        .iter()
        .map(|name| {
            let text = read(name);
            let title = text.lines().next().unwrap().trim_start_matches("# ");
            let (number, title) = title.split_once(". ").unwrap();
            let date = text.lines().find_map(|line| line.strip_prefix("Date: ")).unwrap();
            let file = name.rsplit('/').next().unwrap();
            vec![number.to_owned(), format!("[{title}]({file})"), date.to_owned()]
        })
        .collect();
    page.table(&["number", "decision", "date"], &rows);
    check(&BTreeMap::from([(format!("{FOLDER}/README.md"), page.text())]));
}
