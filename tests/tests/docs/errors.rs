//! `docs/errors/`: a page for each problem type, with a head that comes from the code.

use std::collections::BTreeMap;

use cortex_api::{Problem, Shape, problem};
use cortex_domain::ErrorCode;
use serde_json::Value;

use crate::generated::{BLESS, blesses, check, markdown_in, read};
use crate::graph::root;
use crate::page::Page;

const FOLDER: &str = "docs/errors";
const CAUSE: &str = "\n## Cause\n\n";
const REMEDY: &str = "\n## What to do\n\n";
/// What a `type` begins with. The rest is the name of the page.
const TYPE_PREFIX: &str = "urn:cortex:problem:";

fn page_of(code: ErrorCode) -> String {
    let name = problem::urn(code);
    let slug = name.strip_prefix(TYPE_PREFIX).expect("every type has the prefix");
    format!("{FOLDER}/{slug}.md")
}

fn head(code: ErrorCode) -> String {
    let openai = Problem::new(code, "").render(Shape::OpenAi).body;
    let openai: Value = serde_json::from_str(&openai).unwrap();
    let openai = openai["error"]["type"].as_str().unwrap();
    format!(
        "# `{}`: {}\n\n- Type: `{}`\n- Status: {}\n- On `/v1/*`: `error.code` is `{}`, `error.type` is `{openai}`\n",
        code.slug(),
        problem::title(code),
        problem::urn(code),
        problem::status(code),
        code.slug(),
    )
}

#[test]
fn each_problem_type_leads_to_a_page_with_cause_and_remedy() {
    for &code in ErrorCode::ALL {
        let name = page_of(code);
        assert!(root().join(&name).is_file(), "{name} is missing: write it with a cause and what to do");
        let text = read(&name);
        let (before, rest) =
            text.split_once(CAUSE).unwrap_or_else(|| panic!("{name} has no section `Cause`"));
        let (cause, remedy) =
            rest.split_once(REMEDY).unwrap_or_else(|| panic!("{name} has no section `What to do`"));
        assert!(cause.trim().len() > 20 && remedy.trim().len() > 20, "{name} has an empty section");
        let head = head(code);
        if blesses() {
            std::fs::write(root().join(&name), format!("{head}{CAUSE}{rest}")).unwrap();
        } else {
            assert_eq!(before, head, "the head of {name} is stale; run\n{BLESS}");
        }
    }
}

#[test]
fn no_page_describes_a_problem_type_that_does_not_exist() {
    let pages: Vec<_> = ErrorCode::ALL.iter().map(|&code| page_of(code)).collect();
    for name in markdown_in(FOLDER).iter().filter(|name| !name.ends_with("/README.md")) {
        assert!(pages.contains(name), "{name} is the page of no problem type");
    }
}

#[test]
fn the_list_of_problem_types_is_up_to_date() {
    let mut page = Page::generated("Errors");
    page.paragraph(
        "An error of the API is a problem document (RFC 9457), and on `/v1/*` it has OpenAI's shape. The `type` of a problem \
         names a page here: `urn:cortex:problem:unknown-topic` is described in [unknown-topic.md](unknown-topic.md). On \
         `/v1/*`, and in gRPC's metadata as `cortex-problem`, only the last part of the name appears, as `error.code`.",
    );
    page.code(
        "json",
        "{\n  \"type\": \"urn:cortex:problem:unknown-topic\",\n  \"title\": \"...\",\n  \"status\": 422,\n  \"detail\": \"what \
         failed, and what to do\",\n  \"param\": \"topic\"\n}",
    );
    page.paragraph(
        "`detail` is for people and may change. Programs decide by `type` and `status`, which do not change. `param` names the \
         field of the request. `retry_after` is the header `Retry-After` again, in seconds.",
    );
    let mut codes = ErrorCode::ALL.to_vec();
    codes.sort_by_key(|&code| (problem::status(code), code.slug()));
    let row = |code: ErrorCode| {
        let slug = code.slug();
        vec![
            problem::status(code).to_string(),
            format!("[`{slug}`]({slug}.md)"),
            problem::title(code).to_owned(),
        ]
    };
    let rows: Vec<_> = codes.into_iter().map(row).collect();
    page.table(&["status", "problem", "title"], &rows);
    check(&BTreeMap::from([(format!("{FOLDER}/README.md"), page.text())]));
}
