//! The harness that starts the real processes, for the end-to-end tests.
//!
//! These are helpers of tests, so a failure panics with what was seen. Each process has free ports
//! and its own folder, and ends when its value is dropped.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, clippy::print_stderr)]

pub mod api;
pub mod cluster;
pub mod edge;
pub mod home;
pub mod listeners;
pub mod origin;
pub mod origin_stub;
pub mod ports;
pub mod process;
pub mod serve;
pub mod stack;
pub mod terminal;
pub mod wait;
