//! Payload memory: what lies behind the pointers that travel on the bus.

mod fake;
mod layered;
mod volatile;

pub use fake::Fake;
pub use layered::Layered;
pub use volatile::Volatile;
