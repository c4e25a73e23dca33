//! What is refused when the store is opened, and what the server may lose.

use cortex_domain::job::Version;
use cortex_domain::ports::{AuditLog, Feed, Jobs, Outbox, Payloads, Sequence, StoreError, Upkeep};
use cortex_store::{Durability, InstallationId, ServerError, ServerOptions};
use cortex_test_servers::{Postgres, PostgresVersion};

use crate::contract::fixtures::{NOW, accepted, cancelled, request, submission};
use crate::place::{Place, run};

#[tokio::test]
async fn an_earlier_handle_changes_nothing_once_another_has_opened_the_store() {
    let place = installed!(Place::start(PostgresVersion::V18));
    let first = place.try_open(place.options()).unwrap();
    let job = accepted(&first, "acme", 1).await;
    let second = place.try_open(place.options()).unwrap();
    let fenced = |error: StoreError| {
        assert_eq!(error.to_string(), "the store failed: another process has opened this store");
    };
    fenced(first.accept(submission(request("acme", 2))).await.unwrap_err());
    assert!(first.commit(cancelled(&job)).await.is_err());
    fenced(first.put(job.context(), "x".into()).await.unwrap_err());
    fenced(first.append(vec![], None).await.unwrap_err());
    fenced(first.relayed(vec![Sequence(1)]).await.unwrap_err());
    fenced(first.set_cursor("edge", Sequence(1)).await.unwrap_err());
    fenced(first.forget(NOW).await.unwrap_err());
    fenced(first.sweep_drafts().await.unwrap_err());
    assert_eq!(second.open_jobs(None, 9).await.unwrap(), std::slice::from_ref(&job));
    assert_eq!(second.log(job.id(), Version(0)).await.unwrap().len(), 1);
    assert_eq!(second.outbox(Sequence(0), 9).await.unwrap().len(), 1);
    assert_eq!(second.cursor("edge").await.unwrap(), Sequence(0));
    second.commit(cancelled(&job)).await.unwrap();
}

#[tokio::test]
async fn processes_that_share_the_store_write_side_by_side_until_one_has_it_alone() {
    let place = installed!(Place::start(PostgresVersion::V18));
    crate::contract::sharing::write_side_by_side(|sharing| {
        place.try_open(ServerOptions { sharing, ..place.options() }).unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_store_of_another_installation_or_schema_is_refused_and_left_unchanged() {
    let place = installed!(Place::start(PostgresVersion::V15));
    let store = place.try_open(place.options()).unwrap();
    let other = ServerOptions { installation: InstallationId::new([8; 16]), ..place.options() };
    let refused = place.try_open(other).unwrap_err();
    assert!(matches!(refused, ServerError::Installation { .. }), "{refused}");
    accepted(&store, "acme", 1).await;

    run(&place.options().url, "UPDATE cortex.meta SET schema_version = 2").await;
    let newer = place.try_open(place.options()).unwrap_err();
    assert!(matches!(newer, ServerError::NewerSchema { found: 2, expected: 1, .. }), "{newer}");
    run(&place.options().url, "UPDATE cortex.meta SET schema_version = 0").await;
    let older = place.try_open(place.options()).unwrap_err();
    assert!(matches!(older, ServerError::OlderSchema { found: 0, expected: 1, .. }), "{older}");
    accepted(&store, "acme", 2).await;
}

#[tokio::test]
async fn a_server_that_does_not_flush_is_named() {
    let flushes = installed!(Place::start(PostgresVersion::V15));
    assert_eq!(*flushes.try_open(flushes.options()).unwrap().durability(), Durability::Flushed);
    let settings = ["fsync=off", "full_page_writes=off"];
    let loses = Place(installed!(Postgres::start_with(PostgresVersion::V18, &settings)));
    let store = loses.try_open(loses.options()).unwrap();
    let Durability::AtRisk(risks) = store.durability() else { panic!("{:?}", store.durability()) };
    assert_eq!(risks.iter().map(|risk| &*risk.setting).collect::<Vec<_>>(), settings);
}

#[tokio::test]
async fn a_read_only_server_and_one_that_is_gone_are_refused_by_name() {
    let place =
        Place(installed!(Postgres::start_with(PostgresVersion::V18, &["default_transaction_read_only=on"])));
    let refused = place.try_open(place.options()).unwrap_err();
    assert!(matches!(refused, ServerError::ReadOnly { .. }), "{refused}");

    let url = "postgres://user:secret@127.0.0.1:1/db".to_owned();
    let refused = place.try_open(ServerOptions { url, ..place.options() }).unwrap_err();
    assert!(matches!(refused, ServerError::Unreachable { .. }), "{refused}");
    assert!(refused.to_string().contains("127.0.0.1:1") && !refused.to_string().contains("secret"));
}
