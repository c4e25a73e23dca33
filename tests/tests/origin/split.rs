//! Gateways and schedulers in processes of their own, on one store and one bus.

use std::time::Duration;

use cortex_test_servers::{Nats, Postgres, PostgresVersion, Redis, RedisKind};
use cortex_tests::cluster::{Cluster, Gateway, Scheduler};
use cortex_tests::process::Paused;
use cortex_tests::wait;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Longer than it takes to notice a scheduler that is gone, and to end the leases of its workers.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until the schedulers have these numbers of shares.
async fn have(schedulers: &[&Scheduler], has: impl Fn(&[usize]) -> bool) {
    let counts = || schedulers.iter().map(|scheduler| scheduler.shares()).collect::<Vec<_>>();
    wait::until("the shares are distributed", TIMEOUT, async || has(&counts()).then_some(())).await;
}

fn all(counts: &[usize]) -> bool {
    counts.iter().sum::<usize>() == 16 && counts.iter().all(|count| *count > 0)
}

/// Submits jobs, and returns their ids.
async fn submit(gateway: &Gateway, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        let accepted = gateway.api.submit("job.echo", json!({ "n": n })).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        ids.push(accepted.id());
    }
    ids
}

/// Waits until the jobs have succeeded, each with its own result and once.
async fn succeed(gateway: &Gateway, ids: &[String]) {
    for (n, id) in ids.iter().enumerate() {
        let ended = gateway.api.ended(id, TIMEOUT).await;
        assert_eq!((&ended["state"], &ended["result"]), (&json!("SUCCEEDED"), &json!({ "n": n })), "{ended}");
        let events = gateway.api.events(id).await;
        assert_eq!(events.iter().filter(|event| *event == "succeeded").count(), 1, "{events:?}");
    }
}

async fn call(gateway: &Gateway) {
    let call = gateway.api.submit_and_wait("job.echo", json!("call"), 30).await;
    assert_eq!((call.status, &call.body["result"]), (200, &json!("call")), "{call:?}");
}

async fn gateways_and_schedulers_share_the_work(cluster: Cluster) {
    let (one, two) = (cluster.scheduler().await, cluster.scheduler().await);
    let _worker = one.worker("w1");
    have(&[&one, &two], all).await;
    // With this many tenants, both schedulers have some.
    for tenant in ["acme", "local", "other", "fourth"] {
        let gateway = cluster.gateway(tenant).await;
        call(&gateway).await;
        let ids = submit(&gateway, 5).await;
        succeed(&gateway, &ids).await;
    }
}

#[tokio::test]
async fn gateways_and_schedulers_share_the_work_on_redis() {
    let (Some(redis), Some(nats)) = (Redis::start(RedisKind::Redis), Nats::start()) else { return };
    let servers = vec![("REDIS_URL", redis.url()), ("NATS_URL", nats.url())];
    gateways_and_schedulers_share_the_work(Cluster { servers }).await;
}

#[tokio::test]
async fn gateways_and_schedulers_share_the_work_on_postgres() {
    let (Some(postgres), Some(nats)) = (Postgres::start(PostgresVersion::V18), Nats::start()) else { return };
    let servers = vec![("DATABASE_URL", postgres.url()), ("NATS_URL", nats.url())];
    gateways_and_schedulers_share_the_work(Cluster { servers }).await;
}

#[tokio::test]
async fn the_jobs_of_a_scheduler_that_was_killed_go_on_at_another() {
    let (Some(redis), Some(nats)) = (Redis::start(RedisKind::Valkey), Nats::start()) else { return };
    let cluster = Cluster { servers: vec![("REDIS_URL", redis.url()), ("NATS_URL", nats.url())] };
    let (one, two) = (cluster.scheduler().await, cluster.scheduler().await);
    let (_w1, _w2) = (one.worker("w1"), two.worker("w2"));
    have(&[&one, &two], all).await;
    let (acme, local) = (cluster.gateway("acme").await, cluster.gateway("local").await);
    let before = (submit(&acme, 20).await, submit(&local, 20).await);
    one.process.kill();
    let after = (submit(&acme, 20).await, submit(&local, 20).await);
    for (gateway, ids) in [(&acme, before.0), (&local, before.1), (&acme, after.0), (&local, after.1)] {
        succeed(gateway, &ids).await;
    }
    assert_eq!(two.shares(), 16);
    call(&acme).await;
    call(&local).await;
}

#[tokio::test]
async fn a_scheduler_that_was_paused_changes_nothing_that_another_has_taken() {
    let (Some(postgres), Some(nats)) = (Postgres::start(PostgresVersion::V15), Nats::start()) else { return };
    let cluster = Cluster { servers: vec![("DATABASE_URL", postgres.url()), ("NATS_URL", nats.url())] };
    let (one, two) = (cluster.scheduler().await, cluster.scheduler().await);
    let (_w1, _w2) = (one.worker("w1"), two.worker("w2"));
    have(&[&one, &two], all).await;
    let (acme, local) = (cluster.gateway("acme").await, cluster.gateway("local").await);
    let before = (submit(&acme, 20).await, submit(&local, 20).await);
    let paused = Paused::process(one.process.id());
    have(&[&two], |counts| counts == [16]).await;
    let during = (submit(&acme, 10).await, submit(&local, 10).await);
    for (gateway, ids) in [(&acme, &before.0), (&local, &before.1), (&acme, &during.0), (&local, &during.1)] {
        succeed(gateway, ids).await;
    }
    drop(paused);
    have(&[&one, &two], all).await;
    for (gateway, ids) in [(&acme, before.0), (&local, before.1), (&acme, during.0), (&local, during.1)] {
        succeed(gateway, &ids).await;
    }
    call(&acme).await;
    call(&local).await;
}

#[tokio::test]
async fn a_rolling_restart_of_every_role_loses_nothing() {
    let (Some(redis), Some(nats)) = (Redis::start(RedisKind::Redis), Nats::start()) else { return };
    let cluster = Cluster { servers: vec![("REDIS_URL", redis.url()), ("NATS_URL", nats.url())] };
    let (mut one, mut two) = (cluster.scheduler().await, cluster.scheduler().await);
    let (_w1, _w2) = (one.worker("w1"), two.worker("w2"));
    have(&[&one, &two], all).await;
    let (mut acme, local) = (cluster.gateway("acme").await, cluster.gateway("local").await);
    let (callers, stop) = (local.api.clone(), CancellationToken::new());
    let until = stop.clone();
    let calling = tokio::spawn(async move {
        let mut answered = 0;
        while !until.is_cancelled() {
            let call = callers.submit_and_wait("job.echo", json!("call"), 30).await;
            // A call that was placed at a scheduler which stops may have run.
            assert!(matches!(call.status, 200 | 503), "{call:?}");
            answered += u32::from(call.status == 200);
        }
        answered
    });
    let mut ids = Vec::new();
    ids.push((submit(&acme, 10).await, submit(&local, 10).await));
    one = cluster.restart_scheduler(one).await;
    ids.push((submit(&acme, 10).await, submit(&local, 10).await));
    two = cluster.restart_scheduler(two).await;
    ids.push((submit(&acme, 10).await, submit(&local, 10).await));
    stop.cancel();
    assert!(calling.await.unwrap() > 0);
    acme = cluster.restart_gateway(acme, "acme").await;
    call(&acme).await;
    for (of_acme, of_local) in ids {
        succeed(&acme, &of_acme).await;
        succeed(&local, &of_local).await;
    }
    have(&[&one, &two], all).await;
}
