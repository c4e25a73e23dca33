//! The command line: the nouns, and what each of them runs.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use cortex_node::Home;

use crate::commands::{
    bench, chat, demo, doctor, health, jobs, keys, models, safety, serve, status, submit, up, workers,
};
use crate::exit::{Exit, Failure};

/// Put the machines you own behind a public, governed, serverless edge.
#[derive(Debug, Parser)]
#[command(name = "cortex", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Where CortexOS keeps its files [default: ~/.cortex]
    #[arg(long, global = true, env = "CORTEX_HOME", value_name = "DIR", hide_env_values = true)]
    pub(crate) home: Option<PathBuf>,

    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine until Ctrl-C: edge, origin and workers
    Up(up::UpArgs),
    /// Send real work through the public door, show what happened, and stop
    Demo(demo::Args),
    /// Run roles of the origin until Ctrl-C, without an edge and without workers of its own
    Serve(serve::Args),
    /// Run the safety kernel alone until Ctrl-C, for origins that name it by --safety-kernel
    Safety(safety::Args),
    /// Submit a job
    Submit(submit::Args),
    /// Talk with a model; `/help` says what else can be typed
    Chat(chat::Args),
    /// Look at jobs and cancel them
    #[command(subcommand)]
    Jobs(jobs::Verb),
    /// What runs on this machine
    Status(status::Args),
    /// Ask every part how it does
    Health,
    /// Check this machine: ports, tools, versions, model files, disk
    Doctor,
    /// API keys of the edge
    #[command(subcommand)]
    Keys(keys::Verb),
    /// Models and their files
    #[command(subcommand)]
    Models(models::Verb),
    /// Workers of other machines
    #[command(subcommand)]
    Workers(workers::Verb),
    /// Measure how fast a language model is on this machine
    Bench(bench::Args),
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
            Self::Up(args) => up::run(home, args).await,
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
            Self::Workers(verb) => workers::run(home, verb, json),
            Self::Bench(args) => bench::run(home, args, json).await,
        }
    }
}
