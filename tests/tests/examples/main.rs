//! The examples of `docs/api` are true: each request is sent to a real edge, origin and workers,
//! and each answer has the shape of the one that the page shows.
//!
//! `CORTEX_BLESS=1 cargo test -p cortex-tests --test examples` records answers whose shape has
//! changed.
#![allow(clippy::unwrap_used, reason = "a failing test says where")]

mod answer;
mod signed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cortex_tests::api::{Answer, read};
use cortex_tests::origin::Setup;
use cortex_tests::stack::Stack;
use cortex_tests::wait;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// How long an example may wait for its expected answer.
const END_TIMEOUT: Duration = Duration::from_secs(30);
const BLESS: &str = "CORTEX_BLESS=1 cargo test -p cortex-tests --test examples";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_of_the_api_does_what_its_page_shows() {
    let bless = std::env::var("CORTEX_BLESS").is_ok_and(|bless| bless == "1");
    let mut examples: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(file("docs/api/examples.json")).unwrap()).unwrap();
    let document: Value =
        serde_json::from_str(&std::fs::read_to_string(file("docs/openapi.json")).unwrap()).unwrap();
    // No worker serves `job.report`, so that an example can cancel its job.
    let folder = tempfile::tempdir().unwrap();
    let pools = folder.path().join("pools.yaml");
    let built_in = std::fs::read_to_string(file("deploy/config/pools.yaml")).unwrap();
    std::fs::write(&pools, format!("{built_in}  job.report: {{ pool: reports }}\n")).unwrap();
    let setup = Setup { workers: "echo=1,embed=1,chat=1".into(), pools: Some(pools), ..Setup::echo() };
    let stack = Stack::start(setup).await;
    let mut saved = BTreeMap::new();
    for example in &mut examples {
        let method = method_of(&document, example);
        let title = format!("{method} {}: {}", text(example, "path"), text(example, "title"));
        let answer = wait::until(&title, END_TIMEOUT, async || {
            let answer = send(&stack, &method, example, &saved).await;
            answer::is_awaited(&answer.body, example).then_some(answer)
        })
        .await;
        assert_eq!(json!(answer.status), example["status"], "{title}: {}", answer.body);
        for (name, pointer) in example["save"].as_object().into_iter().flatten() {
            let value = answer.body.pointer(pointer.as_str().unwrap()).and_then(Value::as_str);
            saved
                .insert(name.clone(), value.unwrap_or_else(|| panic!("{title}: {}", answer.body)).to_owned());
        }
        let (shown, shortened) = answer::shown(answer.body, example);
        if answer::shape(&shown, example) != answer::shape(&example["answer"], example) {
            assert!(bless, "{title}: the answer has another shape now:\n{shown:#}\nrun {BLESS}");
            example["answer"] = shown;
            example["shortened"] = shortened.into();
        }
    }
    if bless {
        let text = serde_json::to_string_pretty(&examples).unwrap();
        std::fs::write(file("docs/api/examples.json"), format!("{text}\n")).unwrap();
    }
}

async fn send(stack: &Stack, method: &Method, example: &Value, saved: &BTreeMap<String, String>) -> Answer {
    let mut path = text(example, "path").to_owned();
    for (name, value) in saved {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    let body = example.get("body");
    let (bare, query) = path.split_once('?').unwrap_or((&path, ""));
    match text(example, "server") {
        "edge" => read(plain(stack.api.request(method.clone(), &path), example)).await,
        "origin" => read(plain(stack.origin.api.request(method.clone(), &path), example)).await,
        "signed" => stack.edge.signed(method.clone(), bare, query, body).await,
        "signed-origin" => signed::by_the_edge(stack, method, bare, body.unwrap()).await,
        other => panic!("there is no server {other}"),
    }
}

fn plain(mut request: RequestBuilder, example: &Value) -> RequestBuilder {
    for (name, value) in example["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    match example.get("body") {
        Some(body) => request.json(body),
        None => request,
    }
}

fn method_of(document: &Value, example: &Value) -> Method {
    let methods =
        document["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap());
    let mut methods = methods.filter(|(_, operation)| operation["operationId"] == example["operation"]);
    let (method, _) =
        methods.next().unwrap_or_else(|| panic!("there is no operation {}", example["operation"]));
    method.to_uppercase().parse().unwrap()
}

fn text<'a>(example: &'a Value, name: &str) -> &'a str {
    example[name].as_str().unwrap_or_else(|| panic!("an example has no text `{name}`: {example}"))
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name)
}
