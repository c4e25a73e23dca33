//! Traces from the edge to the worker, received by a collector.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::process::{Process, binary};
use cortex_tests::{api::Api, ports, wait};
use cortex_wire::v1::SubmitRequest;
use cortex_wire::v1::jobs_client::JobsClient;
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Command;

use crate::collector::{Behavior, Collector, Span};

const LIMIT: Duration = Duration::from_secs(30);
/// A caller's text that no span and no log may contain.
const MARKED: &str = "marked-7f3a";

/// A running `cortex up` with its edge.
struct Machine {
    home: Home,
    process: Process,
    edge: Api,
}

async fn start(collector: &Collector) -> Machine {
    let home = Home::new();
    let log = home.path().join("up.log");
    let edge_port = ports::free();
    let mut command = Command::new(binary("cortex"));
    command.args(["up", "--workers", "echo=1", "--edge-port", &edge_port.to_string()]);
    for flag in ["--api-port", "--metrics-port"] {
        command.args([flag, &ports::free().to_string()]);
    }
    command.args(["--grpc-port", "0"]);
    command.env("CORTEX_HOME", home.path()).env("CORTEX_LOG", "debug");
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer {MARKED}-token"));
    let mut process = Process::start(&mut command, &log);
    let key = wait::until("everything is up", LIMIT, async || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(process.ended().is_none(), "{text}");
        let bearer = text.split("Bearer ").nth(1)?;
        bearer.split('\'').next().map(str::to_owned)
    })
    .await;
    Machine { edge: Api::new(&format!("http://127.0.0.1:{edge_port}"), &key), home, process }
}

/// Waits until a trace holds a span of each name.
async fn spans(collector: &Collector, trace: &str, names: &[(&str, &str)]) -> Vec<Span> {
    wait::until(&format!("the spans {names:?}"), LIMIT, async || {
        let spans = collector.of_trace(trace);
        let seen: HashSet<_> = spans.iter().map(|span| (span.service.as_str(), span.name.as_str())).collect();
        names.iter().all(|name| seen.contains(name)).then_some(())?;
        Some(spans)
    })
    .await
}

/// Checks that the parent of each span is in the trace, except for the caller's spans.
fn connected(spans: &[Span], caller: &str) {
    let ids: BTreeSet<_> = spans.iter().map(|span| span.id.as_str()).chain([caller]).collect();
    for span in spans {
        assert!(ids.contains(span.parent.as_str()), "{span:?} has no parent in {spans:#?}");
    }
}

/// Checks that each span names the job. The gateway refuses the edge's first request, because its
/// signature names no instance, and the edge sends it again.
fn all_of_job(spans: &[Span], job: &str) {
    let refused =
        |span: &&Span| span.attributes.get("http.response.status_code").is_some_and(|status| *status == 401);
    for span in spans.iter().filter(|span| !refused(span)) {
        assert_eq!(span.attributes.get("cortex.job.id").and_then(Value::as_str), Some(job), "{span:?}");
    }
}

