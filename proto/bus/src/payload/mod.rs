//! Payload memory: the payloads behind the pointers that travel on the bus.

mod calls;
mod in_memory;
mod tiered;

pub use calls::CallPayloads;
pub use in_memory::InMemory;
pub use tiered::{Reach, TieredPayloads};
