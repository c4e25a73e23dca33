//! Traces, metrics and logs of the real processes.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod collector;
mod metrics;
mod trace;
