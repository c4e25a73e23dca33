//! The progress of a download: a bar on a terminal, otherwise a line for each tenth.

use std::sync::atomic::{AtomicU64, Ordering};

use cortex_models::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output;

const TEMPLATE: &str = "{prefix}  {wide_bar}  {bytes}/{total_bytes}  {bytes_per_sec}  {eta}";

/// Shows the progress of one model.
#[derive(Debug)]
pub(super) struct PullProgress {
    name: String,
    bar: Option<ProgressBar>,
    tenths: AtomicU64,
}

impl PullProgress {
    pub(super) fn new(name: &str) -> Self {
        let bar = output::has_progress_bar().then(|| bar(name));
        Self { name: name.to_owned(), bar, tenths: AtomicU64::new(0) }
    }

    pub(super) fn show(&self, progress: Progress) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(progress.total);
                bar.set_position(progress.done);
            }
            None => {
                let tenths = tenths(progress);
                if self.tenths.fetch_max(tenths, Ordering::Relaxed) < tenths {
                    output::note(&format!(
                        "{}: {} % of {}",
                        self.name,
                        tenths * 10,
                        super::size(progress.total)
                    ));
                }
            }
        }
    }

    /// Prints a message without breaking the bar.
    pub(super) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::note(text)),
            None => output::note(text),
        }
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.progress_chars("=> ")).with_prefix(name.to_owned())
}

pub(super) fn tenths(progress: Progress) -> u64 {
    (progress.done.saturating_mul(10)).checked_div(progress.total).unwrap_or(10)
}
