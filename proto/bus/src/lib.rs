//! The bus, within one process, and the payload memory: what lies behind the pointers that travel on the bus.

mod embedded;
pub mod payload;

#[cfg(test)]
mod contract;

pub use embedded::{Embedded, Room};
