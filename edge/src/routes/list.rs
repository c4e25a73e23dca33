//! `GET /api/v1/jobs`: the jobs in the ledger and at the origin, as one list. While the origin is
//! unreachable, it lists the jobs that the ledger knows: its own, and the last known states of the
//! others.

use cortex_api::timeouts::READ_TIMEOUT;
use cortex_api::{JobPage, JobView, ListJobs};
use worker::{Env, Response};

use super::proxy;
use crate::admit::Presented;
use crate::error::ApiError;
use crate::incoming::Head;
use crate::ledger::client::LedgerClient;
use crate::{answer, log};

pub(crate) async fn answer(head: &Head, presented: &Presented, env: &Env) -> Result<Response, ApiError> {
    let ledger = LedgerClient::of(env, &presented.tenant)?;
    let asked = match ListJobs::parse(&head.query) {
        Ok(asked) => asked,
        Err(problem) => {
            // Only authenticated callers learn what is wrong with a query.
            ledger.check(presented).await?;
            return Err(problem.into());
        }
    };
    // The ledger is read first, so a job that moves to the origin in between is found twice and
    // never missed.
    let (caller, held) = ledger.list(presented, &asked, false).await?;
    match proxy::request(head, &[], &caller, READ_TIMEOUT, env).await? {
        Ok(mut answered) if !held.is_empty() && answered.status_code() == 200 => {
            let page = merge(held, answered.json().await?, asked.limit);
            Ok(answer::json(200, &page, &[])?)
        }
        Ok(answered) => proxy::respond(answered, &[], head, presented, env).await,
        Err(away) => {
            log::info("jobs.seen_from_ledger", &[("cause", &away.0)]);
            let (_, known) = ledger.list(presented, &asked, true).await?;
            Ok(answer::json(200, &JobPage { partial: true, ..JobPage::cut(known, asked.limit) }, &[])?)
        }
    }
}

/// Merges two pages that start at the same position. The origin's view of a job has precedence.
fn merge(held: Vec<JobView>, page: JobPage, limit: usize) -> JobPage {
    let JobPage { mut jobs, next, partial } = page;
    let held: Vec<_> = held.into_iter().filter(|job| jobs.iter().all(|known| known.id != job.id)).collect();
    jobs.extend(held);
    jobs.sort_by_key(|job| std::cmp::Reverse(job.id));
    let merged = JobPage::cut(jobs, limit);
    JobPage { next: merged.next.or(next), partial, ..merged }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cortex_domain::id::JobId;
    use cortex_domain::state::StateName;
    use cortex_domain::time::Timestamp;

    use super::*;

    fn id(ms: u64) -> JobId {
        JobId::mint(Timestamp::from_millis(ms), [7; 10])
    }

    fn jobs(made: &[u64], state: StateName) -> Vec<JobView> {
        let view = |ms: &u64| JobView {
            id: id(*ms),
            topic: "job.echo".parse().unwrap(),
            state,
            hold: None,
            attempt: 0,
            max_attempts: None,
            version: 0,
            created_at: Timestamp::from_millis(*ms),
            updated_at: Timestamp::from_millis(*ms),
            deadline: None,
            labels: BTreeMap::new(),
            result: None,
            error: None,
        };
        made.iter().map(view).collect()
    }

    fn origin(made: &[u64], limit: usize) -> JobPage {
        JobPage::cut(jobs(made, StateName::Running), limit)
    }

    #[test]
    fn pages_merge_in_order_and_the_origins_view_has_precedence() {
        let page = merge(jobs(&[9, 7, 4], StateName::Pending), origin(&[8, 7, 5], 10), 10);
        let seen: Vec<_> =
            page.jobs.iter().map(|job| (job.created_at.as_millis(), job.state.as_str())).collect();
        let expected = [(9, "PENDING"), (8, "RUNNING"), (7, "RUNNING"), (5, "RUNNING"), (4, "PENDING")];
        assert_eq!((seen.as_slice(), page.next), (expected.as_slice(), None));
    }

    #[test]
    fn a_walk_over_the_pages_meets_every_job_once() {
        for limit in 1..6 {
            let (ledger, store) = ([9, 7, 4, 1], [10, 8, 7, 5, 3, 2]);
            let (mut met, mut before) = (Vec::new(), 11);
            loop {
                let older = |all: &[u64]| all.iter().copied().filter(|ms| *ms < before).collect::<Vec<_>>();
                let held: Vec<_> = older(&ledger).into_iter().take(limit + 1).collect();
                let there: Vec<_> = older(&store).into_iter().take(limit + 1).collect();
                let page = merge(jobs(&held, StateName::Pending), origin(&there, limit), limit);
                met.extend(page.jobs.iter().map(|job| job.created_at.as_millis()));
                assert!(page.jobs.len() <= limit);
                let Some(next) = page.next else { break };
                before = *met.last().unwrap();
                assert_eq!(next, id(before).to_string());
            }
            assert_eq!(met, [10, 9, 8, 7, 5, 4, 3, 2, 1], "pages of {limit}");
        }
    }
}
