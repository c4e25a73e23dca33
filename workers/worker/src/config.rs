//! What the process is told: arguments, and for secrets and places the environment. Nothing else reads either.

use std::collections::BTreeMap;
use std::env;
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use cortex_domain::id::WorkerId;
use cortex_fabric::link::{Dial, Limits, LinkAddress};
use cortex_inference::Device;
use cortex_runtime::Settings;

use crate::exit::Exit;

/// Everything that was told, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) dial: Dial,
    pub(crate) engine: Work,
    pub(crate) log: Log,
}

/// The work to do.
#[derive(Debug)]
pub(crate) enum Work {
    Echo,
    Embed(Embed),
}

#[derive(Debug)]
pub(crate) struct Embed {
    pub(crate) model: String,
    /// The file that describes the models; `None` for the one that ships.
    pub(crate) catalogue: Option<PathBuf>,
    /// The folder that holds a folder per model.
    pub(crate) models: PathBuf,
    pub(crate) threads: NonZeroUsize,
    pub(crate) device: Device,
    /// Where the model host listens, if it is wanted.
    pub(crate) host_port: Option<NonZeroU16>,
}

#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) filter: String,
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Echo,
    Embed,
}

/// Does one kind of work for a CortexOS origin.
///
/// The link's token is read from CORTEX_LINK_TOKEN. SIGTERM drains the worker; where its standard input is a pipe,
/// it ends when that is closed.
#[derive(Parser, Debug)]
#[command(name = "cortex-worker", version)]
struct Arguments {
    /// The kind of work
    #[arg(long)]
    kind: Kind,
    /// What it is called, unlike every other worker [default: its kind and process id]
    #[arg(long)]
    id: Option<WorkerId>,
    /// Where the origin listens: unix:/path or tcp:127.0.0.1:port
    #[arg(long, value_name = "ADDRESS")]
    link: LinkAddress,
    /// Jobs at a time [default: what the kind of work does well]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    capacity: Option<u32>,
    /// Seconds that running jobs get to end when it is told to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    grace: u64,
    /// The model to load, by its name in the catalogue
    #[arg(long, default_value = "all-MiniLM-L6-v2")]
    model: String,
    /// The folder of the models [default: models in CORTEX_HOME]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// The file that describes the models [default: the one that ships]
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// Threads that compute [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// What the model runs on: auto, cpu, candle, cuda:N or metal
    #[arg(long, default_value_t)]
    device: Device,
    /// Opens the model host on this port of 127.0.0.1: /health and /embed, without keys or policies
    #[arg(long, value_name = "PORT")]
    host_port: Option<NonZeroU16>,
    /// How logs are written
    #[arg(long, env = "CORTEX_LOG_FORMAT", value_enum, default_value_t = Format::Text)]
    log_format: Format,
}

impl Config {
    /// Reads the arguments and the environment; prints help and ends where that was asked for.
    ///
    /// # Errors
    /// If they can't be used.
    pub(crate) fn read() -> Result<Self, Exit> {
        let arguments = Arguments::try_parse().map_err(|error| {
            if !error.use_stderr() {
                error.exit();
            }
            let text = error.to_string();
            Exit::config(anyhow::anyhow!("{}", text.strip_prefix("error: ").unwrap_or(&text).trim_end()))
        })?;
        let token = told("CORTEX_LINK_TOKEN").ok_or_else(|| {
            Exit::config(anyhow::anyhow!("CORTEX_LINK_TOKEN is not set: the origin gives it"))
        })?;
        let log = Log {
            filter: told("CORTEX_LOG").or_else(|| told("RUST_LOG")).unwrap_or_else(|| "info".to_owned()),
            format: arguments.log_format,
        };
        let limits = Limits::default();
        Ok(Self {
            settings: Settings {
                id: arguments.id.clone().map_or_else(|| arguments.kind.default_id(), Ok)?,
                capacity: arguments.capacity,
                grace: Duration::from_secs(arguments.grace),
                answer: limits.payload,
                region: None,
                labels: BTreeMap::new(),
            },
            dial: Dial { address: arguments.link.clone(), token, limits },
            engine: arguments.work()?,
            log,
        })
    }
}

impl Arguments {
    fn work(self) -> Result<Work, Exit> {
        match self.kind {
            Kind::Echo => Ok(Work::Echo),
            Kind::Embed => Ok(Work::Embed(Embed {
                models: match self.models {
                    Some(models) => models,
                    None => home()?.join("models"),
                },
                model: self.model,
                catalogue: self.catalogue,
                threads: self.threads.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
                device: self.device,
                host_port: self.host_port,
            })),
        }
    }
}

impl Kind {
    fn default_id(self) -> Result<WorkerId, Exit> {
        let name = match self {
            Self::Echo => "echo",
            Self::Embed => "embed",
        };
        format!("{name}-{}", std::process::id()).parse().map_err(Exit::config)
    }
}

fn home() -> Result<PathBuf, Exit> {
    told("CORTEX_HOME")
        .map(PathBuf::from)
        .or_else(|| told("HOME").map(|home| PathBuf::from(home).join(".cortex")))
        .ok_or_else(|| Exit::config(anyhow::anyhow!("CORTEX_HOME is not set: say where the models lie")))
}

/// A variable of the environment that says something.
fn told(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}
