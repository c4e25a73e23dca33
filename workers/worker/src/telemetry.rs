//! Logs, to standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{Format, Log};

pub(crate) fn init(log: &Log) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&log.filter))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    match log.format {
        Format::Text => subscriber.init(),
        Format::Json => subscriber.json().init(),
    }
}
