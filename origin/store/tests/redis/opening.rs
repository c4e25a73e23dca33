//! What the store checks before it uses a server.

use cortex_domain::ports::{CommitError, Feed, Jobs, Payloads, Sequence, StoreError};
use cortex_domain::retention::Retention;
use cortex_store::{Durability, InstallationId, ServerError, ServerOptions};
use cortex_test_servers::{Redis, RedisKind};

use crate::contract::fixtures::{accepted, cancelled, submission_of};
use crate::place::Place;

on_each_server! {
    a_process_that_opens_the_store_fences_the_earlier_one
    processes_that_share_the_store_write_side_by_side_until_one_has_it_alone
    an_emptied_database_is_written_no_more
    a_store_of_another_installation_is_refused
    a_store_of_another_schema_is_refused_by_number
    a_database_of_another_program_is_left_unchanged
    a_cluster_is_refused
    a_replica_is_refused
    each_unsafe_setting_is_reported
    settings_that_cannot_be_read_are_unknown
    an_error_never_shows_the_password
}

async fn a_process_that_opens_the_store_fences_the_earlier_one(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let first = place.store();
    let job = accepted(&first, "acme", 1).await;
    let second = place.store();
    let keys: Vec<String> = sorted(place.ask("KEYS *"));

    let accept = first.accept(submission_of("acme", 2)).await.unwrap_err();
    assert_eq!(accept.to_string(), "the store failed: another process has opened this store");
    let commit = first.commit(cancelled(&job)).await.unwrap_err();
    assert!(matches!(commit, CommitError::Store(StoreError::Broken(_))), "{commit}");
    first.put(job.context(), "{}".into()).await.unwrap_err();
    first.set_cursor("edge", Sequence(1)).await.unwrap_err();
    assert_eq!(sorted(place.ask("KEYS *")), keys);
    assert_eq!(second.job(job.id()).await.unwrap(), Some(job.clone()));
    second.commit(cancelled(&job)).await.unwrap();
}

async fn processes_that_share_the_store_write_side_by_side_until_one_has_it_alone(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    crate::contract::sharing::write_side_by_side(|sharing| {
        place.try_open(ServerOptions { sharing, ..place.options() }).unwrap()
    })
    .await;
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}

async fn an_emptied_database_is_written_no_more(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    place.ask::<()>("FLUSHALL");
    let refused = store.accept(submission_of("acme", 1)).await.unwrap_err().to_string();
    assert!(refused.ends_with("was emptied"), "{refused}");
    assert_eq!(place.ask::<u64>("DBSIZE"), 0);
}

async fn a_store_of_another_installation_is_refused(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let other = ServerOptions { installation: InstallationId::new([9; 16]), ..place.options() };
    let refusal = place.try_open(other).unwrap_err();
    assert!(
        matches!(&refusal, ServerError::Installation { found, .. } if *found == "07".repeat(16)),
        "{refusal}"
    );
    accepted(&store, "acme", 1).await;
}

async fn a_store_of_another_schema_is_refused_by_number(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    drop(place.store());
    place.ask::<()>("HSET cortex:meta schema 99");
    let newer = place.try_open(place.options()).unwrap_err();
    assert!(matches!(newer, ServerError::NewerSchema { found: 99, expected: 1, .. }), "{newer}");
    place.ask::<()>("HSET cortex:meta schema 0");
    let older = place.try_open(place.options()).unwrap_err();
    assert!(matches!(older, ServerError::OlderSchema { found: 0, expected: 1, .. }), "{older}");
}

async fn a_database_of_another_program_is_left_unchanged(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    place.ask::<()>("SET theirs 1");
    let refusal = place.try_open(place.options()).unwrap_err();
    assert!(matches!(&refusal, ServerError::Failed { cause, .. } if cause.contains("empty")), "{refusal}");
    assert_eq!(place.ask::<Vec<String>>("KEYS *"), ["theirs"]);
    let beside = ServerOptions { url: format!("{}1", place.0.url()), ..place.options() };
    accepted(&place.try_open(beside).unwrap(), "acme", 1).await;
}

async fn a_cluster_is_refused(kind: RedisKind) {
    let place = Place(installed!(Redis::start_with(kind, &["--cluster-enabled", "yes"])));
    let refusal = place.try_open(place.options()).unwrap_err();
    assert!(matches!(refusal, ServerError::Cluster { .. }), "{refusal}");
}

async fn a_replica_is_refused(kind: RedisKind) {
    let primary = installed!(Place::start(kind));
    let port = primary.0.port().to_string();
    let replica = installed!(Place::start_with(kind, &["--replicaof", "127.0.0.1", &port]));
    let refusal = replica.try_open(replica.options()).unwrap_err();
    assert!(matches!(refusal, ServerError::ReadOnly { .. }), "{refusal}");
}

async fn each_unsafe_setting_is_reported(kind: RedisKind) {
    let risks = |settings: &[&str]| {
        let place = Place(Redis::start_with(kind, settings)?);
        Some(match place.store().durability() {
            Durability::AtRisk(risks) => risks.iter().map(|risk| risk.setting.clone()).collect(),
            other => {
                assert_eq!(*other, Durability::Flushed);
                Vec::new()
            }
        })
    };
    let always = ["--appendonly", "yes", "--appendfsync", "always"];
    assert_eq!(installed!(risks(&always)), [""; 0]);
    assert_eq!(installed!(risks(&["--appendonly", "no"])), ["appendonly no"]);
    let everysec = ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "allkeys-lru"];
    assert_eq!(installed!(risks(&everysec)), ["appendfsync everysec", "maxmemory-policy allkeys-lru"]);
}

async fn settings_that_cannot_be_read_are_unknown(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    place.ask::<()>("ACL SETUSER limited on >secret ~* &* +@all -config");
    let store = place.try_open(as_user(&place, "limited:secret")).unwrap();
    let durability = store.durability();
    assert!(
        matches!(durability, Durability::Unknown { cause } if !cause.contains("secret")),
        "{durability:?}"
    );
    accepted(&store, "acme", 1).await;
}

async fn an_error_never_shows_the_password(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    place.ask::<()>("ACL SETUSER limited on >secret ~* &* +@all");
    for wrong in ["limited:wr0ng", "unknown:wr0ng"] {
        let refusal = place.try_open(as_user(&place, wrong)).unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains("wr0ng"), "{refusal}");
        assert!(refusal.to_string().contains(&format!("127.0.0.1:{}", place.0.port())), "{refusal}");
    }
    let invalid = ServerOptions { url: "http://user:wr0ng@host".into(), ..place.options() };
    let refusal = place.try_open(invalid).unwrap_err();
    assert!(matches!(refusal, ServerError::Address(_)), "{refusal}");
    assert!(!format!("{refusal:?}").contains("wr0ng"), "{refusal:?}");
}

fn as_user(place: &Place, user: &str) -> ServerOptions {
    let url = place.0.url().replace("redis://", &format!("redis://{user}@"));
    ServerOptions { url, retention: Retention::default(), ..place.options() }
}
