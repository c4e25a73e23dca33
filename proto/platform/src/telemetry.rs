//! Logs, to standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Text,
    /// A document on a line for each entry.
    Json,
}

/// Starts the logs. `filter` says what is logged, as in `info` or `cortex_scheduler=debug`; `usual` is taken where it is
/// missing or wrong.
pub fn init(filter: Option<&str>, usual: &str, format: Format) {
    let named = filter.and_then(|filter| EnvFilter::try_new(filter).ok());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(named.unwrap_or_else(|| EnvFilter::new(usual)))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    match format {
        Format::Text => subscriber.init(),
        Format::Json => subscriber.json().init(),
    }
}
