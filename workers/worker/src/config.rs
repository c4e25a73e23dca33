//! What the process is told: arguments, and for secrets and places the environment. Nothing else reads either.

mod arguments;

use std::collections::BTreeMap;
use std::env;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, ValueEnum};
use cortex_domain::id::WorkerId;
use cortex_guard::loopback::AllowedHost;
use cortex_inference::host::{Access, HostKey};
use cortex_inference::{Device, Dtype};
use cortex_link::{Dial, Limits, LinkAddress, Route, fingerprint_of_pem};
use cortex_platform::telemetry::{Format, Otlp};
use cortex_runtime::Settings;

pub(crate) use arguments::Cases;
use arguments::{Arguments, Bench, Kind, ModelArgs, Serve, Verb};

use crate::exit::Exit;

/// What is to be done, checked.
#[derive(Debug)]
pub(crate) enum Config {
    Serve(Box<Served>),
    Bench(Models, Generation, Cases),
}

/// A worker of an origin.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) id: Id,
    pub(crate) settings: Unnamed,
    pub(crate) dial: Dial,
    pub(crate) work: Work,
    pub(crate) metrics: Metrics,
    pub(crate) log: Log,
}

/// What the worker is called.
#[derive(Debug)]
pub(crate) enum Id {
    Named(WorkerId),
    /// By its kind, and kept in the home folder if there is one.
    Own {
        kind: &'static str,
        home: Option<PathBuf>,
    },
}

/// A worker's settings but its id.
#[derive(Debug)]
pub(crate) struct Unnamed {
    capacity: Option<u32>,
    grace: Duration,
    answer: usize,
}

impl Unnamed {
    pub(crate) fn named(self, id: WorkerId) -> Settings {
        let Self { capacity, grace, answer } = self;
        Settings { id, capacity, grace, answer, region: None, labels: BTreeMap::new() }
    }
}

/// The work to do.
#[derive(Debug)]
pub(crate) enum Work {
    Echo,
    Embed(Models, Doors),
    Chat(Models, Generation, Doors),
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
}

/// Ports of this machine to listen on.
#[derive(Debug)]
pub(crate) struct Doors {
    /// The model host's.
    pub(crate) host: Option<NonZeroU16>,
    /// Who may ask at them beside programs of this machine.
    pub(crate) access: Access,
}

/// The door for Prometheus.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) port: MetricsPort,
    /// Who may read them beside programs of this machine.
    pub(crate) access: Access,
}

/// The port of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricsPort {
    Disabled,
    /// Chosen by the operator, who learns if it is in use.
    Chosen(NonZeroU16),
    /// Nothing was chosen. A second worker of a machine then goes without.
    Default(NonZeroU16),
}

impl MetricsPort {
    const DEFAULT: NonZeroU16 = NonZeroU16::new(9091).expect("it is not 0");

    fn read(chosen: Option<u16>) -> Self {
        match chosen.map(NonZeroU16::new) {
            Some(Some(port)) => Self::Chosen(port),
            Some(None) => Self::Disabled,
            None => Self::Default(Self::DEFAULT),
        }
    }
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
    cache: Option<NonZeroU32>,
    /// MiB that all models together may take: the one used least lately makes room [default: what is free]
    #[arg(long, value_name = "MIB")]
    memory: Option<NonZeroU32>,
    /// Seconds that loading a model may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    load_deadline: u64,
    /// A file with a system prompt that all tenants share: how much of it was found computed tells a tenant that
    /// another used it. Everything else in a prompt is found by its own tenant alone
    #[arg(long = "shared-prompt", value_name = "FILE")]
    shared_prompts: Vec<PathBuf>,
}

impl Generation {
    pub(crate) fn cache_bytes(&self) -> Option<u64> {
        self.cache.map(|mib| u64::from(mib.get()) << 20)
    }

    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        self.memory.map(|mib| u64::from(mib.get()) << 20)
    }

    /// The system prompts that all tenants share.
    ///
    /// # Errors
    /// If a file can't be read.
    pub(crate) fn shared_prompts(&self) -> Result<Vec<String>, Exit> {
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path);
            text.with_context(|| format!("--shared-prompt {}", path.display())).map_err(Exit::config)
        };
        self.shared_prompts.iter().map(read).collect()
    }

    pub(crate) fn load_deadline(&self) -> Duration {
        Duration::from_secs(self.load_deadline)
    }
}

