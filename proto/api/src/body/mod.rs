//! JSON bodies: how large and how deep they may be, and how they are read.

mod depth;
mod json;
mod media;
mod size;

pub use depth::{MAX_DEPTH, check_depth};
pub use json::{parse, unreadable};
pub use media::check_content_type;
pub use size::{check_content_length, check_length};

/// A JSON body that passed the checks of a door, the only kind that the parsers of this crate read.
///
/// The checks are `cortex_guard::precheck`'s: size, content type, depth, syntax and secrets.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a>(&'a [u8]);

impl<'a> Checked<'a> {
    /// Wraps a body that was checked. The guard calls this, and a worker for a body that a door let through; a test of
    /// the workspace refuses other callers.
    #[must_use]
    pub fn trust(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// Returns the body as it was sent.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}
