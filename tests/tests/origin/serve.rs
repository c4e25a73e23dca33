//! Roles without an edge and without child processes: `cortex serve`, and workers that join it over
//! TCP with TLS and tokens.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cortex_tests::home::Home;
use cortex_tests::process::{Process, binary};
use cortex_tests::serve::{Node, Token, revoke, token, worker};
use cortex_tests::wait;
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(20);
/// How long an open link of a revoked token may continue.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Waits until a refused worker has ended, and returns its output.
async fn refused(home: &Home, name: &str, mut worker: Process) -> String {
    let status = wait::until(&format!("{name} ends"), TIMEOUT, async || worker.ended()).await;
    let log = home.log(&format!("{name}.log"));
    assert_eq!(status.code(), Some(78), "{log}");
    log
}

#[tokio::test]
async fn workers_join_gateway_and_scheduler_over_tls() {
    let home = Home::new();
    let node = Node::start(&home, "gateway,scheduler").await;
    let token = token(&home, "echo", "box");
    let _one = worker(&home, "w1", "echo", node.link_port, &token);
    let _two = worker(&home, "w2", "echo", node.link_port, &token);
    node.has_workers(2).await;
    let ended = node.api.submit_and_wait("job.echo", json!({"over": "tls"}), 10).await;
    assert_eq!((ended.status, &ended.body["result"]), (200, &json!({"over": "tls"})), "{ended:?}");
    node.stop();
}

#[tokio::test]
async fn a_worker_without_the_right_token_or_certificate_is_refused_by_name() {
    let home = Home::new();
    let node = Node::start(&home, "all").await;
    let embed = token(&home, "embed", "embedder");
    let gone = token(&home, "echo", "gone");
    revoke(&home, &gone);
    let guess = Token { text: format!("cwt_{}", "0".repeat(64)), ..gone.clone() };
    let elsewhere = Token { fingerprint: format!("sha256:{}", "0".repeat(64)), ..embed.clone() };
    for (name, token, reason) in [
        ("w1", &embed, "the token `embedder` does not allow the pool `echo`"),
        ("w2", &gone, "the token `gone` is revoked"),
        ("w3", &guess, "unknown token"),
        ("w4", &elsewhere, "certificate does not match"),
    ] {
        let began = Instant::now();
        let log = refused(&home, name, worker(&home, name, "echo", node.link_port, token)).await;
        assert!(log.contains(reason), "{log}");
        assert!(name == "w4" || began.elapsed() >= Duration::from_secs(1), "a refusal takes its time");
    }
    assert!(node.api.client().workers().await.unwrap().is_empty());
    node.stop();
}

#[tokio::test]
async fn the_link_of_a_revoked_token_ends_and_others_go_on() {
    let home = Home::new();
    let node = Node::start(&home, "gateway,scheduler,safety").await;
    let (stays, goes) = (token(&home, "echo", "stays"), token(&home, "echo", "goes"));
    let _one = worker(&home, "w1", "echo", node.link_port, &stays);
    let mut two = worker(&home, "w2", "echo", node.link_port, &goes);
    node.has_workers(2).await;
    let began = Instant::now();
    revoke(&home, &goes);
    let said = async || home.log("w2.log").contains("the token `goes` is revoked").then_some(());
    wait::until("the worker says why it has no link", TIMEOUT, said).await;
    // The worker has tried to reconnect, which takes another second.
    assert!(began.elapsed() < REVOCATION_TIMEOUT + Duration::from_secs(2), "after {:?}", began.elapsed());
    assert!(two.ended().is_none(), "a refused worker keeps retrying");
    assert_eq!(node.api.submit_and_wait("job.echo", json!(1), 10).await.status, 200);
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_with_unfinished_handshakes_do_not_block_a_worker() {
    let home = Home::new();
    let node = Node::start(&home, "gateway,scheduler").await;
    let connect = || TcpStream::connect(("127.0.0.1", node.link_port)).unwrap();
    let mut silent: Vec<_> = (0..32).map(|_| connect()).collect();
    let token = token(&home, "echo", "box");
    let _worker = worker(&home, "w1", "echo", node.link_port, &token);
    node.has_workers(1).await;
    let first = &mut silent[0];
    first.set_read_timeout(Some(TIMEOUT)).unwrap();
    let cut = tokio::task::block_in_place(|| first.read(&mut [0; 1]));
    assert!(matches!(cut, Ok(0)) || cut.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock));
    node.stop();
}

#[test]
fn an_error_names_the_role_that_another_role_needs() {
    let home = Home::new();
    for role in ["gateway", "scheduler"] {
        let mut command = std::process::Command::new(binary("cortex"));
        let output = command.args(["serve", role]).env("CORTEX_HOME", home.path()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{text}");
        for named in [role, "cortex serve all", "NATS_URL", "REDIS_URL"] {
            assert!(text.contains(named), "{text}");
        }
    }
}
