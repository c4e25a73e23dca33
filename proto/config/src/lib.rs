//! Configuration files, read strictly.
//!
//! Every native process reads its YAML here, so that a wrong file is refused the same way everywhere: with the
//! file, the key and the line. Structs that are read carry `#[serde(deny_unknown_fields)]`; the reader can't add
//! it for them.

mod error;
mod parsed;
mod read;
mod secret;

pub use error::{ConfigError, Fault, FileLocation};
pub use parsed::Parsed;
pub use read::{MAX_BYTES, load, parse, text};
pub use secret::Secret;
