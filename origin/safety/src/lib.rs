//! The safety kernel: policies to decisions. Nothing reaches a worker that it has not let pass, and when it
//! can't decide, it refuses.

mod decide;
mod kernel;
mod policies;
mod remote;
mod serve;

pub use kernel::Kernel;
pub use policies::{Policies, PolicyError};
pub use remote::Remote;
pub use serve::serve;
