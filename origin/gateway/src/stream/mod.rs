//! A call's answer as it grows: from the worker's frames on the bus to server-sent events.
//!
//! The worker's frames, put together in their order, are lines; each line is one event, and the line `[DONE]` says that
//! there are no more. `assembly` puts them together, `replay_buffer` keeps the last of them for whoever reads, `pump` moves them
//! from one to the other while the call is open, `sse` writes them, and `table` knows which streams are open, and with
//! `ended` which are kept, for those who come back.

mod ended;
mod open;
mod pump;
mod replay_buffer;
mod sse;
mod table;

pub(crate) use open::Streams;
