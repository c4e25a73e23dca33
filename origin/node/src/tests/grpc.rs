//! The gRPC API, called by a real client over a real connection.

mod heads;

use std::net::SocketAddr;

use cortex_api::routes::BodyLimit;
use cortex_wire::v1::jobs_client::JobsClient;
use cortex_wire::v1::{JobName, JobView, SubmitRequest};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::{ApiSockets, Config, Files, Handle, Home, Operator, Roles, Secrets, Sockets, build};

const KEY: &str = "a key of the tests";

/// An origin without workers, and a client of its gRPC API.
pub(super) struct GrpcNode {
    pub(super) origin: Handle,
    pub(super) client: JobsClient<Channel>,
    grpc: SocketAddr,
}

impl GrpcNode {
    async fn new(folder: &tempfile::TempDir, tenant: &str) -> Self {
        Self::with_edge(None, folder, tenant).await
    }

    /// Starts an origin that reports job states to an edge.
    pub(super) async fn with_edge(
        edge: Option<reqwest::Url>,
        folder: &tempfile::TempDir,
        tenant: &str,
    ) -> Self {
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = grpc.local_addr().unwrap();
        let operator =
            Operator { tenant: tenant.parse().unwrap(), api_key: Some(KEY.into()), allowed_hosts: vec![] };
        let mut config = Config::load(&Files::default(), None, operator).unwrap();
        config.gateway.edge = edge;
        let sockets = Sockets {
            api: Some(ApiSockets { http: TcpListener::bind("127.0.0.1:0").await.unwrap(), grpc: Some(grpc) }),
            metrics: None,
        };
        let secrets = Secrets::open(&home).unwrap();
        let origin = build(config, &Roles::all(), &home, &secrets, sockets).await.unwrap();
        let client = JobsClient::connect(format!("http://{address}")).await.unwrap();
        Self { origin, client, grpc: address }
    }

    pub(super) async fn submit(&self, request: SubmitRequest) -> Result<JobView, Status> {
        Ok(self.client.clone().submit(with_key(request, KEY)).await?.into_inner())
    }

    async fn refusal(&self, request: SubmitRequest) -> (Code, String) {
        code_and_problem(&self.submit(request).await.unwrap_err())
    }
}

fn with_key<T>(message: T, key: &str) -> Request<T> {
    let mut call = Request::new(message);
    call.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    call
}

pub(super) fn job_name(id: &str) -> Request<JobName> {
    with_key(JobName { id: id.into() }, KEY)
}

pub(super) fn echo(input: &str) -> SubmitRequest {
    SubmitRequest { topic: "job.echo".into(), input: input.into(), ..SubmitRequest::default() }
}

fn code_and_problem(status: &Status) -> (Code, String) {
    let problem = status.metadata().get("cortex-problem").map(|slug| slug.to_str().unwrap());
    (status.code(), problem.unwrap_or("none").to_owned())
}

