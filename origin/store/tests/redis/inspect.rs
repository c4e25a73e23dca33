//! A check of a database finds every difference.

use cortex_domain::verify::Finding;
use cortex_store::{RedisInspector, ServerError};
use cortex_test_servers::RedisKind;

use crate::contract::checking::{findings, many_jobs, nth};
use crate::place::Place;

on_each_server! {
    a_store_of_many_jobs_in_use_has_no_findings
    each_damage_to_a_database_is_found
    a_check_makes_no_store_and_fences_no_process
}

async fn found(place: &Place) -> Vec<Finding> {
    findings(&RedisInspector::open(&place.options()).await.unwrap()).await.unwrap().0
}

async fn a_store_of_many_jobs_in_use_has_no_findings(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    many_jobs(&store, 3000).await;
    let inspector = RedisInspector::open(&place.options()).await.unwrap();
    assert_eq!(findings(&inspector).await.unwrap(), (vec![], 3000));
}

async fn each_damage_to_a_database_is_found(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    many_jobs(&store, 12).await;
    let (waits, ended, keyed) = (nth(1), nth(5), nth(0));
    let dispatch: String = place.ask(&format!("HGET job:{} dispatch", nth(3)));
    assert_eq!(found(&place).await, []);
    let index = |job, index| Finding::Index { job, index };
    let stray = |job, index: &str| Finding::Stray { index: index.into(), job };
    let counted =
        |of| move |finding: &Finding| matches!(finding, Finding::Count { of: found, .. } if *found == of);
    let is = |expected: Finding| move |finding: &Finding| *finding == expected;
    type Expected = Box<dyn Fn(&Finding) -> bool>;
    // Each damage with the command that mends it, and what the check must say of it.
    let damages: Vec<(String, String, Expected)> = vec![
        (
            format!("ZREM jobs:state:PENDING {waits}"),
            format!("ZADD jobs:state:PENDING 0 {waits}"),
            Box::new(is(index(waits, "jobs:state:<STATE>"))),
        ),
        (
            format!("ZREM tenant:other:jobs {waits}"),
            format!("ZADD tenant:other:jobs 0 {waits}"),
            Box::new(is(index(waits, "tenant:<tenant>:jobs"))),
        ),
        (
            format!("ZREM tenant:other:jobs:PENDING {waits}"),
            format!("ZADD tenant:other:jobs:PENDING 0 {waits}"),
            Box::new(is(index(waits, "tenant:<tenant>:jobs:<STATE>"))),
        ),
        (
            format!("ZREM tenant:other:topic:job.echo {waits}"),
            format!("ZADD tenant:other:topic:job.echo 0 {waits}"),
            Box::new(is(index(waits, "tenant:<tenant>:topic:<topic>"))),
        ),
        (
            format!("ZREM tenant:other:topic:job.echo:PENDING {waits}"),
            format!("ZADD tenant:other:topic:job.echo:PENDING 0 {waits}"),
            Box::new(is(index(waits, "tenant:<tenant>:topic:<topic>:<STATE>"))),
        ),
        (
            format!("ZREM jobs:open {waits}"),
            format!("ZADD jobs:open 0 {waits}"),
            Box::new(is(index(waits, "jobs:open"))),
        ),
        (
            format!("ZADD jobs:open 0 {ended}"),
            format!("ZREM jobs:open {ended}"),
            Box::new(is(stray(ended, "jobs:open"))),
        ),
        (
            format!("ZADD tenant:acme:jobs:FAILED 0 {ended}"),
            format!("ZREM tenant:acme:jobs:FAILED {ended}"),
            Box::new(is(stray(ended, "tenant:acme:jobs:FAILED"))),
        ),
        (
            format!("ZREM drafts {}:{dispatch}", nth(3)),
            format!("ZADD drafts 0 {}:{dispatch}", nth(3)),
            Box::new(is(index(nth(3), "drafts"))),
        ),
        (
            "HINCRBY jobs:counts acme:PENDING 1".into(),
            "HINCRBY jobs:counts acme:PENDING -1".into(),
            Box::new(counted("PENDING")),
        ),
        (
            "HINCRBY usage:acme bytes 1".into(),
            "HINCRBY usage:acme bytes -1".into(),
            Box::new(counted("bytes")),
        ),
        ("HINCRBY usage:acme jobs 1".into(), "HINCRBY usage:acme jobs -1".into(), Box::new(counted("jobs"))),
        (
            "HINCRBY usage:acme open 1".into(),
            "HINCRBY usage:acme open -1".into(),
            Box::new(counted("open jobs")),
        ),
        (
            "HINCRBY usage:acme keys 1".into(),
            "HINCRBY usage:acme keys -1".into(),
            Box::new(counted("idempotency keys")),
        ),
        (
            "ZREM tenant:acme:keys key-0".into(),
            format!("ZADD tenant:acme:keys {} key-0", place.ask::<String>("HGET key:acme:key-0 at")),
            Box::new(is(index(keyed, "tenant:<tenant>:keys"))),
        ),
        (
            "ZADD tenant:acme:keys 1 other".into(),
            "ZREM tenant:acme:keys other".into(),
            Box::new(
                |finding| matches!(finding, Finding::Corrupt(what) if what.contains("tenant:acme:keys")),
            ),
        ),
        (
            format!("RENAME ctx:{waits} hidden"),
            format!("RENAME hidden ctx:{waits}"),
            Box::new(is(Finding::NoInput(waits))),
        ),
        (
            format!("RENAME res:{ended} hidden"),
            format!("RENAME hidden res:{ended}"),
            Box::new(is(Finding::NoResult(ended))),
        ),
        (
            format!("RENAME log:{waits} hidden"),
            format!("RENAME hidden log:{waits}"),
            Box::new(is(Finding::NoAcceptance(waits))),
        ),
        (
            format!("HSET job:{waits} version 9"),
            format!("HSET job:{waits} version 1"),
            Box::new(is(index(waits, "version"))),
        ),
    ];
    for (damage, repair, expected) in damages {
        place.ask::<redis::Value>(&damage);
        let findings = found(&place).await;
        assert!(findings.iter().any(expected), "{damage}: {findings:?}");
        place.ask::<redis::Value>(&repair);
        assert_eq!(found(&place).await, [], "{repair}");
    }

    place.ask::<u64>(&format!("UNLINK job:{waits} job:{keyed}"));
    let findings = found(&place).await;
    for of in ["log", "input"] {
        assert!(findings.contains(&Finding::Orphan { job: waits, of }), "{of}: {findings:?}");
    }
    assert!(findings.contains(&stray(waits, "jobs:state:PENDING")), "{findings:?}");
    assert!(findings.iter().any(|f| matches!(f, Finding::KeyWithoutJob { job, .. } if *job == keyed)));
    assert!(findings.iter().any(|f| matches!(f, Finding::MessageWithoutJob { job, .. } if *job == waits)));
}

async fn a_check_makes_no_store_and_fences_no_process(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let missing = RedisInspector::open(&place.options()).await.unwrap_err();
    assert!(matches!(missing, ServerError::Missing { .. }), "{missing}");
    assert_eq!(place.ask::<u64>("DBSIZE"), 0);
    let store = place.store();
    assert_eq!(found(&place).await, []);
    many_jobs(&store, 2).await;
}
