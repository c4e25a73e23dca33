//! An origin without jobs uses almost no processor time and writes nothing.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cortex_test_servers::{Nats, Postgres, PostgresVersion, Redis, RedisKind};
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use rustix::param::clock_ticks_per_second;

/// How long the origin is left alone before it counts as idle.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// How long the idle origin is watched. Everything that happens at intervals happens at least once.
const WATCH_TIME: Duration = Duration::from_secs(11);
/// Maximum share of a core. The goal is 1%, and the program of the tests is not optimised and
/// shares the machine with other tests.
const MAX_CORE_SHARE: f64 = 0.02;

/// Returns the processor time of a process.
fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second()).unwrap()
}

/// Returns how many bytes a process has caused to be written to disks.
fn bytes_written(pid: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    line.parse().unwrap()
}

/// Returns how often a Redis server has changed a key since it last saved its data.
fn changes(redis: &Redis) -> u64 {
    let mut connection = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    connection.write_all(b"INFO persistence\r\nQUIT\r\n").unwrap();
    let mut info = String::new();
    connection.read_to_string(&mut info).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
    line.unwrap_or_else(|| panic!("{info}")).parse().unwrap()
}

/// The heartbeats that a scheduler sends in that time to a store that others may share.
const HEARTBEATS: u64 = WATCH_TIME.as_secs() + 2;

/// Watches an origin with a worker. `writes` counts what its servers have written, and `most` is how
/// much that may be.
async fn an_idle_origin_rests(engines: Vec<(&'static str, String)>, writes: impl Fn() -> u64, most: u64) {
    let home = Home::new();
    let origin = Origin::start(&home, &Setup { engines, ..Setup::echo() }).await;
    tokio::time::sleep(SETTLE_TIME).await;
    let before = (processor_time(origin.id()), bytes_written(origin.id()), writes());
    tokio::time::sleep(WATCH_TIME).await;
    let after = (processor_time(origin.id()), bytes_written(origin.id()), writes());
    let share = (after.0 - before.0).as_secs_f64() / WATCH_TIME.as_secs_f64();
    println!("an idle origin used {:.2}% of a core", share * 100.0);
    assert!(share < MAX_CORE_SHARE, "an idle origin used {:.2}% of a core", share * 100.0);
    assert_eq!(after.1 - before.1, 0, "an idle origin writes to its disk");
    assert!(after.2 - before.2 <= most, "an idle origin wrote {} times to its server", after.2 - before.2);
    origin.stop();
}

#[tokio::test]
async fn an_idle_origin_rests_on_sqlite() {
    an_idle_origin_rests(vec![], || 0, 0).await;
}

#[tokio::test]
async fn an_idle_origin_rests_on_redis_and_nats() {
    let (Some(redis), Some(nats)) = (Redis::start(RedisKind::Redis), Nats::start()) else { return };
    let engines = vec![("REDIS_URL", redis.url()), ("NATS_URL", nats.url())];
    an_idle_origin_rests(engines, || changes(&redis), HEARTBEATS).await;
}

#[tokio::test]
async fn an_idle_origin_that_has_redis_alone_writes_nothing() {
    let Some(redis) = Redis::start(RedisKind::Redis) else { return };
    let engines = vec![("REDIS_URL", redis.url())];
    an_idle_origin_rests(engines, || changes(&redis), 0).await;
}

#[tokio::test]
async fn an_idle_origin_rests_on_postgres_and_nats() {
    let (Some(postgres), Some(nats)) = (Postgres::start(PostgresVersion::V18), Nats::start()) else { return };
    let engines = vec![("DATABASE_URL", postgres.url()), ("NATS_URL", nats.url())];
    an_idle_origin_rests(engines, || 0, 0).await;
}
