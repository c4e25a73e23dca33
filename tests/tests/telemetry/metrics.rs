//! The metrics of the real processes, in Prometheus' text format.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup, kernel};
use cortex_tests::process::{Paused, Process, binary};
use cortex_tests::{api::Api, ports, wait};
use reqwest::Method;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);

async fn read(port: u16) -> String {
    let api = Api::new(&format!("http://127.0.0.1:{port}"), "");
    wait::until("the metrics are served", LIMIT, async || {
        api.request(Method::GET, "/metrics").send().await.ok()?.text().await.ok()
    })
    .await
}

/// Reads the metrics until they contain every one of `expected`.
async fn read_until(port: u16, expected: &[&str]) -> String {
    wait::until(&format!("the metrics {expected:?}"), LIMIT, async || {
        let text = read(port).await;
        expected.iter().all(|metric| text.contains(metric)).then_some(text)
    })
    .await
}

/// Checks the text with Prometheus' own tool, if it is installed.
fn lint(text: &str) {
    let Ok(mut promtool) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        eprintln!("not run here: promtool is not installed");
        return;
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{text}");
}

/// Checks that the page for operators describes every metric.
fn documented(text: &str) {
    let page = include_str!("../../../docs/operations.md");
    let names = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next());
    for name in names.filter(|name| name.starts_with("cortex_") || name.starts_with("gen_ai_")) {
        assert!(page.contains(&format!("`{name}`")), "docs/operations.md does not describe {name}");
    }
}

#[tokio::test]
async fn an_origin_has_metrics_of_its_jobs_and_components() {
    let home = Home::new();
    let setup = Setup { metrics_port: ports::free(), ..Setup::echo() };
    let origin = Origin::start(&home, &setup).await;
    let answer = origin.api.submit_and_wait("job.echo", json!("x"), 20).await;
    assert_eq!(answer.status, 200);
    let denied = origin.api.submit_and_wait("job.k8s.ops", json!("x"), 20).await;
    assert_eq!(denied.status, 403, "{denied:?}");
    let expected = [
        "cortex_jobs{state=\"SUCCEEDED\",tenant=\"dev\"} ",
        "cortex_policy_decisions_total{decision=\"allow\"} ",
        "cortex_policy_decisions_total{decision=\"deny\"} ",
        "cortex_dispatches_total{reply=\"accepted\"} ",
        "cortex_jobs_ended_total{state=\"SUCCEEDED\"} ",
        "cortex_queue_depth{pool=\"echo\"} 0",
        "cortex_pool_slots{pool=\"echo\"} ",
        "cortex_worker_slots_in_use{worker=\"echo-1\"} 0",
        "cortex_link_workers{pool=\"echo\"} 1",
        "cortex_link_frames_total{direction=\"sent\"} ",
        "cortex_bus_messages_total{kind=\"request\"} ",
        "cortex_bus_queue_depth{queue=\"sys.job.submit\"} 0",
        "cortex_store_commit_duration_seconds_count ",
        "cortex_store_flush_duration_seconds_count ",
        "cortex_http_request_duration_seconds_count{method=\"POST\",route=\"/api/v1/jobs\",status=\"200\"} ",
        "cortex_build_info{version=",
    ];
    let text = read_until(setup.metrics_port, &expected).await;
    lint(&text);
    documented(&text);

    // Unknown paths and methods of callers don't become label values.
    for path in ["/made-up-1", "/made-up-2"] {
        origin.api.request(Method::from_bytes(b"BREW").unwrap(), path).send().await.unwrap();
    }
    let text = wait::until("they are counted together", LIMIT, async || {
        let text = read(setup.metrics_port).await;
        let together = "{method=\"other\",route=\"unmatched\",status=\"404\"} 2";
        text.contains(together).then_some(text)
    })
    .await;
    assert!(!text.contains("made-up") && !text.contains("BREW"));
    origin.stop();
}

#[tokio::test]
async fn only_programs_on_this_machine_may_read_metrics_and_no_web_page() {
    let home = Home::new();
    let setup = Setup { metrics_port: ports::free(), ..Setup::echo() };
    let origin = Origin::start(&home, &setup).await;
    let api = Api::new(&format!("http://127.0.0.1:{}", setup.metrics_port), "");
    for (header, value) in
        [("host", "evil.example"), ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]
    {
        let answer = api.request(Method::GET, "/metrics").header(header, value).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{header}");
    }
    assert_eq!(api.request(Method::POST, "/metrics").send().await.unwrap().status(), 405);
    assert_eq!(api.request(Method::GET, "/").send().await.unwrap().status(), 404);
    origin.stop();
}

#[tokio::test]
async fn a_separate_safety_kernel_has_metrics() {
    let home = Home::new();
    let (port, metrics) = (ports::free(), ports::free());
    let mut command = kernel(&home, port, None);
    command.args(["--metrics-port", &metrics.to_string()]);
    let process = Process::start(&mut command, &home.path().join("kernel.log"));
    lint(&read(metrics).await);
    assert!(process.stop(LIMIT).success());
}

#[tokio::test]
async fn the_metrics_of_a_node_include_those_of_the_workers_it_started() {
    let home = Home::new();
    let setup = Setup { metrics_port: ports::free(), ..Setup::chat() };
    let origin = Origin::start(&home, &setup).await;
    let messages = json!([{ "role": "user", "content": "What is 37 plus 48?" }]);
    let body = json!({ "model": "cortex-small", "messages": messages });
    let answer = origin.api.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = [
        "cortex_worker_runs_total{worker=\"chat-1\",outcome=\"succeeded\"",
        "cortex_worker_connected{worker=\"echo-1\"} 1",
        "gen_ai_server_time_to_first_token_seconds_count{worker=\"chat-1\",gen_ai_response_model=\"cortex-small\"} 1",
        "gen_ai_server_request_duration_seconds_count{gen_ai_operation_name=\"chat\",gen_ai_request_model=\"cortex-small\"} 1",
        "process_resident_memory_bytes{worker=\"chat-1\"} ",
        "process_resident_memory_bytes ",
    ];
    let text = read_until(setup.metrics_port, &expected).await;
    lint(&text);
    documented(&text);

    // A worker that does not answer is left out, and the rest is served.
    let pid = origin.workers().await.into_iter().find(|(id, _)| id == "chat-1").unwrap().1;
    let paused = Paused::process(pid);
    let text = wait::until("the other metrics are served", LIMIT, async || {
        let text = read(setup.metrics_port).await;
        (!text.contains("worker=\"chat-1\",gen_ai")).then_some(text)
    })
    .await;
    assert!(text.contains("cortex_worker_connected{worker=\"echo-1\"} 1"));
    drop(paused);
    origin.stop();
}

#[tokio::test]
async fn a_worker_has_metrics_on_a_port_of_its_own() {
    let home = Home::new();
    let metrics = ports::free();
    let mut command = Command::new(binary("cortex-worker"));
    command.args(["--kind", "chat", "--model", "cortex-small", "--metrics-port", &metrics.to_string()]);
    command.arg("--link").arg(format!("unix:{}", home.path().join("no-origin.sock").display()));
    command.env("CORTEX_HOME", home.path()).env("CORTEX_LINK_TOKEN", "unused");
    let process = Process::start(&mut command, &home.path().join("worker.log"));
    let text = read(metrics).await;
    assert!(text.contains("cortex_worker_connected 0"), "{text}");
    assert!(text.contains("cortex_inference_cache_blocks{gen_ai_response_model=\"cortex-small\""), "{text}");
    lint(&text);
    documented(&text);
    assert!(process.stop(LIMIT).success());
}
