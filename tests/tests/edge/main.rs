//! From the public edge to a real worker and back: the real Worker in workerd before the real origin.
#![allow(clippy::unwrap_used)]

mod away;
mod door;
mod local;
mod openai;
mod texts;
mod through;
