//! Small templates render to the same text as under `transformers`; the list comes from
//! `fixtures/snippets.py`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use cortex_chat::{Conversation, Json, Now, Options, RenderError, SpecialTokens, Template};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    context: BTreeMap<String, Json>,
    snippets: Vec<(String, Option<String>)>,
}

#[test]
fn snippets_render_as_under_transformers() {
    let fixture: Fixture = serde_json::from_str(include_str!("../fixtures/snippets.json")).unwrap();
    let mut options = Options::at(Now::from_unix(1_770_091_506, 0));
    options.variables = fixture.context;
    let mut differ = Vec::new();
    for (source, expected) in &fixture.snippets {
        let actual = Template::compile(source, SpecialTokens::new())
            .map_err(|error| error.to_string())
            .and_then(|template| {
                template.render(&Conversation::default(), &options).map_err(|error| error.to_string())
            });
        if actual.as_ref().ok() != expected.as_ref() {
            differ.push(format!("{source}\n  expected {expected:?}\n  got      {actual:?}"));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

#[test]
fn an_exception_raised_by_a_template_keeps_its_message() {
    let template = Template::compile("{{ raise_exception('only ' ~ 1) }}", SpecialTokens::new()).unwrap();
    let error = template.render(&Conversation::default(), &Options::at(Now::from_unix(0, 0))).unwrap_err();
    assert!(matches!(&error, RenderError::Exception(message) if message == "only 1"));
    assert_eq!(error.to_string(), "only 1");
}

#[test]
fn a_template_that_does_not_compile_names_the_line() {
    let error = Template::compile("a\n{% if %}\n{% endif %}", SpecialTokens::new()).unwrap_err();
    assert!(error.to_string().contains("on line 2:"), "{error}");
}

#[test]
fn a_template_that_fails_names_the_line() {
    let template = Template::compile("a\n\n{{ missing.attribute }}", SpecialTokens::new()).unwrap();
    let error = template.render(&Conversation::default(), &Options::at(Now::from_unix(0, 0))).unwrap_err();
    assert!(error.to_string().contains("on line 3:"), "{error}");
}

#[test]
fn the_functions_that_charge_the_budget_can_neither_be_called_nor_replaced() {
    let options = Options::at(Now::from_unix(0, 0));
    let render = |source| {
        Template::compile(source, SpecialTokens::new()).unwrap().render(&Conversation::default(), &options)
    };
    for source in ["{{ is(1) }}", "{{ read(1) }}", "{{ store(1) }}"] {
        let error = render(source).unwrap_err();
        assert!(error.to_string().contains("unknown function"), "{error}");
    }
    let shadowing = "{% set read = 1 %}{% set store = 2 %}{% set ns = namespace(a=1) %}{% set ns.a = 3 %}{{ ns.a }}{{ 1 < ns.a < 4 }}";
    assert_eq!(render(shadowing).unwrap(), "3True");
}
