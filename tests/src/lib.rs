//! The harness that starts the real parts, and the end-to-end tests.
//!
//! Everything here is a test's helper: what goes wrong panics with what was seen. Processes are started on free
//! ports in a folder of their own and end with the value that stands for them.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, clippy::print_stderr)]

pub mod api;
pub mod edge;
pub mod home;
pub mod listeners;
pub mod origin;
pub mod ports;
pub mod process;
pub mod serve;
pub mod stack;
pub mod standin;
pub mod terminal;
pub mod wait;
