//! What the CLI prints: results on standard output, messages on standard error.

pub(crate) mod job;
mod streams;
mod table;
mod terminal;
mod timeline;

pub(crate) use cortex_platform::escape::{escape_json, escape_line, escape_text};
pub(crate) use streams::{
    note, print, print_generated, print_json, print_json_line, print_part, report, show_reasoning, unwritable,
};
pub(crate) use table::{Column, fields, table, wrap};
pub(crate) use terminal::{MAX_HELP_WIDTH, has_progress_bar, help_width, set_color, stderr_has_color, width};
pub(crate) use timeline::Timeline;
