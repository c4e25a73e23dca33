//! The safety kernel: policies to decisions. Nothing reaches a worker that it has not let pass, and when it
//! can't decide, it refuses.

mod decide;
mod kernel;
mod policies;
mod remote;
mod serve;
mod token;

pub use kernel::Kernel;
pub use policies::{Policies, PolicyError};
pub use remote::{Remote, RemoteError};
pub use serve::{ServeError, serve};
pub use token::{MalformedToken, Token};
