//! The public form of jobs and their events.

use std::collections::BTreeMap;

use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use cortex_domain::topic::Topic;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::problem::ErrorView;

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobView {
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "JobId"))]
    pub id: JobId,
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "Topic"))]
    pub topic: Topic,
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "StateName"))]
    pub state: StateName,
    /// Why a pending job waits. Missing if it does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldView>,
    pub attempt: u32,
    /// Missing until the origin has accepted the job, if the caller did not set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Increases with each change of the job.
    pub version: u64,
    #[serde(with = "crate::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "Timestamp"))]
    pub created_at: Timestamp,
    #[serde(with = "crate::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "Timestamp"))]
    pub updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::rfc3339::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Timestamp>"))]
    pub deadline: Option<Timestamp>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The result of a succeeded job, as the worker wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Value>"))]
    pub result: Option<Box<RawValue>>,
    /// Why the job ended without a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
}

/// Why a pending job waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HoldView {
    /// `approval`, `throttled`, `not_before`, `no_capacity`, or `origin_away` at the edge.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::rfc3339::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Timestamp>"))]
    pub until: Option<Timestamp>,
}

/// One entry of a job's log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventView {
    /// `<attempt>.<version>`, which is also the id of the server-sent event.
    pub id: String,
    pub version: u64,
    pub attempt: u32,
    #[serde(with = "crate::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "Timestamp"))]
    pub at: Timestamp,
    pub name: String,
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "StateName"))]
    pub state: StateName,
    pub detail: Map<String, Value>,
}

/// `GET /api/v1/jobs/{id}/events` as JSON.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventPage {
    pub events: Vec<EventView>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> JobView {
        JobView {
            id: JobId::mint(Timestamp::from_millis(1_795_217_790_000), [7; 10]),
            topic: "job.echo".parse().unwrap(),
            state: StateName::Succeeded,
            hold: None,
            attempt: 1,
            max_attempts: Some(3),
            version: 6,
            created_at: Timestamp::from_millis(1_795_217_790_000),
            updated_at: Timestamp::from_millis(1_795_217_790_250),
            deadline: None,
            labels: BTreeMap::new(),
            result: Some(RawValue::from_string("{ \"echo\" : 1.0 }".into()).unwrap()),
            error: None,
        }
    }

    #[test]
    fn a_view_keeps_its_form() {
        assert_eq!(
            serde_json::to_string(&view()).unwrap(),
            "{\"id\":\"01a1fb51-9430-7707-8707-070707070707\",\"topic\":\"job.echo\",\"state\":\"SUCCEEDED\",\
             \"attempt\":1,\"max_attempts\":3,\"version\":6,\"created_at\":\"2026-11-20T23:36:30.000Z\",\
             \"updated_at\":\"2026-11-20T23:36:30.250Z\",\"labels\":{},\"result\":{ \"echo\" : 1.0 }}"
        );
    }

    #[test]
    fn a_view_reads_back() {
        let json = serde_json::to_string(&view()).unwrap();
        let read: JobView = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }
}
