//! What the terminal can do: colours, progress bars, and its width.

use std::io::{IsTerminal, stderr, stdout};
use std::sync::OnceLock;

use clap::ColorChoice;

use crate::config::TerminalEnv;

/// The width of output that doesn't go to a terminal, unless `COLUMNS` is set.
const DEFAULT_WIDTH: usize = 80;
/// A terminal that is narrower gets lines of this width.
const MIN_WIDTH: usize = 20;

/// The width of help texts on a wider terminal.
pub(crate) const MAX_HELP_WIDTH: usize = 100;

static COLOR: OnceLock<ColorChoice> = OnceLock::new();

/// Sets when to use colours, once, at the start. Without it they are used on terminals.
pub(crate) fn set_color(choice: ColorChoice) {
    // The first choice stays: there is one command line.
    let _ = COLOR.set(choice);
}

/// Returns whether messages on standard error may have colours.
pub(crate) fn stderr_has_color() -> bool {
    let choice = COLOR.get().copied().unwrap_or(ColorChoice::Auto);
    has_color(choice, &TerminalEnv::read(), stderr().is_terminal())
}

/// Returns whether a progress bar can be drawn on standard error.
pub(crate) fn has_progress_bar() -> bool {
    stderr().is_terminal() && !TerminalEnv::read().dumb
}

/// Returns how many columns a line on standard output may have.
pub(crate) fn width() -> usize {
    let columns = if stdout().is_terminal() { terminal_columns() } else { None };
    columns.or(TerminalEnv::read().columns).unwrap_or(DEFAULT_WIDTH).max(MIN_WIDTH)
}

/// Returns how many columns a line of a help text may have. Off a terminal it is always the same.
pub(crate) fn help_width() -> usize {
    let columns = if stdout().is_terminal() { terminal_columns() } else { None };
    columns.unwrap_or(MAX_HELP_WIDTH).clamp(MIN_WIDTH, MAX_HELP_WIDTH)
}

fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

fn has_color(choice: ColorChoice, env: &TerminalEnv, is_terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => !env.no_color && (env.force_color || (is_terminal && !env.dumb)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_flag_then_the_environment_then_the_terminal() {
        let env = |no_color, force_color, dumb| TerminalEnv { no_color, force_color, dumb, columns: None };
        let plain = env(false, false, false);
        for (choice, env, is_terminal, expected) in [
            (ColorChoice::Auto, &plain, true, true),
            (ColorChoice::Auto, &plain, false, false),
            (ColorChoice::Auto, &env(true, false, false), true, false),
            (ColorChoice::Auto, &env(true, true, false), true, false),
            (ColorChoice::Auto, &env(false, true, false), false, true),
            (ColorChoice::Auto, &env(false, false, true), true, false),
            (ColorChoice::Always, &env(true, false, true), false, true),
            (ColorChoice::Never, &env(false, true, false), true, false),
        ] {
            assert_eq!(has_color(choice, env, is_terminal), expected, "{choice:?} {env:?} {is_terminal}");
        }
    }
}
