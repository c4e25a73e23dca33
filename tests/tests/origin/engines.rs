//! An origin whose store and bus are servers.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use cortex_test_servers::{Nats, NatsOptions, Postgres, PostgresVersion, Redis, RedisKind};
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::process::binary;
use cortex_tests::wait;
use serde_json::json;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a call and a job, restarts the origin, and reads both.
async fn work_survives_a_restart(engines: Vec<(&'static str, String)>) {
    let home = Home::new();
    let setup = Setup { engines, ..Setup::echo() };
    let origin = Origin::start(&home, &setup).await;
    let call = origin.api.submit_and_wait("job.echo", json!({"now": 1}), 10).await;
    assert_eq!((call.status, &call.body["result"]), (200, &json!({"now": 1})), "{call:?}");
    let job = origin.api.submit("job.echo", json!({"later": 2})).await;
    assert_eq!(job.status, 202, "{job:?}");
    let ended = origin.api.ended(&job.id(), TIMEOUT).await;
    assert_eq!((&ended["state"], &ended["result"]), (&json!("SUCCEEDED"), &json!({"later": 2})), "{ended}");
    origin.stop();
    assert!(!home.path().join("store.db").exists() || setup.engines[0].0 == "NATS_URL");
    let origin = Origin::start(&home, &setup).await;
    assert_eq!(origin.api.job(&job.id()).await["result"], json!({"later": 2}));
    assert_eq!(origin.api.events(&job.id()).await.last().map(String::as_str), Some("succeeded"));
    origin.stop();
}

#[tokio::test]
async fn jobs_run_on_redis_and_nats() {
    let (Some(redis), Some(nats)) = (Redis::start(RedisKind::Redis), Nats::start()) else { return };
    work_survives_a_restart(vec![("REDIS_URL", redis.url()), ("NATS_URL", nats.url())]).await;
}

#[tokio::test]
async fn jobs_run_on_valkey() {
    let Some(valkey) = Redis::start(RedisKind::Valkey) else { return };
    work_survives_a_restart(vec![("REDIS_URL", valkey.url())]).await;
}

#[tokio::test]
async fn jobs_run_on_postgres_and_nats() {
    let (Some(postgres), Some(nats)) = (Postgres::start(PostgresVersion::V15), Nats::start()) else { return };
    work_survives_a_restart(vec![("DATABASE_URL", postgres.url()), ("NATS_URL", nats.url())]).await;
}

#[tokio::test]
async fn jobs_run_on_nats_as_a_user_with_an_nkey() {
    let home = Home::new();
    let nkey = home.path().join("origin.nk");
    let mut command = Command::new(binary("cortex"));
    command.args([
        "workers",
        "permissions",
        "--worker",
        "w",
        "--pool",
        "echo",
        "--bus",
        "nats",
        "--nats-nkey",
    ]);
    let output = command.arg(&nkey).env("CORTEX_HOME", home.path()).output().unwrap();
    let user = String::from_utf8(output.stdout).unwrap();
    let public = user.split('"').nth(1).unwrap();
    let configuration = format!("authorization {{ users: [{{ nkey: {public} }}] }}");
    let options = NatsOptions { configuration, ..NatsOptions::default() };
    let Some(nats) = Nats::start_with(&options) else { return };
    let nkey = nkey.to_str().unwrap().to_owned();
    let setup =
        Setup { engines: vec![("NATS_URL", nats.url()), ("NATS_NKEY", nkey.clone())], ..Setup::echo() };
    let origin = Origin::start(&home, &setup).await;
    let call = origin.api.submit_and_wait("job.echo", json!(1), 10).await;
    assert_eq!(call.status, 200, "{call:?}");
    for (worker, pid) in origin.workers().await {
        let environment =
            String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/environ")).unwrap()).into_owned();
        assert!(
            environment.contains("CORTEX_HOME=") && !environment.contains("NATS_"),
            "{worker}: {environment}"
        );
    }
    let seed = std::fs::read_to_string(&nkey).unwrap();
    assert!(!home.log("origin.log").contains(seed.trim()));
    origin.stop();
}

#[tokio::test]
async fn jobs_run_on_sqlite_and_nats() {
    let Some(nats) = Nats::start() else { return };
    work_survives_a_restart(vec![("NATS_URL", nats.url())]).await;
}

/// Kills the server of the store, and starts it again.
async fn an_outage_is_shown_and_ends(variable: &'static str, url: String, kill: &mut dyn FnMut(bool)) {
    let home = Home::new();
    let setup = Setup { engines: vec![(variable, url)], ..Setup::echo() };
    let origin = Origin::start(&home, &setup).await;
    kill(true);
    let refused = wait::until("a submission is refused", TIMEOUT, async || {
        let answer = origin.api.submit("job.echo", json!(1)).await;
        (answer.status != 202).then_some(answer)
    })
    .await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    assert_eq!(origin.api.get("/health").await.status, 503);
    kill(false);
    let healthy = async || (origin.api.get("/health").await.status == 200).then_some(());
    wait::until("the origin is ready again", TIMEOUT, healthy).await;
    let call = origin.api.submit_and_wait("job.echo", json!(2), 10).await;
    assert_eq!((call.status, &call.body["result"]), (200, &json!(2)), "{call:?}");
    origin.stop();
}

#[tokio::test]
async fn an_outage_of_redis_is_shown_and_ends_by_itself() {
    let Some(mut redis) = Redis::start(RedisKind::Redis) else { return };
    let url = redis.url();
    an_outage_is_shown_and_ends("REDIS_URL", url, &mut |down| {
        if down { redis.kill() } else { redis.restart() }
    })
    .await;
}

#[tokio::test]
async fn an_outage_of_postgres_is_shown_and_ends_by_itself() {
    let Some(mut postgres) = Postgres::start(PostgresVersion::V18) else { return };
    let url = postgres.url();
    an_outage_is_shown_and_ends("DATABASE_URL", url, &mut |down| {
        if down { postgres.kill() } else { postgres.restart() }
    })
    .await;
}

/// Returns the exit code and the standard error of an origin that does not start.
fn refused(home: &Home, engines: &[(&str, String)]) -> (Option<i32>, String) {
    let mut command = Command::new(binary("cortex"));
    command.args(["serve", "all", "--api-port", "0", "--grpc-port", "0", "--metrics-port", "0"]);
    command.env("CORTEX_HOME", home.path()).envs(engines.iter().cloned());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_store_of_another_installation_is_refused() {
    let Some(redis) = Redis::start(RedisKind::Redis) else { return };
    let engines = vec![("REDIS_URL", redis.url())];
    let (one, two) = (Home::new(), Home::new());
    let origin = Origin::start(&one, &Setup { engines: engines.clone(), ..Setup::echo() }).await;
    let (code, text) = refused(&two, &engines);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("belongs to installation"), "{text}");
    let call = origin.api.submit_and_wait("job.echo", json!(1), 10).await;
    assert_eq!(call.status, 200, "the owner goes on: {call:?}");
    origin.stop();
}

/// Starts a second origin of the same installation, and checks that the first one is not ready.
async fn the_later_process_has_the_store(engine: (&'static str, String)) {
    let (one, two) = (Home::new(), Home::new());
    let setup = || Setup { engines: vec![engine.clone()], ..Setup::echo() };
    let first = Origin::start(&one, &setup()).await;
    std::fs::copy(one.path().join("installation"), two.path().join("installation")).unwrap();
    let second = Origin::start(&two, &setup()).await;
    let refused = first.api.submit("job.echo", json!(1)).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(first.api.get("/health").await.status, 503);
    assert!(one.log("origin.log").contains("another process has opened the store"));
    let call = second.api.submit_and_wait("job.echo", json!(2), 10).await;
    assert_eq!(call.status, 200, "{call:?}");
    second.stop();
    first.kill();
}

#[tokio::test]
async fn the_later_of_two_processes_has_the_store_on_redis() {
    let Some(redis) = Redis::start(RedisKind::Redis) else { return };
    the_later_process_has_the_store(("REDIS_URL", redis.url())).await;
}

#[tokio::test]
async fn the_later_of_two_processes_has_the_store_on_postgres() {
    let Some(postgres) = Postgres::start(PostgresVersion::V18) else { return };
    the_later_process_has_the_store(("DATABASE_URL", postgres.url())).await;
}

#[test]
fn engines_that_can_not_be_used_are_named_without_their_passwords() {
    let home = Home::new();
    let nats = || ("NATS_URL", "nats://127.0.0.1:1".to_owned());
    let open = home.write("open", "s3cret");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = open.to_str().unwrap().to_owned();
    for (engines, code, named) in [
        (vec![("REDIS_URL", "redis://me:s3cret@127.0.0.1:1/".to_owned())], 69, "127.0.0.1:1"),
        (vec![("DATABASE_URL", "postgres://me:s3cret@127.0.0.1:1/x".to_owned())], 69, "127.0.0.1:1"),
        (vec![("NATS_URL", "nats://me:s3cret@127.0.0.1:1".to_owned())], 69, "127.0.0.1:1"),
        (vec![("REDIS_URL", "s3cret".to_owned())], 78, "REDIS_URL"),
        (vec![("DATABASE_URL", "s3cret".to_owned())], 78, "DATABASE_URL"),
        (vec![("NATS_URL", "http://s3cret".to_owned())], 78, "NATS_URL"),
        (
            vec![("REDIS_URL", "redis://s3cret".into()), ("DATABASE_URL", "postgres://s3cret".into())],
            78,
            "--store",
        ),
        (vec![nats(), ("NATS_NKEY", "SUs3cret".into())], 78, "NATS_NKEY"),
        (vec![nats(), ("NATS_NKEY", open.clone())], 78, "chmod 600"),
        (vec![nats(), ("NATS_CREDS", open.clone())], 78, "chmod 600"),
        (vec![nats(), ("NATS_CA", open.clone())], 78, "certificate authorities"),
        (vec![nats(), ("NATS_CERT", open)], 78, "NATS_CERT"),
        (vec![("CORTEX_STORE", "redis".into())], 78, "REDIS_URL"),
        (vec![("CORTEX_BUS", "nats".into())], 78, "NATS_URL"),
    ] {
        let (found, text) = refused(&home, &engines);
        assert_eq!(found, Some(code), "{engines:?}: {text}");
        assert!(text.contains(named) && !text.contains("s3cret"), "{engines:?}: {text}");
    }
}
