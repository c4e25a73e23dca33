//! A safety kernel in its own process.

use std::path::Path;
use std::time::Duration;

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup, kernel};
use cortex_tests::process::Process;
use cortex_tests::{ports, wait};
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(20);

async fn start(home: &Home, port: u16, safety: &Path) -> Process {
    std::fs::create_dir_all(home.path().join("logs")).unwrap();
    let log = home.path().join("logs/safety.log");
    let process = Process::start(&mut kernel(home, port, Some(safety)), &log);
    wait::until("the kernel listens", TIMEOUT, async || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(())
    })
    .await;
    process
}

#[tokio::test]
async fn the_configured_kernel_decides_and_without_it_nothing_passes() {
    let home = Home::new();
    let port = ports::free();
    let safety = home.write("kernel.yaml", "default: { allow: [\"job.echo\"] }\n");
    let process = start(&home, port, &safety).await;
    // The origin's own policies would allow both.
    let setup = Setup {
        safety_kernel: Some(format!("127.0.0.1:{port}")),
        log: "info,cortex_scheduler=debug".into(),
        ..Setup::echo()
    };
    let origin = Origin::start(&home, &setup).await;
    let api = &origin.api;

    assert_eq!(api.submit_and_wait("job.echo", json!(1), 10).await.status, 200);
    let denied = api.submit_and_wait("job.embed", json!({}), 10).await;
    assert_eq!((denied.status, denied.problem()), (403, "denied"), "{denied:?}");

    process.kill();
    let refused = api.submit_and_wait("job.echo", json!(1), 10).await;
    assert_eq!((refused.status, refused.problem()), (503, "unavailable"), "{refused:?}");
    assert!(refused.body["detail"].as_str().unwrap().contains("safety kernel"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), "1");
    let id = api.submit("job.echo", json!(2)).await.id();
    wait::until("the safety kernel could not be asked", TIMEOUT, async || {
        home.log("origin.log")
            .contains(&format!("the safety kernel did not decide about a job job={id}"))
            .then_some(())
    })
    .await;
    assert_eq!(api.job(&id).await["state"], "PENDING");
    assert_eq!(api.events(&id).await, ["accepted"]);

    // Jobs that were accepted meanwhile continue once the kernel is back.
    let process = start(&home, port, &safety).await;
    assert_eq!(api.ended(&id, TIMEOUT).await["state"], "SUCCEEDED");
    assert!(process.stop(TIMEOUT).success());
    origin.stop();
}
