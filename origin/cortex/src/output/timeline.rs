//! A job's log as a timeline, the hops before the origin included.

use std::collections::BTreeSet;
use std::fmt;

use cortex_api::EventView;
use cortex_api::rfc3339;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use serde_json::{Map, Value};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimelineRow {
    /// RFC 3339.
    pub(crate) at: String,
    /// Since the first hop; below zero where clocks disagree.
    pub(crate) ms: i64,
    pub(crate) event: String,
    pub(crate) state: Option<String>,
    pub(crate) detail: String,
}

/// Puts rows together from events, in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    start: Option<Timestamp>,
    /// By version, which is 0 for a hop, time and name.
    seen: BTreeSet<(u64, Timestamp, String)>,
}

impl Timeline {
    pub(crate) const HEADER: &'static str =
        "TIME                            MS  EVENT          STATE       DETAIL";

    /// The rows of one more event. What was there before brings none.
    pub(crate) fn push(&mut self, event: &EventView) -> Vec<TimelineRow> {
        let mut hops = hops(&event.detail);
        hops.sort();
        let mut rows = Vec::new();
        for (at, name) in hops {
            rows.extend(self.row((0, at, name), None, String::new()));
        }
        // The edge tells its hops as events of their own; they are no steps of the job.
        let state = (event.version > 0 || event.state.is_terminal()).then_some(event.state);
        let step = (event.version, event.at, event.name.clone());
        rows.extend(self.row(step, state, detail(&event.detail)));
        rows
    }

    fn row(
        &mut self,
        step: (u64, Timestamp, String),
        state: Option<StateName>,
        detail: String,
    ) -> Option<TimelineRow> {
        if !self.seen.insert(step.clone()) {
            return None;
        }
        let (_, at, event) = step;
        let start = *self.start.get_or_insert(at);
        Some(TimelineRow {
            at: at.to_string(),
            ms: at.as_millis().cast_signed() - start.as_millis().cast_signed(),
            event,
            state: state.map(|state| state.to_string()),
            detail,
        })
    }
}

impl fmt::Display for TimelineRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, ms, event, state, detail } = self;
        let state = state.as_deref().unwrap_or("-");
        let line = format!("{at:<24}  {ms:>8}  {event:<13}  {state:<10}  {}", super::printable(detail));
        f.write_str(line.trim_end())
    }
}

fn hops(detail: &Map<String, Value>) -> Vec<(Timestamp, String)> {
    let hops = detail.get("hops").and_then(Value::as_object).into_iter().flatten();
    hops.filter_map(|(name, at)| Some((rfc3339::parse(at.as_str()?)?, name.clone()))).collect()
}

/// `name=value` for what there is besides the hops.
fn detail(detail: &Map<String, Value>) -> String {
    let entries = detail.iter().filter(|(name, value)| *name != "hops" && !value.is_null());
    let entries = entries.map(|(name, value)| match value {
        Value::String(text) => format!("{name}={}", text.replace('\n', " ")),
        other => format!("{name}={other}"),
    });
    entries.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(version: u64, at: &str, name: &str, state: &str, detail: Value) -> EventView {
        let view = json!({"id": format!("0.{version}"), "version": version, "attempt": 0, "at": at,
            "name": name, "state": state, "detail": detail});
        serde_json::from_value(view).unwrap()
    }

    fn accepted() -> EventView {
        let hops = json!({"hops": {"edge.ledger": "2026-11-20T23:36:30.005Z", "edge.received": "2026-11-20T23:36:30.000Z"}});
        event(1, "2026-11-20T23:36:30.420Z", "accepted", "PENDING", hops)
    }

    #[test]
    fn hops_come_first_and_time_counts_from_them() {
        let mut timeline = Timeline::default();
        let rows = timeline.push(&accepted());
        let entries: Vec<_> =
            rows.iter().map(|row| (row.ms, row.event.as_str(), row.state.as_deref())).collect();
        assert_eq!(
            entries,
            [(0, "edge.received", None), (5, "edge.ledger", None), (420, "accepted", Some("PENDING"))]
        );
        let started = json!({"worker": "echo-1", "until": null});
        let rows = timeline.push(&event(5, "2026-11-20T23:36:29.999Z", "started", "RUNNING", started));
        assert_eq!(
            rows[0].to_string(),
            "2026-11-20T23:36:29.999Z        -1  started        RUNNING     worker=echo-1"
        );
    }

    #[test]
    fn hops_that_the_edge_told_already_are_not_told_again() {
        let mut timeline = Timeline::default();
        let hop = event(0, "2026-11-20T23:36:30.000Z", "edge.received", "PENDING", json!({}));
        assert_eq!(timeline.push(&hop)[0].state, None);
        assert!(timeline.push(&hop).is_empty());
        let names: Vec<_> = timeline.push(&accepted()).into_iter().map(|row| row.event).collect();
        assert_eq!(names, ["edge.ledger", "accepted"]);
    }

    #[test]
    fn the_header_stands_over_its_columns() {
        let row = Timeline::default().push(&accepted()).remove(2).to_string();
        for (title, value) in [("EVENT", "accepted"), ("STATE", "PENDING")] {
            assert_eq!(Timeline::HEADER.find(title), row.find(value), "{title}");
        }
    }
}
