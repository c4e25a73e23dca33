//! What people and programs get to read: results on standard output, messages on standard error.

mod control;
pub(crate) mod job;
mod streams;
mod table;
mod timeline;

pub(crate) use control::printable;
pub(crate) use streams::{json, json_line, note, out, piece, thought};
pub(crate) use table::{fields, table};
pub(crate) use timeline::Timeline;
