//! `GET /api/v1/jobs`: newest first, in pages.

use axum::Json;
use axum::extract::State;
use cortex_domain::ports::Query;
use cortex_guard::api::JobPage;
use cortex_guard::{Kind, Problem};

use super::view;
use crate::door::Admitted;
use crate::gateway::Gateway;
use crate::refuse::{self, Refused};

const DEFAULT: usize = 50;
const MOST: usize = 200;

/// The caller's jobs, without their results.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    admitted: Admitted,
) -> Result<Json<JobPage>, Refused> {
    let query = query(&admitted)?;
    let limit = query.limit;
    let more = Query { limit: limit + 1, ..query };
    let mut jobs = gateway.inner.store.jobs(more).await.map_err(|error| refuse::store(&error))?;
    let next = (jobs.len() > limit).then(|| {
        jobs.truncate(limit);
        jobs.last().map(|job| job.id().to_string())
    });
    Ok(Json(JobPage { jobs: jobs.iter().map(|job| view::view(job, None)).collect(), next: next.flatten() }))
}

fn query(admitted: &Admitted) -> Result<Query, Problem> {
    let mut query = Query {
        tenant: admitted.owner.tenant.clone(),
        state: None,
        topic: None,
        before: None,
        limit: DEFAULT,
    };
    for pair in admitted.query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "state" => query.state = Some(parsed(name, value)?),
            "topic" => query.topic = Some(parsed(name, value)?),
            "cursor" => query.before = Some(parsed(name, value)?),
            "limit" => {
                query.limit = parsed(name, value)?;
                if !(1..=MOST).contains(&query.limit) {
                    return Err(wrong(name, format!("`limit` is 1 to {MOST}")));
                }
            }
            _ => {
                return Err(wrong(
                    name,
                    format!("`{name}` is not a parameter here: state, topic, limit, cursor"),
                ));
            }
        }
    }
    Ok(query)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|error| wrong(name, format!("`{name}`: {error}")))
}

fn wrong(name: &str, detail: String) -> Problem {
    Problem::new(Kind::InvalidRequest, detail).at(name)
}
