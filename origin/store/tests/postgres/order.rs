//! The order of writes, as another process sees it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ports::{Feed, Sequence};
use cortex_test_servers::PostgresVersion;
use tokio::time::timeout;

use crate::contract::fixtures::{accepted, cancelled};
use crate::place::{Place, run};

const WRITERS: u16 = 8;
const JOBS: u16 = 25;

#[tokio::test]
async fn a_follower_in_another_process_sees_every_step_of_several_writers_once() {
    use cortex_domain::ports::Jobs;

    let place = installed!(Place::start(PostgresVersion::V18));
    // The follower is fenced by the writer, and still reads.
    let follower = place.try_open(place.options()).unwrap();
    let store = Arc::new(place.try_open(place.options()).unwrap());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..JOBS {
                    let job = accepted(&*store, "acme", writer * JOBS + n).await;
                    store.commit(cancelled(&job)).await.unwrap();
                }
            })
        })
        .collect();
    let all = usize::from(WRITERS * JOBS) * 2;
    let (mut after, mut seen) = (Sequence(0), HashSet::new());
    while seen.len() < all {
        for step in follower.steps(after, 7).await.unwrap() {
            assert_eq!(step.sequence.0, after.0 + 1, "a number was skipped and may come later");
            assert!(seen.insert((step.job, step.version)));
            after = step.sequence;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(follower.newest_step().await.unwrap(), Sequence(all as u64));
}

#[tokio::test]
async fn a_commit_of_another_process_wakes_those_that_wait_for_one() {
    let place = installed!(Place::start(PostgresVersion::V15));
    let follower = place.try_open(place.options()).unwrap();
    let store = place.try_open(place.options()).unwrap();
    accepted(&store, "acme", 1).await;
    timeout(Duration::from_secs(20), async {
        // The follower may not listen yet when the first commit comes.
        let woken = follower.changed(0);
        tokio::pin!(woken);
        for n in 2.. {
            accepted(&store, "acme", n).await;
            if timeout(Duration::from_millis(100), &mut woken).await.is_ok() {
                break;
            }
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_totals_of_a_tenant_are_those_of_its_rows() {
    let place = installed!(Place::start(PostgresVersion::V18));
    let store = place.try_open(place.options()).unwrap();
    crate::contract::fixtures::jobs_in_every_state(&store).await;
    let differs = "DO $$ BEGIN
        IF EXISTS (
            SELECT tenant, jobs, open, bytes, keys FROM cortex.usage
            EXCEPT
            SELECT tenant, count(*), count(*) FILTER (WHERE open), sum(bytes)::bigint,
                (SELECT count(*) FROM cortex.idempotency i WHERE i.tenant = j.tenant)
            FROM cortex.jobs j GROUP BY tenant
        ) OR (SELECT count(*) FROM cortex.usage) <> 2 THEN RAISE EXCEPTION 'the totals differ'; END IF;
    END $$";
    run(&place.options().url, differs).await;
    let late = crate::contract::fixtures::NOW.after(Duration::from_secs(8 * 24 * 3600));
    assert!(cortex_domain::ports::Upkeep::forget(&store, late).await.unwrap() > 0);
    run(&place.options().url, differs).await;
}
