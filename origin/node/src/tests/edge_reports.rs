//! The edge's response to a report of job states.

use axum::routing::post;
use axum::{Json, Router};
use cortex_api::{Applied, StateReport};
use tokio::net::TcpListener;

use super::grpc::{GrpcNode, echo, job_name};

/// Starts an edge with callers that cancelled every job before the origin had accepted it.
async fn cancelling() -> reqwest::Url {
    let cancel_all = async |Json(report): Json<StateReport>| {
        let open = report.states.iter().filter(|line| !line.state.is_terminal());
        Json(Applied { applied: 0, cancelled: open.map(|line| line.job).collect() })
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().route("/internal/ledger/states", post(cancel_all));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_job_cancelled_at_the_edge_is_cancelled_here() {
    let folder = tempfile::tempdir().unwrap();
    let node = GrpcNode::with_edge(Some(cancelling().await), &folder, "dev").await;
    let job = node.submit(echo("1")).await.unwrap();
    let mut log = node.client.clone().watch(job_name(&job.id)).await.unwrap().into_inner();
    let mut last = None;
    while let Some(event) = log.message().await.unwrap() {
        last = Some(event.state);
    }
    assert_eq!(last.as_deref(), Some("CANCELLED"));
    node.origin.stop().await;
}
