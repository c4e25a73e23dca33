//! The keys mean literally what the documentation says.

use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Jobs, Upkeep};
use cortex_domain::time::Timestamp;
use cortex_test_servers::RedisKind;

use crate::contract::fixtures::{NOW, accepted, cancelled, ended_with, jobs_in_every_state};
use crate::place::Place;

on_each_server! {
    a_payload_has_the_key_that_its_pointer_names
    jobs_are_listed_by_state_and_by_age
    a_forgotten_job_leaves_no_key
    the_counts_of_each_tenant_are_those_of_its_jobs
    scripts_that_the_server_forgot_are_loaded_again
}

/// Returns the key of a pointer: what follows `redis://`, with colons.
fn key(pointer: Pointer) -> String {
    pointer.to_string().strip_prefix("redis://").unwrap().replace('/', ":")
}

async fn a_payload_has_the_key_that_its_pointer_names(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let job = ended_with(&store, 1, 3).await;
    let id = job.id();
    assert_eq!(place.ask::<String>(&format!("GET ctx:{id}")), r#"{"say":"hello"}"#);
    assert_eq!(place.ask::<String>(&format!("GET res:{id}")), "yyy");
    assert_eq!(key(job.context()), format!("ctx:{id}"));
    assert_eq!(key(Pointer::result(job.memory, id)), format!("res:{id}"));
    let record: Vec<u8> = place.ask(&format!("HGET job:{id} record"));
    assert_eq!(cortex_wire::decode_job(&record).unwrap(), job);
    assert_eq!(place.ask::<String>(&format!("HGET job:{id} state")), "SUCCEEDED");
    assert_eq!(place.ask::<u64>(&format!("HGET job:{id} version")), job.version.0);
}

async fn jobs_are_listed_by_state_and_by_age(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let first = [accepted(&store, "acme", 1).await.id().to_string()];
    let second = accepted(&store, "other", 2).await;
    store.commit(cancelled(&second)).await.unwrap();
    let second = [second.id().to_string()];
    let list = |index: &str| place.ask::<Vec<String>>(&format!("ZRANGE {index} 0 -1"));
    assert_eq!(list("jobs:recent"), [&first[..], &second[..]].concat());
    assert_eq!(list("jobs:state:PENDING"), first);
    assert_eq!(list("jobs:state:CANCELLED"), second);
    assert_eq!(list("tenant:other:jobs:CANCELLED"), second);
    assert_eq!(list("tenant:acme:topic:job.echo:PENDING"), first);
}

async fn a_forgotten_job_leaves_no_key(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let jobs = jobs_in_every_state(&store).await;
    for id in jobs {
        if let Some(job) = store.job(id).await.unwrap().filter(|job| !job.state.is_terminal()) {
            store.commit(cancelled(&job)).await.unwrap();
        }
    }
    let late = Timestamp::from_millis(NOW.as_millis() * 2);
    assert_eq!(store.forget(late).await.unwrap(), 5);
    store.sweep_drafts().await.unwrap();
    let mut left: Vec<String> = place.ask("KEYS *");
    left.sort();
    // The newest step and the messages that were not relayed stay.
    assert_eq!(left, ["cortex:meta", "cortex:sequences", "outbox", "steps"]);
}

async fn the_counts_of_each_tenant_are_those_of_its_jobs(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    jobs_in_every_state(&store).await;
    for tenant in ["acme", "other"] {
        let ids: Vec<String> = place.ask(&format!("ZRANGE tenant:{tenant}:jobs 0 -1"));
        let field = |name: &str| -> Vec<u64> {
            ids.iter().map(|id| place.ask(&format!("HGET job:{id} {name}"))).collect()
        };
        let usage =
            |name: &str| place.ask::<Option<u64>>(&format!("HGET usage:{tenant} {name}")).unwrap_or(0);
        assert_eq!(usage("jobs"), ids.len() as u64);
        assert_eq!(usage("open"), field("open").iter().sum::<u64>());
        assert_eq!(usage("bytes"), field("bytes").iter().sum::<u64>());
        assert_eq!(usage("keys"), place.ask::<u64>(&format!("ZCARD tenant:{tenant}:keys")));
        for id in &ids {
            let parts = ["HSTRLEN job:{} record", "STRLEN ctx:{}", "STRLEN res:{}"];
            let of = |part: &str| place.ask::<u64>(&part.replace("{}", id));
            let now = 1024 + parts.iter().map(|part| of(part)).sum::<u64>();
            let counted: u64 = place.ask(&format!("HGET job:{id} bytes"));
            assert!(counted.abs_diff(now) < 1000, "only what a record has grown by: {counted} {now}");
        }
    }
}

async fn scripts_that_the_server_forgot_are_loaded_again(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let job = accepted(&store, "acme", 1).await;
    place.ask::<()>("SCRIPT FLUSH SYNC");
    accepted(&store, "acme", 2).await;
    place.ask::<()>("SCRIPT FLUSH SYNC");
    store.commit(cancelled(&job)).await.unwrap();
}
