//! Configuration files with strict parsing.
//!
//! Every native process reads its YAML files with this crate, so errors have the same form
//! everywhere: the file, the key and the line. The structs must carry
//! `#[serde(deny_unknown_fields)]`, because the parser can't add it.

mod error;
mod parsed;
mod read;
#[cfg(feature = "schema")]
pub mod schema;
mod secret;

pub use error::{ConfigError, Fault, FileLocation};
pub use parsed::Parsed;
pub use read::{MAX_BYTES, load, parse, text};
pub use secret::Secret;
