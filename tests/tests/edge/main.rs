//! From the public edge to a real worker and back: the real Worker in workerd in front of the real
//! origin.
#![allow(clippy::unwrap_used)]

mod access;
mod chat;
mod jobs;
mod local;
mod openai;
mod outages;
