//! The gRPC API in front of real workers.

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::ports;
use cortex_wire::v1::jobs_client::JobsClient;
use cortex_wire::v1::{JobName, SubmitRequest};
use tonic::Request;

// Both ends close a connection, and a stop blocks the thread of the test.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_job_over_grpc_runs_to_its_end() {
    let home = Home::new();
    let setup = Setup { grpc_port: ports::free(), ..Setup::echo() };
    let origin = Origin::start(&home, &setup).await;
    let url = format!("http://127.0.0.1:{}", setup.grpc_port);
    let mut client = JobsClient::connect(url).await.unwrap();
    let bearer = format!("Bearer {}", home.secret("api_key"));

    let asked = SubmitRequest {
        topic: "job.echo".into(),
        input: br#"{"n": 1.50}"#.to_vec(),
        ..SubmitRequest::default()
    };
    let job = client.submit(keyed(asked, &bearer)).await.unwrap().into_inner();
    let name = || keyed(JobName { id: job.id.clone() }, &bearer);
    let mut watched = client.watch(name()).await.unwrap().into_inner();
    let mut names = Vec::new();
    while let Some(event) = watched.message().await.unwrap() {
        names.push(event.name);
    }
    assert_eq!(names, ["accepted", "cleared", "scheduled", "dispatched", "started", "succeeded"]);
    let ended = client.get(name()).await.unwrap().into_inner();
    assert_eq!((ended.state.as_str(), ended.attempt, ended.error.as_str()), ("SUCCEEDED", 1, ""));
    assert_eq!(ended.result, br#"{"n": 1.50}"#);
    // HTTP shows the same job.
    assert_eq!(origin.api.job(&job.id).await["state"], "SUCCEEDED");

    let stranger = client.get(keyed(JobName { id: job.id }, "Bearer wrong")).await.unwrap_err();
    assert_eq!(stranger.code(), tonic::Code::Unauthenticated);
    origin.stop();
}

fn keyed<T>(message: T, bearer: &str) -> Request<T> {
    let mut call = Request::new(message);
    call.metadata_mut().insert("authorization", bearer.parse().unwrap());
    call
}
