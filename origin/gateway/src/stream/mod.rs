//! Streamed responses: from the worker's frames on the bus to server-sent events.
//!
//! The worker's frames, in order, form lines. Each line is one event, and the line `[DONE]` marks
//! the end. `cortex_wire::stream` assembles the lines. `pump` moves them into a `replay_buffer`,
//! which keeps the latest ones for readers, and `sse` writes them to clients. `table` knows the
//! open streams, and `ended` keeps the ended ones for clients that resume.

mod ended;
mod open;
mod pump;
mod replay_buffer;
mod sse;
mod table;

pub(crate) use open::Streams;
