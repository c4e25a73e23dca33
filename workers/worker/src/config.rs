//! The worker's configuration: its arguments, and the environment for secrets and folders. Nothing
//! else reads either.

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
use cortex_platform::telemetry::{Format, OtlpSettings};
use cortex_runtime::Settings;

pub(crate) use arguments::Cases;
use arguments::{Arguments, Bench, Kind, ModelArgs, Serve, Verb};

use crate::exit::Exit;

/// What to do, with checked settings.
#[derive(Debug)]
pub(crate) enum Config {
    Serve(Box<ServeConfig>),
    Bench(Models, Generation, Cases),
}

/// The settings of a worker that serves an origin.
#[derive(Debug)]
pub(crate) struct ServeConfig {
    pub(crate) id: Id,
    pub(crate) settings: SettingsWithoutId,
    pub(crate) dial: Dial,
    pub(crate) work: Work,
    pub(crate) metrics: Metrics,
    pub(crate) log: Log,
}

/// Where the worker's id comes from.
#[derive(Debug)]
pub(crate) enum Id {
    Named(WorkerId),
    /// Made from the kind, and kept in the home folder if there is one.
    Own {
        kind: &'static str,
        home: Option<PathBuf>,
    },
}

/// A worker's settings without its id.
#[derive(Debug)]
pub(crate) struct SettingsWithoutId {
    capacity: Option<u32>,
    grace: Duration,
    answer: usize,
}

impl SettingsWithoutId {
    pub(crate) fn with_id(self, id: WorkerId) -> Settings {
        let Self { capacity, grace, answer } = self;
        Settings { id, capacity, grace, answer, region: None, labels: BTreeMap::new() }
    }
}

/// The kind of work, with its settings.
#[derive(Debug)]
pub(crate) enum Work {
    Echo,
    Embed(Models, LocalPorts),
    Chat(Models, Generation, LocalPorts),
}

/// Which model to load, from where, and for which device.
#[derive(Debug)]
pub(crate) struct Models {
    /// The model to load at the start.
    pub(crate) model: String,
    /// The file that describes the models. `None` uses the catalogue in the program.
    pub(crate) catalogue: Option<PathBuf>,
    /// The folder with one folder per model.
    pub(crate) models: PathBuf,
    pub(crate) threads: NonZeroUsize,
    pub(crate) device: Device,
}

/// Local ports to listen on.
#[derive(Debug)]
pub(crate) struct LocalPorts {
    /// The port of the model host.
    pub(crate) host: Option<NonZeroU16>,
    /// Who may call this port besides programs of this machine.
    pub(crate) access: Access,
}

/// Where the metrics are served.
#[derive(Debug)]
pub(crate) enum Metrics {
    Disabled,
    /// On a port that the operator chose. If it is in use, the worker does not start.
    Port(NonZeroU16, Access),
    /// On the default port. A second worker of a machine serves none.
    DefaultPort(NonZeroU16, Access),
    /// On a Unix socket, for the process that started this worker.
    Socket(PathBuf),
}

impl Metrics {
    const DEFAULT_PORT: NonZeroU16 = NonZeroU16::new(9091).expect("it is not 0");

    fn read(serve: &Serve) -> Result<Self, Exit> {
        if let Some(socket) = &serve.metrics_socket {
            return Ok(Self::Socket(socket.clone()));
        }
        let access = access(serve.allowed_hosts.clone())?;
        Ok(match serve.metrics_port.map(NonZeroU16::new) {
            Some(Some(port)) => Self::Port(port, access),
            Some(None) => Self::Disabled,
            None => Self::DefaultPort(Self::DEFAULT_PORT, access),
        })
    }
}

/// How language models share this machine.
#[derive(Debug, Args)]
pub(crate) struct Generation {
    /// Floating-point type: f32, bf16 or f16 [default: depends on the device]
    #[arg(long)]
    pub(crate) dtype: Option<Dtype>,
    /// Maximum tokens of a prompt and its answer together [default: the model's context]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<NonZeroUsize>,
    /// Size of each model's KV cache in MiB [default: half of the free memory, at most 4096]
    #[arg(long, value_name = "MIB")]
    cache: Option<NonZeroU32>,
    /// Memory for all models in MiB. A new model replaces the least recently used ones [default:
    /// the free memory]
    #[arg(long, value_name = "MIB")]
    memory: Option<NonZeroU32>,
    /// Seconds that loading a model may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    load_deadline: u64,
    /// File with a system prompt that all tenants share in the prefix cache. The counts of cached
    /// tokens then reveal to a tenant that another one used the prompt. The rest of a prompt is
    /// cached for its own tenant only
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

