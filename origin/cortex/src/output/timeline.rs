//! A job's events as a timeline, with the hops before the origin.

use std::collections::BTreeSet;

use cortex_api::EventView;
use cortex_api::rfc3339;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

use super::escape_line;
use super::table::wrap;

/// A narrower timeline leaves the time of day out.
const WIDE: usize = 80;
const GAP: &str = "  ";
/// Before a detail that has no room beside its event.
const INDENT: &str = "    ";

/// One event of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimelineRow {
    /// RFC 3339.
    pub(crate) at: String,
    /// Milliseconds since the first hop. Negative where the clocks of two machines differ.
    pub(crate) ms: i64,
    pub(crate) event: String,
    pub(crate) state: Option<String>,
    pub(crate) detail: String,
}

/// Makes rows of events, in the order in which they arrive.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    start: Option<Timestamp>,
    /// The events so far, by version (0 for a hop), time and name.
    seen: BTreeSet<(u64, Timestamp, String)>,
}

impl Timeline {
    /// Returns the header for rows of `width` columns.
    pub(crate) fn header(width: usize) -> &'static str {
        const HEADER: &str = "TIME                            MS  EVENT          STATE       DETAIL";
        let header = if width < WIDE { &HEADER[26..] } else { HEADER };
        if header.len() > width { header.trim_end_matches("DETAIL").trim_end() } else { header }
    }

    /// Returns the rows of one more event. An event that was there before has none.
    pub(crate) fn push(&mut self, event: &EventView) -> Vec<TimelineRow> {
        let mut hops = hops(&event.detail);
        hops.sort();
        let mut rows = Vec::new();
        for (at, name) in hops {
            rows.extend(self.row((0, at, name), None, String::new()));
        }
        // The edge reports its hops as events of their own, which don't change the job.
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

impl TimelineRow {
    /// Returns the row as lines of at most `width` columns. The detail wraps at spaces, or goes
    /// below the row.
    pub(crate) fn render(&self, width: usize) -> String {
        let Self { at, ms, event, state, detail } = self;
        let event = escape_line(event);
        let state = state.as_deref().unwrap_or("-");
        let short = format!("{ms:>8}  {event:<13}  {state:<10}");
        let line = if width < WIDE { short } else { format!("{at:<24}  {short}") };
        let detail = escape_line(detail);
        let room = width.saturating_sub(line.width() + GAP.len());
        let longest_word = detail.split(' ').map(str::width).max().unwrap_or(0);
        if longest_word <= room {
            let indent = " ".repeat(line.width() + GAP.len());
            format!("{line}{GAP}{}", wrap(&detail, room).join(&format!("\n{indent}"))).trim_end().to_owned()
        } else {
            // A word that has no room there either begins its line, so that a terminal breaks it as
            // late as it can.
            let indent = if longest_word + INDENT.len() > width { "" } else { INDENT };
            let below = wrap(&detail, width.saturating_sub(indent.len()));
            format!("{}\n{indent}{}", line.trim_end(), below.join(&format!("\n{indent}")))
        }
    }
}

fn hops(detail: &Map<String, Value>) -> Vec<(Timestamp, String)> {
    let hops = detail.get("hops").and_then(Value::as_object).into_iter().flatten();
    hops.filter_map(|(name, at)| Some((rfc3339::parse(at.as_str()?)?, name.clone()))).collect()
}

/// Returns the details other than the hops, as `name=value`.
fn detail(detail: &Map<String, Value>) -> String {
    let entries = detail.iter().filter(|(name, value)| *name != "hops" && !value.is_null());
    let entries = entries.map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
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
            rows[0].render(100),
            "2026-11-20T23:36:29.999Z        -1  started        RUNNING     worker=echo-1"
        );
    }

    #[test]
    fn a_hop_is_shown_once() {
        let mut timeline = Timeline::default();
        let hop = event(0, "2026-11-20T23:36:30.000Z", "edge.received", "PENDING", json!({}));
        assert_eq!(timeline.push(&hop)[0].state, None);
        assert!(timeline.push(&hop).is_empty());
        let names: Vec<_> = timeline.push(&accepted()).into_iter().map(|row| row.event).collect();
        assert_eq!(names, ["edge.ledger", "accepted"]);
    }

    #[test]
    fn the_header_is_over_its_columns() {
        let row = Timeline::default().push(&accepted()).remove(2);
        for width in [40, 80, 120] {
            for (title, value) in [("EVENT", "accepted"), ("STATE", "PENDING")] {
                assert_eq!(Timeline::header(width).find(title), row.render(width).find(value), "{title}");
            }
        }
    }

    #[test]
    fn a_row_fits_its_width() {
        let detail = "worker=echo-1 lease=019a9ff0-0000-7000-8000-000000000001 note=\x1b[2J\nx";
        let row = TimelineRow {
            at: "2026-11-20T23:36:30.000Z".into(),
            ms: 420,
            event: "dispatched".into(),
            state: Some("DISPATCHED".into()),
            detail: detail.into(),
        };
        for width in 40..160 {
            let text = row.render(width);
            let fits = |line: &str| line.width() <= width || !line.contains(' ');
            assert!(text.lines().all(fits), "{width}:\n{text}");
            assert!(text.contains("note=\\x1b[2J\\nx"), "{text}");
        }
        assert_eq!(row.render(40).lines().count(), 4, "{}", row.render(40));
    }
}
