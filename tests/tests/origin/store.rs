//! `cortex store`: the store is checked and copied while it is in use, and put back.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cortex_test_servers::{Postgres, PostgresVersion, Redis, RedisKind};
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::process::binary;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs `cortex store`, and returns its exit code and its output as JSON.
fn store(home: &Path, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = Command::new(binary("cortex"));
    let output = command.args(["--json", "store"]).args(arguments).env("CORTEX_HOME", home).output().unwrap();
    let view = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), view, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_store_is_checked_and_copied_while_it_is_in_use_and_put_back() {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let job = origin.api.submit("job.echo", json!({"n": 1})).await.id();
    origin.api.ended(&job, TIMEOUT).await;
    let call = origin.api.submit_and_wait("job.echo", json!(2), 10).await;
    assert_eq!(call.status, 200, "{call:?}");
    let waiting = origin.api.submit("job.echo", json!({"delay_ms": 60_000})).await.id();

    let (code, view, text) = store(home.path(), &["verify"]);
    assert_eq!((code, &view["ok"]), (Some(0), &json!(true)), "{view} {text}");
    assert!(view["jobs"].as_u64().is_some_and(|jobs| jobs >= 2), "{view}");
    let copy = home.path().join("copy.db");
    let (code, view, text) = store(home.path(), &["backup", copy.to_str().unwrap()]);
    assert_eq!((code, view["bytes"].is_u64()), (Some(0), true), "{view} {text}");
    let (code, _, text) = store(home.path(), &["restore", copy.to_str().unwrap()]);
    assert_eq!(code, Some(78), "the origin uses its store: {text}");
    assert!(text.contains("in use by process"), "{text}");
    origin.kill();

    let other = Home::new();
    let (code, _, text) = store(other.path(), &["restore", copy.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{text}");
    let origin = Origin::start(&other, &Setup::echo()).await;
    assert_eq!(origin.api.job(&job).await["result"], json!({"n": 1}));
    let state = origin.api.job(&waiting).await["state"].clone();
    assert!(["PENDING", "SCHEDULED", "DISPATCHED", "RUNNING"].contains(&state.as_str().unwrap()), "{state}");
    let (code, view, _) = store(other.path(), &["verify"]);
    assert_eq!((code, &view["findings"]), (Some(0), &json!([])), "{view}");
    origin.kill();
}

#[test]
fn what_is_missing_or_unsupported_is_named() {
    let home = Home::new();
    for arguments in [&["verify"][..], &["backup", "x.db"], &["migrate"], &["restore", "missing.db"]] {
        let (code, _, text) = store(home.path(), arguments);
        assert_eq!(code, Some(78), "{arguments:?}: {text}");
        assert!(text.contains("there is no store at"), "{arguments:?}: {text}");
    }
    let address = home.write("address", "postgres://me:s3cret@127.0.0.1:1/x");
    let address = format!("@{}", address.display());
    for (arguments, problem) in [
        (&["verify"][..], "127.0.0.1:1 does not respond"),
        (&["backup", "x.db"], "127.0.0.1:1 does not respond"),
        (&["migrate"], "not supported for the store postgres"),
        (&["restore", "x.db"], "there is no store at x.db"),
    ] {
        let arguments = [arguments, &["--database-url", &address]].concat();
        let (code, _, text) = store(home.path(), &arguments);
        assert_ne!(code, Some(0), "{arguments:?}: {text}");
        assert!(text.contains(problem) && !text.contains("s3cret"), "{arguments:?}: {text}");
    }
}

#[tokio::test]
async fn a_store_moves_to_servers_and_back_and_its_jobs_go_on() {
    let (Some(redis), Some(postgres)) =
        (Redis::start(RedisKind::Redis), Postgres::start(PostgresVersion::V15))
    else {
        return;
    };
    let home = Home::new();
    let origin = Origin::start(&home, &Setup::echo()).await;
    let job = origin.api.submit("job.echo", json!({"n": 1})).await.id();
    origin.api.ended(&job, TIMEOUT).await;
    let waiting = origin.api.submit("job.echo", json!({"n": 2, "delay_ms": 1_000})).await.id();
    let file = home.path().join("store.db");
    let (file, redis_url, postgres_url) = (file.to_str().unwrap(), redis.url(), postgres.url());
    let (code, _, text) = store(home.path(), &["copy", "--from", file, "--to", &redis_url]);
    assert_eq!(code, Some(78), "the origin uses its store: {text}");
    origin.kill();
    // The copy that was refused has touched nothing.
    for (from, to) in [(file, &redis_url), (redis_url.as_str(), &postgres_url)] {
        let (code, view, text) = store(home.path(), &["copy", "--from", from, "--to", to]);
        assert_eq!((code, &view["ok"]), (Some(0), &json!(true)), "{view} {text}");
        assert_eq!(view["jobs"], json!(2), "{view}");
    }
    let (code, _, text) = store(home.path(), &["copy", "--from", file, "--to", &redis_url]);
    assert!(code == Some(78) && text.contains("is not empty"), "{text}");

    let setup = |engines| Setup { engines, ..Setup::echo() };
    let origin = Origin::start(&home, &setup(vec![("DATABASE_URL", postgres_url.clone())])).await;
    assert_eq!(origin.api.job(&job).await["result"], json!({"n": 1}));
    let ended = origin.api.ended(&waiting, TIMEOUT).await;
    assert_eq!(ended["state"], json!("SUCCEEDED"), "{ended}");
    // A backup is made while the origin serves. A copy takes the store from it.
    let backup = home.path().join("backup.db");
    let backup = backup.to_str().unwrap();
    let address = format!("@{}", home.write("address", &postgres_url).display());
    let (code, _, text) = store(home.path(), &["backup", backup, "--database-url", &address]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(origin.api.submit_and_wait("job.echo", json!(3), 10).await.status, 200);
    let third = home.path().join("third.db");
    let (code, view, text) =
        store(home.path(), &["copy", "--from", &address, "--to", third.to_str().unwrap()]);
    assert_eq!((code, &view["ok"]), (Some(0), &json!(true)), "{view} {text}");
    let refused = origin.api.submit("job.echo", json!(4)).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    origin.kill();

    let other = Home::new();
    let (code, _, text) = store(other.path(), &["restore", backup]);
    assert_eq!(code, Some(0), "{text}");
    let origin = Origin::start(&other, &Setup::echo()).await;
    assert_eq!(origin.api.job(&waiting).await["result"]["n"], json!(2));
    origin.kill();
}
