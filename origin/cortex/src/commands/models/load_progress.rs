//! The progress of loading a model: a bar on a terminal, otherwise a line for each step.

use std::time::Duration;

use cortex_api::LoadStep;
use cortex_domain::id::ModelName;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;

use crate::output;

const SPINNER: &str = "{spinner} {prefix}: {msg}  {elapsed}";
const BYTES: &str = "{prefix}: {msg}  {wide_bar}  {bytes}/{total_bytes}  {elapsed}";
const COUNT: &str = "{prefix}: {msg}  {wide_bar}  {pos}/{len}  {elapsed}";
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

fn describe(step: LoadStep) -> &'static str {
    match step {
        LoadStep::Check { .. } => "checking the files",
        LoadStep::Tokenizer => "reading the tokenizer",
        LoadStep::Weights { .. } => "reading the weights",
        LoadStep::Device { .. } => "moving layers to the device",
        LoadStep::WarmUp => "warming up",
        LoadStep::Start => "starting",
    }
}

/// Returns the style of the bar, its position and its length.
fn extent(step: LoadStep) -> Option<(&'static str, u64, u64)> {
    match step {
        LoadStep::Check { read, of } | LoadStep::Weights { read, of } => Some((BYTES, read, of)),
        LoadStep::Device { layers, of } => Some((COUNT, layers, of)),
        LoadStep::Tokenizer | LoadStep::WarmUp | LoadStep::Start => None,
    }
}

/// Shows the progress of one model.
#[derive(Debug)]
pub(super) struct LoadProgress {
    name: ModelName,
    bar: Option<ProgressBar>,
    at: &'static str,
}

impl LoadProgress {
    pub(super) fn new(name: &ModelName) -> Self {
        let bar = output::has_progress_bar().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_prefix(name.to_string());
            bar.set_style(style(SPINNER));
            bar.enable_steady_tick(REDRAW_INTERVAL);
            bar
        });
        Self { name: name.clone(), bar, at: "" }
    }

    /// Shows a progress report of the worker. Ignores reports of a kind that this version doesn't
    /// know.
    pub(super) fn show(&mut self, update: &serde_json::Value) {
        let Ok(step) = LoadStep::deserialize(update) else { return };
        let begins = self.at != describe(step);
        self.at = describe(step);
        match &self.bar {
            Some(bar) => {
                if begins {
                    bar.set_style(style(extent(step).map_or(SPINNER, |(template, ..)| template)));
                    bar.set_message(describe(step));
                }
                if let Some((_, done, of)) = extent(step) {
                    bar.set_length(of);
                    bar.set_position(done);
                }
            }
            None if begins => output::note(&format!("{}: {}", self.name, describe(step))),
            None => {}
        }
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(updates: &[Value]) -> Vec<&'static str> {
        let mut progress = LoadProgress { name: "m".parse().unwrap(), bar: None, at: "" };
        let each = updates.iter().map(|update| {
            progress.show(update);
            progress.at
        });
        each.collect()
    }

    #[test]
    fn known_steps_are_shown_and_others_are_ignored() {
        let updates = [
            json!({"step": "check", "read": 1, "of": 3}),
            json!({"step": "tokenizer"}),
            json!({"step": "weights", "read": 1, "of": 3}),
            json!({"step": "device", "layers": 1, "of": 22}),
            json!({"step": "warm-up"}),
            json!({"step": "start"}),
            json!({"step": "something new"}),
            json!(7),
        ];
        let expected = [
            "checking the files",
            "reading the tokenizer",
            "reading the weights",
            "moving layers to the device",
            "warming up",
            "starting",
            "starting",
            "starting",
        ];
        assert_eq!(shown(&updates), expected);
    }

    #[test]
    fn a_bar_is_as_long_as_the_file() {
        let bar = ProgressBar::hidden();
        let mut progress = LoadProgress { name: "m".parse().unwrap(), bar: Some(bar.clone()), at: "" };
        progress.show(&json!({"step": "weights", "read": 5, "of": 9}));
        assert_eq!(
            (bar.position(), bar.length(), bar.message().as_str()),
            (5, Some(9), "reading the weights")
        );
    }
}
