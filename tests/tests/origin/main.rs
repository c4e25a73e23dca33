//! The origin with its workers, called directly: `cortex up --without edge`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod chat;
mod crashes;
mod engines;
mod garbage;
mod grpc;
mod idle;
mod jobs;
mod models;
mod refusals;
mod request_heads;
mod retention;
mod rights;
mod safety;
mod serve;
mod signatures;
mod split;
mod start;
mod store;