fn document(status: &Status) -> Value {
    let bytes = status.metadata().get_bin("cortex-problem-bin").unwrap().to_bytes().unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_job_is_submitted_read_watched_and_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let node = GrpcNode::new(&folder, "dev").await;
    let mut client = node.client.clone();
    let labels = [("team".to_owned(), "a".to_owned())].into();
    let deadline = Some(4_000_000_000_000);
    let job = node.submit(SubmitRequest { labels, deadline, ..echo(r#"{"to":"ada@example.com"}"#) }).await;
    let job = job.unwrap();
    assert_eq!((job.state.as_str(), job.attempt, job.deadline), ("PENDING", 0, deadline));
    assert_eq!((job.labels["team"].as_str(), job.labels["cortex/personal-data"].as_str()), ("a", "email"));

    let mut watched = client.watch(job_name(&job.id)).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!((first.name.as_str(), first.version, first.at), ("accepted", 1, job.created_at));

    let cancelled = client.cancel(job_name(&job.id)).await.unwrap().into_inner();
    assert_eq!(cancelled.state, "CANCELLED");
    let mut last = first;
    while let Some(event) = watched.message().await.unwrap() {
        assert_eq!(event.version, last.version + 1);
        last = event;
    }
    assert_eq!((last.name.as_str(), last.state.as_str()), ("cancelled", "CANCELLED"));
    let detail: Value = serde_json::from_slice(&last.detail).unwrap();
    assert_eq!(detail, json!({"reason": "cancelled by local"}));

    let read = client.get(job_name(&job.id)).await.unwrap().into_inner();
    assert_eq!(read, cancelled);
    let again = client.cancel(job_name(&job.id)).await.unwrap_err();
    assert_eq!(code_and_problem(&again), (Code::FailedPrecondition, "conflict".into()));
    node.origin.stop().await;
}

#[tokio::test]
async fn grpc_rejects_the_same_requests_as_http_with_the_same_type() {
    let folder = tempfile::tempdir().unwrap();
    let node = GrpcNode::new(&folder, "dev").await;
    let with = |change: fn(&mut SubmitRequest)| {
        let mut request = echo("1");
        change(&mut request);
        request
    };
    for (request, code, problem) in [
        (echo("{"), Code::InvalidArgument, "malformed-json"),
        (echo(&"[".repeat(65)), Code::InvalidArgument, "too-deep"),
        (with(|request| request.priority = "urgent".into()), Code::InvalidArgument, "invalid-request"),
        (with(|request| request.max_attempts = 11), Code::InvalidArgument, "invalid-request"),
        (with(|request| request.deadline = Some(u64::MAX)), Code::InvalidArgument, "invalid-request"),
        (with(|request| request.idempotency_key = "a b".into()), Code::InvalidArgument, "invalid-request"),
        (echo(&format!("\"{}\"", "x".repeat(BodyLimit::Job.bytes()))), Code::OutOfRange, "too-large"),
        // The transport rejects it without reading the message.
        (echo(&"x".repeat(2 * BodyLimit::Job.bytes())), Code::OutOfRange, "none"),
    ] {
        assert_eq!(node.refusal(request).await, (code, problem.to_owned()));
    }

    let secret = node.submit(echo(r#"{"note":["AKIAIOSFODNN7EXAMPLE"]}"#)).await.unwrap_err();
    assert_eq!(code_and_problem(&secret), (Code::InvalidArgument, "secret-in-input".into()));
    assert!(secret.message().contains("aws-access-key") && secret.message().contains("/input/note/0"));
    assert!(!format!("{secret:?}").contains("AKIA"));

    let unknown = node.submit(SubmitRequest { topic: "job.nope".into(), ..echo("1") }).await.unwrap_err();
    assert_eq!(code_and_problem(&unknown), (Code::InvalidArgument, "unknown-topic".into()));
    assert!(document(&unknown)["known_topics"].as_array().unwrap().contains(&json!("job.echo")));
    node.origin.stop().await;
}

#[tokio::test]
async fn only_the_local_key_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let node = GrpcNode::new(&folder, "dev").await;
    let mut client = node.client.clone();
    let refused = (Code::Unauthenticated, "unauthenticated".to_owned());
    for call in [Request::new(echo("1")), with_key(echo("1"), "wrong"), with_key(echo("1"), "")] {
        assert_eq!(code_and_problem(&client.submit(call).await.unwrap_err()), refused);
    }
    let mut signed = job_name("01a1fb51-9430-7707-8707-070707070707");
    signed.metadata_mut().insert("cortex-signature", "00".parse().unwrap());
    let status = client.get(signed).await.unwrap_err();
    assert_eq!(code_and_problem(&status), refused);
    assert!(status.message().contains("signed requests are accepted over HTTP only"), "{}", status.message());
    let without_key = Request::new(JobName { id: "nonsense".into() });
    assert_eq!(code_and_problem(&client.watch(without_key).await.unwrap_err()), refused);

    let mut large = job_name("nonsense");
    large.metadata_mut().insert("x-large", "x".repeat(17 * 1024).parse().unwrap());
    assert_eq!(
        code_and_problem(&client.get(large).await.unwrap_err()),
        (Code::OutOfRange, "headers-too-large".to_owned())
    );
    node.origin.stop().await;
}

#[tokio::test]
async fn a_foreign_job_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = GrpcNode::new(&folder, "acme").await;
    let foreign = theirs.submit(echo("1")).await.unwrap().id;
    theirs.origin.stop().await;

    let node = GrpcNode::new(&folder, "dev").await;
    let mut client = node.client.clone();
    for id in [foreign.as_str(), "01a1fb51-9430-7707-8707-070707070707", "nonsense", ""] {
        for status in [
            client.get(job_name(id)).await.unwrap_err(),
            client.cancel(job_name(id)).await.unwrap_err(),
            client.watch(job_name(id)).await.unwrap_err(),
        ] {
            assert_eq!(code_and_problem(&status), (Code::NotFound, "not-found".to_owned()), "{id}");
            assert_eq!(status.message(), "job not found");
        }
    }
    node.origin.stop().await;
}

#[tokio::test]
async fn an_idempotency_key_is_shared_by_http_and_grpc() {
    let folder = tempfile::tempdir().unwrap();
    let node = GrpcNode::new(&folder, "dev").await;
    let keyed = |input| SubmitRequest { idempotency_key: "k1".into(), ..echo(input) };
    let first = node.submit(keyed("1")).await.unwrap().id;
    assert_eq!(node.submit(keyed("1")).await.unwrap().id, first);

    let mut in_metadata = with_key(echo("1"), KEY);
    in_metadata.metadata_mut().insert("idempotency-key", "k1".parse().unwrap());
    assert_eq!(node.client.clone().submit(in_metadata).await.unwrap().into_inner().id, first);

    let http = reqwest::Client::new()
        .post(format!("http://{}/api/v1/jobs", node.origin.gateway.as_ref().unwrap().address));
    let http = http.bearer_auth(KEY).header("idempotency-key", "k1");
    let http = http.header("content-type", "application/json").body(r#"{"topic":"job.echo","input":1}"#);
    let answer = http.send().await.unwrap().text().await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["id"], first, "{answer}");

    assert_eq!(node.refusal(keyed("2")).await, (Code::AlreadyExists, "idempotency-mismatch".to_owned()));
    node.origin.stop().await;
}

#[tokio::test]
async fn a_watch_that_is_interrupted_by_a_shutdown_ends_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let node = GrpcNode::new(&folder, "dev").await;
    let job = node.submit(echo("1")).await.unwrap();
    let mut watched = node.client.clone().watch(job_name(&job.id)).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().name, "accepted");
    let closed = tokio::spawn(async move {
        node.origin.stop().await;
    });
    let cut = loop {
        match watched.message().await {
            Ok(Some(_)) => {}
            ended => break ended.unwrap_err(),
        }
    };
    assert_eq!(code_and_problem(&cut), (Code::Unavailable, "unavailable".to_owned()));
    closed.await.unwrap();
}
