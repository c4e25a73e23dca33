//! Checks the OpenAPI document against the route table, the parsers and the responses.
#![allow(clippy::unwrap_used, reason = "a failing test says where")]

mod answers;
mod bodies;
mod document;
mod generate;
mod mutate;
mod random;
mod schemas;
