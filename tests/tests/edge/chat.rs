//! Chats and completions, complete and streamed.

use std::time::{Duration, Instant};

use cortex_tests::stack::Stack;
use cortex_tests::wait;
use reqwest::Method;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(30);

fn conversation(text: &str, stream: bool) -> Value {
    json!({"model": "echo", "messages": [{"role": "user", "content": text}], "stream": stream})
}

/// Returns the events of a stream, with the moment at which each arrived.
async fn events(mut answer: reqwest::Response) -> Vec<(Instant, String)> {
    let (mut text, mut events) = (String::new(), Vec::new());
    while let Some(piece) = answer.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&piece).unwrap());
        while let Some(end) = text.find("\n\n") {
            let event: String = text.drain(..end + 2).collect();
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            events.extend(data.map(|data| (Instant::now(), data.to_owned())));
        }
    }
    events
}

#[tokio::test]
async fn an_answer_streams_through_the_edge_in_pieces_as_it_grows() {
    let stack = Stack::echoed_texts().await;
    let script = r#"{"frames": 20, "pace_ms": 100}"#;
    let request = stack.api.request(Method::POST, "/v1/chat/completions").json(&conversation(script, true));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", stack.edge.log());
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let job = answer.headers()["cortex-job-id"].to_str().unwrap().to_owned();
    let events = events(answer).await;
    let text: String = events
        .iter()
        .filter_map(|(_, data)| serde_json::from_str::<Value>(data).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(text, (0..20).map(|n| format!("{n} ")).collect::<String>());
    assert_eq!(events.last().unwrap().1, "[DONE]");
    let took = events[19].0 - events[0].0;
    assert!(took > Duration::from_secs(1), "they come as they are made, not all at once: {took:?}");
    assert_eq!(stack.api.ended(&job, TIMEOUT).await["state"], "SUCCEEDED");
}

#[tokio::test]
async fn a_stream_that_broke_goes_on_through_the_edge_after_the_last_event_that_was_seen() {
    let stack = Stack::echoed_texts().await;
    let script = conversation(r#"{"frames": 40, "pace_ms": 20}"#, true);
    let ask = || stack.api.request(Method::POST, "/v1/chat/completions").json(&script);
    let mut answer = ask().header("prefer", "resume=30").send().await.unwrap();
    assert_eq!(answer.headers()["preference-applied"], "resume=30", "{}", stack.edge.log());
    let mut text = String::new();
    while text.matches("\n\n").count() < 5 {
        text.push_str(std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap());
    }
    drop(answer);
    text.truncate(text.rfind("\n\n").unwrap() + 2);
    let last = text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().to_owned();
    text.push_str(&ask().header("last-event-id", &last).send().await.unwrap().text().await.unwrap());

    let chunks =
        text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let content: String = chunks
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(content, (0..40).map(|n| format!("{n} ")).collect::<String>());
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");

    let refused = ask().header("last-event-id", "nonsense").send().await.unwrap();
    assert_eq!(refused.status(), 400);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["error"]["param"], "last-event-id", "{refused}");
}

#[tokio::test]
async fn a_text_is_answered_whole_and_as_a_job_and_refusals_keep_their_shape() {
    let stack = Stack::echoed_texts().await;
    let whole = stack.api.post("/v1/chat/completions", &conversation("one two three", false)).await;
    assert_eq!(whole.status, 200, "{whole:?}");
    let choice = &whole.body["choices"][0];
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&json!("one two three"), &json!("stop"))
    );
    assert_eq!(whole.body["usage"]["total_tokens"], 6);

    let text = json!({"model": "echo", "prompt": "one two three", "max_tokens": 2});
    let cut = stack.api.post("/v1/completions", &text).await;
    let choice = &cut.body["choices"][0];
    assert_eq!(
        (&choice["text"], &choice["finish_reason"]),
        (&json!("one two "), &json!("length")),
        "{cut:?}"
    );

    let id = stack.api.submit("job.chat.simple", conversation("as a job", false)).await.id();
    let job = stack.api.ended(&id, TIMEOUT).await;
    assert_eq!(job["result"]["choices"][0]["message"]["content"], "as a job", "{job}");

    for (path, body, status, param) in [
        ("/v1/chat/completions", json!({"model": "echo"}), 400, "messages"),
        (
            "/v1/chat/completions",
            json!({"model": "gpt-9", "messages": [{"role": "user", "content": "x"}]}),
            404,
            "model",
        ),
        ("/v1/completions", json!({"model": "echo", "prompt": "x", "suffix": "y"}), 400, "suffix"),
    ] {
        let refused = stack.api.post(path, &body).await;
        assert_eq!((refused.status, &refused.body["error"]["param"]), (status, &json!(param)), "{refused:?}");
    }
}

#[tokio::test]
async fn one_message_is_answered_with_its_text_alone() {
    let stack = Stack::echoed_texts().await;
    let asked = json!({"model": "echo", "message": "one two three", "system": "be brief", "max_tokens": 2});
    for api in [&stack.api, &stack.origin.api] {
        let answer = api.post("/chat", &asked).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.header("cortex-job-id").is_empty());
        let actual = (&answer.body["model"], &answer.body["text"], &answer.body["finish_reason"]);
        assert_eq!(actual, (&json!("echo"), &json!("one two "), &json!("length")));
        assert_eq!(answer.body["usage"]["total_tokens"], 5, "{answer:?}");
        for (body, status, problem) in [
            (json!({"model": "echo"}), 400, "invalid-request"),
            (json!({"model": "echo", "message": "x", "stream": true}), 400, "invalid-request"),
            (json!({"model": "echo", "message": "x", "temperature": 9}), 400, "invalid-request"),
            (json!({"model": "gpt-9", "message": "x"}), 404, "unknown-model"),
            (json!({"model": "echo", "message": "AKIAIOSFODNN7EXAMPLE"}), 422, "secret-in-input"),
        ] {
            let refused = api.post("/chat", &body).await;
            assert_eq!((refused.status, refused.problem()), (status, problem), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_the_edge_frees_the_worker() {
    let stack = Stack::echoed_texts().await;
    let script = r#"{"frames": 100000, "pace_ms": 50}"#;
    let request = stack.api.request(Method::POST, "/v1/chat/completions").json(&conversation(script, true));
    let mut answer = request.send().await.unwrap();
    answer.chunk().await.unwrap();
    let id = answer.headers()["cortex-job-id"].to_str().unwrap().to_owned();
    drop(answer);
    assert_eq!(stack.api.ended(&id, TIMEOUT).await["state"], "CANCELLED");
    wait::until("the slot is free", TIMEOUT, async || {
        let workers = stack.origin.api.get("/api/v1/workers").await;
        (workers.body["workers"][0]["in_flight"] == 0).then_some(())
    })
    .await;
}
