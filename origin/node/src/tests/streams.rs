//! Streamed responses, from a worker over the link, the bus and HTTP to a client.

mod bodies;
mod bounds;
mod caller;
mod document;
mod names;
mod paths;
mod revoked;
mod shares;
mod test_node;

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use test_node::{TIMEOUT, TestNode, clock};

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    id: Option<String>,
    data: Value,
}

/// Reads all events of a response.
async fn events(answer: reqwest::Response) -> Vec<Event> {
    let mut reader = Reader::new(answer);
    let mut all = Vec::new();
    while let Some(event) = reader.next().await {
        all.push(event);
    }
    all
}

struct Reader {
    answer: reqwest::Response,
    text: String,
}

impl Reader {
    fn new(answer: reqwest::Response) -> Self {
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { answer, text: String::new() }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let Some(data) = field("data: ") else { continue };
                let data =
                    if data == "[DONE]" { json!("[DONE]") } else { serde_json::from_str(data).unwrap() };
                return Some(Event { id: field("id: ").map(str::to_owned), data });
            }
            let piece = tokio::time::timeout(TIMEOUT, self.answer.chunk()).await.expect("a stream goes on");
            self.text.push_str(std::str::from_utf8(&piece.unwrap()?).unwrap());
        }
    }
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().filter_map(|event| event.data["n"].as_u64()).collect()
}

