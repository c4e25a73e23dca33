//! Checks that the schemas of request bodies and the parsers accept the same bodies.

use cortex_api::body::Checked;
use cortex_api::chat::{ChatRequest, SimpleChat};
use cortex_api::completions::CompletionRequest;
use cortex_api::topics::KnownTopics;
use cortex_api::{CreateJob, CreateKey, EmbeddingsRequest, Problem, RevokedKey, StateReport};
use serde_json::Value;

use crate::generate::Generator;
use crate::mutate::mutate;
use crate::random::Random;
use crate::schemas::{check, component, document, validator};

type Parse = fn(Checked<'_>) -> Result<(), Problem>;

/// Every request body, by the name of its schema.
const BODIES: [(&str, Parse); 8] = [
    ("CreateJob", |body| CreateJob::parse(body, &KnownTopics::default()).map(drop)),
    ("EmbeddingsRequest", |body| EmbeddingsRequest::parse(body).map(drop)),
    ("ChatRequest", |body| ChatRequest::parse(body).map(drop)),
    ("CompletionRequest", |body| CompletionRequest::parse(body).map(drop)),
    ("SimpleChatRequest", |body| SimpleChat::parse(body)?.request().map(drop)),
    ("CreateKey", |body| CreateKey::parse(body).map(drop)),
    ("StateReport", |body| StateReport::parse(body).map(drop)),
    ("RevokedKey", |body| RevokedKey::parse(body).map(drop)),
];

/// Parts of the parser's errors about rules that a schema can't express.
const BEYOND_SCHEMAS: [&str; 9] = [
    "duplicate tool name",
    "must be the id of an earlier tool call",
    "unknown tool",
    "and `max_completion_tokens`",
    "invalid `best_of`: must equal `n`",
    "the number of prompts times `n` must be at most",
    "requires a last message of role `assistant`",
    "`user` is also in `metadata`",
    "too many `labels`",
];

const SEEDS: u64 = 1000;

fn parse(parse: Parse, body: &Value) -> Result<(), Problem> {
    parse(Checked::trust(body.to_string().as_bytes()))
}

#[test]
fn every_body_of_the_document_is_tried() {
    let document = document();
    let mut names: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .filter_map(|operation| {
            operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str()
        })
        .map(|reference| reference.rsplit('/').next().unwrap())
        .collect();
    names.sort_unstable();
    let mut tried: Vec<_> = BODIES.iter().map(|(name, ..)| *name).collect();
    tried.sort_unstable();
    assert_eq!(names, tried);
}

#[test]
fn a_body_that_matches_the_schema_is_accepted_by_the_parser() {
    let document = document();
    for (name, parser) in BODIES {
        let validator = validator(&document, name);
        let (mut taken, mut beyond) = (0, 0);
        for seed in 0..SEEDS {
            let body = Generator::new(&document, seed).value(component(&document, name));
            if !validator.is_valid(&body) {
                continue;
            }
            match parse(parser, &body) {
                Ok(()) => taken += 1,
                Err(problem) if BEYOND_SCHEMAS.iter().any(|known| problem.detail.contains(known)) => {
                    beyond += 1
                }
                Err(problem) => panic!("{name}, seed {seed}: {problem}\n{body:#}"),
            }
        }
        assert!(
            taken > 100 && taken > beyond / 4,
            "{name}: only {taken} were taken, {beyond} were beyond schemas"
        );
    }
}

#[test]
fn a_body_that_the_parser_accepts_matches_the_schema() {
    let document = document();
    for (name, parser) in BODIES {
        let validator = validator(&document, name);
        let (mut taken, mut refused) = (0, 0);
        for seed in 0..SEEDS {
            let mut body = Generator::new(&document, seed).value(component(&document, name));
            let mut random = Random::new(seed);
            for _ in 0..random.below(4) {
                mutate(&mut body, &mut random);
            }
            drop_unknown_nulls(&mut body);
            if parse(parser, &body).is_err() {
                refused += 1;
            } else if let Err(error) = check(&validator, &body) {
                panic!("{name}, seed {seed}: it is taken, and yet {error}\n{body:#}");
            } else {
                taken += 1;
            }
        }
        assert!(taken > 20 && refused > 20, "{name}: {taken} were taken, {refused} refused");
    }
}

/// Removes null members with unknown names. They count as missing, which a schema that rejects
/// unknown members can't express.
fn drop_unknown_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, member| name != "unknown" || !member.is_null());
            members.values_mut().for_each(drop_unknown_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_unknown_nulls),
        _ => {}
    }
}

#[test]
fn the_examples_are_taken() {
    let document = document();
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            let content = &operation["requestBody"]["content"]["application/json"];
            let Some(reference) = content["schema"]["$ref"].as_str() else { continue };
            let name = reference.rsplit('/').next().unwrap();
            let (_, parser) = BODIES.iter().find(|(known, ..)| *known == name).unwrap();
            assert_eq!(
                parse(*parser, &content["example"]).map_err(|problem| problem.to_string()),
                Ok(()),
                "{name}"
            );
            assert_eq!(check(&validator(&document, name), &content["example"]), Ok(()), "{name}");
        }
    }
}
