//! Texts that look like credentials.

mod rules;
mod scan;
mod spread;

#[cfg(test)]
mod tests;

use crate::fold::fold;

/// Returns the kind of the first credential in a text. The work is linear in the length of the
/// text.
pub(crate) fn kind(text: &str) -> Option<&'static str> {
    let text = fold(text);
    let first = |text: &[u8]| scan::Scan::of(text).first();
    first(text.as_bytes()).or_else(|| first(&spread::closed_up(text.as_bytes())))
}