async fn body(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_streams_event_by_event_and_ends_with_done() {
    let node = TestNode::new().await;
    let answer = node.ask(&json!({"frames": 3})).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let job = answer.headers()["cortex-job-id"].to_str().unwrap().to_owned();
    let events = events(answer).await;
    let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
    assert_eq!(ids, [Some(format!("{job}.1")), Some(format!("{job}.2")), Some(format!("{job}.3")), None]);
    assert_eq!((numbers(&events), &events[3].data), (vec![1, 2, 3], &json!("[DONE]")));
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_have_a_status_before_the_first_event_and_are_events_after_it() {
    let node = TestNode::new().await;
    let (status, refused) =
        body(node.ask(&json!({"frames": 0, "fail": "too long"})).send().await.unwrap()).await;
    assert_eq!((status, &refused["error"]["message"]), (400, &json!("too long")));
    assert_eq!(
        (&refused["error"]["type"], &refused["error"]["param"]),
        (&json!("invalid_request_error"), &json!("messages"))
    );

    let late = events(node.ask(&json!({"frames": 2, "fail": "too late"})).send().await.unwrap()).await;
    assert_eq!(numbers(&late), [1, 2]);
    assert_eq!(late[2].data["error"]["message"], "too late");
    assert_eq!(late[2].data["error"]["param"], "messages");

    let lost = events(node.ask(&json!({"frames": 3, "skip": 2})).send().await.unwrap()).await;
    assert_eq!((numbers(&lost), &lost[1].data["error"]["code"]), (vec![1], &json!("worker-failed")));

    for (path, asked, status, param) in [
        ("/v1/chat/completions", json!({"model": "tiny", "messages": [], "stream": true}), 400, "messages"),
        (
            "/v1/chat/completions",
            json!({"model": "huge", "messages": [{"role": "user", "content": "x"}]}),
            404,
            "model",
        ),
        ("/v1/completions", json!({"model": "all-MiniLM-L6-v2", "prompt": "x"}), 404, "model"),
        ("/v1/completions", json!({"model": "tiny", "prompt": "x", "echo": true}), 400, "echo"),
    ] {
        let (got, refused) = body(node.post(path, &asked).send().await.unwrap()).await;
        assert_eq!((got, &refused["error"]["param"]), (status, &json!(param)), "{refused}");
        assert!(
            status != 404 || refused["error"]["message"].as_str().unwrap().contains("cortex models pull")
        );
    }
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disconnect_frees_the_worker_before_and_after_the_first_event() {
    let mut node = TestNode::new().await;
    let mut reader = Reader::new(node.ask(&json!({"frames": 1, "stay": true})).send().await.unwrap());
    reader.next().await.unwrap();
    drop(reader);
    tokio::time::timeout(TIMEOUT, node.cancels.recv())
        .await
        .expect("the worker is cancelled in time")
        .unwrap();

    let silent =
        node.ask(&json!({"frames": 0, "stay": true})).timeout(Duration::from_millis(300)).send().await;
    assert!(silent.unwrap_err().is_timeout());
    tokio::time::timeout(TIMEOUT, node.cancels.recv())
        .await
        .expect("the worker is cancelled in time")
        .unwrap();
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_cancelled_by_its_jobs_id() {
    let mut node = TestNode::new().await;
    let answer = node.ask(&json!({"frames": 1, "stay": true})).send().await.unwrap();
    let path = format!("/api/v1/jobs/{}/cancel", answer.headers()["cortex-job-id"].to_str().unwrap());
    let (status, cancelled) = body(node.post(&path, &json!({})).send().await.unwrap()).await;
    assert_eq!((status, &cancelled["state"]), (200, &json!("CANCELLED")), "{cancelled}");
    node.cancels.recv().await.unwrap();
    let events = events(answer).await;
    assert_eq!(events[1].data["error"]["code"], "conflict");
    let (again, _) = body(node.post(&path, &json!({})).send().await.unwrap()).await;
    assert_eq!(again, 409);
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resumable_stream_continues_without_its_reader() {
    let node = TestNode::new().await;
    let script = json!({"frames": 40, "pace_ms": 10});
    let answer = node.ask(&script).header("prefer", "resume=5").send().await.unwrap();
    assert_eq!(answer.headers()["preference-applied"], "resume=5");
    let mut reader = Reader::new(answer);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        seen.push(reader.next().await.unwrap());
    }
    drop(reader);
    let last = seen[4].id.clone().unwrap();
    let rest = events(node.ask(&script).header("last-event-id", &last).send().await.unwrap()).await;
    seen.extend(rest);
    assert_eq!(numbers(&seen), (1..=40).collect::<Vec<_>>());
    assert_eq!(seen[40].data, json!("[DONE]"));

    // The ended stream is kept for a while, and no other is.
    let end =
        events(node.ask(&script).header("last-event-id", seen[39].id.clone().unwrap()).send().await.unwrap());
    assert_eq!(end.await.len(), 1);
    let gone = "01a1fb51-9430-7707-8707-070707070707.3";
    for (id, status, code) in [(gone, 410, "stream-gone"), ("nonsense", 400, "invalid-request")] {
        let (got, refused) = body(node.ask(&script).header("last-event-id", id).send().await.unwrap()).await;
        assert_eq!((got, &refused["error"]["code"]), (status, &json!(code)));
    }
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_is_disconnected_and_the_worker_freed() {
    let mut node = TestNode::new().await;
    let script = json!({"frames": 4000, "filler": 16_000, "stay": true});
    let answer = node.ask(&script).send().await.unwrap();
    // The client reads nothing until the worker is cancelled.
    tokio::time::timeout(TIMEOUT, node.cancels.recv())
        .await
        .expect("the worker is cancelled in time")
        .unwrap();
    let events = events(answer).await;
    let (read, last) = (numbers(&events), events.last().unwrap());
    assert_eq!(read, (1..=read.len() as u64).collect::<Vec<_>>(), "what comes is in order, without a gap");
    assert!(read.len() < 4000, "{}", read.len());
    assert_eq!(last.data["error"]["code"], "slow-reader");
    node.origin.stop().await;
}

/// Prints the delay between sending and reading a frame, which also shows other load on the
/// machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_and_twenty_eight_paced_streams_lose_no_frame() {
    let node = TestNode::new().await;
    let script = json!({"frames": 100, "pace_ms": 20});
    let read = async |request: reqwest::RequestBuilder| {
        let mut reader = Reader::new(request.send().await.unwrap());
        let mut delays = Vec::new();
        while let Some(event) = reader.next().await {
            match event.data["sent"].as_u64() {
                Some(sent) => {
                    delays.push(clock().saturating_sub(sent));
                    assert_eq!(event.data["n"], delays.len());
                }
                None => assert_eq!(event.data, json!("[DONE]")),
            }
        }
        delays
    };
    let streams = (0..128).map(|_| read(node.ask(&script)));
    let delays = join_all(streams).await;
    assert!(delays.iter().all(|delays| delays.len() == 100));
    let mut all = delays.concat();
    all.sort_unstable();
    let at = |share: usize| all[all.len() * share / 1000];
    #[expect(clippy::print_stderr, reason = "a measurement, for who asks for it with --no-capture")]
    {
        eprintln!("from worker to client, us: p50 {}, p90 {}, p99 {}", at(500), at(900), at(990));
    }
    node.origin.stop().await;
}
