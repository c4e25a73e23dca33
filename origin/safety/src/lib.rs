//! The safety kernel turns policies into decisions. No job reaches a worker without its permission,
//! and if it can't decide, it denies.

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
