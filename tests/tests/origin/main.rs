//! The origin with its workers, called directly: `cortex up --without edge`.
#![allow(clippy::unwrap_used)]

mod chat;
mod crashes;
mod grpc;
mod happy;
mod heads;
mod models;
mod refusals;
mod retention;
mod safety;
mod serve;
mod signatures;
mod start;
