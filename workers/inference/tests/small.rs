//! The answers of the bundled small model, with the engine that serves it.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use cortex_api::body::Checked;
use cortex_api::chat::ChatRequest;
use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_inference::Device;
use cortex_inference::generate::{Caller, ChatFormat, Defaults, Model};
use cortex_inference::language::{Event, LoadOptions, Request, load};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("small").join(name)
}

fn model() -> Model {
    let options = LoadOptions { device: Device::Cpu, ..LoadOptions::new("cortex-small") };
    let engine = load(&file("model"), &options, &mut |_| ()).unwrap();
    let template = engine.tokenizer().chat_template().unwrap();
    let chat_format = ChatFormat::new(template, engine.tokenizer()).unwrap();
    let defaults = Defaults::read(&std::fs::read(file("model/generation_config.json")).unwrap()).unwrap();
    Model::new("cortex-small".parse().unwrap(), engine.clone(), Some(chat_format), defaults)
}

fn caller() -> Caller {
    Caller {
        job: JobId::mint(Timestamp::from_millis(1), [1; 10]),
        tenant: Some("a".parse().unwrap()),
        deadline: None,
        cancel: CancellationToken::new(),
    }
}

async fn answer(model: &Model, messages: &Value) -> String {
    let body = json!({"model": "cortex-small", "messages": messages}).to_string();
    let request = ChatRequest::parse(Checked::trust(body.as_bytes())).unwrap();
    let whole = model.chat(request, caller()).await.unwrap().document().await.unwrap();
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    whole["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn it_answers_held_out_questions_as_it_did_when_it_was_made() {
    let model = model();
    let questions = std::fs::read_to_string(file("held_out.jsonl")).unwrap();
    let (mut right, mut all) = (0, 0);
    for line in questions.lines() {
        let question: Value = serde_json::from_str(line).unwrap();
        all += 1;
        right += usize::from(answer(&model, &question["messages"]).await == question["expected"]);
    }
    assert_eq!(all, 500);
    // transformers gets 489 right. Another order of sums may change an answer or two.
    assert!(right >= 480, "{right} of {all}");
}

#[tokio::test]
async fn it_writes_the_tokens_that_transformers_writes() {
    let model = model();
    let given: Value = serde_json::from_slice(&std::fs::read(file("continuations.json")).unwrap()).unwrap();
    let cases = given["cases"].as_array().unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        let ids = |name: &str| -> Vec<u32> {
            case[name]
                .as_array()
                .unwrap()
                .iter()
                .map(|id| u32::try_from(id.as_u64().unwrap()).unwrap())
                .collect()
        };
        let (prompt, expected) = (ids("prompt"), ids("continuation"));
        let mut request = Request::new("a".into(), prompt);
        request.sampling.temperature = 0.0;
        request.sampling.logprobs = Some(0);
        (request.max_tokens, request.ignore_ends) = (Some(expected.len()), true);
        let mut events = model.engine().submit(request).await.unwrap();
        let mut written = Vec::new();
        while let Some(event) = events.recv().await {
            match event {
                Event::Text { tokens, .. } => written.extend(tokens.iter().map(|token| token.id)),
                Event::Failed { error, .. } => panic!("{error}"),
                Event::Parts { .. } | Event::Ended(_) => {}
            }
        }
        assert_eq!(written, expected);
    }
}
