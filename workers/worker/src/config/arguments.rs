//! The command line.

use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cortex_domain::id::WorkerId;
use cortex_guard::loopback::AllowedHost;
use cortex_inference::Device;
use cortex_link::{Fingerprint, LinkAddress};

use super::{Generation, LogFormat};

/// Runs one kind of work for a CortexOS origin.
///
/// The worker reads its link token from CORTEX_LINK_TOKEN. SIGTERM drains it. If its standard input
/// is a pipe, it exits when the pipe closes.
#[derive(Parser, Debug)]
#[command(name = "cortex-worker", version)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
    #[command(flatten)]
    pub(super) serve: Serve,
}

#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    /// Measure a language model without an origin, and print a line of JSON for each case
    Bench(Bench),
}

/// Runs one kind of work.
#[derive(Args, Debug)]
pub(super) struct Serve {
    /// The kind of work
    #[arg(long, required = true)]
    pub(super) kind: Option<Kind>,
    /// The worker's id, unique among all workers [default: the kind, this machine's name and random
    /// digits, kept in CORTEX_HOME]
    #[arg(long)]
    pub(super) id: Option<WorkerId>,
    /// Address of the origin: unix:/path, or tcp:host:port with TLS
    #[arg(long, value_name = "ADDRESS", required = true)]
    pub(super) link: Option<LinkAddress>,
    /// Certificate of the origin, for a link over TCP
    #[arg(long, env = "CORTEX_LINK_CERTIFICATE", value_name = "FILE", conflicts_with = "link_fingerprint")]
    pub(super) link_certificate: Option<PathBuf>,
    /// Fingerprint of the origin's certificate, in place of the file, as `cortex workers token
    /// create` prints it
    #[arg(long, env = "CORTEX_LINK_FINGERPRINT", value_name = "SHA256")]
    pub(super) link_fingerprint: Option<Fingerprint>,
    /// Maximum number of concurrent jobs [default: depends on the kind]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) capacity: Option<u32>,
    /// Seconds that running jobs may continue after the worker is asked to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(super) grace: u64,
    /// Serve the model host on this port of 127.0.0.1, without keys or policies: /embed, or /chat
    /// and OpenAI's routes
    #[arg(long, value_name = "PORT")]
    pub(super) host_port: Option<NonZeroU16>,
    /// Port of the metrics in Prometheus' text format, at /metrics on 127.0.0.1; 0 disables it
    /// [default: 9091, if that is free]
    #[arg(long, value_name = "PORT")]
    pub(super) metrics_port: Option<u16>,
    /// Serve the metrics on this Unix socket instead of a port, as text without HTTP, for the
    /// process that starts the worker
    #[arg(long, value_name = "PATH", conflicts_with = "metrics_port")]
    pub(super) metrics_socket: Option<PathBuf>,
    /// Another host name that requests may have in `Host`, such as host.docker.internal, with or
    /// without a port. Every request then needs the key in CORTEX_HOST_KEY
    #[arg(long = "allowed-host", value_name = "HOST")]
    pub(super) allowed_hosts: Vec<AllowedHost>,
    #[command(flatten)]
    pub(super) models: ModelArgs,
    #[command(flatten, next_help_heading = "Language models")]
    pub(super) generation: Generation,
    /// Format of the log
    #[arg(long, env = "CORTEX_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(super) log_format: LogFormat,
}

#[derive(Args, Debug)]
pub(super) struct ModelArgs {
    /// The model to load at the start, by its name in the catalogue [default: all-MiniLM-L6-v2, or
    /// cortex-small]
    #[arg(long)]
    pub(super) model: Option<String>,
    /// Folder of the models [default: models in CORTEX_HOME]
    #[arg(long, value_name = "DIR")]
    pub(super) models: Option<PathBuf>,
    /// File that describes the models [default: built in]
    #[arg(long, value_name = "FILE")]
    pub(super) catalogue: Option<PathBuf>,
    /// Number of compute threads [default: one per core]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
    /// Compute device: auto, cpu, candle, cuda:N or metal
    #[arg(long, default_value_t)]
    pub(super) device: Device,
}

#[derive(Args, Debug)]
pub(super) struct Bench {
    #[command(flatten)]
    pub(super) models: ModelArgs,
    #[command(flatten)]
    pub(super) generation: Generation,
    #[command(flatten)]
    pub(super) cases: Cases,
}

/// The cases to measure: every prompt length with every batch size.
#[derive(Args, Debug)]
pub(crate) struct Cases {
    /// Lengths of the prompts in tokens, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "64,256", value_name = "TOKENS")]
    pub(crate) prompts: Vec<NonZeroUsize>,
    /// Length of an answer in tokens
    #[arg(long, default_value = "64", value_name = "TOKENS")]
    pub(crate) tokens: NonZeroUsize,
    /// Numbers of concurrent requests, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1,8", value_name = "N")]
    pub(crate) batches: Vec<NonZeroUsize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Echo,
    Embed,
    Chat,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Embed => "embed",
            Self::Chat => "chat",
        }
    }
}
