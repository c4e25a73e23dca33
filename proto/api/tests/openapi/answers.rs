//! Checks responses against their schemas. Each field of a response is set once here, so that a new
//! field must be added here and in the schema.

use std::collections::{BTreeMap, BTreeSet};

use cortex_api::chat::{
    ChatChunk, ChatCompletion, Choice, ChunkChoice, Delta, FunctionDelta, FunctionView, LogProbs,
    MessageView, SimpleChatAnswer, TokenLogProb, ToolCallDelta, ToolCallView, TopLogProb,
};
use cortex_api::completions::{Completion, CompletionChoice, CompletionLogProbs};
use cortex_api::generation::{FinishReason, TokenUsage};
use cortex_api::problem::ErrorView;
use cortex_api::{
    Applied, Closed, EmbeddingView, EmbeddingsNotes, EmbeddingsResponse, EventPage, EventView, HealthView,
    HoldView, JobPage, JobView, KeyPage, KeyView, ModelPage, ModelView, Problem, Shape, Status, Usage,
    Vector, WorkerPage, WorkerView,
};
use cortex_domain::ErrorCode;
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::schemas::{check, component, document, resolve, validator};

/// Checks a response with all of its members, and one with as few as possible, against a schema.
fn hold<T: Serialize>(name: &str, full: &T, least: &T) {
    let document = document();
    let (full, least) = (serde_json::to_value(full).unwrap(), serde_json::to_value(least).unwrap());
    let validator = validator(&document, name);
    assert_eq!(check(&validator, &full), Ok(()), "{name}: {full:#}");
    assert_eq!(check(&validator, &least), Ok(()), "{name}: {least:#}");
    let schema = component(&document, name);
    known(&document, name, schema, &full);
    let required: BTreeSet<_> =
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let written: BTreeSet<_> = least.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(written, required, "{name}: what is always written is required");
}

