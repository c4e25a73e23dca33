//! The environment variables that describe the terminal.

use std::env;

/// What the environment says about colours and widths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TerminalEnv {
    /// `NO_COLOR` is set (no-color.org).
    pub(crate) no_color: bool,
    /// `CLICOLOR_FORCE` is set and not 0 (bixense.com/clicolors).
    pub(crate) force_color: bool,
    /// `TERM=dumb`: the terminal can't move its cursor and has no colours.
    pub(crate) dumb: bool,
    /// `COLUMNS`, for output that doesn't go to a terminal.
    pub(crate) columns: Option<usize>,
}

impl TerminalEnv {
    pub(crate) fn read() -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            no_color: is_set("NO_COLOR"),
            force_color: env::var("CLICOLOR_FORCE").is_ok_and(|value| !value.is_empty() && value != "0"),
            dumb: env::var("TERM").is_ok_and(|value| value == "dumb"),
            columns: env::var("COLUMNS").ok().and_then(|value| value.parse().ok()),
        }
    }
}
