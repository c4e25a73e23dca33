//! The bus within one process, and the payload memory behind the pointers that travel on the bus.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod embedded;
pub mod payload;

pub use embedded::{Embedded, Room};