/// Checks that a value and its schema have the same members.
fn known(document: &Value, place: &str, schema: &Value, value: &Value) {
    let schema = resolve(document, schema);
    match value {
        Value::Object(members) => {
            let Some(properties) = schema["properties"].as_object() else { return };
            let of = |names: &Map<String, Value>| names.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(of(members), of(properties), "{place}: members and their schema");
            for (name, member) in members {
                known(document, &format!("{place}.{name}"), &properties[name], member);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| known(document, place, &schema["items"], item)),
        _ => {}
    }
}

fn id() -> JobId {
    "01a1fb51-9430-7707-8707-070707070707".parse().unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_millis(1_795_217_790_000)
}

fn job() -> JobView {
    let error = ErrorView {
        r#type: "urn:cortex:problem:denied".into(),
        title: "t".into(),
        detail: "d".into(),
        param: Some("labels".into()),
    };
    JobView {
        id: id(),
        topic: "job.echo".parse().unwrap(),
        state: StateName::Succeeded,
        hold: Some(HoldView { kind: "not_before".into(), until: Some(at()) }),
        attempt: 1,
        max_attempts: Some(3),
        version: 6,
        created_at: at(),
        updated_at: at(),
        deadline: Some(at()),
        labels: BTreeMap::from([("a".into(), "b".into())]),
        result: Some(RawValue::from_string("[1]".into()).unwrap()),
        error: Some(error),
    }
}

fn bare_job() -> JobView {
    JobView { hold: None, max_attempts: None, deadline: None, result: None, error: None, ..job() }
}

#[test]
fn jobs() {
    hold("JobView", &job(), &bare_job());
    let page = |job, next, partial| JobPage { jobs: vec![job], next, partial };
    hold("JobPage", &page(job(), Some(id().to_string()), true), &page(bare_job(), None, false));
    let event = EventView {
        id: "1.2".into(),
        version: 2,
        attempt: 1,
        at: at(),
        name: "started".into(),
        state: StateName::Running,
        detail: Map::from_iter([("worker".to_owned(), "w".into())]),
    };
    hold("EventPage", &EventPage { events: vec![event.clone()] }, &EventPage { events: vec![event] });
}

fn usage() -> TokenUsage {
    TokenUsage::new(3, 4).with_cached(1).with_reasoning(2)
}

fn log_probs() -> LogProbs {
    let top = TopLogProb { token: "a".into(), logprob: -0.5, bytes: vec![97] };
    LogProbs {
        content: vec![TokenLogProb {
            token: "a".into(),
            logprob: -0.5,
            bytes: vec![97],
            top_logprobs: vec![top],
        }],
    }
}

fn chat(full: bool) -> ChatCompletion {
    let function = FunctionView { name: "f".into(), arguments: "{}".into() };
    let call = ToolCallView { id: "c".into(), r#type: "function".into(), function };
    let message = MessageView {
        role: "assistant".into(),
        content: full.then(|| "hi".into()),
        refusal: full.then(|| "no".into()),
        reasoning_content: full.then(|| "hm".into()),
        tool_calls: if full { vec![call] } else { vec![] },
    };
    let choice =
        Choice { index: 0, message, logprobs: full.then(log_probs), finish_reason: FinishReason::ToolCalls };
    ChatCompletion {
        id: "x".into(),
        object: "chat.completion".into(),
        created: 1,
        model: "m".into(),
        choices: vec![choice],
        usage: usage(),
        cortex: full.then(|| json!({"device": "cpu"})),
    }
}

fn chunk(full: bool) -> ChatChunk {
    let function = FunctionDelta { name: Some("f".into()), arguments: Some("{}".into()) };
    let call = ToolCallDelta { index: 0, id: Some("c".into()), r#type: Some("function".into()), function };
    let delta = Delta {
        role: Some("assistant".into()),
        content: Some("hi".into()),
        reasoning_content: Some("hm".into()),
        tool_calls: vec![call],
    };
    let delta = if full { delta } else { Delta::default() };
    let finish_reason = full.then_some(FinishReason::Stop);
    ChatChunk {
        id: "x".into(),
        object: "chat.completion.chunk".into(),
        created: 1,
        model: "m".into(),
        choices: vec![ChunkChoice { index: 0, delta, logprobs: full.then(log_probs), finish_reason }],
        usage: full.then(usage),
        cortex: full.then(|| json!({"device": "cpu"})),
    }
}

#[test]
fn texts() {
    hold("ChatCompletion", &chat(true), &chat(false));
    hold("ChatChunk", &chunk(true), &chunk(false));
    let completion = |full: bool| {
        let logprobs = CompletionLogProbs {
            tokens: vec!["a".into()],
            token_logprobs: vec![-0.5],
            top_logprobs: vec![BTreeMap::from([("a".into(), -0.5)])],
            text_offset: vec![0],
        };
        let choice = CompletionChoice {
            index: 0,
            text: "hi".into(),
            logprobs: full.then_some(logprobs),
            finish_reason: full.then_some(FinishReason::Length),
        };
        Completion {
            id: "x".into(),
            object: "text_completion".into(),
            created: 1,
            model: "m".into(),
            choices: vec![choice],
            usage: full.then(usage),
            cortex: full.then(|| json!({})),
        }
    };
    hold("Completion", &completion(true), &completion(false));
    let short = |full: bool| SimpleChatAnswer {
        model: "m".into(),
        text: "hi".into(),
        finish_reason: FinishReason::Stop,
        usage: usage(),
        cortex: full.then(|| json!({})),
    };
    hold("SimpleChatAnswer", &short(true), &short(false));
}

#[test]
fn models_and_embeddings() {
    let model = |kind| ModelView {
        id: "m".into(),
        object: "model".into(),
        created: 0,
        owned_by: "cortex".into(),
        kind,
    };
    hold("ModelView", &model(Some("chat".into())), &model(None));
    hold("ModelPage", &ModelPage::new(vec![model(Some("chat".into()))]), &ModelPage::new(vec![]));
    let embeddings = |vector, cortex| EmbeddingsResponse {
        object: "list".into(),
        data: vec![EmbeddingView { object: "embedding".into(), index: 0, embedding: vector }],
        model: "m".into(),
        usage: Usage { prompt_tokens: 1, total_tokens: 1 },
        cortex,
    };
    let notes = EmbeddingsNotes { truncated: vec![0] };
    let least = embeddings(Vector::Base64("AACAPw==".into()), None);
    hold("EmbeddingsResponse", &embeddings(Vector::Float(vec![1.0]), Some(notes)), &least);
}

#[test]
fn health_views_keep_their_json() {
    let health = HealthView {
        status: Status::Degraded,
        service: "edge".into(),
        version: "0.1.0".into(),
        checks: BTreeMap::from([("origin".into(), "away".into())]),
    };
    hold("HealthView", &health, &health);
    let worker = WorkerView {
        id: "w".parse().unwrap(),
        kind: "chat".into(),
        pool: "chat".parse().unwrap(),
        topics: vec!["job.>".into()],
        capacity: 1,
        in_flight: 0,
        draining: false,
        models: vec!["m".into()],
        pid: 1,
        resident: 1,
        memory_free: 0,
    };
    let workers = WorkerPage { workers: vec![worker] };
    hold("WorkerPage", &workers, &workers);
    let key = |key| KeyView {
        id: "abcdefghij23".parse().unwrap(),
        tenant: "acme".parse().unwrap(),
        principal: "ci".parse().unwrap(),
        roles: vec!["SRE".parse().unwrap()],
        created_at: at(),
        revoked: false,
        key,
    };
    hold("KeyView", &key(Some("ctx_x".into())), &key(None));
    let page = KeyPage { keys: vec![key(Some("ctx_x".into()))] };
    hold("KeyPage", &page, &page);
    hold(
        "Applied",
        &Applied { applied: 1, cancelled: vec![id()] },
        &Applied { applied: 0, cancelled: vec![] },
    );
    hold("Closed", &Closed { closed: 1 }, &Closed { closed: 0 });
}

#[test]
fn errors_of_every_kind() {
    let document = document();
    for (shape, name) in [(Shape::Problem, "Problem"), (Shape::OpenAi, "OpenAiError")] {
        let validator = validator(&document, name);
        for code in ErrorCode::ALL {
            let problem = Problem::new(*code, "no")
                .at("model")
                .with("limit", 3)
                .retry_after(std::time::Duration::from_secs(1));
            for problem in [problem, Problem::new(*code, "no").with("allow", vec!["GET"])] {
                let body: Value = serde_json::from_str(&problem.render(shape).body).unwrap();
                assert_eq!(check(&validator, &body), Ok(()), "{body:#}");
            }
        }
    }
}
