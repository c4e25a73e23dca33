//! How tenants share scarce resources: turns at the workers, and room in bounded queues and
//! memories.

mod gate;
mod queue;
mod shares;
mod sharing;
mod weights;

pub use gate::{Gate, TooManyOpenCalls};
pub use queue::{FairQueue, QueueKey};
pub use shares::{ShareExceeded, Shares};
pub use sharing::Sharing;
pub use weights::Weights;
