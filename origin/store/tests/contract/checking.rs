//! Checks a store with everything that it holds.

use cortex_domain::event::Event;
use cortex_domain::id::JobId;
use cortex_domain::ports::{Inspect, Store, StoreError};
use cortex_domain::transition::Change;
use cortex_domain::verify::{Finding, check_job};
use futures::StreamExt;

use super::fixtures::{
    NOW, accepted, cancelled, draft, keyed, lease, request, scheduled, submission, succeeded,
};

/// How many jobs are made at the same time.
const AT_ONCE: usize = 64;

/// Returns everything that is wrong with a store, and how many jobs it has.
pub(crate) async fn findings(store: &dyn Inspect) -> Result<(Vec<Finding>, usize), StoreError> {
    let (mut findings, mut after, mut jobs) = (Vec::new(), None, 0);
    loop {
        let page = store.inspect(after, 100).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.job.id());
        jobs += page.len();
        findings.extend(page.iter().flat_map(check_job));
    }
    findings.extend(store.inspect_rest().await?);
    Ok((findings, jobs))
}

/// Makes `count` jobs of two tenants that wait, run, have ended, have a result or have a key.
pub(crate) async fn many_jobs(store: &dyn Store, count: u16) {
    let each = |n| async move {
        let tenant = tenant(n);
        if n.is_multiple_of(6) {
            store.accept(submission(keyed(request(tenant, n), &format!("key-{n}"), 1))).await.unwrap();
            return;
        }
        let job = accepted(store, tenant, n).await;
        let lease = lease(&job, 1);
        match n % 6 {
            1 => {}
            2 => drop(store.commit(cancelled(&job)).await.unwrap()),
            stage => {
                let job = store.commit(scheduled(&job, lease)).await.unwrap();
                let sent = Change::of(job).then(Event::Dispatched { lease }, NOW).unwrap();
                let job = store.commit(sent).await.unwrap();
                store.put(draft(&job, lease), vec![b'y'; usize::from(n)].into()).await.unwrap();
                if stage == 4 {
                    let worker = "w1".parse().unwrap();
                    let started = Event::Started { lease, worker };
                    let job = store.commit(Change::of(job).then(started, NOW).unwrap()).await.unwrap();
                    assert!(!job.state.is_terminal());
                } else if stage == 5 {
                    store.commit(succeeded(&job)).await.unwrap();
                }
            }
        }
    };
    futures::stream::iter(0..count).for_each_concurrent(AT_ONCE, each).await;
}

/// Returns the id of the n-th job of [`many_jobs`].
pub(crate) fn nth(n: u16) -> JobId {
    request(tenant(n), n).id
}

fn tenant(n: u16) -> &'static str {
    if n.is_multiple_of(2) { "acme" } else { "other" }
}
