//! Deleting much takes many small steps.

use cortex_domain::ports::{Jobs, Upkeep};
use cortex_domain::retention::Retention;
use cortex_domain::time::Timestamp;
use cortex_store::ServerOptions;
use cortex_test_servers::RedisKind;

use crate::contract::fixtures::{NOW, accepted, cancelled};
use crate::place::Place;

on_each_server! {
    no_step_of_a_large_deletion_holds_up_the_server
}

const JOBS: u16 = 2000;
/// The longest that one script may run, in microseconds. A script that deleted everything would
/// take much longer.
const LONGEST: u64 = 30_000;

async fn no_step_of_a_large_deletion_holds_up_the_server(kind: RedisKind) {
    let settings = ["--appendfsync", "no", "--slowlog-log-slower-than", "1000000"];
    let place = installed!(Place::start_with(kind, &settings));
    let store = place.try_open(ServerOptions { retention: Retention::default(), ..place.options() }).unwrap();
    let jobs = (0..JOBS).map(|n| {
        let store = &store;
        async move {
            let job = accepted(store, "acme", n).await;
            store.commit(cancelled(&job)).await.unwrap();
        }
    });
    futures::future::join_all(jobs).await;
    place.ask::<()>(&format!("CONFIG SET slowlog-log-slower-than {LONGEST}"));
    place.ask::<()>("CONFIG RESETSTAT");
    let late = Timestamp::from_millis(NOW.as_millis() * 2);
    assert_eq!(store.forget(late).await.unwrap(), u64::from(JOBS));
    assert_eq!(place.ask::<u64>("SLOWLOG LEN"), 0);
    let stats: String = place.ask("INFO commandstats");
    let scripts = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap();
    let scripts: u64 = scripts.split(',').next().unwrap().parse().unwrap();
    assert!(scripts > u64::from(JOBS) / 64, "{scripts} scripts");
    assert_eq!(place.ask::<u64>("ZCARD tenants"), 0);
}
