//! The count of cached tokens reveals nothing about other tenants.

use serde_json::{Value, json};

use super::{TEMPLATE, caller, completion, request};
use crate::generate::{Caller, ChatFormat, Defaults, Model};
use crate::language::tests::{scripted, tiny};

const SHARED: &str = "You are the assistant of a small company, and you answer briefly.";

/// Returns a model with a system prompt that its operator shares.
fn model() -> Model {
    let chat_format =
        ChatFormat::new(TEMPLATE, &tiny::tokenizer()).unwrap().sharing(vec![format!("{SHARED}\n")]);
    Model::new("tiny".parse().unwrap(), scripted("ok"), Some(chat_format), Defaults::default())
}

fn by(tenant: &str) -> Caller {
    Caller { tenant: (tenant != "@").then(|| tenant.parse().unwrap()), ..caller() }
}

/// Returns how many tokens of its prompt a caller sees as cached.
async fn cached(model: &Model, tenant: &str, messages: Value) -> u64 {
    let asked = request(json!({"messages": messages, "n": 2}));
    let answer = model.chat(asked, by(tenant)).await.unwrap().document().await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let cached = answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or_default();
    let receipts = answer["cortex"]["receipts"].as_array().unwrap();
    assert_eq!(receipts[0]["usage"]["cached_tokens"], cached, "{answer}");
    cached
}

fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

fn system(text: &str, user: &str) -> Value {
    json!([{"role": "system", "content": text}, {"role": "user", "content": user}])
}

#[tokio::test]
async fn a_prompt_that_another_tenant_sent_looks_like_a_new_one() {
    let model = model();
    let secret = user(&"the board sells the company in May. ".repeat(4));
    assert_eq!(cached(&model, "victim", secret.clone()).await, 0);
    for stranger in ["guesser", "victim2", "@"] {
        assert_eq!(cached(&model, stranger, secret.clone()).await, 0, "{stranger}");
    }
    assert!(cached(&model, "victim", secret.clone()).await > 100);
    assert!(cached(&model, "@", secret).await > 100);
}

#[tokio::test]
async fn a_completion_prompt_reveals_nothing_either() {
    let model = model();
    let asked = || completion(json!({"prompt": "x".repeat(200)}));
    let mut cached = Vec::new();
    for tenant in ["victim", "guesser", "@", "victim"] {
        let answer = model.complete(asked(), by(tenant)).await.unwrap().document().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        cached.push(answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or_default());
    }
    assert_eq!(cached, [0, 0, 0, 192]);
}

#[tokio::test]
async fn a_system_prompt_that_the_operator_shares_is_found_by_all_and_nothing_after_it() {
    let model = model();
    assert_eq!(cached(&model, "a", system(SHARED, &"a".repeat(100))).await, 0);
    let shared = cached(&model, "b", system(SHARED, &"a".repeat(100))).await;
    // Whole blocks contain the begin token, the role and the text.
    assert_eq!(shared, (1 + "system\n".len() + SHARED.len()) as u64 / 32 * 32);
    // Text that a tenant adds is the tenant's own.
    let more = format!("{SHARED} Our secret is a long one: {}", "s".repeat(100));
    assert_eq!(cached(&model, "a", system(&more, "hi")).await, shared);
    assert_eq!(cached(&model, "b", system(&more, "hi")).await, shared);
}

#[tokio::test]
async fn a_system_prompt_that_is_not_the_operators_is_its_tenants_own() {
    let model = model();
    for text in ["x".repeat(200), SHARED[..60].repeat(3), SHARED.to_uppercase()] {
        assert_eq!(cached(&model, "a", system(&text, "hi")).await, 0, "{text}");
        assert_eq!(cached(&model, "b", system(&text, "hi")).await, 0, "{text}");
    }
    // The operator's text is not shared in a user's message.
    assert_eq!(cached(&model, "a", user(SHARED)).await, 0);
    assert_eq!(cached(&model, "b", user(SHARED)).await, 0);
}
