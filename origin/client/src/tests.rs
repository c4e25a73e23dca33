use std::net::SocketAddr;

use cortex_domain::state::StateName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

const ID: &str = "019a9ff0-0000-7000-8000-000000000001";

/// Serves the given responses, one connection each, and returns the requests.
async fn serve_responses(answers: Vec<String>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            requests.push(String::from_utf8(request).unwrap());
        }
        requests
    });
    (address, served)
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n{body}")
}

fn event(id: &str, name: &str, state: &str) -> String {
    let (attempt, version) = id.split_once('.').unwrap();
    format!(
        "id: {id}\nevent: {name}\ndata: {{\"id\":\"{id}\",\"version\":{version},\"attempt\":{attempt},\
         \"at\":\"2026-11-20T23:36:30.000Z\",\"name\":\"{name}\",\"state\":\"{state}\",\"detail\":{{}}}}\n\n"
    )
}

fn api(address: SocketAddr) -> Api {
    Api::new(&format!("http://{address}"), "a key").unwrap()
}

#[tokio::test]
async fn a_broken_stream_resumes_at_the_last_event() {
    let first = format!("retry: 1\n\n{}", event("0.1", "accepted", "PENDING"));
    let second = event("1.2", "succeeded", "SUCCEEDED");
    let kind = "text/event-stream";
    let (address, served) =
        serve_responses(vec![answer("200 OK", kind, &first), answer("200 OK", kind, &second)]).await;

    let mut follow = api(address).follow(ID.parse().unwrap());
    let mut states = Vec::new();
    while let Some(event) = follow.next().await.unwrap() {
        states.push(event.state);
    }
    assert_eq!(states, [StateName::Pending, StateName::Succeeded]);
    let requests = served.await.unwrap();
    assert!(!requests[0].contains("last-event-id"), "{}", requests[0]);
    assert!(requests[1].contains("last-event-id: 0.1\r\n"), "{}", requests[1]);
    assert!(requests[1].starts_with(&format!("GET /api/v1/jobs/{ID}/events HTTP/1.1\r\n")));
}

#[tokio::test]
async fn following_an_unknown_job_fails_at_once() {
    let problem = r#"{"type":"urn:cortex:problem:not-found","detail":"there is no such job"}"#;
    let (address, _served) =
        serve_responses(vec![answer("404 Not Found", "application/problem+json", problem)]).await;
    let error = api(address).follow(ID.parse().unwrap()).next().await.unwrap_err();
    assert!(matches!(&error, CallError::Refused(refused) if refused.status == 404), "{error:?}");
    assert_eq!(error.to_string(), "not-found: there is no such job");
}

#[tokio::test]
async fn a_query_sends_only_the_filters_that_are_set() {
    let page = answer("200 OK", "application/json", r#"{"jobs":[],"next":null}"#);
    let (address, served) = serve_responses(vec![page.clone(), page]).await;
    let api = api(address);
    api.jobs(&JobQuery::default()).await.unwrap();
    let query = JobQuery {
        state: Some(StateName::Failed),
        topic: Some("job.echo".parse().unwrap()),
        limit: Some(3),
        cursor: None,
    };
    api.jobs(&query).await.unwrap();
    let requests = served.await.unwrap();
    assert!(requests[0].starts_with("GET /api/v1/jobs HTTP/1.1\r\n"));
    assert!(requests[1].starts_with("GET /api/v1/jobs?state=FAILED&topic=job.echo&limit=3 HTTP/1.1\r\n"));
    assert!(requests[1].contains("authorization: Bearer a key\r\n"));
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = health(&format!("http://{free}")).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_an_error_and_is_not_followed() {
    let moved = "HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n".to_owned();
    let (address, _served) = serve_responses(vec![moved]).await;
    let error = api(address).models().await.unwrap_err();
    assert!(error.to_string().starts_with("HTTP 307"), "{error}");
}