#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) filter: String,
    pub(crate) format: Format,
    /// Where spans are exported to.
    pub(crate) otlp: Option<Otlp>,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
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
        match arguments.verb {
            Some(Verb::Bench(Bench { models, generation, cases })) => {
                Ok(Self::Bench(Models::read(models, "cortex-small")?, generation, cases))
            }
            None => Ok(Self::Serve(Box::new(Served::read(arguments.serve)?))),
        }
    }
}

impl Served {
    fn read(serve: Serve) -> Result<Self, Exit> {
        let token = variable("CORTEX_LINK_TOKEN").ok_or_else(|| {
            Exit::config(anyhow::anyhow!("CORTEX_LINK_TOKEN is not set: the origin gives it"))
        })?;
        let log = Log {
            filter: variable("CORTEX_LOG")
                .or_else(|| variable("RUST_LOG"))
                .unwrap_or_else(|| "info".to_owned()),
            format: serve.log_format.into(),
            otlp: Otlp::read(variable).map_err(Exit::config)?,
        };
        let limits = Limits::default();
        let (Some(kind), Some(address)) = (serve.kind, serve.link.clone()) else {
            return Err(Exit::config(anyhow::anyhow!("say which work with --kind, and whose with --link")));
        };
        let own = || Id::Own { kind: kind.name(), home: home().ok() };
        Ok(Self {
            id: serve.id.clone().map_or_else(own, Id::Named),
            settings: Unnamed {
                capacity: serve.capacity,
                grace: Duration::from_secs(serve.grace),
                answer: limits.payload,
            },
            dial: Dial { route: route(address, &serve)?, token, limits },
            metrics: Metrics {
                port: MetricsPort::read(serve.metrics_port),
                access: access(serve.allowed_hosts.clone())?,
            },
            work: serve.work(kind)?,
            log,
        })
    }
}

/// How the origin is reached, and how it is known.
fn route(address: LinkAddress, serve: &Serve) -> Result<Route, Exit> {
    let given = match (&serve.link_certificate, &serve.link_fingerprint) {
        (Some(_), _) => Some("--link-certificate (CORTEX_LINK_CERTIFICATE)"),
        (None, Some(_)) => Some("--link-fingerprint (CORTEX_LINK_FINGERPRINT)"),
        (None, None) => None,
    };
    if let (LinkAddress::Unix(_), Some(given)) = (&address, given) {
        let wrong =
            "is for a link over TCP, and --link is a Unix socket (expected tcp:host:port, or neither)";
        return Err(Exit::config(anyhow::anyhow!("{given} {wrong}")));
    }
    let fingerprint = match &serve.link_certificate {
        Some(file) => {
            let named = || format!("--link-certificate {}", file.display());
            let text = std::fs::read(file).with_context(named).map_err(Exit::config)?;
            Some(fingerprint_of_pem(&text).with_context(named).map_err(Exit::config)?)
        }
        None => serve.link_fingerprint,
    };
    let route = address.route(fingerprint);
    route.context("name it with --link-certificate or --link-fingerprint").map_err(Exit::config)
}

impl Serve {
    fn work(self, kind: Kind) -> Result<Work, Exit> {
        let doors = Doors { host: self.host_port, access: access(self.allowed_hosts)? };
        Ok(match kind {
            Kind::Echo => Work::Echo,
            Kind::Embed => Work::Embed(Models::read(self.models, "all-MiniLM-L6-v2")?, doors),
            Kind::Chat => Work::Chat(Models::read(self.models, "cortex-small")?, self.generation, doors),
        })
    }
}

impl Models {
    fn read(given: ModelArgs, usual: &str) -> Result<Self, Exit> {
        Ok(Self {
            models: match given.models {
                Some(models) => models,
                None => home()?.join("models"),
            },
            model: given.model.unwrap_or_else(|| usual.to_owned()),
            catalogue: given.catalogue,
            threads: given.threads.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
            device: given.device,
        })
    }
}

/// The secret comes from the environment: other users of a machine can read a command line.
fn access(hosts: Vec<AllowedHost>) -> Result<Access, Exit> {
    const KEY: &str = "CORTEX_HOST_KEY";
    let key = variable(KEY).map(|text| text.parse()).transpose();
    let key: Option<HostKey> = key.with_context(|| format!("{KEY} can't be used")).map_err(Exit::config)?;
    Access::new(hosts, key).with_context(|| format!("--allowed-host: set {KEY}")).map_err(Exit::config)
}

fn home() -> Result<PathBuf, Exit> {
    variable("CORTEX_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cortex")))
        .ok_or_else(|| Exit::config(anyhow::anyhow!("CORTEX_HOME is not set: say where the models lie")))
}

/// Returns a variable of the environment unless it is empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}
