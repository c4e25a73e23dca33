//! Checks the pages under `docs/`: generated pages are up to date, and written pages name things
//! that exist.
//!
//! `CORTEX_BLESS=1 cargo test -p cortex-tests --test docs` rewrites the generated pages.
#![allow(clippy::unwrap_used, reason = "a failing test says where")]

mod adr;
mod api;
mod cli;
mod configuration;
mod environment;
mod errors;
mod generated;
#[path = "../structure/graph.rs"]
#[allow(dead_code, reason = "the structure test uses the rest")]
mod graph;
mod links;
mod markdown;
mod named;
mod page;
mod readme;
mod schema;
