//! `GET /api/v1/jobs`: newest first, in pages.

use std::str::FromStr;

use cortex_domain::id::{JobId, ParseError};
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use serde::{Deserialize, Serialize};

use super::JobView;
use super::numbers;
use super::parameters::wrong;
use crate::problem::Problem;
use cortex_redact::cut;

pub(crate) const DEFAULT: usize = 50;
pub(crate) const MAX_LIMIT: usize = 200;

/// A request to list jobs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListJobs {
    pub state: Option<StateName>,
    pub topic: Option<Topic>,
    /// The cursor: jobs older than this one.
    pub before: Option<JobId>,
    pub limit: usize,
}

/// A page of jobs, newest first.
///
/// Ids increase with creation time, and jobs are listed by decreasing id. The order never changes,
/// so reading all pages returns every job that existed at the start exactly once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobPage {
    pub jobs: Vec<JobView>,
    /// The cursor of the next page: the last job's id. Missing on the last page.
    pub next: Option<String>,
    /// Whether the origin is unreachable. The page then has only the jobs that the edge knows, in
    /// their last known state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

impl ListJobs {
    /// Parses a query, which needs no decoding because valid values contain nothing that is
    /// encoded.
    ///
    /// # Errors
    /// Returns a problem that names the parameter.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let mut asked = Self { state: None, topic: None, before: None, limit: DEFAULT };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "state" => asked.state = Some(parsed(name, value)?),
                "topic" => asked.topic = Some(parsed(name, value)?),
                "cursor" => {
                    let cursor = value.parse().map_err(|_| {
                        wrong(name, "invalid `cursor`: must be the `next` of the previous page".to_owned())
                    })?;
                    asked.before = Some(cursor);
                }
                "limit" => {
                    let limit = numbers::whole(value).and_then(|limit| usize::try_from(limit).ok());
                    asked.limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
                        wrong(name, format!("invalid `limit`: must be a whole number from 1 to {MAX_LIMIT}"))
                    })?;
                }
                _ => {
                    let name = cut(name);
                    let detail = format!(
                        "unknown query parameter `{name}` (expected state, topic, \
                        limit or cursor)"
                    );
                    return Err(wrong(&name, detail));
                }
            }
        }
        Ok(asked)
    }
}

impl JobPage {
    /// Returns a page of the first `limit` jobs. `jobs` is in order and has one more entry if there
    /// are more.
    #[must_use]
    pub fn cut(mut jobs: Vec<JobView>, limit: usize) -> Self {
        let more = jobs.len() > limit;
        jobs.truncate(limit);
        let next = jobs.last().filter(|_| more).map(|job| job.id.to_string());
        Self { jobs, next, partial: false }
    }
}

fn parsed<T: FromStr<Err = ParseError>>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|error: ParseError| wrong(name, format!("invalid `{name}`: {}", error.reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_read_and_any_other_refused_by_name() {
        let id = "01a1fb51-9430-7707-8707-070707070707";
        let asked = ListJobs::parse(&format!("state=RUNNING&topic=job.echo&limit=200&cursor={id}")).unwrap();
        assert_eq!((asked.state, asked.limit), (Some(StateName::Running), 200));
        assert_eq!(
            (asked.topic, asked.before),
            (Some("job.echo".parse().unwrap()), Some(id.parse().unwrap()))
        );
        assert_eq!(ListJobs::parse("").unwrap().limit, DEFAULT);
        for (query, name) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=many", "limit"),
            ("state=x", "state"),
            ("cursor=1", "cursor"),
            ("x=1", "x"),
        ] {
            let problem = ListJobs::parse(query).unwrap_err();
            assert!(problem.detail.contains(&format!("`{name}`")), "{query}: {problem}");
            assert!(!problem.detail.contains("digit found"), "{query}: {problem}");
        }
    }
}
