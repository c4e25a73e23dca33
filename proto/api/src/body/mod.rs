//! JSON bodies: their limits, and how they are parsed.

mod depth;
mod json;
mod media;
mod size;

pub use depth::{MAX_DEPTH, check_depth};
pub use json::{parse, unreadable};
pub use media::check_content_type;
pub use size::{check_content_length, check_length};

/// A JSON body that passed the checks of `cortex_guard::precheck`. The parsers of this crate accept
/// no other body.
///
/// The checks cover size, content type, depth, syntax and secrets.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a>(&'a [u8]);

impl<'a> Checked<'a> {
    /// Wraps a checked body. Only the guard calls this, and a worker for a body that the edge or
    /// the gateway has checked. A test of the workspace rejects other callers.
    #[must_use]
    pub fn trust(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// Returns the bytes of the body.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}
