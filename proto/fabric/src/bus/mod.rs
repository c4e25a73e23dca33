//! The bus: within one process.

mod embedded;

#[cfg(test)]
mod contract;

pub use embedded::{Embedded, Room};
