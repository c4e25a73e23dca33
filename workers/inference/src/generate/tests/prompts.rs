//! Long prompts are read away from the thread that serves, and rejected before they are read to the
//! end.

use std::pin::pin;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{TEMPLATE, caller, completion, model, request};
use crate::generate::Answer;

/// Shorter than the longest body.
const BYTES: usize = 1_000_000;

fn problem(answer: Result<Answer, Problem>) -> Problem {
    answer.map(drop).unwrap_err()
}

/// Repeats a text as often as the body has room for it.
fn repeated(part: &str) -> String {
    part.repeat(BYTES / (json!(part).to_string().len() - 2))
}

fn said(content: &str) -> Value {
    json!({"messages": [{"role": "user", "content": content}]})
}

#[tokio::test]
async fn a_long_prompt_is_read_beside_the_thread_that_serves() {
    let model = model(TEMPLATE, "x");
    // While the tenant's turn is taken, its prompts wait in the pool and not on this thread.
    let (release, taken) = mpsc::channel();
    let tenant = caller();
    let mut holder = pin!(model.pool().run(tenant.account(), move || taken.recv()));
    assert!(holder.as_mut().now_or_never().is_none());
    let mut chat = pin!(model.chat(request(said(&repeated("a b "))), caller()));
    assert!(chat.as_mut().now_or_never().is_none(), "the conversation is passed on");
    let mut complete = pin!(model.complete(completion(json!({"prompt": repeated("a b ")})), caller()));
    assert!(complete.as_mut().now_or_never().is_none(), "the text is passed on");

    release.send(()).unwrap();
    holder.await.unwrap().unwrap();
    let refused = problem(chat.await);
    assert_eq!((refused.kind, refused.param()), (ErrorCode::InvalidRequest, Some("messages")));
    assert!(refused.detail.starts_with("the prompt has more than "), "{}", refused.detail);

    let refused = problem(complete.await);
    assert_eq!((refused.kind, refused.param()), (ErrorCode::InvalidRequest, Some("prompt")));
}

/// The time limit is loose, for a busy machine.
#[tokio::test]
async fn a_megabyte_of_any_text_is_rejected_quickly() {
    let model = model(TEMPLATE, "x");
    let refused = async |name: &str, fields: Value| {
        let begun = Instant::now();
        problem(model.chat(request(fields), caller()).await);
        assert!(begun.elapsed() < Duration::from_secs(10), "{name:?} took {:?}", begun.elapsed());
    };
    for part in ["a", " ", "1", "\n", "🦙", "</s>", "<", "\u{FDD0}", "\u{4}"] {
        refused(part, said(&repeated(part))).await;
    }
    let many = vec![json!({"role": "user", "content": "a ".repeat(BYTES / 10_000)}); 4096];
    refused("many messages", json!({"messages": many})).await;
}

#[tokio::test]
async fn a_prompt_that_is_a_little_too_long_is_counted() {
    let model = model(TEMPLATE, "x");
    let longest = model.engine().longest();
    let text = json!({"prompt": "a".repeat(longest + 1)});
    let refused = problem(model.complete(completion(text), caller()).await);
    assert!(
        refused.detail.starts_with(&format!("the prompt has {} tokens", longest + 1)),
        "{}",
        refused.detail
    );
}
