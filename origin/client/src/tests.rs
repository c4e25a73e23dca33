use std::net::SocketAddr;

use cortex_domain::state::StateName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

const ID: &str = "019a9ff0-0000-7000-8000-000000000001";

/// Answers one request after the other with what is given, closing after each, and gives back the requests.
async fn answering(answers: Vec<String>) -> (SocketAddr, JoinHandle<Vec<String>>) {
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
async fn a_stream_that_breaks_is_taken_up_where_it_stood() {
    let first = format!("retry: 1\n\n{}", event("0.1", "accepted", "PENDING"));
    let second = event("1.2", "succeeded", "SUCCEEDED");
    let kind = "text/event-stream";
    let (address, served) =
        answering(vec![answer("200 OK", kind, &first), answer("200 OK", kind, &second)]).await;

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
async fn following_a_job_that_is_not_there_ends_at_once() {
    let problem = r#"{"type":"urn:cortex:problem:not-found","detail":"there is no such job"}"#;
    let (address, _served) =
        answering(vec![answer("404 Not Found", "application/problem+json", problem)]).await;
    let error = api(address).follow(ID.parse().unwrap()).next().await.unwrap_err();
    assert!(matches!(&error, CallError::Refused(refused) if refused.status == 404), "{error:?}");
    assert_eq!(error.to_string(), "not-found: there is no such job");
}

#[tokio::test]
async fn a_listing_is_asked_for_by_what_was_named_alone() {
    let page = answer("200 OK", "application/json", r#"{"jobs":[],"next":null}"#);
    let (address, served) = answering(vec![page.clone(), page]).await;
    let api = api(address);
    api.jobs(&Listing::default()).await.unwrap();
    let listing = Listing {
        state: Some(StateName::Failed),
        topic: Some("job.echo".parse().unwrap()),
        limit: Some(3),
        cursor: None,
    };
    api.jobs(&listing).await.unwrap();
    let requests = served.await.unwrap();
    assert!(requests[0].starts_with("GET /api/v1/jobs HTTP/1.1\r\n"));
    assert!(requests[1].starts_with("GET /api/v1/jobs?state=FAILED&topic=job.echo&limit=3 HTTP/1.1\r\n"));
    assert!(requests[1].contains("authorization: Bearer a key\r\n"));
}

#[tokio::test]
async fn what_is_not_there_is_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = health(&format!("http://{free}")).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_no_answer_and_the_key_stays_here() {
    let moved = "HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n".to_owned();
    let (address, _served) = answering(vec![moved]).await;
    let error = api(address).models().await.unwrap_err();
    assert!(error.to_string().starts_with("answered 307"), "{error}");
}
