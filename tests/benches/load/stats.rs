//! Medians and quantiles.

use std::time::Duration;

/// Returns the middle value.
///
/// # Panics
/// Panics if there is no value.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the wait that this share of all waits does not exceed, in milliseconds.
///
/// # Panics
/// Panics if there is no value.
pub(crate) fn quantile(waits: &mut [Duration], share: f64) -> f64 {
    waits.sort_unstable();
    let at = (waits.len() - 1) as f64 * share;
    waits[at.round() as usize].as_secs_f64() * 1e3
}
