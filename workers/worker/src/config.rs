//! What the process is told: arguments, and for secrets and places the environment. Nothing else reads either.

use std::collections::BTreeMap;
use std::env;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use cortex_domain::id::WorkerId;
use cortex_fabric::link::{Dial, Limits, LinkAddress};
use cortex_inference::{Device, Dtype};
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
    Embed(Models),
    Chat(Models, Generation),
}

/// Where models lie, and what they run on.
#[derive(Debug)]
pub(crate) struct Models {
    /// The one to load at the start.
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

/// How language models share this machine.
#[derive(Debug, Args)]
pub(crate) struct Generation {
    /// Floats to compute in: f32, bf16 or f16 [default: what the device does well]
    #[arg(long)]
    pub(crate) dtype: Option<Dtype>,
    /// Tokens of the longest prompt and answer together [default: what the model was made for]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<NonZeroUsize>,
    /// MiB for the keys and values of each model [default: half of what is free, at most 4096]
    #[arg(long, value_name = "MIB")]
    pub(crate) cache: Option<NonZeroU32>,
    /// MiB that all models together may take: the one used least lately makes room [default: what is free]
    #[arg(long, value_name = "MIB")]
    pub(crate) memory: Option<NonZeroU32>,
    /// Seconds that loading a model may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(crate) load_deadline: u64,
    /// Serves metrics for Prometheus on this port of 127.0.0.1
    #[arg(long, value_name = "PORT")]
    pub(crate) metrics_port: Option<NonZeroU16>,
}

impl Generation {
    pub(crate) fn cache_bytes(&self) -> Option<u64> {
        self.cache.map(|mib| u64::from(mib.get()) << 20)
    }

    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        self.memory.map(|mib| u64::from(mib.get()) << 20)
    }
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
    Chat,
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
    /// The model to load at the start, by its name in the catalogue [default: all-MiniLM-L6-v2, or cortex-small]
    #[arg(long)]
    model: Option<String>,
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
    /// Opens the model host on this port of 127.0.0.1, without keys or policies: /embed, or /chat and OpenAI's routes
    #[arg(long, value_name = "PORT")]
    host_port: Option<NonZeroU16>,
    #[command(flatten, next_help_heading = "Language models")]
    generation: Generation,
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
        let usual = match self.kind {
            Kind::Echo => return Ok(Work::Echo),
            Kind::Embed => "all-MiniLM-L6-v2",
            Kind::Chat => "cortex-small",
        };
        let models = Models {
            models: match self.models {
                Some(models) => models,
                None => home()?.join("models"),
            },
            model: self.model.unwrap_or_else(|| usual.to_owned()),
            catalogue: self.catalogue,
            threads: self.threads.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
            device: self.device,
            host_port: self.host_port,
        };
        Ok(match self.kind {
            Kind::Chat => Work::Chat(models, self.generation),
            _ => Work::Embed(models),
        })
    }
}

impl Kind {
    fn default_id(self) -> Result<WorkerId, Exit> {
        let name = match self {
            Self::Echo => "echo",
            Self::Embed => "embed",
            Self::Chat => "chat",
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
