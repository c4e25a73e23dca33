//! The command line. Everything that is read from the environment is named here and nowhere else.

mod chat_workers;
mod secret;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cortex_domain::id::{JobId, ModelName, Principal, Role, Tenant};
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use cortex_guard::cors::Origins;
use cortex_guard::loopback::AllowedHost;

pub(crate) use chat_workers::ChatWorkerArgs;
pub(crate) use secret::refuse_plain;

use crate::up::ChatModel;

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
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run everything on this machine until Ctrl-C: edge, origin and workers
    Up(UpArgs),
    /// Send real work through the public door, show what happened, and stop
    Demo(DemoArgs),
    /// Run the safety kernel alone until Ctrl-C, for origins that name it by --safety-kernel
    Safety(SafetyArgs),
    /// Submit a job
    Submit(SubmitArgs),
    /// Talk with a model; `/help` says what else can be typed
    Chat(ChatArgs),
    /// Look at jobs and cancel them
    #[command(subcommand)]
    Jobs(JobsVerb),
    /// What runs on this machine
    Status(StatusArgs),
    /// Ask every part how it does
    Health,
    /// Check this machine: ports, tools, versions, model files, disk
    Doctor,
    /// API keys of the edge
    #[command(subcommand)]
    Keys(KeysVerb),
    /// Models and their files
    #[command(subcommand)]
    Models(ModelsVerb),
    /// Measure how fast a language model is on this machine
    Bench(BenchArgs),
}

