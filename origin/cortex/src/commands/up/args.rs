//! The arguments of `cortex up`.

use std::net::IpAddr;

use cortex_domain::id::{ModelName, Tenant};
use cortex_guard::cors::Origins;
use cortex_guard::loopback::AllowedHost;

use super::{ChatModel, ChatWorkerArgs};
use crate::args::{ConfigArgs, EngineArgs, MetricsArgs, secret};
use crate::config;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Component {
    Edge,
    Workers,
}

/// The arguments that `cortex up` shares with `cortex demo`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StackArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// The embedding model
    #[arg(long, env = config::EMBEDDINGS_MODEL.env, default_value = config::EMBEDDINGS_MODEL.default, value_name = "NAME")]
    pub(crate) embeddings_model: ModelName,

    /// The chat model to load at the start; auto chooses the largest that fits into memory and is
    /// available
    #[arg(long, env = "CHAT_MODEL", default_value = "auto", value_name = "NAME")]
    pub(crate) chat_model: ChatModel,

    /// The tenant of local callers and of the development key
    #[arg(long, env = "TENANT_ID", default_value = "dev", value_name = "TENANT")]
    pub(crate) tenant: Tenant,

    #[command(flatten, next_help_heading = "Chat workers")]
    pub(crate) chat_workers: ChatWorkerArgs,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct UpArgs {
    /// Leave a component out
    #[arg(long, value_enum, value_name = "COMPONENT")]
    pub(crate) without: Vec<Component>,

    /// The address of the origin; the default accepts only this machine, and a tunnel forwards
    /// requests from outside
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) listen: IpAddr,

    /// The port of the origin's API
    #[arg(long, env = config::API_PORT.env, default_value_t = config::API_PORT.default, value_name = "PORT")]
    pub(crate) api_port: u16,

    /// The port of the gRPC API for callers on this machine; 0 disables it
    #[arg(long, env = config::GRPC_PORT.env, default_value_t = config::GRPC_PORT.default, value_name = "PORT")]
    pub(crate) grpc_port: u16,

    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,

    /// The port of the edge
    #[arg(long, env = config::EDGE_PORT.env, default_value_t = config::EDGE_PORT.default, value_name = "PORT")]
    pub(crate) edge_port: u16,

    /// The web origins that may call the edge, separated by commas, such as https://app.example.com
    /// [default: none]
    #[arg(
        long,
        env = "CORTEX_CORS_ORIGINS",
        default_value = "",
        hide_default_value = true,
        value_name = "ORIGINS"
    )]
    pub(crate) cors_origins: Origins,

    /// Another host name under which callers reach the loopback ports, such as
    /// host.docker.internal; model hosts then require the local key (API_KEY)
    #[arg(long = "allowed-host", value_name = "HOST")]
    pub(crate) allowed_hosts: Vec<AllowedHost>,

    /// The port of the embedding model host (/health, /embed), on loopback, without policies; 0
    /// disables it
    #[arg(long, env = config::HOST_PORT.env, default_value_t = config::HOST_PORT.default, value_name = "PORT")]
    pub(crate) host_port: u16,

    /// The port of the chat model host (/chat, OpenAI's routes), on loopback, without policies; 0
    /// disables it
    #[arg(long, env = config::CHAT_PORT.env, default_value_t = config::CHAT_PORT.default, value_name = "PORT")]
    pub(crate) chat_port: u16,

    /// The address of an edge on another machine that receives the states of jobs, instead of the
    /// local edge
    #[arg(long, env = "CORTEX_EDGE_URL", value_name = "URL")]
    pub(crate) edge_url: Option<String>,

    /// The number of workers of each kind, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "echo=1,embed=1,chat=1", value_name = "KIND=N")]
    pub(crate) workers: Vec<String>,

    /// A file with the key of local callers of the origin [default: a generated key in the home
    /// folder]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) api_key: Option<String>,

    #[command(flatten)]
    pub(crate) engines: EngineArgs,

    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

impl UpArgs {
    /// Returns whether a component runs here.
    #[must_use]
    pub(crate) fn with(&self, component: Component) -> bool {
        !self.without.contains(&component)
    }
}
