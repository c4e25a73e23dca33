//! The origin with its workers, called directly: `cortex up --without edge`.
#![allow(clippy::unwrap_used)]

mod crashes;
mod happy;
mod refusals;
mod signatures;
mod start;