const CALLER: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn a_call_and_a_job_are_each_one_trace_from_the_edge_to_the_worker() {
    let collector = Collector::start(Behavior::Accepts).await;
    let machine = start(&collector).await;
    let input = json!({ "topic": "job.echo", "input": { "text": MARKED } });
    let submit = async |trace: &str, prefer: Option<&str>| {
        let request = machine.edge.request(Method::POST, "/api/v1/jobs").json(&input);
        let request = request.header("traceparent", format!("00-{trace}-{CALLER}-01"));
        let request = prefer.into_iter().fold(request, |request, prefer| request.header("prefer", prefer));
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        response.headers()["cortex-job-id"].to_str().unwrap().to_owned()
    };

    let call = "4bf92f3577b34da6a3ce929d0e0e4736";
    let id = submit(call, Some("wait=20")).await;
    let names = [
        ("cortex-edge", "POST /api/v1/jobs"),
        ("cortex", "POST /api/v1/jobs"),
        ("cortex", "policy check"),
        ("cortex", "dispatch"),
        ("cortex-worker", "run"),
    ];
    let seen = spans(&collector, call, &names).await;
    connected(&seen, CALLER);
    all_of_job(&seen, &id);

    let job = "0af7651916cd43dd8448eb211c80319c";
    let id = submit(job, None).await;
    let names = [
        ("cortex-edge", "POST /api/v1/jobs"),
        ("cortex-edge", "deliver job"),
        ("cortex", "POST /api/v1/jobs"),
        ("cortex", "policy check"),
        ("cortex", "dispatch"),
        ("cortex-worker", "run"),
    ];
    let seen = spans(&collector, job, &names).await;
    connected(&seen, CALLER);
    let decided = seen.iter().find(|span| span.name == "policy check").unwrap();
    assert_eq!(decided.attributes["cortex.policy.decision"], "ALLOW");
    all_of_job(&seen, &id);

    // A trace that its caller does not sample is not recorded.
    let unsampled = "1af7651916cd43dd8448eb211c80319c";
    let request = machine.edge.request(Method::POST, "/api/v1/jobs").json(&input);
    request.header("traceparent", format!("00-{unsampled}-{CALLER}-00")).send().await.unwrap();
    submit("2af7651916cd43dd8448eb211c80319c", Some("wait=20")).await;
    spans(&collector, "2af7651916cd43dd8448eb211c80319c", &[("cortex-worker", "run")]).await;
    assert!(collector.of_trace(unsampled).is_empty());

    holds_nothing_marked(&collector, &machine);
    assert!(machine.process.stop(LIMIT).success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_job_over_grpc_is_one_trace() {
    let collector = Collector::start(Behavior::Accepts).await;
    let home = Home::new();
    let setup = Setup { grpc_port: ports::free(), otlp: Some(collector.url.clone()), ..Setup::echo() };
    let origin = Origin::start(&home, &setup).await;
    let mut client = JobsClient::connect(format!("http://127.0.0.1:{}", setup.grpc_port)).await.unwrap();
    let trace = "6bf92f3577b34da6a3ce929d0e0e4736";
    let job = SubmitRequest { topic: "job.echo".into(), input: b"1".to_vec(), ..SubmitRequest::default() };
    let mut call = tonic::Request::new(job);
    let bearer = format!("Bearer {}", home.secret("api_key"));
    call.metadata_mut().insert("authorization", bearer.parse().unwrap());
    call.metadata_mut().insert("traceparent", format!("00-{trace}-{CALLER}-01").parse().unwrap());
    let job = client.submit(call).await.unwrap().into_inner();
    let names = [
        ("cortex", "cortex.v1.Jobs/Submit"),
        ("cortex", "policy check"),
        ("cortex", "dispatch"),
        ("cortex-worker", "run"),
    ];
    let seen = spans(&collector, trace, &names).await;
    connected(&seen, CALLER);
    all_of_job(&seen, &job.id);
    let submitted = seen.iter().find(|span| span.name == names[0].1).unwrap();
    assert_eq!(submitted.attributes["rpc.response.status_code"], "OK");
    origin.stop();
}

#[tokio::test]
async fn the_span_of_a_run_has_the_model_and_its_tokens() {
    let collector = Collector::start(Behavior::Accepts).await;
    let home = Home::new();
    let origin = Origin::start(&home, &Setup { otlp: Some(collector.url.clone()), ..Setup::chat() }).await;
    let trace = "7bf92f3577b34da6a3ce929d0e0e4736";
    let messages = json!([{ "role": "user", "content": "What is 37 plus 48?" }]);
    let body = json!({ "model": "cortex-small", "messages": messages });
    let request = origin.api.request(Method::POST, "/v1/chat/completions").json(&body);
    let request = request.header("traceparent", format!("00-{trace}-{CALLER}-01"));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let seen = spans(&collector, trace, &[("cortex-worker", "run")]).await;
    let run = seen.iter().find(|span| span.name == "run").unwrap();
    for (attribute, expected) in [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.request.model", json!("cortex-small")),
        ("gen_ai.usage.input_tokens", answer["usage"]["prompt_tokens"].clone()),
        ("gen_ai.usage.output_tokens", answer["usage"]["completion_tokens"].clone()),
    ] {
        assert_eq!(run.attributes.get(attribute), Some(&expected), "{attribute} of {run:?}");
    }
    origin.stop();
}

/// The log lines of the origin and of a worker name the job and the trace.
#[tokio::test]
async fn log_lines_name_the_job_and_the_trace() {
    for format in ["text", "json"] {
        let home = Home::new();
        let setup = Setup { log: "debug".into(), log_format: format, ..Setup::echo() };
        let origin = Origin::start(&home, &setup).await;
        let trace = "8bf92f3577b34da6a3ce929d0e0e4736";
        let input = json!({ "topic": "job.echo", "input": { "text": MARKED } });
        let request = origin.api.request(Method::POST, "/api/v1/jobs").json(&input);
        let request = request.header("traceparent", format!("00-{trace}-{CALLER}-01"));
        let response = request.header("prefer", "wait=20").send().await.unwrap();
        assert_eq!(response.status(), 200);
        let job = response.headers()["cortex-job-id"].to_str().unwrap().to_owned();
        let names_both = |line: &str| match format {
            "json" => {
                // `cortex up` also prints its addresses.
                let line: Value = serde_json::from_str(line).unwrap_or_default();
                line["job"] == job.as_str() && line["trace_id"] == trace
            }
            _ => line.contains(&format!(" job={job} trace_id={trace}")),
        };
        for log in ["origin.log", "echo-1.log"] {
            wait::until(&format!("a line of {log} names both"), LIMIT, async || {
                home.log(log).lines().any(names_both).then_some(())
            })
            .await;
        }
        origin.stop();
    }
}

/// Checks that neither spans nor logs contain callers' texts, keys, or the collector's token.
fn holds_nothing_marked(collector: &Collector, machine: &Machine) {
    let secrets = [MARKED, &machine.edge.key, &machine.home.secret("api_key")];
    let mut texts = vec![("the spans".to_owned(), String::from_utf8_lossy(&collector.raw()).into_owned())];
    for entry in std::fs::read_dir(machine.home.path().join("logs")).unwrap() {
        let path = entry.unwrap().path();
        texts.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap_or_default()));
    }
    assert!(texts.len() > 2, "{texts:?}");
    for (name, text) in texts {
        for secret in secrets {
            assert!(!text.contains(secret), "{name} holds `{secret}`");
        }
    }
}

