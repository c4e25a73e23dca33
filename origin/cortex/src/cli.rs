//! The command line: every command, and what each runs.

mod examples;
mod groups;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Styles;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use cortex_node::Home;

use crate::commands::{
    bench, chat, completions, demo, doctor, health, jobs, keys, man, models, safety, serve, status, store,
    submit, up, workers,
};
use crate::exit::{Exit, Failure};
use crate::output::MAX_HELP_WIDTH;

const ABOUT_OUTPUT: &str = "\
Tables are as wide as the terminal, or COLUMNS, or else 80 columns. A narrow table omits columns; --json shows all.
Exit codes: 0 success, 1 failed job or check, 2 usage, 65 invalid input, 69 unavailable, 70 internal error, \
77 not permitted, 78 configuration.";

/// Put the machines you own behind a public, governed, serverless edge
#[derive(Debug, Parser)]
#[command(name = "cortex", version, max_term_width = MAX_HELP_WIDTH, after_help = ABOUT_OUTPUT)]
pub(crate) struct Cli {
    /// The folder in which CortexOS keeps its files [default: ~/.cortex]
    #[arg(long, global = true, env = "CORTEX_HOME", value_name = "DIR", hide_env_values = true)]
    #[arg(help_heading = "Global options")]
    pub(crate) home: Option<PathBuf>,

    /// Print JSON instead of text
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,

    /// When to use colours; auto means on a terminal, unless NO_COLOR or TERM=dumb is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub(crate) color: ColorChoice,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the edge, the origin and the workers on this machine, until Ctrl-C
    Up(up::UpArgs),
    /// Send real work through the edge, show what happens, and stop
    Demo(demo::Args),
    /// Run roles of the origin, without an edge and without workers, until Ctrl-C
    Serve(serve::Args),
    /// Run the safety kernel in a separate process, until Ctrl-C
    Safety(safety::Args),
    /// Submit a job
    Submit(submit::Args),
    /// Chat with a model; type /help for the commands of a conversation
    Chat(chat::Args),
    /// List, show, follow and cancel jobs
    #[command(subcommand)]
    Jobs(jobs::Verb),
    /// Show what runs on this machine
    Status(status::Args),
    /// Check the health of every component
    Health,
    /// Check this machine: ports, programs, model files, disk, clock
    Doctor,
    /// Create, list and revoke API keys of the edge
    #[command(subcommand)]
    Keys(keys::Verb),
    /// List, download, verify, load and unload models
    #[command(subcommand)]
    Models(models::Verb),
    /// List workers, and manage the tokens with which workers on other machines connect
    #[command(subcommand)]
    Workers(workers::Verb),
    /// Check, copy, restore and migrate the store
    #[command(subcommand)]
    Store(store::Verb),
    /// Measure the speed of a language model on this machine
    Bench(bench::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print the manual page, or write the pages of all commands to a folder
    Man(man::Args),
}

/// Parses the command line.
///
/// # Errors
/// Returns clap's error: a mistake, or the help or version that was asked for.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    // Help and errors come out of the parser, so that it has to know this before it parses.
    let choice = color_choice(&arguments);
    Cli::from_arg_matches(&command().color(choice).try_get_matches_from(arguments)?)
}

/// Returns the command with its groups and examples.
fn command() -> clap::Command {
    groups::grouped(examples::with_examples(Cli::command()))
}

/// Returns the command without terminal styles and without `help`, for the manual pages.
fn plain_command() -> clap::Command {
    examples::with_examples(Cli::command().styles(Styles::plain())).disable_help_subcommand(true)
}

/// Returns the value of `--color`, as far as it is valid.
fn color_choice(arguments: &[OsString]) -> ColorChoice {
    let mut arguments =
        arguments.iter().map(|argument| argument.to_string_lossy()).take_while(|arg| arg != "--");
    while let Some(argument) = arguments.next() {
        let value = match argument.strip_prefix("--color") {
            Some("") => arguments.next().map(Into::into),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => continue,
        };
        if let Some(choice) = value.and_then(|value| value.parse().ok()) {
            return choice;
        }
    }
    ColorChoice::Auto
}

impl Command {
    /// Returns whether the command runs parts of CortexOS, rather than asking them for something.
    #[must_use]
    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Up(_) | Self::Demo(_) | Self::Serve(_) | Self::Safety(_))
    }

    /// Runs the command.
    ///
    /// # Errors
    /// Returns an error with the exit code that it ends the process with.
    pub(crate) async fn run(self, home: &Home, json: bool) -> Result<Exit, Failure> {
        match self {
            Self::Up(args) => Box::pin(up::run(home, args)).await,
            Self::Demo(args) => demo::run(home, args).await,
            Self::Serve(args) => serve::run(home, args).await,
            Self::Safety(args) => safety::run(home, args).await,
            Self::Submit(args) => submit::run(home, args, json).await,
            Self::Chat(args) => chat::run(home, args, json).await,
            Self::Jobs(verb) => jobs::run(home, verb, json).await,
            Self::Status(args) => status::run(home, args, json).await,
            Self::Health => health::run(home, json).await,
            Self::Doctor => doctor::run(home, json).await,
            Self::Keys(verb) => keys::run(home, verb, json).await,
            Self::Models(verb) => models::run(home, verb, json).await,
            Self::Workers(verb) => workers::run(home, verb, json).await,
            Self::Store(verb) => store::run(home, verb, json).await,
            Self::Bench(args) => bench::run(home, args, json).await,
            Self::Completions(args) => completions::run(&args, command()),
            Self::Man(args) => man::run(&args, plain_command()),
        }
    }
}

#[cfg(test)]
mod tests;
