//! A check of a database finds every difference.

use cortex_domain::ports::Jobs;
use cortex_domain::verify::Finding;
use cortex_store::{PostgresInspector, ServerError};
use cortex_test_servers::PostgresVersion;

use crate::contract::checking::{findings, many_jobs};
use crate::contract::fixtures::{accepted, jobs_in_every_state};
use crate::place::{Place, run};

async fn found(place: &Place) -> Vec<Finding> {
    findings(&PostgresInspector::open(&place.options()).await.unwrap()).await.unwrap().0
}

#[tokio::test]
async fn a_store_of_many_jobs_in_use_has_no_findings() {
    for version in [PostgresVersion::V15, PostgresVersion::V18] {
        let place = installed!(Place::start(version));
        let store = place.try_open(place.options()).unwrap();
        many_jobs(&store, 3000).await;
        let inspector = PostgresInspector::open(&place.options()).await.unwrap();
        // The check is of one moment, so later jobs do not belong to it.
        accepted(&store, "acme", 4000).await;
        assert_eq!(findings(&inspector).await.unwrap(), (vec![], 3000));
    }
}

#[tokio::test]
async fn each_damage_to_a_database_is_found() {
    type Expected = fn(&Finding) -> bool;
    let damages: [(&str, Expected); 14] = [
        ("UPDATE cortex.jobs SET open = NOT open", |f| {
            matches!(f, Finding::Index { index: "open jobs", .. })
        }),
        ("UPDATE cortex.jobs SET tenant = 'nina'", |f| matches!(f, Finding::Index { index: "tenant", .. })),
        ("UPDATE cortex.jobs SET topic = 'job.x'", |f| matches!(f, Finding::Index { index: "topic", .. })),
        ("UPDATE cortex.jobs SET state = 4", |f| matches!(f, Finding::Index { index: "state", .. })),
        ("UPDATE cortex.jobs SET version = 99", |f| matches!(f, Finding::Index { index: "version", .. })),
        ("UPDATE cortex.jobs SET dispatch = NULL", |f| matches!(f, Finding::Index { index: "dispatch", .. })),
        ("DELETE FROM cortex.log", |f| matches!(f, Finding::NoAcceptance(_))),
        ("DELETE FROM cortex.payloads WHERE space = 1", |f| matches!(f, Finding::NoInput(_))),
        ("DELETE FROM cortex.payloads WHERE space = 2", |f| matches!(f, Finding::NoResult(_))),
        ("UPDATE cortex.usage SET bytes = bytes + 1", |f| matches!(f, Finding::Count { of: "bytes", .. })),
        ("UPDATE cortex.counts SET jobs = jobs + 1 WHERE state = 1", |f| {
            matches!(f, Finding::Count { of: "PENDING", .. })
        }),
        ("DELETE FROM cortex.jobs", |f| matches!(f, Finding::KeyWithoutJob { .. })),
        ("DELETE FROM cortex.jobs", |f| matches!(f, Finding::MessageWithoutJob { .. })),
        ("DELETE FROM cortex.jobs", |f| matches!(f, Finding::Orphan { of: "log", .. })),
    ];
    let place = installed!(Place::start(PostgresVersion::V15));
    for (sql, expected) in damages {
        run(&place.0.url(), "DROP SCHEMA IF EXISTS cortex CASCADE").await;
        let store = place.try_open(place.options()).unwrap();
        jobs_in_every_state(&store).await;
        assert_eq!(found(&place).await, []);
        run(&place.0.url(), sql).await;
        let found = found(&place).await;
        assert!(found.iter().any(expected), "{sql}: {found:?}");
    }
}

#[tokio::test]
async fn a_check_makes_no_store_and_fences_no_process() {
    let place = installed!(Place::start(PostgresVersion::V15));
    let missing = PostgresInspector::open(&place.options()).await.unwrap_err();
    assert!(matches!(missing, ServerError::Missing { .. }), "{missing}");
    let store = place.try_open(place.options()).unwrap();
    assert_eq!(found(&place).await, []);
    many_jobs(&store, 2).await;
}

#[tokio::test]
async fn counting_the_jobs_reads_no_jobs() {
    let place = installed!(Place::start(PostgresVersion::V15));
    let store = place.try_open(place.options()).unwrap();
    many_jobs(&store, 60).await;
    run(&place.0.url(), "ALTER TABLE cortex.jobs RENAME TO hidden").await;
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.iter().map(|count| count.jobs).sum::<u64>(), 60);
}
