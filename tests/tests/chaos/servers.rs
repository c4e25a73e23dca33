//! The servers of the store and the bus.

use std::time::Duration;

use cortex_test_servers::{Nats, Postgres, PostgresVersion, Redis, RedisKind};
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::wait;

use crate::load::{self, Load};
use crate::rng::Rng;

const CYCLES: u64 = 6;
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// A server that can be killed and started again on the same files.
trait Server {
    fn kill(&mut self);
    fn restart(&mut self);
}

macro_rules! server {
    ($($kind:ty)*) => {$(
        impl Server for $kind {
            fn kill(&mut self) {
                self.kill();
            }
            fn restart(&mut self) {
                self.restart();
            }
        }
    )*};
}
server!(Redis Postgres Nats);

/// Kills the origin, a worker or the server in turn, under load.
async fn no_job_is_lost(variable: &'static str, url: String, mut server: impl Server) {
    let (mut rng, cycles) = Rng::of(CYCLES);
    let home = Home::new();
    let setup = Setup { workers: "echo=2".into(), engines: vec![(variable, url)], ..Setup::echo() }
        .with_short_leases(&home);
    let mut origin = Origin::start(&home, &setup).await;
    let load = Load::start(&origin.api);
    let mut left = Vec::new();
    for _ in 0..cycles {
        rng.work_for_a_moment().await;
        match rng.draw(&[0, 1, 2], &mut left) {
            0 => {
                origin.kill();
                origin = Origin::start(&home, &setup).await;
            }
            1 => drop(origin.kill_worker(rng.below(2)).await),
            _ => {
                server.kill();
                rng.work_for_a_moment().await;
                server.restart();
                let healthy = async || cortex_client::health(&origin.api.url).await.ok();
                wait::until("the origin is ready again", RECOVERY_TIMEOUT, healthy).await;
            }
        }
    }
    let accepted = load.stop().await;
    load::all_end(&origin.api, &accepted).await;
    println!("{variable}: {} jobs were accepted, none lost", accepted.len());
    assert!(accepted.len() as u64 > cycles, "there was no load: {} jobs", accepted.len());
    origin.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_accepted_job_is_lost_when_redis_is_killed() {
    let Some(redis) = Redis::start(RedisKind::Redis) else { return };
    no_job_is_lost("REDIS_URL", redis.url(), redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_accepted_job_is_lost_when_postgres_is_killed() {
    let Some(postgres) = Postgres::start(PostgresVersion::V18) else { return };
    no_job_is_lost("DATABASE_URL", postgres.url(), postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_accepted_job_is_lost_when_nats_is_killed() {
    let Some(nats) = Nats::start() else { return };
    no_job_is_lost("NATS_URL", nats.url(), nats).await;
}

/// A NATS server whose streams are lost whenever it is killed.
struct Forgetful(Nats);

impl Server for Forgetful {
    fn kill(&mut self) {
        self.0.wipe();
    }

    fn restart(&mut self) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_accepted_job_is_lost_when_nats_loses_its_streams() {
    let Some(nats) = Nats::start() else { return };
    no_job_is_lost("NATS_URL", nats.url(), Forgetful(nats)).await;
}
