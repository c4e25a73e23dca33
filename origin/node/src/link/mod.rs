//! The workers' link as an operator keeps it: the origin's certificate and the tokens of workers.

mod identity;
mod tokens;

pub use identity::{IdentityFileError, link_identity};
pub use tokens::{KeptToken, WorkerTokens, WorkerTokensError};
pub(crate) use tokens::{local_id, worker_tokens};
