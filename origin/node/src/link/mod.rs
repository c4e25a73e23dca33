//! The operator's side of the workers' link: the origin's certificate and the workers' tokens.

mod identity;
mod tokens;

pub use identity::{IdentityFileError, link_identity};
pub use tokens::{KeptToken, WorkerTokens, WorkerTokensError};
pub(crate) use tokens::{local_id, worker_tokens};