#[tokio::test]
async fn a_failing_collector_delays_nothing_and_dropped_spans_are_counted() {
    for behavior in [Behavior::Hangs, Behavior::Refuses] {
        let collector = Collector::start(behavior).await;
        let home = Home::new();
        let setup = Setup { metrics_port: ports::free(), otlp: Some(collector.url.clone()), ..Setup::echo() };
        let origin = Origin::start(&home, &setup).await;
        let began = Instant::now();
        for _ in 0..50 {
            let answer = origin.api.submit_and_wait("job.echo", json!("x"), 20).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        assert!(began.elapsed() < Duration::from_secs(15), "{behavior:?}: {:?}", began.elapsed());
        let metrics = Api::new(&format!("http://127.0.0.1:{}", setup.metrics_port), "");
        let dropped = "cortex_telemetry_spans_dropped_total{reason=\"export_failed\"} ";
        wait::until("dropped spans are counted", LIMIT, async || {
            let text = metrics.request(Method::GET, "/metrics").send().await.ok()?.text().await.ok()?;
            let count = text.lines().find_map(|line| line.strip_prefix(dropped))?;
            (count != "0").then_some(())
        })
        .await;
        origin.stop();
        assert_eq!(home.log("origin.log").matches("spans can't be exported").count(), 1);
    }
}
