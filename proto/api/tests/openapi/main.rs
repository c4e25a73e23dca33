//! The OpenAPI document holds: for the table of routes, for what the parsers take, and for what answers look like.
#![allow(clippy::unwrap_used, reason = "a failing test says where")]

mod answers;
mod bodies;
mod document;
mod generate;
mod mutate;
mod random;
mod schemas;