/// Where the configuration lies; each file that is not named is the one built in.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// Topics and their pools
    #[arg(long, env = "POOL_CONFIG_PATH", value_name = "FILE")]
    pub(crate) pools: Option<PathBuf>,
    /// How long things may take
    #[arg(long, env = "TIMEOUT_CONFIG_PATH", value_name = "FILE")]
    pub(crate) timeouts: Option<PathBuf>,
    /// What tenants share, and what the store keeps
    #[arg(long, env = "LIMITS_CONFIG_PATH", value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// What each tenant may ask for
    #[arg(long, env = "SAFETY_POLICY_PATH", value_name = "FILE")]
    pub(crate) safety: Option<PathBuf>,
    /// Models, their files and sources
    #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
    pub(crate) models: Option<PathBuf>,
    /// A safety kernel in another process (host:port) instead of the one in this process
    #[arg(long, env = "SAFETY_KERNEL_ADDR", value_name = "ADDR")]
    pub(crate) safety_kernel: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Edge,
    Workers,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Leave a part out
    #[arg(long, value_enum, value_name = "PART")]
    pub(crate) without: Vec<Part>,

    /// The address the origin listens on: loopback, since a tunnel carries what comes from outside
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) listen: IpAddr,

    /// The port of the origin's API
    #[arg(long, env = "CORTEX_API_PORT", default_value_t = 8080, value_name = "PORT")]
    pub(crate) api_port: u16,

    /// The port of the gRPC door for callers on this machine; 0 leaves it out
    #[arg(long, env = "CORTEX_GRPC_PORT", default_value_t = 50052, value_name = "PORT")]
    pub(crate) grpc_port: u16,

    /// The port of the edge
    #[arg(long, env = "CORTEX_EDGE_PORT", default_value_t = 8787, value_name = "PORT")]
    pub(crate) edge_port: u16,

    /// The origins whose web pages may call the edge, separated by commas, as in `https://app.example.com`; empty for none
    #[arg(long, env = "CORTEX_CORS_ORIGINS", default_value = "", value_name = "ORIGINS")]
    pub(crate) cors_origins: Origins,

    /// A name by which others may reach the doors on loopback, such as host.docker.internal; model hosts then ask every
    /// caller for the local key (API_KEY)
    #[arg(long = "allowed-host", value_name = "HOST")]
    pub(crate) allowed_hosts: Vec<AllowedHost>,

    /// The port of the model host (/health, /embed), on loopback and ungoverned; 0 leaves it out
    #[arg(long, env = "CORTEX_MLX_PORT", default_value_t = 8081, value_name = "PORT")]
    pub(crate) host_port: u16,

    /// The port of the chat models' host (/chat, OpenAI's routes), on loopback and ungoverned; 0 leaves it out
    #[arg(long, env = "CORTEX_CHAT_PORT", default_value_t = 8082, value_name = "PORT")]
    pub(crate) chat_port: u16,

    /// An edge elsewhere that is told where jobs stand, instead of the one started here
    #[arg(long, env = "CORTEX_EDGE_URL", value_name = "URL")]
    pub(crate) edge_url: Option<String>,

    /// How many workers of each kind, as in echo=1,embed=1,chat=1
    #[arg(long, value_delimiter = ',', default_value = "echo=1,embed=1,chat=1", value_name = "KIND=N")]
    pub(crate) workers: Vec<String>,

    /// The model that embeds
    #[arg(long, env = "EMBEDDINGS_MODEL", default_value = "all-MiniLM-L6-v2", value_name = "NAME")]
    pub(crate) embeddings_model: ModelName,

    /// The model that chats, loaded at the start; others are loaded when they are asked for. auto takes the largest that
    /// fits and can be had
    #[arg(long, env = "CHAT_MODEL", default_value = "auto", value_name = "NAME")]
    pub(crate) chat_model: ChatModel,

    /// A file with the key of local callers of the origin [default: one that is made and kept]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) api_key: Option<String>,

    /// Whose the local callers' jobs are, and the development key's
    #[arg(long, env = "TENANT_ID", default_value = "dev", value_name = "TENANT")]
    pub(crate) tenant: Tenant,

    #[command(flatten, next_help_heading = "Chat workers")]
    pub(crate) chat_workers: ChatWorkerArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) up: UpArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SafetyArgs {
    /// What each tenant may ask for [default: what is built in]
    #[arg(long, env = "SAFETY_POLICY_PATH", value_name = "FILE")]
    pub(crate) safety: Option<PathBuf>,

    /// The port on loopback
    #[arg(long, default_value_t = 50051, value_name = "PORT")]
    pub(crate) port: u16,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct StatusArgs {
    /// A file with the key of local callers, where `cortex up` was given one [default: the one that is kept]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) api_key: Option<String>,
}

/// Where the API is and who asks.
#[derive(Debug, Clone, Args)]
pub(crate) struct ApiArgs {
    /// The API [default: what `cortex up` runs here]
    #[arg(long, env = "CORTEX_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A file with the key to call it with [default: the development key]
    #[arg(long, env = "CORTEX_API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// What kind of work, e.g. job.echo
    pub(crate) topic: Topic,
    /// The input: JSON, `@FILE`, or `-` for standard input
    pub(crate) input: String,
    /// Wait for the result, this many seconds at most
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<u64>,
    /// low, normal or high
    #[arg(long)]
    pub(crate) priority: Option<String>,
    /// Dispatches at most
    #[arg(long, value_name = "N")]
    pub(crate) max_attempts: Option<u32>,
    /// A point in time after which it need not be done, e.g. 2026-11-20T23:36:30Z
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<String>,
    /// A label, as name=value
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub(crate) labels: Vec<String>,
    /// Makes a repeated submission the same job
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// What to say; `-` for standard input. Without it there is a conversation
    pub(crate) prompt: Option<String>,
    /// The model [default: the first one that chats]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<ModelName>,
    /// What the model is told to be
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// 0 for the likeliest words, up to 2 for stranger ones
    #[arg(long, value_name = "T")]
    pub(crate) temperature: Option<f64>,
    /// Tokens of an answer at most
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u32>,
    /// Makes an answer repeatable
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// The model, whose files have to be here
    #[arg(long, default_value = "cortex-small", value_name = "NAME")]
    pub(crate) model: ModelName,
    /// Models, their files and sources
    #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
    pub(crate) models: Option<PathBuf>,
    /// Tokens of a prompt; every length is measured with every batch size
    #[arg(long, value_delimiter = ',', default_value = "64,256", value_name = "TOKENS")]
    pub(crate) prompts: Vec<u32>,
    /// Tokens of an answer
    #[arg(long, default_value_t = 64, value_name = "TOKENS")]
    pub(crate) tokens: u32,
    /// Requests at once
    #[arg(long, value_delimiter = ',', default_value = "1,8", value_name = "N")]
    pub(crate) batches: Vec<u32>,
    /// auto, cpu, candle, cuda:N or metal
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// Floats to compute in: f32, bf16 or f16
    #[arg(long)]
    pub(crate) dtype: Option<String>,
    /// Threads that compute [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<u16>,
    /// Tokens of the longest prompt and answer together [default: what the model was made for]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<u32>,
    /// MiB for keys and values [default: half of what is free, at most 4096]
    #[arg(long, value_name = "MIB")]
    pub(crate) cache: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsVerb {
    /// List jobs, newest first
    List {
        #[command(flatten)]
        api: ApiArgs,
        #[arg(long)]
        state: Option<StateName>,
        #[arg(long)]
        topic: Option<Topic>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Go on after a page, with the cursor it ended with
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a job and its result
    Get {
        #[command(flatten)]
        api: ApiArgs,
        id: JobId,
    },
    /// Cancel a job
    Cancel {
        #[command(flatten)]
        api: ApiArgs,
        id: JobId,
    },
    /// Show a job's log
    Events {
        #[command(flatten)]
        api: ApiArgs,
        id: JobId,
        /// Stay until the job has ended
        #[arg(long)]
        follow: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysVerb {
    /// Make a key; it is shown once
    Create {
        #[command(flatten)]
        edge: EdgeArgs,
        #[arg(long, env = "TENANT_ID", default_value = "dev")]
        tenant: Tenant,
        /// Who acts with it
        #[arg(long)]
        principal: Principal,
        #[arg(long, value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// List a tenant's keys
    List {
        #[command(flatten)]
        edge: EdgeArgs,
        #[arg(long, env = "TENANT_ID", default_value = "dev")]
        tenant: Tenant,
    },
    /// Revoke a key, for good
    Revoke {
        #[command(flatten)]
        edge: EdgeArgs,
        /// Whose it is, for a key that the edge's cache doesn't know: one made just now, or revoked before
        #[arg(long, env = "TENANT_ID", default_value = "dev")]
        tenant: Tenant,
        /// The key's id: the part between `ctx_` and the secret
        id: String,
    },
}

/// The edge's admin route, which the origin's signing key opens.
#[derive(Debug, Clone, Args)]
pub(crate) struct EdgeArgs {
    /// The edge [default: the one `cortex up` runs here]
    #[arg(long, env = "CORTEX_EDGE_URL", value_name = "URL")]
    pub(crate) edge_url: Option<String>,
    /// A file with the keys to sign with, `<id>:<hex>` [default: those kept in the home folder]
    #[arg(long, env = "ORIGIN_KEYS", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) origin_keys: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsVerb {
    /// Fetch a model's files and check them
    Pull {
        #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
        models: Option<PathBuf>,
        /// [default: the one that embeds]
        name: Option<ModelName>,
    },
    /// List the models of the catalogue, which are here and which are loaded
    List {
        #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
        models: Option<PathBuf>,
    },
    /// Load a model into a worker that chats, now instead of when it is asked for
    Load {
        #[command(flatten)]
        api: ApiArgs,
        name: ModelName,
    },
    /// Unload a model once the answers that use it are whole
    Unload {
        #[command(flatten)]
        api: ApiArgs,
        name: ModelName,
    },
    /// Check the hashes of what is here
    Verify {
        #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
        models: Option<PathBuf>,
        /// [default: every model that is here]
        name: Option<ModelName>,
    },
}
