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
pub(crate) const MOST: usize = 200;

/// Which jobs are asked for.
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
/// Ids rise with the time of their making, and jobs are listed by falling id. That order never changes, so a walk from
/// page to page meets every job that was there when it began, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobPage {
    pub jobs: Vec<JobView>,
    /// The cursor of the next page: the last job's id, if there are more.
    pub next: Option<String>,
    /// Whether the origin is away, so that these are the jobs that the edge knows, as it last heard of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

impl ListJobs {
    /// Reads a query, which needs no decoding: no value holds anything that is encoded.
    ///
    /// # Errors
    /// A problem that names the parameter.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let mut asked = Self { state: None, topic: None, before: None, limit: DEFAULT };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "state" => asked.state = Some(parsed(name, value)?),
                "topic" => asked.topic = Some(parsed(name, value)?),
                "cursor" => asked.before = Some(parsed(name, value)?),
                "limit" => {
                    let limit = numbers::whole(value).and_then(|limit| usize::try_from(limit).ok());
                    asked.limit = limit.filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
                        wrong(name, format!("`limit` must be a whole number from 1 to {MOST}"))
                    })?;
                }
                _ => {
                    let name = cut(name);
                    let detail = format!("`{name}` is not a parameter here: state, topic, limit, cursor");
                    return Err(wrong(&name, detail));
                }
            }
        }
        Ok(asked)
    }
}

impl JobPage {
    /// The first `limit` of `jobs`, which are in order and one more than that if there are more.
    #[must_use]
    pub fn cut(mut jobs: Vec<JobView>, limit: usize) -> Self {
        let more = jobs.len() > limit;
        jobs.truncate(limit);
        let next = jobs.last().filter(|_| more).map(|job| job.id.to_string());
        Self { jobs, next, partial: false }
    }
}

fn parsed<T: FromStr<Err = ParseError>>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|error| wrong(name, format!("`{name}`: {error}")))
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
