//! How tenants share what there is too little of: turns at the workers, and places in what is bounded.

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
