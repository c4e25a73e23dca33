//! Texts that look like credentials.

mod rules;
mod scan;

#[cfg(test)]
mod tests;

use super::fold::fold;

/// The kind of the first credential in a text. The work is linear in the text's length.
pub(super) fn kind(text: &str) -> Option<&'static str> {
    scan::Scan::of(fold(text).as_bytes()).first()
}
