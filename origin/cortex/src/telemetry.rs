//! Logs go to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// `CORTEX_LOG` says what is logged, as in `info` or `cortex_scheduler=debug`; warnings if it says nothing.
pub(crate) fn init() {
    let filter = EnvFilter::try_from_env("CORTEX_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
