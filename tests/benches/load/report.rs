//! The table of results.

use serde_json::{Value, json};

use crate::Outcome;
use crate::probe::Probe;

/// Probes that differ by more than this factor make a run worthless.
const MAX_DRIFT: f64 = 2.0;

#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    notes: Vec<String>,
    disturbed: bool,
}

#[derive(Debug)]
struct Row {
    part: &'static str,
    name: String,
    value: f64,
    unit: &'static str,
    /// The target, and whether it was met.
    target: Option<(String, bool)>,
}

impl Report {
    pub(crate) fn add(&mut self, part: &'static str, name: &str, value: f64, unit: &'static str) {
        self.rows.push(Row { part, name: name.to_owned(), value, unit, target: None });
    }

    /// Adds a value with an upper limit.
    pub(crate) fn at_most(
        &mut self,
        part: &'static str,
        name: &str,
        value: f64,
        most: f64,
        unit: &'static str,
    ) {
        let target = Some((format!("<= {}", figure(most)), value <= most));
        self.rows.push(Row { part, name: name.to_owned(), value, unit, target });
    }

    /// Adds a value with a lower limit.
    pub(crate) fn at_least(
        &mut self,
        part: &'static str,
        name: &str,
        value: f64,
        least: f64,
        unit: &'static str,
    ) {
        let target = Some((format!(">= {}", figure(least)), value >= least));
        self.rows.push(Row { part, name: name.to_owned(), value, unit, target });
    }

    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Prints what the machine did before and after, and whether the run is valid.
    pub(crate) fn probed(&mut self, before: &Probe, after: &Probe) {
        let probes = [
            ("serial fdatasync", "/s", before.flushes, after.flushes),
            ("memory copied", "GB/s", before.memory, after.memory),
            ("integer loop, one core", "M/s", before.steps, after.steps),
        ];
        for (name, unit, before, after) in probes {
            self.add("machine", &format!("{name}, before"), before, unit);
            self.add("machine", &format!("{name}, after"), after, unit);
            if before.max(after) > MAX_DRIFT * before.min(after) {
                self.disturbed = true;
                self.note(format!(
                    "disturbed: {name} changed from {} to {} {unit}",
                    figure(before),
                    figure(after)
                ));
            }
        }
    }

    #[expect(clippy::print_stdout, reason = "its result")]
    pub(crate) fn print(&self, as_json: bool) -> Outcome<()> {
        if as_json {
            println!("{}", serde_json::to_string_pretty(&self.document())?);
            return Ok(());
        }
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        for row in &self.rows {
            let target = match &row.target {
                Some((target, true)) => format!("{target}  met"),
                Some((target, false)) => format!("{target}  MISSED"),
                None => String::new(),
            };
            let line = format!(
                "{:<11} {:<width$} {:>9} {:<6} {target}",
                row.part,
                row.name,
                figure(row.value),
                row.unit
            );
            println!("{}", line.trim_end());
        }
        for note in &self.notes {
            println!("{note}");
        }
        Ok(())
    }

    fn document(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let (target, met) = row.target.clone().unzip();
            json!({ "part": row.part, "name": row.name, "value": row.value, "unit": row.unit, "target": target, "met": met })
        });
        json!({ "rows": rows.collect::<Vec<_>>(), "notes": self.notes, "disturbed": self.disturbed })
    }
}

/// Formats a value with three significant digits, or with all digits before the point.
fn figure(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let digits = if value < 1.0 { 3 } else { digits };
    format!("{value:.digits$}")
}