    /// Reads the system prompts that all tenants share.
    ///
    /// # Errors
    ///
    /// Returns an error if a file can't be read.
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
    /// `info` if it is missing.
    pub(crate) filter: Option<String>,
    pub(crate) format: Format,
    /// Whether `NO_COLOR` asks for text without colours.
    pub(crate) no_color: bool,
    /// Where spans are exported to.
    pub(crate) otlp: Option<OtlpSettings>,
}

/// The format of the log.
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
    /// Reads the arguments and the environment. Prints the help and exits if it was requested.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is invalid.
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
            None => Ok(Self::Serve(Box::new(ServeConfig::read(arguments.serve)?))),
        }
    }
}

impl ServeConfig {
    fn read(serve: Serve) -> Result<Self, Exit> {
        let token = variable("CORTEX_LINK_TOKEN").ok_or_else(|| {
            Exit::config(anyhow::anyhow!(
                "missing CORTEX_LINK_TOKEN: create one with `cortex workers token create`"
            ))
        })?;
        let log = Log {
            filter: variable("CORTEX_LOG").or_else(|| variable("RUST_LOG")),
            format: serve.log_format.into(),
            no_color: variable("NO_COLOR").is_some(),
            otlp: OtlpSettings::read(variable).map_err(Exit::config)?,
        };
        let limits = Limits::default();
        let (Some(kind), Some(address)) = (serve.kind, serve.link.clone()) else {
            return Err(Exit::config(anyhow::anyhow!(
                "missing --kind or --link: give the kind of work and the origin's address"
            )));
        };
        let own = || Id::Own { kind: kind.name(), home: home().ok() };
        Ok(Self {
            id: serve.id.clone().map_or_else(own, Id::Named),
            settings: SettingsWithoutId {
                capacity: serve.capacity,
                grace: Duration::from_secs(serve.grace),
                answer: limits.payload,
            },
            dial: Dial { route: route(address, &serve)?, token, limits },
            metrics: Metrics::read(&serve)?,
            work: serve.work(kind)?,
            log,
        })
    }
}

/// Returns how to reach the origin and how to verify it.
fn route(address: LinkAddress, serve: &Serve) -> Result<Route, Exit> {
    let given = match (&serve.link_certificate, &serve.link_fingerprint) {
        (Some(_), _) => Some("--link-certificate (CORTEX_LINK_CERTIFICATE)"),
        (None, Some(_)) => Some("--link-fingerprint (CORTEX_LINK_FINGERPRINT)"),
        (None, None) => None,
    };
    if let (LinkAddress::Unix(_), Some(given)) = (&address, given) {
        let wrong = "is only for a link over TCP, but --link is a Unix socket: remove it, or give --link tcp:host:port";
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
    route.context("give --link-certificate or --link-fingerprint").map_err(Exit::config)
}

impl Serve {
    fn work(self, kind: Kind) -> Result<Work, Exit> {
        let ports = LocalPorts { host: self.host_port, access: access(self.allowed_hosts)? };
        Ok(match kind {
            Kind::Echo => Work::Echo,
            Kind::Embed => Work::Embed(Models::read(self.models, "all-MiniLM-L6-v2")?, ports),
            Kind::Chat => Work::Chat(Models::read(self.models, "cortex-small")?, self.generation, ports),
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

/// Reads who may call the local ports. The key comes from the environment, since other users of the
/// machine can read a command line.
fn access(hosts: Vec<AllowedHost>) -> Result<Access, Exit> {
    const KEY: &str = "CORTEX_HOST_KEY";
    let key = variable(KEY).map(|text| text.parse()).transpose();
    let key: Option<HostKey> = key.with_context(|| format!("invalid {KEY}")).map_err(Exit::config)?;
    Access::new(hosts, key)
        .with_context(|| format!("--allowed-host needs a key: set {KEY}"))
        .map_err(Exit::config)
}

fn home() -> Result<PathBuf, Exit> {
    variable("CORTEX_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cortex")))
        .ok_or_else(|| {
            Exit::config(anyhow::anyhow!("missing CORTEX_HOME: set it to the folder that holds `models`"))
        })
}

/// Returns an environment variable, if it is set and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}
